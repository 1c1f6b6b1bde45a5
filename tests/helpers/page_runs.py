"""Runs whose pages are looked at: real ones of the embedded hub, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG: Final = 60.0
_PLAIN: Final = {"PYTHONPATH": "", "PYTEST_ADDOPTS": "", "CI": ""}


def command(folder: Path, *more: str) -> list[str]:
    """The command line of a run that leaves its report in `folder`."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--readiness-report", str(folder), *more]


def run(folder: Path, *more: str) -> int:
    """Run to the end; its exit status."""
    done = subprocess.run(command(folder, *more), cwd=ROOT, env={**os.environ, **_PLAIN}, timeout=LONG, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True)  # fmt: skip
    return done.returncode


def interrupted(folder: Path, *more: str) -> int:
    """Run until a few results are in, and press Ctrl-C; its exit status."""
    child = subprocess.Popen(command(folder, *more), cwd=ROOT, env={**os.environ, **_PLAIN}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        end = time.monotonic() + LONG
        while time.monotonic() < end and child.poll() is None and _results(folder) < 3:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        return child.wait(LONG)
    finally:
        child.kill()
        child.wait()


def _results(folder: Path) -> int:
    return sum(text.count('"finding"') for text in (file.read_text("utf-8") for file in folder.glob("journal/*")))


@contextlib.contextmanager
def broken_hub(port: int, fault: str) -> Iterator[None]:
    """The embedded hub on `port`, broken in a named way ("": whole), until the end of the block."""
    call = [sys.executable, "-m", "readiness", "demo", "--port", str(port), *(("--fault", fault) if fault else ())]
    child = subprocess.Popen(
        call, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()  # it tells its address once it listens
        yield
    finally:
        child.terminate()
        child.wait(LONG)
        assert child.stdout is not None
        child.stdout.close()
