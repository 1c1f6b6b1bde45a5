"""How the files of an untrusted backup are opened: beneath their folder, through no link, and no device."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

CHUNK: Final = 1024 * 1024
"""Bytes read at once."""
_SAFELY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Beneath:
    """Opens files below a folder, through no link and no device; it keeps the last folder open, since most files share it.

    Raises OSError on entry where `base` is no folder.
    """

    def __init__(self, base: Path) -> None:
        self._base, self._folder, self._inner = base, "", -1
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        os.close(self._descriptor)

    def open(self, path: str) -> int:
        """A descriptor of the regular file `path`, for the caller to close. Raises OSError."""
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            self._leave()
            self._enter(folder)
        inner = self._descriptor if self._inner < 0 else self._inner
        file = os.open(name, _SAFELY | os.O_NONBLOCK, dir_fd=inner)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.EINVAL, "it is no regular file")
        return file

    def _enter(self, folder: str) -> None:
        for part in folder.split("/"):
            inner = os.open(part, _SAFELY | os.O_DIRECTORY, dir_fd=self._descriptor if self._inner < 0 else self._inner)
            self._leave()
            self._inner = inner
        self._folder = folder

    def _leave(self) -> None:
        if self._inner >= 0:
            os.close(self._inner)
        self._folder, self._inner = "", -1


@contextlib.contextmanager
def opened(base: Path, path: str) -> Iterator[int]:
    """A descriptor of the one regular file `path` below `base`, closed at the end. Raises OSError."""
    with Beneath(base) as beneath:
        file = beneath.open(path)
    try:
        yield file
    finally:
        os.close(file)


def digest(descriptor: int) -> str:
    """The SHA-256 of an open file, from its beginning, in flat memory. Raises OSError."""
    checksum = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while chunk := os.read(descriptor, CHUNK):
        checksum.update(chunk)
    return checksum.hexdigest()
