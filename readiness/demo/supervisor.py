"""The process above the hub for faults that end or replace the hub's process while the port stays."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from readiness.demo.lifeline import watch_parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.demo.scratch import Scratch

STEP = 0.05
"""Seconds between two looks at the worker."""


def supervise(serve: Callable[[], None], seconds: float, scratch: Scratch, *, again: bool) -> None:
    """Runs `serve` in a process of its own and kills it after `seconds`; with `again`, a new one follows, for ever.

    Returns when it is told to end (SIGTERM, SIGINT) with the worker gone. POSIX only.
    """
    told: list[int] = []
    parent = os.getppid()
    worker = _fork(serve)
    current = [worker]

    def clean() -> None:
        _kill(current[0])
        scratch.remove()

    watch_parent(parent, clean)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: told.append(received))
    end = time.monotonic() + seconds
    while not told:
        time.sleep(STEP)
        if time.monotonic() < end:
            continue
        _kill(current[0])
        current[0] = _fork(serve) if again else 0
        end = time.monotonic() + (seconds if again else 1e9)
    _kill(current[0])


def _fork(serve: Callable[[], None]) -> int:
    mine = os.getpid()
    worker = os.fork()
    if worker:
        return worker
    watch_parent(mine, lambda: None)
    try:
        serve()
    finally:
        os._exit(0)


def _kill(worker: int) -> None:
    """Kills and reaps the worker; 0 is none."""
    if not worker:
        return
    try:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    except (ProcessLookupError, ChildProcessError):
        return
