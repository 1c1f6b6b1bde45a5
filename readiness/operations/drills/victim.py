"""The hub's process as something to send signals to: found by proof, and never another one.

A pid is believed only if the hub names it on this host, it listens where the hub answers, and it still has the start time
that was read first; each signal asks for that again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.hub import process_here, seconds_of

if TYPE_CHECKING:
    import psutil

    from readiness.facts.hub import Hub

_STEP: Final = 0.02
_EARLIER: Final = 2.0
"""Seconds by which clocks may differ: a process is not younger than the start that its hub wrote down."""
_EXIT_FIELD: Final = 49
"""The exit status among the fields of /proc/PID/stat after the command's name (proc(5): the 52nd of all)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    """How a process ended: seconds until it was gone, None if it was not; its status where it could be seen."""

    seconds: float | None
    status: str = ""


class Victim:
    """One process of this host that may be signalled."""

    def __init__(self, process: psutil.Process) -> None:
        self.process = process
        self.pid = process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal. Raises Unknown where the process is not the one that was found."""
        import psutil

        try:
            self.process.send_signal(number)  # psutil compares the start time first
        except psutil.Error as error:
            raise Unknown(f"process {self.pid} could not be sent {number.name}: {error}") from None

    def wait(self, seconds: float) -> ProcessEnd:
        """Wait until it is gone, or a zombie that its parent has not fetched."""
        started, status = time.monotonic(), ""
        while True:
            gone, seen = self._look()
            status = seen or status
            if gone:
                return ProcessEnd(seconds=time.monotonic() - started, status=status)
            if time.monotonic() - started > seconds:
                return ProcessEnd(seconds=None)
            time.sleep(_STEP)

    def _look(self) -> tuple[bool, str]:
        import psutil

        try:
            if not self.process.is_running():
                return True, ""
            if self.process.status() == psutil.STATUS_ZOMBIE:
                return True, _exit_status(self.pid)
        except psutil.NoSuchProcess:
            return True, ""
        return False, ""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return not self._look()[0]

    def children(self) -> list[psutil.Process]:
        """All processes below it; none where it is gone."""
        import psutil

        with contextlib.suppress(psutil.Error):
            return list(self.process.children(recursive=True))
        return []

    def resident(self) -> int:
        """Its resident memory in bytes. Raises Unknown where it is gone."""
        import psutil

        try:
            return int(self.process.memory_info().rss)
        except psutil.Error:
            raise Unknown(f"the hub's process {self.pid} is gone") from None


def find(hub: Hub) -> Victim:
    """The hub's process. Raises Unknown where it runs elsewhere, is not proven to be the hub, or may not be signalled."""
    identity = hub.identity()
    process = process_here(hub, identity.pid)
    if process is None:
        raise Unknown(
            f"not drilled: the hub's process {identity.pid} is not on this machine, or this user cannot see that it listens "
            "on the port that is asked: run the drills on the hub's own host, as its user, with [target] internal_url"
        )
    _refuse_strangers(process)
    entry = hub.health().workspace(identity.port)
    written = seconds_of(entry.get("startTime")) if entry.get("pid") == process.pid else None
    if written is not None and process.create_time() > written + _EARLIER:
        raise Unknown(f"not drilled: process {process.pid} is younger than the hub's own start: it is another one")
    return Victim(process)


def _refuse_strangers(process: psutil.Process) -> None:
    """Raise Unknown for what must not, or cannot, be signalled."""
    if process.pid <= 1:
        raise Unknown(
            "not drilled: the hub is process 1 of this container, which the kernel protects from signals of its own: "
            "run the drills outside of it"
        )
    own = {os.getpid(), os.getppid(), *(parent.pid for parent in _parents())}
    if process.pid in own:
        raise Unknown(f"not drilled: process {process.pid} is this run itself, or started it")
    try:
        os.kill(process.pid, 0)
    except PermissionError:
        raise Unknown(
            f"not drilled: process {process.pid} belongs to another user: run the drills as that user"
        ) from None
    except ProcessLookupError:
        raise Unknown(f"not drilled: process {process.pid} is gone") from None


def _parents() -> list[psutil.Process]:
    import psutil

    with contextlib.suppress(psutil.Error):
        return list(psutil.Process().parents())
    return []


def outlived(children: list[psutil.Process], seconds: float) -> list[int]:
    """Which of a dead hub's children still run after at most `seconds`."""
    import psutil

    _, alive = psutil.wait_procs(children, timeout=seconds)
    survivors = []
    for child in alive:
        with contextlib.suppress(psutil.Error):
            if child.status() != psutil.STATUS_ZOMBIE:
                survivors.append(child.pid)
    return survivors


def _exit_status(pid: int) -> str:
    """What a zombie ended with, where the kernel shows it to this user; else an empty text."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        code = int(fields[_EXIT_FIELD])
        if os.WIFSIGNALED(code):
            return f"ended by {signal.Signals(os.WTERMSIG(code)).name}"
        return f"ended with status {os.WEXITSTATUS(code)}"
    return ""
