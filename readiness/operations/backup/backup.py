"""Makes a backup: whole or not at all, private, with a SHA-256 for every file.

It is built beside its final place and gets its name last, after everything is on disk: whatever ends this process, and
whenever, a folder with a backup's name is a whole backup, and what is left of an unfinished one says so by its own name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import errno
import os
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Final

from readiness.facts.backup import (
    DATA,
    LATEST,
    LOCK,
    MANIFEST,
    NAME,
    PARTIAL,
    REMOVING,
    Manifest,
    printable,
    render_manifest,
)
from readiness.operations.backup.copy import Gone, copied, flush, flush_all
from readiness.operations.backup.sources import FILE_LIMIT, BackupError, BackupSource, Collection
from readiness.support import file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from readiness.facts.backup import BackupEntry
    from readiness.operations.backup.sources import Item

__all__ = ["BackupError", "BackupRequest", "BackupSource", "MadeBackup", "create"]

HEADROOM: Final = 2
"""Free space must be this many times what the backup needs, as the preflight check asks."""
_BLOCK: Final = 4096
"""Bytes a small file takes on most file systems."""
_WAIT: Final = 10.0
"""Seconds to wait for another backup that is just taking a name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackupRequest:
    """What to back up and where to. `keep`: how many whole backups stay, this one included; None keeps all."""

    folder: Path
    sources: tuple[BackupSource, ...]
    commit: str | None
    version: str | None
    keep: int | None = None
    file_limit: int = FILE_LIMIT


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MadeBackup:
    """A backup that was made, and the names of older ones that went."""

    path: Path
    manifest: Manifest
    removed: tuple[str, ...] = ()


def _no_step(_: str) -> None:
    """Nothing happens between two steps, except in tests, which end the process there."""


def create(request: BackupRequest, *, on_step: Callable[[str], None] = _no_step) -> MadeBackup:
    """Make one backup. `on_step` is called before every step that changes the disk. Raises BackupError."""
    try:
        return _Making(request, on_step).run()
    except OSError as error:
        where = f": {printable(str(error.filename))}" if error.filename else ""
        raise BackupError(f"the backup could not be made: {error.strerror or error}{where}") from error


