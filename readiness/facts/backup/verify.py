"""Whether a backup is what its manifest says: facts, never a judgement."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.backup.layout import DATA, MANIFEST, BackupEntry, printable
from readiness.facts.backup.opening import Beneath, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from readiness.facts.backup.layout import Kind, Manifest

TROUBLE_LIMIT: Final = 20
"""Troubles kept of one backup: a restore needs none, and nobody reads thousands."""
DENIED: Final = frozenset({errno.EACCES, errno.EPERM})


def verify(folder: Path, manifest: Manifest) -> list[str]:
    """What is wrong with a backup, as sentences; nothing where every file is as its manifest says.

    Raises Unknown where it may not be read.
    """
    troubles = Troubles()
    for name in _names(folder):
        if name not in {MANIFEST, DATA}:
            troubles.add(f"{printable(name)} lies in the backup and is not of it")
    there = dict(_tree(folder / DATA)) if (folder / DATA).is_dir() else {}
    known = {entry.path: entry for entry in manifest.entries}
    folders = {above for path in known for above in _above(path)}
    for path, kind in there.items():
        if path not in known and not (kind == "folder" and path in folders):
            troubles.add(f"{printable(path)} is in the backup and not in its manifest")
    with contextlib.ExitStack() as stack:
        beneath = stack.enter_context(Beneath(folder / DATA)) if there else None
        for entry in manifest.entries:
            if troubles.full:
                break
            trouble = _trouble(folder / DATA, entry, there.get(entry.path), beneath)
            if trouble:
                troubles.add(f"{printable(entry.path)} {trouble}")
    return troubles.told


class Troubles:
    """The first troubles of a backup, as sentences."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def add(self, text: str) -> None:
        """Keep one more, unless there are enough."""
        if not self.full:
            self.told.append(text)

    @property
    def full(self) -> bool:
        """Whether there are enough."""
        return len(self.told) >= TROUBLE_LIMIT


def _trouble(base: Path, entry: BackupEntry, kind: str | None, beneath: Beneath | None) -> str:
    if kind is None or beneath is None:
        return "is missing"
    if kind != entry.kind:
        return f"is a {kind}, expected a {entry.kind}"
    with _readable(entry.path):
        if kind == "link":
            return "" if str((base / entry.path).readlink()) == entry.target else "leads elsewhere"
        return "" if kind == "folder" else _content_trouble(beneath, entry)


def _content_trouble(beneath: Beneath, entry: BackupEntry) -> str:
    file = beneath.open(entry.path)
    try:
        size = os.fstat(file).st_size
        if size != entry.size:
            return f"has {size} bytes, expected {entry.size}"
        return "" if digest(file) == entry.sha256 else "has another content than its SHA-256 says"
    finally:
        os.close(file)


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    """What may not be read proves nothing about a backup: it is private, and belongs to who made it."""
    try:
        yield
    except OSError as error:
        if error.errno in DENIED:
            raise Unknown(f"{printable(path)} may not be read: run as the user that owns the backup") from None
        raise Unknown(f"{printable(path)} cannot be read: {error.strerror or error}") from None


def _names(folder: Path) -> list[str]:
    with _readable(str(folder)):
        return sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths


def _tree(base: Path) -> Iterator[tuple[str, str]]:
    """Everything below `base` with its kind, following no link."""
    pending = [""]
    while pending:
        here = pending.pop()
        with _readable(here or str(base)), os.scandir(base / here) as entries:
            for entry in entries:
                path = f"{here}/{entry.name}" if here else entry.name
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    pending.append(path)
                yield path, _kind(mode)


def _kind(mode: int) -> Kind | str:
    known: Mapping[int, str] = {stat.S_IFDIR: "folder", stat.S_IFREG: "file", stat.S_IFLNK: "link"}
    return known.get(stat.S_IFMT(mode), "special file")


def _above(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))
