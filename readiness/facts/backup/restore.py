"""Putting a backup back: all of it, or as much as proves that it can be done, into a scratch folder."""

from __future__ import annotations

import contextlib
import dataclasses
import filecmp
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError, Unknown
from readiness.facts.backup.layout import CONFIGURATION, DATA, BackupEntry, Manifest, printable
from readiness.facts.backup.opening import CHUNK, Beneath, digest, opened
from readiness.facts.backup.verify import DENIED, Troubles
from readiness.facts.deployment import hub_config
from readiness.support import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SIZE_BUDGET: Final = 8 * 1024 * 1024
"""Bytes of logs and cache that a trial puts back: a host's disk is not to be filled to prove that it can be."""
COUNT_BUDGET: Final = 100
"""Files of them."""
_BULK: Final = frozenset({"logs", "cache"})


def trial(manifest: Manifest) -> tuple[Manifest, int]:
    """What a trial puts back: everything but most of the logs and the cache, the smallest first; how many files are left."""
    kept, size = set[str](), 0
    bulk = sorted((e for e in manifest.files if e.role in _BULK), key=lambda entry: (entry.size, entry.path))
    for entry in bulk[:COUNT_BUDGET]:
        size += entry.size
        if size > SIZE_BUDGET:
            break
        kept.add(entry.path)
    entries = tuple(e for e in manifest.entries if e.kind != "file" or e.role not in _BULK or e.path in kept)
    return dataclasses.replace(manifest, entries=entries), len(bulk) - len(kept)


def sample(folder: Path, files: Iterable[str]) -> list[str]:
    """As `trial`, of files that no manifest gives a role: what lies in folders called logs and cache is bulk."""
    plain: list[str] = []
    bulk: list[str] = []
    for path in files:
        (bulk if _BULK & set(path.split("/")[:-1]) else plain).append(path)
    sizes = {path: _size(folder / path) for path in bulk}
    total = 0
    for path in sorted(bulk, key=lambda path: (sizes[path], path))[:COUNT_BUDGET]:
        total += sizes[path]
        if total > SIZE_BUDGET:
            break
        plain.append(path)
    return plain


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RestoredBackup:
    """What came of putting a backup back: `troubles` as sentences, and the hub's configuration files among it."""

    troubles: tuple[str, ...]
    configurations: tuple[Path, ...]
    left: int = 0
    """Files of logs and cache that were not put back, because there are so many of them."""

    def with_configuration(self) -> tuple[str, ...]:
        """The troubles, that of the configuration included."""
        trouble = self.configuration_trouble()
        return (*self.troubles, trouble) if trouble else self.troubles

    def configuration_trouble(self) -> str:
        """Why the restored configuration cannot be read; an empty text where it can."""
        if not self.configurations:
            return "it holds no configuration of the hub"
        try:
            hub_config.read_files(self.configurations)
        except Unreadable as error:
            return str(error)
        return ""


def restore_backup(folder: Path, manifest: Manifest, into: Path) -> RestoredBackup:
    """Put the backup in `folder` back below `into`, a new or empty folder, and hold it against the manifest.

    Files first and links last, so that nothing is ever written through a link; then the modes. Raises ReadinessError
    where `into` is not empty or cannot be written.
    """
    found = Troubles()
    configurations = []
    try:
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(into.iterdir()):
            raise ReadinessError(f"{printable(str(into))} is not empty: restore into a new folder")
        with Beneath(folder / DATA) as beneath:
            for entry in sorted(manifest.entries, key=lambda entry: _ORDER[entry.kind]):
                trouble = _put_back(beneath, entry, into)
                if trouble:
                    found.add(f"{printable(entry.path)} {trouble}")
                elif entry.role == CONFIGURATION and entry.kind == "file":
                    configurations.append(into / entry.path)
        for entry in manifest.entries:
            if entry.kind == "folder" and (into / entry.path).is_dir():
                (into / entry.path).chmod(entry.mode)
    except OSError as error:
        raise ReadinessError(f"{printable(str(into))} cannot be written: {error.strerror or error}") from None
    return RestoredBackup(troubles=tuple(found.told), configurations=tuple(configurations))


_ORDER: Final[Mapping[str, int]] = {"folder": 0, "file": 1, "link": 2}


def _put_back(beneath: Beneath, entry: BackupEntry, into: Path) -> str:
    target = into / entry.path
    if entry.kind == "folder":
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ""
    if not target.parent.is_dir():
        target.parent.mkdir(parents=True, mode=0o700)
    if entry.kind == "link":
        target.symlink_to(entry.target)
        return "" if str(target.readlink()) == entry.target else "leads elsewhere"
    try:
        source = beneath.open(entry.path)
    except OSError as error:
        if error.errno in DENIED:
            raise Unknown(f"{printable(entry.path)} may not be read: run as the user that owns the backup") from None
        return f"cannot be restored: {error.strerror or error}"
    try:
        return "" if _copied(source, target, entry) else "came back with another content"
    finally:
        os.close(source)


def _copied(source: int, target: Path, entry: BackupEntry) -> bool:
    """Write a file anew, with its mode and time; whether what stands there now is what the manifest says."""
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        left = entry.size + 1  # room was made for what the manifest says: a file that grew since fills no disk
        while left > 0 and (chunk := memoryview(os.read(source, min(CHUNK, left)))):
            left -= len(chunk)
            while chunk:
                chunk = chunk[os.write(descriptor, chunk) :]
        same = os.fstat(descriptor).st_size == entry.size and digest(descriptor) == entry.sha256
        os.fchmod(descriptor, entry.mode)
        os.utime(descriptor, (entry.modified, entry.modified))
    finally:
        os.close(descriptor)
    return same


def copy_back(folder: Path, files: Iterable[str], into: Path) -> list[str]:
    """Put files back that no checksum vouches for; what does not come back as it lies in the backup, as sentences."""
    troubles = Troubles()
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
                troubles.add(f"{printable(path)} came back with another content")
        except OSError as error:
            troubles.add(f"{printable(path)} cannot be restored: {error.strerror or error}")
    return troubles.told


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
