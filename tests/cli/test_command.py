"""The `readiness` command: its verbs, its usage errors, and what `check` hands to pytest."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from readiness.__main__ import VERBS, main
from readiness.operations.check_run.arguments import read_arguments
from readiness.session.journal import Journal, read

if TYPE_CHECKING:
    from pathlib import Path


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """`readiness --help` names each verb and exits 0; without arguments it is a usage error."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(verb in out for verb in VERBS)
    assert main([]) == 4


def test_an_unknown_verb_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error names what was typed and what there is."""
    assert main(["chekc"]) == 4
    err = capsys.readouterr().err
    assert "no verb 'chekc'; did you mean \"check\"?" in err
    assert main(["\x1b[2J"]) == 4
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`readiness VERB --help` explains itself and exits 0."""
    try:
        status = main([verb, "--help"])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == 0
    assert "usage" in capsys.readouterr().out.lower()


@pytest.mark.parametrize(
    ("argv", "wanted", "unwanted"),
    [
        (["-m", "health"], ["readiness.plugin"], ["xdist.plugin", "testinfra.plugin", "pytest_html.plugin"]),
        (["-m", "health", "-n2"], ["xdist.plugin"], []),
        (["-m", "health", "-n", "2"], ["xdist.plugin"], []),
        (["-m", "health", "--html=x.html"], ["pytest_html.plugin", "pytest_metadata.plugin"], []),
        (["-m", "health", "--reruns", "2"], ["pytest_rerunfailures"], []),
        (["-m", "infra"], ["testinfra.plugin"], []),
    ],
)
def test_only_the_plugins_that_are_needed(argv: list[str], wanted: list[str], unwanted: list[str]) -> None:
    """Strangers stay out of the gate; what an option needs is loaded."""
    given = read_arguments(argv).pytest
    plugins = [name for option, name in itertools.pairwise(given) if option == "-p"]
    assert set(wanted) <= set(plugins)
    assert not set(unwanted) & set(plugins)


def test_a_torn_journal_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    """A kill in the middle of a line costs that line and nothing before it."""
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    journal.write("start", {"run": "r", "started": 1.0})
    journal.finding('{"check": "a", "outcome": "passed"}')
    journal.close()
    with path.open("a") as file:
        file.write('{"kind": "finding", "finding": {"check": "b", "outc')
    found = read(path)
    assert [finding.check for finding in found.findings] == ["a"]
    assert not found.finished
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_that_cannot_be_written_is_no_catastrophe(tmp_path: Path) -> None:
    """A file where the folder should be is told, and the run goes on."""
    (tmp_path / "reports").write_text("")
    journal = Journal(tmp_path / "reports" / "journal" / "x.jsonl")
    assert "could not be written" in journal.problem
    journal.write("start", {})
    journal.close()
