"""`readiness check` reads its arguments by pytest's own parser: options, their values and paths are told apart as a run does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from readiness.operations.check_run.arguments import CheckArguments, read_arguments
from readiness.session.invocation import suite_folders
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SUITES = tuple(str(folder) for folder in suite_folders().values())
WITH_VALUE = (
    ("--log-file", "x"), ("--junit-prefix", "x"), ("--durations-min", "1"), ("--override-ini", "addopts="),
    ("--log-cli-format", "x"), ("--junitxml", "x.xml"), ("--cache-show", "x"), ("-c", "x.ini"), ("--ignore", "x"),
    ("-k", "x"), ("-n2", "--log-file=x"), ("-n", "2"), ("--html", "x.html"), ("--reruns", "2"), ("--hosts", "local://"),
    ("--verbosity", "1"), ("-W", "error"), ("--last-failed-no-failures", "all"),
)  # fmt: skip


def readiness_check(*given: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`readiness check` in a process of its own, of a hub that does not answer."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "READINESS_"))}
    return subprocess.run(
        [sys.executable, "-m", "readiness", "check", *given], capture_output=True, text=True, timeout=100, check=False,
        cwd=cwd, env=environ | {"MCP_HUB_URL": "http://127.0.0.1:9"},
    )  # fmt: skip


@pytest.mark.parametrize("option", WITH_VALUE, ids=" ".join)
@pytest.mark.parametrize("where", ["in a checkout", "outside"])
def test_an_options_value_is_no_path(
    option: tuple[str, str], where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suites are run whatever option is given, with a value of its own or in one word."""
    monkeypatch.chdir(tmp_path if where == "outside" else ROOT)
    for given in (["-m", "health", *option], [*option, "-m", "health"]):
        asked = read_arguments(given)
        assert asked.pytest[-len(SUITES) :] == SUITES
        assert asked.given == tuple(given)
        assert asked.own_checks == ()


@pytest.mark.parametrize(
    "given", [["-n2", "--log-file", "x"], ["--durations-min", "1"], ["--override-ini", "addopts="]]
)
def test_a_run_outside_a_checkout_has_its_plan(given: list[str], tmp_path: Path) -> None:
    """Whatever option stands beside `-m health`, what is planned is what ships for that phase."""
    done = readiness_check("-m", "health", *given, "--collect-only", "-q", cwd=tmp_path)
    assert "hub-answers" in done.stdout, done.stderr
    assert "no tests collected" not in done.stdout


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["-m", "health", "--bogus"], "unrecognized arguments: --bogus"),
        (["-m", "health", "--bogus=1"], "unrecognized arguments: --bogus=1"),
        (["--maxfail=abc"], "argument --maxfail: invalid int value: 'abc'"),
        (["-m", "health", "--log-level"], "argument --log-level: expected one argument"),
        (["-m", "health", "no-such-folder"], "file or directory not found: no-such-folder"),
    ],
)
def test_a_wrong_call_is_a_usage_error(given: list[str], words: str, tmp_path: Path) -> None:
    """Exit 4, and pytest's own words for what is wrong; nothing is written."""
    done = readiness_check(*given, cwd=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    assert words in done.stderr
    assert not (tmp_path / "reports" / "readiness.json").exists()


def test_a_plugin_of_ones_own_is_loaded_once_with_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option of a plugin that `-p` names takes its value, and reading it imports nothing where the run imports it again."""
    (tmp_path / "mine_plugin.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--mine')\n"
        "def pytest_report_header(config):\n    return f'mine is {config.option.mine}'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert read_arguments(["-p", "mine_plugin", "--mine", "x", "-m", "health"]).pytest[-len(SUITES) :] == SUITES
    assert "mine_plugin" not in sys.modules
    done = readiness_check("-p", "mine_plugin", "--mine", "x", "-m", "health", "--collect-only", cwd=tmp_path)
    assert "mine is x" in done.stdout
    assert "already imported" not in done.stdout + done.stderr


def test_what_the_run_asks_for_is_read_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, folder of reports, and what only informs, in either spelling; the last one counts, as in the run."""
    monkeypatch.chdir(tmp_path)
    asked = read_arguments(
        ["--readiness-report", "a", "--readiness-report=b", "--readiness-config=x.toml", "--readiness-strict"]
    )
    assert (asked.report_dir, asked.config, asked.strict, asked.informs) == (tmp_path / "b", "x.toml", True, False)
    assert read_arguments(["--collect-only"]).informs
    assert read_arguments(["--help"]).informs
    assert read_arguments(["--junitxml=a.xml", "--html", "b.html"]).pages == ("--junitxml", "--html")
    assert CheckArguments.from_json(asked.to_json()) == asked
