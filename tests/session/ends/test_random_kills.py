"""Kills at random moments: nothing old stays on top, nothing that was found is lost, nothing is in the way of the next run."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from readiness.cli import nagios

if TYPE_CHECKING:
    import subprocess

    from tests.session.ends.conftest import Project

SUITE: Final = """
import pathlib
BROKEN = pathlib.Path("broken").exists()
@check("first", severity="critical")
def test_first():
    \"\"\"Is well, unless it is broken.\"\"\"
    open("began", "w").close()
    assert not BROKEN, "it is broken"
@pytest.mark.parametrize("number", range(8))
@check("slow", severity="medium")
def test_slow(number):
    \"\"\"Takes a moment.\"\"\"
    time.sleep(0.06)
"""
WAYS: Final = {
    "the run": (("pytest",), ()),
    "the group": (("readiness", "check"), ()),
    "the command": (("readiness", "check"), ()),
    "the child": (("readiness", "check"), ()),
    "a worker": (("readiness", "check"), ("-n1",)),
}
NUMBERS: Final = 40
"""Kills in each way: 200 in all."""
LONGEST: Final = 3.0
"""Seconds within which one is killed; a run takes one or two, beside others more."""


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _kill(process: subprocess.Popen[str], way: str) -> None:
    child = next(iter(_children(process.pid)), None)
    with contextlib.suppress(ProcessLookupError):
        if way == "the group":
            os.killpg(process.pid, signal.SIGKILL)
        elif way in {"the run", "the command"}:
            os.kill(process.pid, signal.SIGKILL)
        elif way == "the child" and child is not None:
            os.kill(child, signal.SIGKILL)
        elif child is not None:
            for worker in _children(child):
                os.kill(worker, signal.SIGKILL)


def _told(project: Project) -> int:
    return nagios.main(["--readiness-report", str(project.folder / "reports")])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="who is whose child is read from /proc")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [0, *(pytest.param(n, marks=pytest.mark.matrix) for n in range(1, NUMBERS))])
def test_a_kill_at_any_moment_leaves_nothing_stale(project: Project, way: str, number: int) -> None:
    """A broken release is judged after a good one, and something of the run is killed: never is the good one's READY shown for it."""
    command, more = WAYS[way]
    project.suite(SUITE)
    assert project.run("-m", "health", "test_suite.py").status == "READY"
    (project.folder / "began").unlink()
    (project.folder / "broken").touch()
    process = project.start("-m", "health", "test_suite.py", *more, command=command)
    time.sleep(random.Random(f"{way} {number}").uniform(0, LONGEST))
    _kill(process, way)
    ended = project.ended(process)
    began = (project.folder / "began").exists()
    time.sleep(0.1 if way == "the command" else 0)
    if way == "the command":  # its pytest goes on, and judges by itself
        end = time.monotonic() + 60
        while began and _told(project) == 0 and time.monotonic() < end:
            time.sleep(0.1)
    if began:
        assert _told(project) != 0, "the READY from before is shown for a broken release"
        assert ended.code != 0
    if way in {"the child", "a worker"} and began:
        # whoever waited for it has a verdict, with what was found before
        assert ended.code in {1, 12}
        report = json.loads((project.folder / "reports" / "readiness.json").read_text())
        assert report["verdict"]["status"] in {"NOT READY", "INCOMPLETE"}
        assert way == "a worker" or {f["outcome"] for f in report["findings"] if f["check"] == "first"} <= {
            "failed",
            "unknown",
        }
    (project.folder / "broken").unlink()
    again = project.run("-m", "health", "test_suite.py", command=("readiness", "check"))
    assert (again.code, again.status) == (0, "READY"), again.out[-2000:]
    assert _told(project) == 0
    assert list((project.folder / "reports" / "journal").iterdir()) == []
