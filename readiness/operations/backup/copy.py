"""Copies one file into a backup, with the SHA-256 of what was copied, and flushes what was written."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
from typing import TYPE_CHECKING, Final

from readiness.facts.backup import CHUNK, Beneath, printable
from readiness.operations.backup.sources import NEEDED, BackupError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.facts.backup import BackupEntry
    from readiness.operations.backup.sources import Item

_ATTEMPTS: Final = 3
"""Times a file is read that changes while it is read."""
_MANY: Final = 200
"""Files from which on flushing the whole file system is quicker."""
_GROWING: Final = frozenset({"logs", "cache"})
"""Roles whose files may grow while they are read: as much is taken as there was at the start."""


class Gone(Exception):  # noqa: N818 - no failure: a log that was rotated away between two looks
    """A file of the logs, the cache or the settings that cannot be read; it is left out and said."""


def copied(item: Item, target: Path) -> BackupEntry:
    """Copy a file and return its entry. Raises Gone, BackupError for what cannot be left out, OSError of the target."""
    for _ in range(_ATTEMPTS):
        entry, steady = _once(item, target)
        if steady or item.entry.role in _GROWING:
            return entry
    raise BackupError(f"{printable(item.entry.path)} keeps changing while it is read: try again when it is quiet")


def _once(item: Item, target: Path) -> tuple[BackupEntry, bool]:
    """Copy at most as much as there was when the file was opened; its entry, and whether it stayed as it was."""
    try:
        with Beneath(item.base) as beneath:
            source = beneath.open(item.path)
    except OSError as error:
        why = f"it cannot be read: {error.strerror or error}"
        if item.entry.role in NEEDED:
            raise BackupError(f"{printable(item.entry.path)}: {why}") from None
        raise Gone(why) from None
    try:
        before = os.fstat(source)
        size, digest = _pour(source, target, before.st_size)
        after = os.fstat(source)
    finally:
        os.close(source)
    steady = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and size == before.st_size
    return dataclasses.replace(item.entry, size=size, sha256=digest), steady


def _pour(source: int, target: Path, size: int) -> tuple[int, str]:
    """Copy up to `size` bytes; how many there were, and their SHA-256."""
    done, digest = 0, hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(target, flags, 0o600), "wb", buffering=0) as copy:
        while done < size and (chunk := os.read(source, min(CHUNK, size - done))):
            copy.write(chunk)
            digest.update(chunk)
            done += len(chunk)
    return done, digest.hexdigest()


def flush_all(paths: Sequence[Path]) -> None:
    """Wait until all of `paths`, on one file system, are on disk: one by one, or many at once. Raises OSError."""
    if len(paths) > _MANY and _flush_file_system(paths[-1]):
        return
    for path in reversed(paths):
        flush(path)


def _flush_file_system(path: Path) -> bool:
    """Flush the whole file system of `path`; whether that could be done. Thousands of single files take many times as long."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return bool(syncfs(descriptor) == 0)
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Wait until `path` itself is on disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot flush a folder
            raise
    finally:
        os.close(descriptor)
