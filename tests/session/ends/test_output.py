"""Where nobody takes what a run prints, the verdict is the same: a full or closed standard output, a reader that left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers.few_plugins import FEW

if TYPE_CHECKING:
    from tests.session.ends.conftest import Project

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")

OK = '@check("ok", severity="high")\ndef test_ok():\n    """Fine."""\n'
BAD = '@check("bad", severity="critical")\ndef test_bad():\n    """Bad."""\n    assert False, "it broke"\n'
COMMANDS = [("pytest",), ("readiness", "check")]
WAYS = {
    "full": (">/dev/full", "No space left on device"),
    "closed": (">&-", ""),
    "both closed": (">&- 2>&-", ""),
    "both full": (">/dev/full 2>&1", ""),
    "no reader": ("| head -1", ""),
}


def _shell(project: Project, line: str) -> tuple[int, str]:
    """The exit status of the first command of a line, and what is seen of it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    env |= {**FEW, "PYTHONPATH": str(project.folder), "COLUMNS": "120"}
    ended = subprocess.run(
        ["bash", "-c", f"( {line} ; exit ${{PIPESTATUS[0]}} )"],
        cwd=project.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("way", WAYS)
def test_output_that_nobody_takes_changes_no_verdict(project: Project, command: tuple[str, ...], way: str) -> None:
    """READY is 0 and NOT READY is 1, without a traceback, with one sentence where there is a place for one, and a report."""
    redirection, sentence = WAYS[way]
    asked = f"{sys.executable} -m {' '.join(command)} -p minicatalogue -p no:cacheprovider -m health test_suite.py"
    for suite, code in ((OK, 0), (OK + BAD, 1)):
        project.suite(suite)
        status, out = _shell(project, f"{asked} {redirection}")
        assert status == code, out[-2000:]
        assert "Traceback" not in out
        assert "Exception ignored" not in out
        assert out.count("standard output could not be written") == (1 if sentence else 0)
        assert sentence in out
        report = json.loads((project.folder / "reports" / "readiness.json").read_text())
        assert report["verdict"]["status"] == ("NOT READY" if code else "READY")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_another_plugin_cannot_write(project: Project, command: tuple[str, ...]) -> None:
    """`--junitxml` on a full disk: a sentence and INCOMPLETE, not Python's own exit 1, which says NOT READY."""
    project.suite(OK)
    ended = project.run("-m", "health", "test_suite.py", "--junitxml=/dev/full", command=command)
    assert (ended.code, ended.status) == (12, "INCOMPLETE")
    assert "Traceback" not in ended.out
    assert ended.report is not None
    assert ended.report["trouble"] == [
        "another plugin failed at the end of the run: OSError: [Errno 28] No space left on device"
    ]


@pytest.mark.parametrize("verb", ["report", "report --list", "report --format json", "nagios", "schedule", "--help"])
def test_a_verb_that_prints_for_nobody(project: Project, verb: str) -> None:
    """A reader that left has seen enough: 0. A full disk has lost what the verb is for: 70, but for monitoring."""
    project.suite(OK)
    project.run("-m", "health", "test_suite.py")
    asked = f"{sys.executable} -m readiness {verb}"
    for redirection, code in (("| head -1", 0), (">&-", 0), (">/dev/full", 0 if verb == "nagios" else 70)):
        status, out = _shell(project, f"{asked} {redirection}")
        assert status == code, (redirection, out[-2000:])
        assert "Traceback" not in out
        assert "Exception ignored" not in out


@pytest.mark.parametrize("command", COMMANDS)
def test_no_place_for_temporary_files(project: Project, command: tuple[str, ...]) -> None:
    """A read-only root without /tmp: memory serves; without that, a sentence says what to set, and exit 4."""
    project.suite(OK)
    (project.folder / "nowhere.py").write_text(
        "import os, tempfile\nimport readiness.plugin as plugin\n"
        "tempfile.tempdir = None\ntempfile._candidate_tempdir_list = lambda: ['/nowhere']\n"
        "if os.environ.get('NO_MEMORY'):\n    plugin._IN_MEMORY = ()\n"
    )
    (project.folder / "sitecustomize.py").write_text("import nowhere\n")
    ended = project.run("-m", "health", "test_suite.py", command=command)
    assert (ended.status, ended.code) == ("READY", 0)
    ended = project.run("-m", "health", "test_suite.py", command=command, NO_MEMORY="1")
    assert ended.code == 4
    assert "there is no folder for temporary files" in ended.out
    assert "Traceback" not in ended.out
