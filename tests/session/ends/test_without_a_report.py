"""Runs that leave no report: killed ones, a full disk, a folder of somebody else. The last READY is not believed any more."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest

from readiness.cli import nagios
from readiness.cli.report import main as report
from readiness.session.private_folder import sweep

if TYPE_CHECKING:
    from pathlib import Path

    from tests.session.ends.conftest import Project

OK = '@check("ok", severity="high")\ndef test_ok():\n    """Fine."""\n'
SLOW = '@check("slow", severity="medium")\ndef test_zz_slow():\n    """Slow."""\n    open("running", "w").close()\n    time.sleep(60)\n'
FULL = (
    "import resource\n"
    '@check("full", severity="medium")\ndef test_zz_full():\n    """From now on no byte can be written to a file."""\n'
    "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
)
CHECK = ("readiness", "check")


def _read(folder: Path, capsys: Any) -> tuple[int, str, str]:
    """What monitoring is told, and what `readiness report` shows."""
    capsys.readouterr()
    code = nagios.main(["--readiness-report", str(folder / "reports")])
    line = capsys.readouterr().out
    report(["--readiness-report", str(folder / "reports")])
    return code, line, capsys.readouterr().out


@pytest.mark.parametrize("command", [("pytest",), CHECK])
def test_a_killed_run_is_the_newest_truth(project: Project, command: tuple[str, ...], capsys: Any) -> None:
    """After SIGKILL nothing shows the READY from before; the next run says so, and clears away what was left."""
    project.suite(OK)
    assert project.run("-m", "health", "test_suite.py").status == "READY"
    assert _read(project.folder, capsys)[0] == 0
    project.suite(OK + SLOW)
    process = project.start("-m", "health", "test_suite.py", command=command)
    project.wait_for("running")
    assert _read(project.folder, capsys)[0] == 0  # at work: what was known before holds for now
    os.killpg(process.pid, signal.SIGKILL)
    project.ended(process)
    code, line, shown = _read(project.folder, capsys)
    assert (code, line.split(" - ")[0]) == (3, "READINESS UNKNOWN")
    assert "INCOMPLETE, HOLD, score 0.0: the run " in line
    assert shown.startswith("INCOMPLETE: HOLD, score 0.0\n")
    assert "left no report" in shown
    assert report(["--merge", str(project.folder / "reports")]) == 12
    assert report(["--list", "--readiness-report", str(project.folder / "reports")]) == 0
    assert "left no report: it was killed, or its report could not be written" in capsys.readouterr().err
    project.suite(OK)
    ended = project.run("-m", "health", "test_suite.py")
    assert ended.status == "READY"
    assert ended.report is not None
    assert "left no report" in ended.report["notes"][0]
    assert _read(project.folder, capsys)[0] == 0
    assert list((project.folder / "reports" / "journal").iterdir()) == []


@pytest.mark.parametrize("command", [("pytest",), CHECK])
def test_a_full_disk_leaves_no_ready_behind(project: Project, command: tuple[str, ...], capsys: Any) -> None:
    """A report that cannot be written costs the run nothing but that; the one from before is out of date."""
    project.suite(OK)
    assert project.run("-m", "health", "test_suite.py").code == 0
    project.suite(OK + FULL)
    ended = project.run("-m", "health", "test_suite.py", command=command)
    assert ended.code == 0
    assert "READY: KEEP" in ended.out
    assert "the verdict stands, and the report could not be written" in " ".join(ended.out.split())
    assert "Traceback" not in ended.out
    assert "no check ran" not in ended.out
    assert _read(project.folder, capsys)[0] == 3


def _somebody_elses(folder: Path) -> tuple[str, ...]:
    """Make a folder one that this user cannot write to; what a command has to begin with for that to hold."""
    if os.geteuid():
        folder.chmod(0o555)
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root writes everywhere, and there is no setpriv to change that")
    os.chown(folder, 65_534, 65_534)
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.parametrize("command", [("pytest",), CHECK])
def test_a_folder_of_somebody_else_is_named(project: Project, command: tuple[str, ...]) -> None:
    """Whose it is and what mends it; the verdict and its exit code stay, and nobody says that no check ran."""
    project.suite(OK)
    folder = project.folder / "reports"
    folder.mkdir()
    ended = project.run("-m", "health", "test_suite.py", command=command, before=_somebody_elses(folder))
    assert ended.code == 0
    assert "READY: KEEP" in ended.out
    for words in (
        "could not be written: ",
        f"{folder} belongs to ",
        "mend: ch",
        "or --readiness-report=DIR for another",
    ):
        assert words in " ".join(ended.out.split()), words
    assert "Traceback" not in ended.out
    assert "no check ran" not in ended.out


BECOMES = (
    "import pathlib\n"
    '@check("becomes", severity="medium")\ndef test_zz_becomes():\n    """It becomes somebody else\'s in the middle of the run."""\n'
    '    for path in ("reports", "reports/journal"):\n'
    "        os.chown(path, 65534, 65534) if os.geteuid() == 0 else pathlib.Path(path).chmod(0o555)\n"
)


@pytest.mark.parametrize("command", [("pytest",), CHECK])
def test_a_folder_that_becomes_read_only_costs_the_report_alone(project: Project, command: tuple[str, ...]) -> None:
    """The journal was begun and cannot be removed: no second verdict, no OSError, no exit 1."""
    project.suite(OK + BECOMES)
    (project.folder / "reports" / "journal").mkdir(parents=True)
    before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if not os.geteuid() else ()
    if before and shutil.which("setpriv") is None:
        pytest.skip("root writes everywhere, and there is no setpriv to change that")
    ended = project.run("-m", "health", "test_suite.py", command=command, before=before)
    assert ended.code == 0
    assert ended.out.count("READY: KEEP") == 1
    assert "Traceback" not in ended.out
    assert "Error" not in ended.out


def test_a_private_folder_of_a_killed_run_is_swept(project: Project, tmp_path: Path) -> None:
    """Folders of dead runs go when a later one ends; one that is held, young or not ours stays."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    project.suite(OK + SLOW)
    process = project.start("-m", "health", "test_suite.py", TMPDIR=str(scratch))
    project.wait_for("running")
    (held,) = scratch.glob("readiness-*")
    os.utime(held / ".alive", (0, 0))
    sweep(scratch)
    assert held.is_dir()
    os.killpg(process.pid, signal.SIGKILL)
    project.ended(process)
    strange = scratch / "readiness-of-somebody"
    strange.mkdir()
    project.suite(OK)
    project.run("-m", "health", "test_suite.py", TMPDIR=str(scratch))
    assert list(scratch.glob("readiness-*")) == [strange]


def test_a_folder_of_reports_that_is_made_stays_out_of_git(project: Project) -> None:
    """pytest, ruff and venv do the same; a folder that was there before is left as it was."""
    project.suite(OK)
    project.run("-m", "health", "test_suite.py")
    assert (project.folder / "reports" / ".gitignore").read_text().splitlines()[-1] == "*"
    own = project.folder / "own"
    own.mkdir()
    project.run("-m", "health", "test_suite.py", "--readiness-report", "own")
    assert (own / "readiness.json").is_file()
    assert not (own / ".gitignore").exists()
