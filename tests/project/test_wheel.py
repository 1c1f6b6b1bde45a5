"""The wheel as a stranger meets it: in another repository, with the checkout nowhere on the path."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

from tests.sources import ROOT

HEALTH: Final = tuple(
    entry["id"]
    for entry in json.loads((ROOT / "readiness" / "session" / "plan" / "catalogue.json").read_text(encoding="utf-8"))[
        "checks"
    ]
    if entry["phase"] == "health"
)
OWN: Final = '''
import pytest
from readiness import check

@pytest.mark.health
@check("our-tool-is-there", severity="high", remedy="Start the server everything.")
def test_our_tool_is_there(hub):
    """The tool that our agents need is listed."""
    assert "echo" in {tool.name for tool in hub.tools()}
'''
WELL: Final = {"passed", "not_applicable"}


@dataclasses.dataclass(frozen=True)
class Stranger:
    """Somebody's repository with one check of its own, and the folder that the wheel was installed to."""

    repository: Path
    site: Path

    def run(self, *command: str, installed: bool = True) -> tuple[int, str, dict[str, Any]]:
        """Run a module in the repository; its status, what it said, and its report."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHON", "MCP_HUB", "READINESS"))}
        done = subprocess.run(
            [sys.executable, "-P", "-m", *command],
            cwd=self.repository,
            env=kept | ({"PYTHONPATH": str(self.site)} if installed else {}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        path = self.repository / "reports" / "readiness.json"
        report = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return done.returncode, done.stdout + done.stderr, report


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout with what is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    _done([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the installed wheel."""
    folder = tmp_path_factory.mktemp("site")
    _done(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    )
    return folder


@pytest.fixture
def stranger(site: Path, tmp_path: Path) -> Stranger:
    """A repository of somebody else's."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "test_own.py").write_text(OWN)
    return Stranger(tmp_path, site)


def _done(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {row["check"]: row["outcome"] for row in report["findings"]}


def test_the_wheel_holds_what_a_run_needs_and_nothing_else(wheel: Path) -> None:
    """Licence, templates, schemas, catalogue and the suites as packages; no test, document or report of this project."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        catalogue = json.loads(archive.read("readiness/session/plan/catalogue.json"))
    tracked = {path.relative_to(ROOT).as_posix() for path in (ROOT / "readiness").rglob("*") if _ships(path)}
    suites = {
        f"readiness/suites/{path.relative_to(ROOT).as_posix()}"
        for suite in ("preflight", "smoke", "infra", "load")
        for path in (ROOT / suite).rglob("*")
        if _ships(path)
    }
    info = {name for name in names if ".dist-info/" in name}
    assert names - info == tracked | suites | {"readiness/suites/__init__.py"}
    assert {name.partition("/")[2] for name in info} == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }
    for needed in (
        "results/render/page/templates/report.html.j2",
        "results/render/page/templates/report.css",
        "results/report/report.schema.json",
    ):
        assert f"readiness/{needed}" in names
    assert {f"readiness/suites/{part}__init__.py" for part in ("", "preflight/", "smoke/", "infra/", "load/")} <= names
    assert {entry["file"] for entry in catalogue["checks"]} <= {
        name.removeprefix("readiness/suites/") for name in suites
    }


def _ships(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def test_the_wheels_own_copy_is_what_runs(stranger: Stranger) -> None:
    """The checkout is installed as well here: these tests would prove nothing if it were the one that is imported."""
    code = "import readiness.plugin, readiness.session.invocation as p; print(readiness.__file__, *p.suite_folders().values())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=stranger.repository,
        env=os.environ | {"PYTHONPATH": str(stranger.site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    places = done.stdout.split()
    assert len(places) == 5
    assert all(Path(place).is_relative_to(stranger.site) for place in places), places


@pytest.mark.parametrize(
    ("command", "checks"),
    [
        (("pytest", "--pyargs", "readiness.suites"), HEALTH),
        (("pytest", "--pyargs", "readiness.suites", "checks", "-n2"), (*HEALTH, "our-tool-is-there")),
        (("readiness", "check"), HEALTH),
        (("readiness", "check", "checks"), (*HEALTH, "our-tool-is-there")),
    ],
    ids=["pytest", "pytest-and-own-n2", "readiness-check", "readiness-check-and-own"],
)
def test_a_stranger_gets_a_verdict(stranger: Stranger, command: tuple[str, ...], checks: tuple[str, ...]) -> None:
    """Each way to start a run judges the embedded hub as ready, with every check that ships and those beside it."""
    status, said, report = stranger.run(*command, "-m", "health", "--readiness-demo")
    assert status == 0, said
    assert report["verdict"]["status"] == "READY", said
    outcomes = _outcomes(report)
    assert sorted(outcomes) == sorted(checks)
    assert {check for check, outcome in outcomes.items() if outcome not in WELL} == set()
    assert "DEMO READY: KEEP, score 100.0" in said
    assert str(ROOT) not in said


def test_two_lines_of_configuration_make_it_a_habit(stranger: Stranger) -> None:
    """With the suites among its `testpaths`, a bare `pytest -m health` judges them together with a repository's own check."""
    (stranger.repository / "pytest.ini").write_text(
        "[pytest]\naddopts = --pyargs\ntestpaths = readiness.suites checks\n"
    )
    status, said, report = stranger.run("pytest", "-m", "health", "--readiness-demo")
    assert (status, report["verdict"]["status"]) == (0, "READY"), said
    assert sorted(_outcomes(report)) == sorted((*HEALTH, "our-tool-is-there"))


def test_without_the_suites_a_run_says_what_it_left_out(stranger: Stranger) -> None:
    """A bare `pytest -m health` beside a check of one's own runs that one, and is not taken for a proof of the rest."""
    status, said, report = stranger.run("pytest", "-m", "health", "--readiness-demo")
    assert (status, report["verdict"]["status"]) == (12, "INCOMPLETE"), said
    outcomes = _outcomes(report)
    assert outcomes.pop("our-tool-is-there") == "passed"
    assert sorted(outcomes) == sorted(HEALTH)
    assert set(outcomes.values()) == {"unknown", "not_applicable"}
    assert "left out of this run, not collected by these arguments" in " ".join(said.split())


def test_the_checkout_understands_the_same_command(stranger: Stranger) -> None:
    """Installed as a checkout, the same words find the folders at its top; one suite and one file are found too."""
    status, said, report = stranger.run(
        "pytest", "--pyargs", "readiness.suites", "-m", "health", "--readiness-demo", installed=False
    )
    assert (status, report["verdict"]["status"]) == (0, "READY"), said
    assert sorted(_outcomes(report)) == sorted(HEALTH)
    for place in ("readiness.suites.smoke", "readiness.suites.smoke.test_health"):
        status, said, _ = stranger.run(
            "pytest", "--collect-only", "-q", "--pyargs", place, "-m", "health", installed=False
        )
        assert status == 0, said
        assert "::test_hub_answers" in said
