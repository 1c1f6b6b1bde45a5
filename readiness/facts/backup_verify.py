"""Whether a backup is what its manifest says, and whether it can be put back: facts, never a judgement."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import filecmp
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.backup_format import CONFIGURATION, DATA, MANIFEST, Entry, digest, open_file, opened, shown
from readiness.errors import ReadinessError, Unknown
from readiness.facts import deployed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from readiness.backup_format import Kind, Manifest

TROUBLE_LIMIT: Final = 20
"""Troubles kept of one backup: a restore needs none, and nobody reads thousands."""
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})


def verify(folder: Path, manifest: Manifest) -> list[str]:
    """What is wrong with a backup, as sentences; nothing where every file is as its manifest says.

    Raises Unknown where it may not be read.
    """
    found = _Troubles()
    for name in _names(folder):
        if name not in {MANIFEST, DATA}:
            found.add(f"{shown(name)} lies in the backup and is not of it")
    there = dict(_tree(folder / DATA)) if (folder / DATA).is_dir() else {}
    known = {entry.path: entry for entry in manifest.entries}
    folders = {above for path in known for above in _above(path)}
    for path, kind in there.items():
        if path not in known and not (kind == "folder" and path in folders):
            found.add(f"{shown(path)} is in the backup and not in its manifest")
    for entry in manifest.entries:
        if found.full:
            break
        trouble = _trouble(folder / DATA, entry, there.get(entry.path))
        if trouble:
            found.add(f"{shown(entry.path)} {trouble}")
    return found.told


class _Troubles:
    def __init__(self) -> None:
        self.told: list[str] = []

    def add(self, text: str) -> None:
        if not self.full:
            self.told.append(text)

    @property
    def full(self) -> bool:
        return len(self.told) >= TROUBLE_LIMIT


def _trouble(base: Path, entry: Entry, kind: str | None) -> str:
    if kind is None:
        return "is missing"
    if kind != entry.kind:
        return f"is a {kind}, expected a {entry.kind}"
    with _readable(entry.path):
        if kind == "link":
            return "" if str((base / entry.path).readlink()) == entry.target else "leads elsewhere"
        return "" if kind == "folder" else _content_trouble(base, entry)


def _content_trouble(base: Path, entry: Entry) -> str:
    with opened(base, entry.path) as file:
        size = os.fstat(file).st_size
        if size != entry.size:
            return f"has {size} bytes, expected {entry.size}"
        return "" if digest(file) == entry.sha256 else "has another content than its SHA-256 says"


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    """What may not be read proves nothing about a backup: it is private, and belongs to who made it."""
    try:
        yield
    except OSError as error:
        if error.errno in _DENIED:
            raise Unknown(f"{shown(path)} may not be read: run as the user that owns the backup") from None
        raise Unknown(f"{shown(path)} cannot be read: {error.strerror or error}") from None


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


# --- putting it back ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of putting a backup back: `troubles` as sentences, and the hub's configuration files among it."""

    troubles: tuple[str, ...]
    configurations: tuple[Path, ...]

    def configuration_trouble(self) -> str:
        """Why the restored configuration cannot be read; an empty text where it can."""
        if not self.configurations:
            return "it holds no configuration of the hub"
        try:
            deployed.read_files(self.configurations)
        except deployed.Unreadable as error:
            return str(error)
        return ""


def restore(folder: Path, manifest: Manifest, into: Path) -> Restored:
    """Put the backup in `folder` back below `into`, a new or empty folder, and hold it against the manifest.

    Files first and links last, so that nothing is ever written through a link; then the modes. Raises ReadinessError
    where `into` is not empty or cannot be written.
    """
    found = _Troubles()
    configurations = []
    try:
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(into.iterdir()):
            raise ReadinessError(f"{shown(str(into))} is not empty: restore into a new folder")
        for entry in sorted(manifest.entries, key=lambda entry: _ORDER[entry.kind]):
            trouble = _put_back(folder / DATA, entry, into)
            if trouble:
                found.add(f"{shown(entry.path)} {trouble}")
            elif entry.role == CONFIGURATION and entry.kind == "file":
                configurations.append(into / entry.path)
        for entry in manifest.entries:
            if entry.kind == "folder" and (into / entry.path).is_dir():
                (into / entry.path).chmod(entry.mode)
    except OSError as error:
        raise ReadinessError(f"{shown(str(into))} cannot be written: {error.strerror or error}") from None
    return Restored(troubles=tuple(found.told), configurations=tuple(configurations))


_ORDER: Final[Mapping[str, int]] = {"folder": 0, "file": 1, "link": 2}


def _put_back(base: Path, entry: Entry, into: Path) -> str:
    target = into / entry.path
    if entry.kind == "folder":
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if entry.kind == "link":
        target.symlink_to(entry.target)
        return "" if str(target.readlink()) == entry.target else "leads elsewhere"
    with _source(base, entry.path) as (source, trouble):
        if source is None:
            return trouble
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(os.dup(source), "rb") as reading, os.fdopen(os.dup(descriptor), "wb") as writing:
                shutil.copyfileobj(reading, writing, 1024 * 1024)
            same = os.fstat(descriptor).st_size == entry.size and digest(descriptor) == entry.sha256
            os.fchmod(descriptor, entry.mode)
            os.utime(descriptor, (entry.modified, entry.modified))
        finally:
            os.close(descriptor)
    return "" if same else "came back with another content"


@contextlib.contextmanager
def _source(base: Path, path: str) -> Iterator[tuple[int | None, str]]:
    try:
        file = open_file(base, path)
    except OSError as error:
        if error.errno in _DENIED:
            raise Unknown(f"{shown(path)} may not be read: run as the user that owns the backup") from None
        yield None, f"cannot be restored: {error.strerror or error}"
        return
    try:
        yield file, ""
    finally:
        os.close(file)


def copy_back(folder: Path, files: Iterable[str], into: Path) -> list[str]:
    """Put files back that no checksum vouches for; what does not come back as it lies in the backup, as sentences."""
    found = _Troubles()
    for path in files:
        target = into / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (
                opened(folder, path) as source,
                target.open("xb") as writing,
                os.fdopen(os.dup(source), "rb") as reading,
            ):
                shutil.copyfileobj(reading, writing, 1024 * 1024)
            if not filecmp.cmp(folder / path, target, shallow=False):
                found.add(f"{shown(path)} came back with another content")
        except OSError as error:
            found.add(f"{shown(path)} cannot be restored: {error.strerror or error}")
    return found.told


@contextlib.contextmanager
def scratch(size: int) -> Iterator[Path]:
    """A private folder with room for `size` bytes, removed at the end. Raises Unknown where there is no room for it."""
    try:
        holder = tempfile.TemporaryDirectory(prefix="readiness-restore-", ignore_cleanup_errors=True)
    except OSError as error:
        raise Unknown(f"there is no scratch folder to restore into: {error.strerror or error}") from None
    with holder as name:
        facts = os.statvfs(name)
        free = facts.f_bavail * facts.f_frsize
        if free < size + size // 10:
            raise Unknown(
                f"restoring takes {size // 1024**2} MB, and {tempfile.gettempdir()} has {free // 1024**2} MB free: "
                "set TMPDIR to a folder with room"
            )
        yield Path(name)
