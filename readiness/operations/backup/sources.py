"""What a backup takes: files, folders and links found below named sources, with what was left out and why.

Links are recorded as links and never followed; pipes, sockets and devices are left out and said.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.facts.backup import ALSO, CONFIGURATION, ENTRY_LIMIT, ENVIRONMENT, LOCKFILE, BackupEntry, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE_LIMIT: Final = 1024**3
"""Bytes of one file of the cache or the logs at most; a larger one is left out and said."""
TOTAL_LIMIT: Final = 64 * 1024**3
"""Bytes of a backup at most."""
NEEDED: Final = frozenset({CONFIGURATION, ENVIRONMENT, LOCKFILE, ALSO})
"""Roles that are never left out in silence: without them a backup is refused."""


class BackupError(ReadinessError):
    """A backup that could not be made; nothing of it was left."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackupSource:
    """A file or a folder to take. `root` names the folder `base` in the manifest; `path` is relative to it, "." is all.

    `required`: that it is missing refuses the whole backup.
    """

    root: str
    base: Path
    path: str
    role: str
    required: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to take: its entry (the digest comes with the copy), and where it is."""

    entry: BackupEntry
    base: Path
    path: str


class Collection:
    """Everything that a backup will take, once each: the first source that names a file gives its role."""

    def __init__(self, *, exclude: Path, file_limit: int = FILE_LIMIT) -> None:
        """`exclude`: the folder of backups itself, wherever it lies."""
        self.file_limit = file_limit
        self.exclude = os.path.realpath(exclude)
        self.items: dict[str, Item] = {}
        self.skipped: list[tuple[str, str]] = []
        self.roots: dict[str, str] = {}
        self.size = 0

    def add(self, sources: Iterable[BackupSource]) -> None:
        """Walk `sources`, in order. Raises BackupError for one that cannot be taken and cannot be left out."""
        for source in sources:
            self.roots.setdefault(source.root, os.path.realpath(source.base))
            path = self._resolved(source) if source.role in NEEDED else source.path
            self._walk(source, path)
            if source.role in NEEDED:
                self._see(source, self._stored(source, path))

    def _see(self, source: BackupSource, stored: str) -> None:
        """That a needed file was taken, as a file; only one that is not required may be missing."""
        item = self.items.get(stored)
        why = "it is a folder" if item else dict(self.skipped).get(stored, "it was left out")
        missing = item is None and why == MISSING and not source.required
        if not missing and (item is None or item.entry.kind != "file"):
            raise BackupError(f"{printable(str(source.base / source.path))} cannot be backed up: {why}")

    def _resolved(self, source: BackupSource) -> str:
        """Where a file really lies that a source names itself; every link on the way to it is taken as a link."""
        base = os.path.realpath(source.base)
        left, here, links = source.path.split("/"), list[str](), 0
        while left and links <= _LINKS:
            part = left.pop(0)
            if part == "..":
                if not here:
                    raise self._outside(source)
                here.pop()
            elif part not in {"", "."}:
                here.append(part)
            full = source.base.joinpath(*here)
            if here and full.is_symlink():
                links += 1
                self._link(source, "/".join(here))
                target = full.readlink()
                here = [] if target.is_absolute() else here[:-1]
                left = [*(os.path.relpath(target, base) if target.is_absolute() else str(target)).split("/"), *left]
        if links > _LINKS:
            raise BackupError(
                f"{printable(str(source.base / source.path))} cannot be backed up: its links lead in a circle"
            )
        return "/".join(here)

    def _outside(self, source: BackupSource) -> BackupError:
        full = source.base / source.path
        return BackupError(
            f"{printable(str(full))} leads out of {printable(str(source.base))}, and links are not followed there: "
            f"name the file itself instead, {printable(os.path.realpath(full))}"
        )

    def _stored(self, source: BackupSource, path: str) -> str:
        return source.root if path == "." else f"{source.root}/{path}"

    def _skip(self, source: BackupSource, path: str, why: str) -> None:
        self.skipped.append((self._stored(source, path), why))

    def _walk(self, source: BackupSource, start: str) -> None:
        pending = [start]
        while pending:
            path = pending.pop()
            full = source.base / path
            try:
                facts = full.lstat()
                if stat.S_ISDIR(facts.st_mode):
                    pending += self._folder(source, path, facts)
                else:
                    self._leaf(source, path, facts)
            except OSError as error:
                self._skip(source, path, MISSING if isinstance(error, FileNotFoundError) else _why(error))

    def _folder(self, source: BackupSource, path: str, facts: os.stat_result) -> list[str]:
        """Note a folder and return what is in it, in reverse order of names."""
        full = source.base / path
        if os.path.realpath(full) == self.exclude:
            self._skip(source, path, "it is the folder of backups")
            return []
        inside = sorted(os.listdir(full), reverse=True)  # noqa: PTH208 - names, not paths
        if path != ".":
            self._take(source, path, _entry(self._stored(source, path), "folder", source.role, facts))
        return [name if path == "." else f"{path}/{name}" for name in inside]

    def _leaf(self, source: BackupSource, path: str, facts: os.stat_result) -> None:
        stored, mode = self._stored(source, path), facts.st_mode
        if stat.S_ISLNK(mode):
            self._link(source, path)
        elif not stat.S_ISREG(mode):
            self._skip(source, path, f"it is {_special(mode)}")
        elif facts.st_size > self.file_limit and source.role not in NEEDED:
            self._skip(source, path, f"it is larger than {self.file_limit} bytes: {facts.st_size}")
        else:
            self._take(
                source,
                path,
                dataclasses.replace(_entry(stored, "file", source.role, facts), size=facts.st_size),
            )

    def _link(self, source: BackupSource, path: str) -> None:
        target = str((source.base / path).readlink())
        self._take(
            source, path, BackupEntry(path=self._stored(source, path), kind="link", role=source.role, target=target)
        )

    def _take(self, source: BackupSource, path: str, entry: BackupEntry) -> None:
        if entry.path in self.items:
            return
        if len(self.items) >= ENTRY_LIMIT:
            raise BackupError(f"there are more than {ENTRY_LIMIT} files: name fewer folders")
        self.size += entry.size
        if self.size > TOTAL_LIMIT:
            raise BackupError(f"there are more than {TOTAL_LIMIT // 1024**3} GiB: move old logs away, or name less")
        self.items[entry.path] = Item(entry=entry, base=source.base, path=path)


def _entry(stored: str, kind: str, role: str, facts: os.stat_result) -> BackupEntry:
    return BackupEntry(
        path=stored,
        kind="folder" if kind == "folder" else "file",
        role=role,
        mode=stat.S_IMODE(facts.st_mode) & 0o777,
        modified=round(facts.st_mtime, 6),
    )


MISSING: Final = "it is not there"
_LINKS: Final = 40
"""Links followed inside a folder at most, as Linux does."""
_SPECIALS: Final[Mapping[int, str]] = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def _special(mode: int) -> str:
    return _SPECIALS.get(stat.S_IFMT(mode), "no regular file")


def _why(error: OSError) -> str:
    return error.strerror or str(error)
