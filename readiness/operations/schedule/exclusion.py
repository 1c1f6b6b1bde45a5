"""Whose turn it is: one scheduled run at a time, and none while a release or a rollback is at work.

The lock is the kernel's, so no dead run can hold it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.support import file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.schedule.jobs import Job

LOCK: Final = "run.lock"
RELEASE_HOURS: Final = 2.0
"""A release that has been at work for longer holds no run up: whatever it does, nobody would look at the hub."""
_MAX_LOCK: Final = 4096
_POLL: Final = 0.1
"""Seconds between two attempts."""


@contextlib.contextmanager
def alone(folder: Path, job: Job) -> Iterator[tuple[int | None, str]]:
    """Hold the schedule's lock: the descriptor that holds it, or None and who does.

    Waits `job.wait` seconds. Raises ReadinessError where the file system knows no locks: two runs at once would make a
    healthy hub look ill.
    """
    file_writing.make_folder(folder)
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ReadinessError(f"cannot lock {path}: {error.strerror}") from error
    try:
        if not _locked(descriptor, path, job.wait):
            yield None, _holder(descriptor)
            return
        moment = dt.datetime.now(dt.UTC)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{job.name}, process {os.getpid()}, since {moment:%H:%M:%S} UTC".encode(), 0)
        yield descriptor, ""
    finally:
        os.close(descriptor)


def _locked(descriptor: int, path: Path, wait: float) -> bool:
    try:
        return locks.obtain(descriptor, wait=wait, poll=_POLL)
    except OSError as error:
        raise ReadinessError(f"cannot lock {path}: {error.strerror}; keep the reports on a local disk") from error


def _holder(descriptor: int) -> str:
    from readiness.support import one_line

    return one_line(os.pread(descriptor, _MAX_LOCK, 0).decode("utf-8", "replace"), 120) or "it does not say who it is"


def releasing(config: Config, now: float) -> str:
    """Who is releasing or rolling back just now, in words: they judge the hub themselves. Empty where nobody is.

    Nobody either where that has lasted more than two hours: an abandoned lock must not blind the schedule.
    """
    from readiness.operations.deploys import lock

    found = lock.holder(lock.folder_for(config))
    if found is None:
        return ""
    who, since = found
    return "" if now - since > RELEASE_HOURS * 3600 else who
