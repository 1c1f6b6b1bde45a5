"""What is said on the way: nobody who leaves, and no full disk, stops a release or a rollback halfway."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from readiness.support import console

GOES_ON = """
import os, signal
from readiness.support.console import say, survive_hangup
with survive_hangup():
    say("begun")
    os.read(0, 1)
    {loss}
    say("more"); say("and more")
    open({done!r}, "w").write("through")
"""


@pytest.mark.parametrize(("loss", "status"), [("pass", 0), ("os.kill(os.getpid(), signal.SIGHUP)", 0)])
def test_a_reader_that_leaves_stops_nothing(loss: str, status: int, tmp_path: Path) -> None:
    """Its pipe is closed, or its terminal hangs up, in the middle: it goes through to its end, with its own status."""
    done = tmp_path / "done"
    command = [sys.executable, "-c", GOES_ON.format(loss=loss, done=str(done))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"begun\n"
    process.stdout.close()
    process.stderr.close()
    process.stdin.write(b"x")
    process.stdin.close()
    assert process.wait(20) == status
    assert done.read_text() == "through"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    """A log that cannot be written any more is no reason to leave a hub as it is."""
    done = tmp_path / "done"
    command = [sys.executable, "-c", GOES_ON.format(loss="pass", done=str(done))]
    with Path("/dev/full").open("wb") as full:
        found = subprocess.run(command, input=b"x", stdout=full, stderr=full, timeout=20, check=False)
    assert (found.returncode, done.read_text()) == (0, "through")


def test_the_terminals_signal_means_afterwards_what_it_meant() -> None:
    """Only while something is at work the hang-up is passed over; who ignores it goes on ignoring it."""
    before = signal.getsignal(signal.SIGHUP)
    with console.survive_hangup():
        assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is before
