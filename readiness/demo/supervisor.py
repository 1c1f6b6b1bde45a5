"""Processes that watch each other: a hub ends with its parent, and one above it ends or replaces it while the port stays."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.demo.faults.fault import Life
    from readiness.demo.scratch import Scratch

_PR_SET_PDEATHSIG: Final = 1
"""From linux/prctl.h."""


def watch_parent(parent: int, clean: Callable[[], None]) -> None:
    """Ends this process at once, after `clean`, when its parent is gone, in whichever way that is noticed first."""

    def leave() -> None:
        clean()
        os._exit(0)

    def until_end_of_input() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1_024):
                pass
        leave()

    def orphaned(_signal: int, _frame: object) -> None:
        # the kernel also signals when only the *thread* that started us ends: then there is still a parent
        if os.getppid() != parent:
            leave()

    if sys.platform == "linux":
        signal.signal(signal.SIGUSR1, orphaned)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
        if os.getppid() != parent:
            leave()
    threading.Thread(target=until_end_of_input, name="parent-watch", daemon=True).start()


STEP = 0.02
"""Seconds between two looks at the worker."""


class Serve(Protocol):
    """Runs the hub until its process is ended; `first`: no process of this hub was there before."""

    def __call__(self, *, first: bool) -> None:
        """Returns only when it is told to end."""


def supervise(serve: Serve, lives: Mapping[Life, float], scratch: Scratch) -> None:
    """Runs `serve` in a process of its own, and does to it what `lives` says; the numbers are seconds.

    `ends`: it is killed, and nothing follows. `replaced`: it is killed and followed by another, for ever. `kept`: when
    it ends by itself, another follows. Returns when told to end (SIGTERM, SIGINT) with the worker gone. POSIX only.
    """
    signals: list[int] = []
    parent = os.getppid()
    current = [_fork(serve, first=True)]

    def clean() -> None:
        _kill(current[0])
        scratch.remove()

    watch_parent(parent, clean)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.append(received))
    period = lives.get("replaced", lives.get("ends", math.inf))
    end = time.monotonic() + period
    while not signals:
        time.sleep(STEP)
        due = time.monotonic() >= end
        if due:
            _kill(current[0])
            current[0] = 0
            end = time.monotonic() + (period if "replaced" in lives else math.inf)
        elif not current[0] or not _ended(current[0]):
            continue
        again = "replaced" in lives if due else "kept" in lives
        current[0] = _fork(serve, first=False) if again else 0
    _kill(current[0])


def _fork(serve: Serve, *, first: bool) -> int:
    mine = os.getpid()
    worker = os.fork()
    if worker:
        return worker
    watch_parent(mine, lambda: None)
    try:
        serve(first=first)
    finally:
        os._exit(0)


def _ended(worker: int) -> bool:
    """Whether the worker has ended by itself; it is reaped then."""
    try:
        return os.waitpid(worker, os.WNOHANG)[0] == worker
    except ChildProcessError:
        return True


def _kill(worker: int) -> None:
    """Kills and reaps the worker; 0 is none."""
    if not worker:
        return
    try:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    except (ProcessLookupError, ChildProcessError):
        return