class _Making:
    """One backup on its way."""

    def __init__(self, request: BackupRequest, on_step: Callable[[str], None]) -> None:
        self.request, self.step = request, on_step
        self.folder = request.folder
        now = time.time()
        self.created = dt.datetime.fromtimestamp(now, dt.UTC)
        part = self.created.microsecond * 4096 // 1_000_000
        self.name = f"{self.created:%Y%m%dT%H%M%SZ}-{part:03x}{secrets.token_hex(3)[:5]}"
        self.partial = self.folder / f"{PARTIAL}{self.name}"
        self.written: list[Path] = []

    def run(self) -> MadeBackup:
        collection = Collection(exclude=self.folder, file_limit=self.request.file_limit)
        collection.add(self.request.sources)
        self._make_folder()
        with self._partial_folder():
            self._check_room(collection)
            entries = tuple(self._copied(collection))
            manifest = Manifest(
                created=self.created.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                commit=self.request.commit,
                version=self.request.version,
                roots=collection.roots,
                entries=entries,
                skipped=tuple(collection.skipped),
            )
            self._write_manifest(manifest)
            self._flush()
            self.step("name")
            self.partial.rename(self.folder / self.name)
        self.step("flush the folder of backups")
        flush(self.folder)
        with locks.locked(self.folder / LOCK, _WAIT):
            self._point()
            removed = tuple(self._prune())
        return MadeBackup(path=self.folder / self.name, manifest=manifest, removed=removed)

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.step("make the folder of backups")
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            file_writing.keep_out_of_git(self.folder)

    @contextlib.contextmanager
    def _partial_folder(self) -> Iterator[None]:
        """The folder being filled, locked as long as its maker lives, so that others can tell what was left behind."""
        with locks.locked(self.folder / LOCK, _WAIT) as alone:
            if alone:
                self._sweep()
            self.step("make the unfinished folder")
            self.partial.mkdir(mode=0o700)
            descriptor = os.open(self.partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            with contextlib.suppress(OSError):  # a file system without locks: others then leave it alone for good
                locks.obtain(descriptor)
        try:
            yield
        finally:
            os.close(descriptor)
            shutil.rmtree(self.partial, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what ended processes left: unfinished backups that nobody holds, and half-removed ones."""
        for name in sorted(os.listdir(self.folder)):  # noqa: PTH208 - names, not paths
            path = self.folder / name
            if name.startswith((PARTIAL, REMOVING)) and _is_abandoned(path):
                self.step(f"sweep {name}")
                shutil.rmtree(path, ignore_errors=True)
            elif name.startswith(f".{LATEST}-") and path.is_symlink():
                path.unlink(missing_ok=True)

    def _check_room(self, collection: Collection) -> None:
        needed = sum(-(-item.entry.size // _BLOCK) * _BLOCK + _BLOCK for item in collection.items.values())
        facts = os.statvfs(self.folder)
        free = facts.f_bavail * facts.f_frsize
        if free < HEADROOM * needed:
            raise BackupError(
                f"{printable(str(self.folder))} has {free // 1024**2} MB free, and a backup of {needed // 1024**2} MB wants "
                f"{HEADROOM} times as much: remove old backups (--keep) or make room"
            )
        if facts.f_files and facts.f_favail < HEADROOM * len(collection.items):
            raise BackupError(
                f"{printable(str(self.folder))} has too few inodes free for {len(collection.items)} files"
            )

    def _copied(self, collection: Collection) -> Iterator[BackupEntry]:
        for item in collection.items.values():
            try:
                yield self._copy(item)
            except Gone as gone:
                collection.skipped.append((item.entry.path, str(gone)))

    def _copy(self, item: Item) -> BackupEntry:
        target = self.partial / DATA / item.entry.path
        self._make_above(target)
        if item.entry.kind == "folder":
            if not target.is_dir():
                self._make_one(target)
            return item.entry
        self.step(f"copy {item.entry.path}")
        if item.entry.kind == "link":
            target.symlink_to(item.entry.target)
            return item.entry
        entry = copied(item, target)
        self.written.append(target)
        return entry

    def _make_above(self, target: Path) -> None:
        missing = []
        above = target.parent
        while not above.is_dir():
            missing.append(above)
            above = above.parent
        for folder in reversed(missing):
            self._make_one(folder)

    def _make_one(self, folder: Path) -> None:
        self.step(f"make {folder.name}")
        folder.mkdir(mode=0o700)
        self.written.append(folder)

    def _write_manifest(self, manifest: Manifest) -> None:
        self.step("write the manifest")
        path = self.partial / MANIFEST
        content = render_manifest(manifest)
        half = len(content) // 2
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.write(content[:half])
            self.step("write the rest of the manifest")
            file.write(content[half:])
        self.written.append(path)

    def _flush(self) -> None:
        """Everything to disk, before the name."""
        self.step("flush")
        flush_all([*self.written, self.partial])

    def _point(self) -> None:
        """Let `latest` lead to the newest whole backup."""
        newest = max(_names(self.folder), default=self.name)
        self.step("make the pointer")
        temporary = self.folder / f".{LATEST}-{secrets.token_hex(4)}"
        temporary.symlink_to(newest)
        self.step("place the pointer")
        try:
            temporary.replace(self.folder / LATEST)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno not in {errno.EISDIR, errno.ENOTDIR, errno.EEXIST}:
                raise
            raise BackupError(
                f"{self.name} is whole, but {printable(str(self.folder / LATEST))} is a folder and no link: move it away"
            ) from error
        flush(self.folder)

    def _prune(self) -> Iterator[str]:
        """Remove all but the newest; under a name of its own first, so that half a backup never has a backup's name."""
        if self.request.keep is None:
            return
        others = sorted(name for name in _names(self.folder) if name != self.name)
        for name in others[: max(0, len(others) + 1 - max(1, self.request.keep))]:
            going = self.folder / f"{REMOVING}{name}"
            self.step(f"rename {name} to remove it")
            with contextlib.suppress(FileNotFoundError):  # another backup removes it just now
                (self.folder / name).rename(going)
                self.step(f"remove {name}")
                shutil.rmtree(going, ignore_errors=True)
                yield name


def _names(folder: Path) -> list[str]:
    """Names of the whole backups of this format."""
    return [path.name for path in folder.iterdir() if NAME.fullmatch(path.name) and (path / MANIFEST).is_file()]


def _is_abandoned(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return locks.obtain(descriptor)
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
