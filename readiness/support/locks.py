"""Locks on files between processes, waited for only so long.

The kernel holds them (flock), so they end with their process, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def obtain(file: int | IO[str], *, shared: bool = False, wait: float = 0.0, poll: float = 0.02) -> bool:
    """Lock an open file or folder, exclusively or `shared`; returns whether that succeeded within `wait` seconds.

    `poll`: seconds between two attempts. Closing the file gives the lock back. Raises OSError where the file system
    knows no locks.
    """
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, kind)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(poll)
        else:
            return True


def give_back(file: int | IO[str]) -> None:
    """Unlock an open file without closing it."""
    fcntl.flock(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked(path: Path, wait: float) -> Iterator[bool]:
    """Hold the lock file `path`, which is made where it is missing; yields whether it was obtained within `wait` seconds.

    Not obtained is no error: an old report is worse than two runs that replace a file in an unlucky order.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    except OSError:
        yield False
        return
    try:
        try:
            is_held = obtain(descriptor, wait=wait)
        except OSError:  # a file system without locks
            is_held = False
        yield is_held
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def read_write(folder: Path, name: str, *, shared: bool, wait: float, poll: float = 0.01) -> Iterator[bool]:
    """Hold the readers-writer lock `name` in `folder`, exclusively or `shared`; yields whether it was obtained in time.

    A process that waits for it exclusively keeps newcomers waiting too, so that it gets its turn.
    """
    deadline = time.monotonic() + wait
    with (folder / f"{name}-gate.lock").open("a") as gate, (folder / f"{name}.lock").open("a") as room:
        is_held = obtain(gate, wait=wait, poll=poll)
        is_held = is_held and obtain(room, shared=shared, wait=deadline - time.monotonic(), poll=poll)
        if shared and is_held:
            give_back(gate)
        yield is_held
