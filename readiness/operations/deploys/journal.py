"""The journal of a rollback: what is about to be done is on disk before it is done, and what came of it after.

Append-only, one JSON object a line, each flushed to the disk. A journal that cannot be written stops everything: what is
not written down is not done. A torn last line is what a kill leaves; it is passed over, and ended before the next one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

MAX_BYTES: Final = 16 * 1024 * 1024

BEGIN: Final = "begin"
INTENT: Final = "intent"
STARTED: Final = "started"
ENDED: Final = "ended"
VERIFY: Final = "verify"
VERIFIED: Final = "verified"
OUTCOME: Final = "outcome"
NOTE: Final = "note"
PROBE: Final = "probe"
"""What came of looking again at a cause; it stands in a journal of its own, since it may be all that is done."""
KINDS: Final = (BEGIN, INTENT, STARTED, ENDED, VERIFY, VERIFIED, OUTCOME, NOTE, PROBE)

Entry = dict[str, Any]


class Journal:
    """One rollback's journal, open for appending."""

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
class State:
    """What a journal tells."""

    path: Path
    entries: tuple[Entry, ...]

    def first(self, kind: str) -> Entry:
        """The first entry of that kind; empty where there is none."""
        return next((entry for entry in self.entries if entry["kind"] == kind), {})

    def of(self, kind: str, action: str) -> Entry | None:
        """The last entry of that kind about an action."""
        return next((e for e in reversed(self.entries) if e["kind"] == kind and e.get("action") == action), None)

    def begun(self, action: str) -> bool:
        """Whether the action's command began: its own process left a mark on the disk just before."""
        return self.of(STARTED, action) is not None and mark(self.path, action).exists()

    @property
    def plan(self) -> dict[str, Any]:
        """The plan that it carries out."""
        return dict(self.first(BEGIN).get("plan") or {})

    @property
    def acted(self) -> bool:
        """Whether any action began."""
        return bool(self.first(STARTED))

    @property
    def finished(self) -> bool:
        """Whether it came to an outcome; one that did not is to be resumed."""
        return bool(self.first(OUTCOME))

    @property
    def last(self) -> float:
        """When its last entry was written, in seconds since the epoch."""
        return max((float(entry["at"]) for entry in self.entries), default=0.0)


def mark(path: Path, action: str) -> Path:
    """The file that an action's process makes just before its command begins; no file, no command."""
    return path.with_name(f"{path.stem}-{hashlib.sha256(action.encode()).hexdigest()[:12]}.begun")


def read(path: Path) -> State:
    """What the journal at `path` tells, as far as it is whole. Raises ReadinessError where it cannot be read."""
    return State(path=path, entries=entries(path, KINDS))


def entries(path: Path, kinds: Collection[str]) -> tuple[Entry, ...]:
    """The whole entries of these kinds in the journal at `path`, in order. Raises ReadinessError where it cannot be read."""
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None:
        raise ReadinessError(f"{path}: not a readable journal of at most {MAX_BYTES} bytes")
    found = []
    for line in content.split(b"\n"):
        try:
            entry = json.loads(line)
            if entry["kind"] in kinds and isinstance(entry["at"], (int, float)):
                found.append(entry)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return tuple(found)


def every(folder: Path) -> list[State]:
    """All rollbacks of `folder`, the oldest first; those that never came to their first line left nothing to finish."""
    paths = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    found = [read(path) for path in paths]
    return sorted((state for state in found if state.first(BEGIN)), key=lambda s: float(s.first(BEGIN)["at"]))


def unfinished(folder: Path) -> State | None:
    """The rollback that was begun and came to no outcome; None: there is none."""
    return next((state for state in reversed(every(folder)) if not state.finished), None)
