"""A small project with checks of its own, run in a process of its own: how it ends is what counts."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.few_plugins import FEW

if TYPE_CHECKING:
    from pathlib import Path

MODES = {"plain": [], "n0": ["-n0"], "n2": ["-n2"]}

TOML = """
environment = "local"
[target]
url = "http://127.0.0.1:9"
[probe]
interval = 0.01
"""

# the shipped catalogue would be part of every plan: these tests are about the rules, not about the shipped checks
PLUGIN = """
import pathlib
from readiness.session.plan import planning
planning.CATALOGUE_FILE = pathlib.Path(__file__).with_name("catalogue.json")
"""

HEAD = """
import os, signal, time
import pytest
from readiness import check, measure, unknown, warn, Limits
pytestmark = pytest.mark.health
"""


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run ended, and what it left."""

    code: int
    out: str
    report: dict[str, Any] | None

    @property
    def status(self) -> str:
        """The verdict's word in readiness.json."""
        assert self.report is not None, f"no readiness.json was written; exit {self.code}\n{self.out[-3000:]}"
        return str(self.report["verdict"]["status"])

    def outcomes(self) -> dict[str, str]:
        """Check id (with instance) to outcome."""
        assert self.report is not None
        return {
            f["check"] + (f"[{f['instance']}]" if f["instance"] else ""): f["outcome"] for f in self.report["findings"]
        }


class Project:
    """A folder with a suite, a configuration and an empty catalogue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "readiness.toml").write_text(TOML)
        (folder / "minicatalogue.py").write_text(PLUGIN)
        self.catalogue([])

    def catalogue(self, checks: list[dict[str, Any]]) -> None:
        """What ships, as far as this project is concerned."""
        (self.folder / "catalogue.json").write_text(json.dumps({"checks": checks}))

    def suite(self, text: str, name: str = "test_suite.py") -> None:
        """Write a suite below the usual imports."""
        (self.folder / name).write_text(HEAD + text)

    def start(
        self,
        *arguments: str,
        command: tuple[str, ...] = ("pytest",),
        before: tuple[str, ...] = (),
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Start a run; `before` is a command that runs it."""
        env = {
            k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "PYTHONDONT", "READINESS"))
        }
        env |= {**FEW, "PYTHONPATH": str(self.folder), "COLUMNS": "120", **environment}
        return subprocess.Popen(
            [*before, sys.executable, "-m", *command, "-p", "minicatalogue", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        )

    def ended(self, process: subprocess.Popen[str], timeout: float = 180) -> Ended:
        """Wait for the end and read what is left."""
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        path = self.folder / "reports" / "readiness.json"
        report = json.loads(path.read_text()) if path.is_file() else None
        return Ended(process.returncode, out, report)

    def run(
        self,
        *arguments: str,
        command: tuple[str, ...] = ("pytest",),
        before: tuple[str, ...] = (),
        **environment: str,
    ) -> Ended:
        """Run to the end."""
        return self.ended(self.start(*arguments, command=command, before=before, **environment))

    def wait_for(self, name: str, seconds: float = 20) -> None:
        """Wait until a file of that name is there."""
        end = time.monotonic() + seconds
        while not (self.folder / name).exists():
            assert time.monotonic() < end, f"{name} never appeared"
            time.sleep(0.02)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)


@pytest.fixture(params=["plain", *(pytest.param(name, marks=pytest.mark.matrix) for name in ("n0", "n2"))])
def mode(request: pytest.FixtureRequest) -> list[str]:
    """Arguments for a run without xdist, with -n0 and with -n2."""
    return MODES[request.param]


@pytest.fixture
def is_parallel(mode: list[str]) -> bool:
    """Whether tests run in workers."""
    return mode == ["-n2"]
