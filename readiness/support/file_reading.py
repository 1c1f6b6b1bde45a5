"""Files as a check may meet them: missing, empty, a folder, unreadable, binary, enormous. Each has its sentence."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final, Literal

from readiness.errors import Unknown

TEXT_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a text that is read whole, at most."""

Why = Literal["missing", "folder", "special", "denied", "large", "binary", "broken", "untold", "silent"]


class Unreadable(Unknown):
    """A file could not be read as what it should be; `why` says in one word what is wrong with it."""

    def __init__(self, text: str, why: Why = "broken", path: Path | None = None, line: int | None = None) -> None:
        super().__init__(text)
        self.why: Why = why
        self.path, self.line = path, line

    @property
    def proven(self) -> bool:
        """Whether the file itself is wrong, and not this reader's permissions, its configuration, or a tool that is silent."""
        return self.why not in {"denied", "untold", "silent"}


def content(path: Path, limit: int = TEXT_LIMIT) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; never waits for a pipe. Raises Unreadable."""
    read_bytes = _read(path, limit, limit)
    if len(read_bytes) > limit:
        raise Unreadable(f"{path} is larger than {limit // 1024} KB", "large", path)
    return read_bytes


def content_or_none(path: Path, limit: int) -> bytes | None:
    """As `content`; None where that would raise: never a pipe, a device or a flood."""
    try:
        return content(path, limit)
    except Unreadable:
        return None


def head(path: Path, count: int) -> bytes:
    """The first `count` bytes of a regular file of any size. Raises Unreadable."""
    return _read(path, count, None)[:count]


def last_change(facts: os.stat_result) -> float:
    """When a file was last written here, seconds since the epoch: an archive may bring a time of another machine's clock along."""
    return min(facts.st_mtime, facts.st_ctime)


def _read(path: Path, count: int, limit: int | None) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _reason(path, error) from None
    try:
        facts = os.fstat(descriptor)
        if stat.S_ISDIR(facts.st_mode):
            raise Unreadable(f"{path} is a folder, not a file", "folder", path)
        if not stat.S_ISREG(facts.st_mode):
            raise Unreadable(f"{path} is no regular file", "special", path)
        if limit is not None and facts.st_size > limit:
            raise Unreadable(f"{path} is larger than {limit // 1024} KB", "large", path)
        return _bytes(descriptor, count + 1)
    except OSError as error:
        raise _reason(path, error) from None
    finally:
        os.close(descriptor)


def _bytes(descriptor: int, count: int) -> bytes:
    collected = bytearray()
    while len(collected) < count:
        part = os.read(descriptor, count - len(collected))
        if not part:
            break
        collected += part
    return bytes(collected)


def text(path: Path, limit: int = TEXT_LIMIT) -> str:
    """A file's text in UTF-8, without its byte order mark. Raises Unreadable, also for what is binary."""
    raw = content(path, limit)
    if b"\0" in raw:
        raise Unreadable(f"{path} is binary, not a text", "binary", path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Unreadable(f"{path}:{line} is not UTF-8: save it as UTF-8", "binary", path, line) from None


def _reason(path: Path, error: OSError | ValueError) -> Unreadable:
    if isinstance(error, FileNotFoundError):
        broken = False
        with contextlib.suppress(OSError):
            broken = path.is_symlink()
        return Unreadable(f"{path} {'is a link that leads nowhere' if broken else 'is missing'}", "missing", path)
    if isinstance(error, NotADirectoryError):
        return Unreadable(f"{path} is missing: what it lies in is no folder", "missing", path)
    if isinstance(error, PermissionError):
        return Unreadable(f"{path} cannot be read: permission denied; run as a user who may", "denied", path)
    return Unreadable(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}", "broken", path)


def real(path: Path) -> Path:
    """`path` with its links resolved as far as they can be; a loop of links raises nothing."""
    return Path(os.path.realpath(path))


def exists(path: Path) -> bool:
    """Whether there is something at `path`, a broken link included; True also where that cannot be determined."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def size(path: Path) -> int:
    """Bytes of a regular file. Raises Unreadable."""
    try:
        at = path.stat()
    except OSError as error:
        raise _reason(path, error) from None
    if stat.S_ISDIR(at.st_mode):
        raise Unreadable(f"{path} is a folder, not a file", "folder", path)
    if not stat.S_ISREG(at.st_mode):
        raise Unreadable(f"{path} is no regular file", "special", path)
    return at.st_size


def owner(path: Path) -> tuple[int, int]:
    """Numbers of the user and the group that what `path` leads to belongs to. Raises Unreadable."""
    try:
        at = path.stat()
    except OSError as error:
        raise _reason(path, error) from None
    return at.st_uid, at.st_gid


def mode(path: Path) -> int:
    """Permission bits of what `path` leads to. Raises Unreadable."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise _reason(path, error) from None
