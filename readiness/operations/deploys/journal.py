"""The journal of a release or a rollback: what is about to be done is on disk before it is done, and what came of it after.

Append-only, one JSON object a line, each flushed to the disk. A journal that cannot be written stops everything: what is
not written down is not done. A torn last line is what a kill leaves; it is passed over, and ended before the next one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.support import file_reading, file_writing, process_identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES: Final = 16 * 1024 * 1024

BEGIN: Final = "begin"
INTENT: Final = "intent"
STARTED: Final = "started"
ENDED: Final = "ended"
OUTCOME: Final = "outcome"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One line of a journal. `about` names the action, command, step or phase that it is about; empty: the whole."""

    kind: str
    at: float
    """Seconds since the epoch."""
    about: str
    data: Mapping[str, Any]
    """The whole line; what is read of it beyond this module has a type of its own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StartedCommand:
    """A command whose process was written down; whether it began, its mark on the disk says."""

    name: str
    pid: int
    start: str | None
    """The process's start as the kernel counts it: with the pid it names one process of this boot."""
    boot: str
    host: str
    at: float = 0.0
    """Seconds since the epoch."""

    @property
    def is_of_this_boot(self) -> bool:
        """Whether its pid says anything here and now."""
        return (self.boot, self.host) == (process_identity.boot(), process_identity.host())

    @property
    def is_running(self) -> bool:
        """Whether its process is still there."""
        return self.is_of_this_boot and process_identity.alive(self.pid, self.start)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EndedCommand:
    """What came of a command. `code` is negative for a signal; None: whoever started it died, so nobody was told."""

    code: int | None
    timed_out: bool = False
    seconds: float = 0.0
    output: str = ""
    trouble: str = ""
    """Why it never began."""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with status 0."""
        return self.code == 0 and not self.timed_out and not self.trouble

    @property
    def words(self) -> str:
        """How it ended."""
        if self.trouble:
            return f"could not be started: {self.trouble}"
        if self.timed_out:
            return f"did not end within its time, and its whole process group was ended after {self.seconds:.0f} s"
        if self.code is None:
            return "ended with a status that nobody saw"
        if self.code < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-self.code).name}"
        return f"ended with status {self.code}"


class JournalFile:
    """One journal, open for appending."""

    def __init__(self, path: Path) -> None:
        """Open `path`, made where it is not there. Raises ReadinessError."""
        self.path = path
        file_writing.make_folder(path.parent)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
            self._descriptor = os.open(path, flags, 0o600)
            file_writing.flush_folder(path.parent)
            self._end_torn_line()
        except OSError as error:
            raise ReadinessError(_unwritable(path, error)) from error

    def write(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any plain value
        """Append one entry, on disk when this returns. Raises ReadinessError, and leaves no half line behind."""
        entry = {"kind": kind, "at": time.time(), **data}
        line = (json.dumps(entry, ensure_ascii=True) + "\n").encode("ascii")
        try:
            before = os.fstat(self._descriptor).st_size
            try:
                if os.write(self._descriptor, line) != len(line):
                    raise OSError(28, "No space left on device")  # noqa: TRY301 - a short write says so
                os.fsync(self._descriptor)
            except OSError:
                os.ftruncate(self._descriptor, before)
                raise
        except OSError as error:
            raise ReadinessError(_unwritable(self.path, error)) from error

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)

    def _end_torn_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")


def _unwritable(path: Path, error: OSError) -> str:
    return f"the journal {path} cannot be written: {error.strerror or error}; nothing is done that is not written down"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JournalState:
    """What a journal tells."""

    path: Path
    entries: tuple[JournalEntry, ...]

    def first(self, kind: str) -> JournalEntry | None:
        """The first entry of that kind."""
        return next((entry for entry in self.entries if entry.kind == kind), None)

    def last(self, kind: str, about: str) -> JournalEntry | None:
        """The last entry of that kind about an action, command, step or phase."""
        return next((e for e in reversed(self.entries) if e.kind == kind and e.about == about), None)

    @property
    def is_begun(self) -> bool:
        """Whether its first line was written; one without it left nothing to finish."""
        return self.first(BEGIN) is not None

    @property
    def is_finished(self) -> bool:
        """Whether it came to an outcome; one that did not is to be resumed."""
        return self.first(OUTCOME) is not None

    @property
    def last_at(self) -> float:
        """When its last entry was written, in seconds since the epoch."""
        return max((entry.at for entry in self.entries), default=0.0)

    # --- commands -----------------------------------------------------------------------------------------------------

    def started(self, name: str) -> StartedCommand | None:
        """The command as it was last started."""
        entry = self.last(STARTED, name)
        return None if entry is None else _started(entry)

    def ended(self, name: str) -> EndedCommand | None:
        """How the command ended."""
        entry = self.last(ENDED, name)
        if entry is None:
            return None
        names = [field.name for field in dataclasses.fields(EndedCommand)]
        return EndedCommand(**{name: entry.data[name] for name in names if name in entry.data})

    def has_begun(self, name: str) -> bool:
        """Whether the command began: its own process left a mark on the disk just before."""
        return self.started(name) is not None and mark(self.path, name).exists()

    @property
    def running(self) -> StartedCommand | None:
        """A command that it started and whose process is still there."""
        started = (_started(entry) for entry in self.entries if entry.kind == STARTED)
        return next((command for command in started if command.is_running), None)


def _started(entry: JournalEntry) -> StartedCommand:
    data = entry.data
    return StartedCommand(
        name=entry.about, pid=int(data["pid"]), start=data["start"], boot=data["boot"], host=data["host"], at=entry.at
    )


def mark(path: Path, name: str) -> Path:
    """The file that a command's process makes just before the command begins; no file, no command."""
    return path.with_name(f"{path.stem}-{hashlib.sha256(name.encode()).hexdigest()[:12]}.begun")


def read_journal(path: Path) -> JournalState:
    """What the journal at `path` tells, as far as it is whole. Raises ReadinessError where it cannot be read."""
    return JournalState(path=path, entries=read_entries(path))


def read_entries(path: Path) -> tuple[JournalEntry, ...]:
    """The whole entries of the journal at `path`, in order. Raises ReadinessError where it cannot be read."""
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None:
        raise ReadinessError(f"{path}: not a readable journal of at most {MAX_BYTES} bytes")
    entries = []
    for line in content.split(b"\n"):
        try:
            data = json.loads(line)
            kind, at, about = data["kind"], data["at"], data.get("action", data.get("name", ""))
            if isinstance(kind, str) and isinstance(at, (int, float)) and isinstance(about, str):
                entries.append(JournalEntry(kind=kind, at=float(at), about=about, data=data))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return tuple(entries)


def begun_journals(folder: Path) -> list[JournalState]:
    """All journals of `folder` that have their first line, the oldest first."""
    paths = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    states = [state for state in map(read_journal, paths) if state.is_begun]
    return sorted(states, key=lambda state: state.entries[0].at)


def unfinished_journal(folder: Path) -> JournalState | None:
    """The newest journal that was begun and came to no outcome; None: there is none."""
    return next((state for state in reversed(begun_journals(folder)) if not state.is_finished), None)
