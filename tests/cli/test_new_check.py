"""Checks of one's own: what `readiness new-check` writes, and what the decorator refuses."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from readiness import Limits, check
from readiness.__main__ import main
from readiness.checks import kebab
from readiness.cli.new_check import PHASES, source, written
from readiness.errors import ReadinessError, Unknown
from readiness.findings import TRIGGERS, Severity
from readiness.operations.check_run.arguments import read_arguments
from readiness.session.invocation import suite_folders
from readiness.session.plan.planning import catalogue, contradictions, item_of

if TYPE_CHECKING:
    from pathlib import Path


def _module(text: str) -> types.ModuleType:
    module = types.ModuleType("test_written")
    exec(compile(text, "test_written.py", "exec"), vars(module))
    return module


@pytest.mark.parametrize("phase", PHASES)
def test_a_new_check_is_one_and_cannot_pass(phase: str) -> None:
    """It declares what was asked for, looks at a real fact of its phase, and is unknown, whatever it sees."""
    module = _module(source("billing-answers", phase=phase, severity="high"))
    (mark,) = module.test_billing_answers.pytestmark
    assert (mark.name, mark.args, mark.kwargs["severity"]) == ("check", ("billing-answers",), "high")
    assert mark.kwargs["remedy"]
    assert module.pytestmark.name == phase
    with pytest.raises(Unknown, match="not written yet; what it sees"):
        module.test_billing_answers(MagicMock())


def test_a_trigger_is_written_only_where_it_may_fire() -> None:
    """A check after a deploy may name one; what is found before a deploy rolls nothing back."""
    mark = _module(source("a-b", rollback="validation-failure")).test_a_b.pytestmark[0]
    assert mark.kwargs["rollback"] == "validation-failure"
    with pytest.raises(ReadinessError, match="before a deploy"):
        source("a-b", phase="infra", rollback="validation-failure")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Billing Answers"], 'did you mean "billing-answers"?'),
        (["hub-answers"], "is the id of a check that ships (smoke/test_health.py)"),
        (["x" * 81], "expected at most 80"),
        (["../../etc/passwd"], "words in lower case"),
        (["a-b", "--severity", "hihg"], 'did you mean "high"?'),
        (["a-b", "--rollback", "validation-failur"], 'did you mean "validation-failure"?'),
        (["a-b", "--phase", "helth"], 'did you mean "health"?'),
        (["a-b", "--dir", "taken"], "nothing is overwritten"),
        (["a-b", "--dir", "full"], "full/test_a_b.py is there already"),
        ([], "ID"),
    ],
)
def test_a_wrong_call_is_told_and_writes_nothing(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 4, what is wrong and what was meant; what is there stays as it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "test_a_b.py").write_text("mine")
    assert main(["new-check", *arguments]) == 4
    assert told in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["full", "taken", "test_a_b.py"]
    assert (tmp_path / "full" / "test_a_b.py").read_text() == "mine"


def test_the_verb_says_how_to_run_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file's path and the two commands that run it."""
    monkeypatch.chdir(tmp_path)
    assert main(["new-check", "billing-answers", "--phase", "e2e"]) == 0
    out = capsys.readouterr().out
    assert (tmp_path / "checks" / "test_billing_answers.py").is_file()
    assert "readiness check checks -m e2e" in out
    assert "pytest checks/test_billing_answers.py -m e2e" in out


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"id": "HubAnswers"}, 'did you mean "hub-answers"?'),
        ({"id": "two words"}, 'did you mean "two-words"?'),
        ({"id": ""}, "words in lower case"),
        ({"id": "-"}, "words in lower case"),
        ({"id": 3}, "words in lower case"),
        ({"severity": "High"}, 'did you mean "high"?'),
        ({"severity": ["high"]}, "expected: critical"),
        ({"rollback": "startup_failure"}, 'did you mean "startup-failure"?'),
        ({"phase": "alert"}, 'did you mean "alerts"?'),
        ({"stage": "befor"}, 'did you mean "before"?'),
        ({"where": "hosts"}, 'did you mean "host"?'),
    ],
)
def test_the_decorator_refuses_a_typing_error(declared: dict[str, Any], told: str) -> None:
    """At import, with what is valid and what was meant."""
    values = {"id": "a-b", "severity": "low"} | declared
    with pytest.raises(ValueError, match="is not valid") as error:
        check(values.pop("id"), **values)
    assert told in str(error.value)


def test_every_valid_word_is_taken() -> None:
    """All severities and triggers, so that the list of valid ones is the real one."""
    for severity in Severity:
        for trigger in TRIGGERS:
            assert check("a-b", severity=severity.value, rollback=trigger).kwargs["rollback"] == trigger


def test_limits_that_look_the_wrong_way_are_refused() -> None:
    """A misspelt `better` would turn every comparison round."""
    with pytest.raises(ValueError, match="lower, higher"):
        Limits(critical=5, better="lowr")  # type: ignore[arg-type]


def test_an_id_is_made_of_any_words() -> None:
    """What `did you mean` offers is itself a valid id, or nothing."""
    assert [kebab(words) for words in ("Hub is_ready!", "hubIsReady", "é", "")] == [
        "hub-is-ready",
        "hub-is-ready",
        "",
        "",
    ]


def test_shipped_checks_do_not_contradict_themselves(request: pytest.FixtureRequest) -> None:
    """The rule that guards their ids knows each of them in its own file, also by another path to it."""
    shipped = {check.id: file for check, file in catalogue()}
    items = []
    for check_id, file in shipped.items():
        suite, _, name = file.partition("/")
        path = suite_folders()[suite] / ".." / suite / name
        items.append(MagicMock(function=f"{path}::test_x", check=MagicMock(id=check_id, after=())))
    assert contradictions(items) == []
    own = MagicMock(function=f"{request.path}::test_x", check=MagicMock(id="hub-answers", after=()))
    assert len(contradictions([own])) == 1
    assert item_of(request.node) is None


def test_a_folder_is_judged_with_what_ships_and_a_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`readiness check checks` adds the suites; a file, a test, a suite or a package says where to look itself."""
    written("a-b", folder=tmp_path / "checks")
    monkeypatch.chdir(tmp_path)
    folders = tuple(str(folder) for folder in suite_folders().values())

    def suites(*given: str) -> tuple[str, ...]:
        asked = read_arguments([*given, "-m", "health"])
        return asked.pytest[asked.pytest.index("health") + 1 :]

    assert suites() == suites("checks") == suites("no-such-folder") == folders
    for place in ("checks/test_a_b.py", "checks/test_a_b.py::test_a_b", folders[0], f"{folders[0]}/no-such-file.py"):
        assert suites(place) == ()
    assert suites("--pyargs", "readiness") == ()
    assert read_arguments(["checks", folders[0]]).own_checks == (str(tmp_path / "checks"),)
    assert "readiness.cli.new_check" in sys.modules
