"""Files that are replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import threading
import time
from typing import IO, TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_STALE: Final = 3600.0
"""Seconds after which a temporary file is one that a killed run left behind."""


def make_folder(folder: Path, *, is_kept: bool = False) -> None:
    """Make `folder` and what is above it. Raises ReadinessError with the reason for an operator.

    What is made stays out of git, unless it `is_kept` there on purpose.
    """
    try:
        made = next((path for path in (*reversed(folder.parents), folder) if not path.exists()), None)
        folder.mkdir(parents=True, exist_ok=True)
        if made is not None and not is_kept:
            keep_out_of_git(made)
    except (FileExistsError, NotADirectoryError) as error:
        raise ReadinessError(f"cannot write reports to {folder}: a file is in the way") from error
    except OSError as error:
        raise ReadinessError(f"cannot write reports to {folder}: {_why(error)}") from error


def keep_out_of_git(folder: Path) -> None:
    """Let git pass over a folder that was just made: backups hold secrets, and reports belong to no commit. Raises nothing."""
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(folder / ".gitignore", flags, 0o644)
        try:
            os.write(descriptor, b"# Made by readiness: nothing here belongs to a commit.\n*\n")
        finally:
            os.close(descriptor)


def replace_file(path: Path, content: str) -> None:
    """Replace `path` by `content` in UTF-8, atomically and flushed to disk.

    A reader sees the old file or the new one, and so does a machine that loses power. Raises ReadinessError.
    """
    one = _Written(path, content)
    one.flush()
    problem = one.take_place()
    flush_folder(path.parent)
    if problem is not None:
        raise ReadinessError(problem)


def replace_files(contents: Iterable[tuple[Path, str]]) -> dict[Path, str | None]:
    """As `replace`, for several files, which the disk flushes all at once. Returns what went wrong, by path.

    Each is replaced or left as it was, whatever becomes of the others; None: it was replaced. Flushing one while the
    next is made costs more than it saves: every call that waits hands the interpreter's lock over and back.
    """
    waiting = {path: _Written(path, content) for path, content in contents}
    flushing = []
    for one in waiting.values():
        thread = threading.Thread(target=one.flush, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads are to be had, or the interpreter ends
            one.flush()
        else:
            flushing.append(thread)
    for thread in flushing:
        thread.join()
    problems = {path: one.take_place() for path, one in waiting.items()}
    for folder in {path.parent for path in waiting}:
        flush_folder(folder)
    return problems


class _Written:
    """A temporary file beside the one that it will replace, and what went wrong while it was written."""

    def __init__(self, path: Path, content: str) -> None:
        """Write it, for a reader but not yet for a loss of power; never raises for a file system."""
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        self._file: IO[bytes] | None = None
        self._problem: OSError | None = None
        try:
            # O_EXCL: never through a link that somebody laid; 0o666: the umask decides who may read
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file = os.fdopen(os.open(self._temporary, flags, 0o666), "wb")
            self._file.write(content.encode("utf-8", "backslashreplace"))
            self._file.flush()
        except OSError as error:
            self._problem = error

    def flush(self) -> None:
        """Flush and close it; never raises, for it may do so in a thread."""
        if self._file is None:
            return
        try:
            with self._file:
                os.fsync(self._file.fileno())
        except OSError as error:
            self._problem = self._problem or error

    def take_place(self) -> str | None:
        """Replace the file. Returns what went wrong, also while writing, and then leaves nothing behind."""
        try:
            if self._problem is not None:
                raise self._problem
            os.replace(self._temporary, self._path)  # noqa: PTH105 - named for what it is: the atomic system call
        except OSError as error:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            return f"cannot write {self._path}: {_why(error)}"
        return None


def flush_folder(folder: Path) -> None:
    """Let what was made in `folder` survive a loss of power, where its file system can promise that."""
    with contextlib.suppress(OSError):  # some file systems cannot; the file itself is safe already
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove temporary files that killed runs left in `folder`; never raises."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.lstat().st_mtime > _STALE:
                    path.unlink()


def why_unwritable(folder: Path) -> tuple[str, str]:
    """Why nothing can be written to `folder`, whose it is, and what mends it; empty where none of that is the reason."""
    place = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    try:
        facts, disk = place.stat(), os.statvfs(place)
    except OSError as error:
        return f"{place} cannot be looked at: {_why(error)}", "look at it"
    if not stat.S_ISDIR(facts.st_mode):
        return f"{place} is a file", f"rm {place}"
    if disk.f_flag & os.ST_RDONLY:
        return f"{place} is mounted read-only", "mount it for writing"
    if not os.access(place, os.W_OK | os.X_OK):
        owner, me = _user(facts.st_uid), _user(os.geteuid())
        mend = f"chmod u+rwx {place}" if owner == me else f"chown -R {me} {place}"
        return f"{place} belongs to {owner}, mode {facts.st_mode & 0o777:o}, and this run is {me}", mend
    if not disk.f_bavail or (disk.f_files and not disk.f_favail):
        return f"the disk of {place} is full", "make room on it"
    return "", ""


def _user(number: int) -> str:
    import pwd  # only where something is wrong

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _why(error: OSError) -> str:
    return error.strerror or str(error)
