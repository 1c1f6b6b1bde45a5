"""The bytes of files, a piece at a time: what a folder holds, holes skipped, gzip unpacked, nothing that could block.

Memory stays flat whatever the size. What is no regular file is named and left alone: opening a pipe would hang.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import gzip
import os
import stat
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE: Final = 512 * 1024
"""Bytes read at once: small enough for a processor's cache, which makes searching twice as fast."""
MOST_FILES: Final = 200_000
"""Files below one place; a release has thousands."""
_GZIP: Final = b"\x1f\x8b"
_TAR_AT: Final = 257
"""Where a tar header says that it is one."""
_CLOSED: Final = {
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
    b"\x04\x22\x4d\x18": "lz4",
}
"""How compressed files begin that are not unpacked here."""


class Closed(OSError):  # noqa: N818 - a state of a file, told to the operator, not an error of the program
    """A file that is there and whose content cannot be seen; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a walk found: regular files, what is no file with its kind, and what could not be looked into."""

    files: tuple[Path, ...]
    skipped: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def printable_path(path: Path | str) -> str:
    r"""A path on one line that any terminal takes: `\n` and undecodable bytes as escapes."""
    text = os.fspath(path)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def walk(top: Path) -> Listing:
    """Every regular file below the folder `top`, or `top` itself; links to folders are not followed, except `top`."""
    files: list[Path] = []
    skipped: list[str] = []
    unread: list[str] = []
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            with os.scandir(path) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except NotADirectoryError:
            _file(path, files, skipped, unread)
            continue
        except OSError as error:
            _refused(path, error, skipped, unread)
            continue
        for entry in ordered:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            else:
                _file(Path(entry.path), files, skipped, unread)
        if len(files) > MOST_FILES:
            unread.append(f"{printable_path(top)} holds more than {MOST_FILES} files")
            break
    return Listing(files=tuple(files), skipped=tuple(skipped), unread=tuple(unread))


def _file(path: Path, files: list[Path], skipped: list[str], unread: list[str]) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        _refused(path, error, skipped, unread)
        return
    if stat.S_ISREG(mode):
        files.append(path)
    elif stat.S_ISDIR(mode):
        skipped.append(f"{printable_path(path)} (a link to a folder)")
    else:
        skipped.append(f"{printable_path(path)} ({_kind(mode)})")


def _refused(path: Path, error: OSError, skipped: list[str], unread: list[str]) -> None:
    if error.errno in {errno.ENOENT, errno.ELOOP} and path.is_symlink():
        skipped.append(f"{printable_path(path)} (a link that leads nowhere)")
    elif error.errno != errno.ENOENT:  # what is gone meanwhile was rotated away
        unread.append(f"{printable_path(path)}: {error.strerror or error}")


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for test, name in kinds if test(mode)), "no file")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A regular file, opened without waiting for anybody. Raises OSError, or Closed for what is no regular file."""
    # O_NONBLOCK: a file that was replaced by a pipe since it was listed must not hang us
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise Closed(f"it is {_kind(mode)}")
        yield file


def pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """The content of `path` as (offset, bytes): gzip unpacked, holes left out, so that offsets may jump.

    Raises OSError, or Closed for what is compressed otherwise or is broken.
    """
    with opened(path) as file:
        start = os.pread(file.fileno(), 8, 0)
        if start.startswith(_GZIP):
            yield from _unpacked(file)
            return
        for magic, name in _CLOSED.items():
            if start.startswith(magic):
                raise Closed(f"it is packed with {name}, which is not looked into")
        for begin, end in _data(file.fileno()):
            yield from _plain(file.fileno(), begin, end)


def _plain(descriptor: int, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    while begin < end:
        piece = os.pread(descriptor, min(PIECE, end - begin), begin)
        if not piece:
            return
        yield begin, piece
        begin += len(piece)


def _data(descriptor: int) -> Iterator[tuple[int, int]]:
    """The stretches of a file that are no holes; the whole file where the file system cannot tell."""
    size = os.fstat(descriptor).st_size
    position = 0
    while position < size:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
            end = os.lseek(descriptor, begin, os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.ENXIO:  # ENXIO: nothing but a hole up to the end
                yield position, size
            return
        yield begin, min(end, size)
        position = end


def _unpacked(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    offset = 0
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            while piece := unpacked.read(PIECE):
                yield offset, piece
                offset += len(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Closed(f"its gzip is broken after {offset} bytes ({error})") from None


def locate(path: Path, offset: int) -> tuple[str, int | None]:
    """Where the byte at `offset` of the content stands: the member of an archive (or ""), and the line, from 1.

    Reads the content once more up to there; a file that changed meanwhile has no line.
    """
    try:
        name, start = _member(path, offset)
        line = 1
        for begin, piece in pieces(path):
            if begin >= offset:
                break
            line += piece.count(b"\n", max(0, start - begin), offset - begin)
    except OSError:
        return "", None
    return name, line


def _member(path: Path, offset: int) -> tuple[str, int]:
    """The member of a tar archive that holds `offset`, and where its content begins; no archive gives "" and 0."""
    first = next(pieces(path), (0, b""))[1]
    if first[_TAR_AT : _TAR_AT + 5] != b"ustar":
        return "", 0
    import tarfile

    broken = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError)
    with opened(path) as file, contextlib.suppress(*broken):
        packed = os.pread(file.fileno(), 2, 0) == _GZIP
        content = _Modest(cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file)
        with tarfile.open(fileobj=cast("IO[bytes]", content), mode="r:") as archive:
            while (member := archive.next()) is not None and member.offset <= offset:
                if member.offset_data <= offset < member.offset_data + member.size:
                    return printable_path(member.name), member.offset_data
                archive.members = []  # type: ignore[attr-defined] # flat memory; the stubs leave the list out
    return "", 0


class _Modest:
    """A file that refuses a header which announces more than a piece: tarfile would read gigabytes at once."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self.seek, self.tell = inner.seek, inner.tell

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes. Raises EOFError where that is more than a piece."""
        if not 0 <= size <= PIECE:
            raise EOFError("a header is larger than any name")
        return self._inner.read(size)
