"""The history's folder: one JSON a run, and beside them the index, which is made from them and never believed alone.

A line that is torn, lost, or about a run that is gone is found by comparing the index with the folder, and mended by writing the
index anew. Several runs may write at once: whoever changes anything holds the lock, and lines are appended in one piece.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import stat
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.results.history import index as history_index
from readiness.support import file_reading, file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from readiness.results.history.index import Entry

FOLDER: Final = "history"
INDEX: Final = "index.jsonl"
LOCK: Final = ".index.lock"
PAGE: Final = "index.html"
"""The page over all runs, where somebody has asked for it."""
_NAME: Final = re.compile(rb"\d{8}T\d{6}\.\d{6}Z-[A-Za-z0-9._-]{1,60}\.json")
MAX_BYTES: Final = 64 * 1024 * 1024
"""Larger files are no runs of ours; a run of 10,000 checks takes 6 MB."""
_LINE: Final = 4 * 1024 * 1024
"""Bytes of the longest line; the names of 10,000 checks take 0.5 MB."""
_WAIT: Final = 5.0
_DEAD: Final = 50
"""Lines about runs that were dropped, past which the index is written anew."""

Document = dict[str, Any]


def add(folder: Path, content: str, run: tuple[Entry, list[str]], *, keep: int) -> Path:
    """Write a run's file and its line, and drop the oldest runs beyond `keep`. Raises ReadinessError for the file alone.

    `run` is its entry with the names of its checks.
    """
    file_writing.make_folder(folder)
    entry, names = run
    path = folder / entry.file
    with locks.locked(folder / LOCK, _WAIT):
        file_writing.replace(path, content)
        with contextlib.suppress(OSError):  # the file is what counts; a line that is missing is written later
            _append(folder / INDEX, history_index.run_line(entry), entry.names, names)
        dropped = newest_first(folder)[max(keep, 1) :]
        for old in dropped:
            with contextlib.suppress(OSError):  # another run may have dropped it already
                old.unlink()
                old.with_suffix(".html").unlink(missing_ok=True)
        if dropped and _dead(folder) > _DEAD:
            _rewrite(folder)
    file_writing.sweep(folder)
    return path


def newest_first(folder: Path) -> list[Path]:
    """The runs' files; anything else in the folder is somebody else's."""
    return [folder / os.fsdecode(name) for name in sorted(_file_names(folder), reverse=True)]


def document(path: Path) -> Document | None:
    """What a run's file holds; None where that is unreadable or no JSON object."""
    content = file_reading.content_or_none(path, MAX_BYTES)
    try:
        found = None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class Index:
    """The runs of a folder by their lines; the index is mended first where it and the folder do not agree."""

    def __init__(self, folder: Path) -> None:
        """Look at both. Raises nothing: what cannot be written anew is held in memory, what cannot be read is empty."""
        self.folder = folder
        self._oldest, agree = _agree(folder)
        self._held: list[bytes] | None = None
        if not agree:
            with locks.locked(folder / LOCK, _WAIT) as held:
                self._held = _rewrite(folder) if held else _rebuilt(folder)

    def runs(self) -> Iterator[bytes]:
        """The line of each run whose file is there, in the order in which they ended; one at a time in memory."""
        for line in self._lines():
            if line.startswith(history_index.RUN) and history_index.file_of(line) >= self._oldest:
                yield line

    def names(self, digests: Collection[str]) -> dict[str, list[str]]:
        """The names of checks behind each of `digests`; what is nowhere is left out."""
        wanted = {digest.encode("ascii", "replace") for digest in digests}
        return {
            history_index.names_of(line).decode("ascii"): history_index.decoded_names(line)
            for line in self._lines()
            if line.startswith(history_index.NAMES) and history_index.names_of(line) in wanted
        }

    def _lines(self) -> Iterator[bytes]:
        return _whole(self.folder / INDEX) if self._held is None else iter(self._held)


def _agree(folder: Path) -> tuple[bytes, bool]:
    """The name of the oldest run's file, and whether the index tells of every file from that one on, once.

    Compared by number and sum of hashes: no list of ten thousand names is held for it.
    """
    count, total, oldest = 0, 0, b""
    for name in _file_names(folder):
        count, total = count + 1, total + hash(name)
        oldest = min(oldest or name, name)
    needed, given = set(), set()
    for line in _whole(folder / INDEX):
        if line.startswith(history_index.NAMES):
            given.add(history_index.names_of(line))
        elif (name := history_index.file_of(line)) >= oldest:
            count, total = count - 1, total - hash(name)
            needed.add(history_index.names_of(line))
    return oldest, count == 0 and total == 0 and needed - {b""} <= given


def _file_names(folder: Path) -> Iterator[bytes]:
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    yield entry.name
    except OSError:
        return


def _whole(path: Path) -> Iterator[bytes]:
    """The undamaged lines of the index, one at a time; none where it is no regular file."""
    with contextlib.suppress(OSError), open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return
        while line := file.readline(_LINE):
            if history_index.whole(line):
                yield line


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting for a writer, where somebody put a pipe in the file's place."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _append(path: Path, line: bytes, digest: str, names: list[str]) -> None:
    """Add a run in one piece, with the names of its checks where no run before it had the same."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        start = history_index.NAMES + digest.encode("ascii")
        with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) if size else contextlib.nullcontext(b"") as known:
            # what a killed run left half written must not take this line with it
            torn = b"\n" if size and known[-1:] != b"\n" else b""
            new = b"" if known.find(start) >= 0 else history_index.names_line(digest, names)
        os.write(descriptor, torn + new + line)
    finally:
        os.close(descriptor)


def _dead(folder: Path) -> int:
    """How many lines at the head of the index are about runs that were dropped."""
    oldest = min(_file_names(folder), default=b"")
    dead = 0
    for line in _whole(folder / INDEX):
        if line.startswith(history_index.RUN):
            if history_index.file_of(line) >= oldest:
                break
            dead += 1
    return dead


def _rewrite(folder: Path) -> list[bytes]:
    """Make the index anew and write it, where it can be written; its lines. The caller holds the lock."""
    content = _rebuilt(folder)
    # lines are ASCII, whatever a report holds
    with contextlib.suppress(ReadinessError):
        file_writing.replace(folder / INDEX, b"".join(content).decode("ascii"))
    return content


def _rebuilt(folder: Path) -> list[bytes]:
    """The lines that the index should hold: those that are whole, and of the files that none of them is about."""
    there = {*_file_names(folder)}
    runs: dict[bytes, bytes] = {}
    shared: dict[bytes, bytes] = {}
    for line in _whole(folder / INDEX):
        if line.startswith(history_index.NAMES):
            shared[history_index.names_of(line)] = line
        elif history_index.file_of(line) in there:
            runs[history_index.file_of(line)] = line
    runs = {name: line for name, line in runs.items() if history_index.names_of(line) in {b"", *shared}}
    for name in sorted(there - {*runs}):
        runs[name], digest, given = _read(folder, name.decode("ascii"))
        if given is not None:
            shared[digest] = given
    used = {history_index.names_of(line) for line in runs.values()}
    return [*(line for digest, line in shared.items() if digest in used), *runs.values()]


def _read(folder: Path, name: str) -> tuple[bytes, bytes, bytes | None]:
    """The line of a run from its file, the digest of its names, and their line; None where it is no run."""
    found = document(folder / name)
    try:
        entry, names = history_index.of_document(name, found or {})
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return history_index.damaged_line(name), b"", None
    return history_index.run_line(entry), entry.names.encode("ascii"), history_index.names_line(entry.names, names)
