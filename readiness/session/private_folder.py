"""A run's private folder: where its workers share what they know. It ends with the run; a killed one's is swept by a later run."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import pytest

from readiness.support import locks

PREFIX: Final = "readiness-"
_ALIVE: Final = ".alive"
"""Locked by the run for as long as it lives."""
_YOUNG: Final = 60.0
"""Seconds in which a folder may be so new that its lock is not held yet."""
_OLD: Final = 86_400.0
"""Seconds after which nobody comes back for the journal of a run that had no folder of reports."""
_MOST: Final = 50
"""Folders that one run sweeps."""


class PrivateFolder:
    """`path`, for this process alone until `remove`."""

    def __init__(self, reports: Path) -> None:
        """Make it among the temporary files, or where there is no place for such in `reports`. Raises pytest.UsageError."""
        self.path = _made(reports)
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):
            self._descriptor = os.open(self.path / _ALIVE, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            locks.obtain(self._descriptor)

    def remove(self) -> None:
        """Leave nothing behind, neither of this run nor of killed ones. Raises nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        with contextlib.suppress(OSError):
            sweep(self.path.parent)


def _made(reports: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        problem = error.strerror or str(error)
    try:
        reports.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=reports))
    except OSError:
        raise pytest.UsageError(
            f"there is no folder for a run's temporary files ({problem}): set TMPDIR to one that can be written"
        ) from None


def sweep(folder: Path) -> None:
    """Remove the private folders in `folder` that killed runs of this user left. Raises OSError where it cannot be listed."""
    now, me = time.time(), os.geteuid()
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.lstrip(".").startswith(PREFIX)]
    for name in sorted(names)[:_MOST]:
        with contextlib.suppress(OSError):
            path = folder / name
            if path.lstat().st_uid != me or path.is_symlink():
                continue
            if path.is_dir():
                _sweep_folder(path, now)
            elif name.startswith(f"{PREFIX}journal-") and now - path.lstat().st_mtime > _OLD:
                path.unlink()


def _sweep_folder(path: Path, now: float) -> None:
    descriptor = os.open(path / _ALIVE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        is_old = now - os.fstat(descriptor).st_mtime > _YOUNG
        if is_old and locks.obtain(descriptor):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)
