"""Reads of a hub's counters that earlier runs stored, so that the next one can tell today from last week.

One file in the folder of reports, replaced whole under a lock, at most `KEPT` reads. A file that cannot be parsed counts as
lost: the next run begins anew.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.support import file_reading, file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE: Final = "telemetry.json"
"""Its name in the folder of reports."""
KEPT: Final = 64
MAX_BYTES: Final = 256 * 1024
APART: Final = 60.0
"""Seconds between two stored reads of one process at least: fewer runs in a row push nothing out."""
SAME_START: Final = 2.0
"""Seconds that two sayings of when a process started may differ."""
_WAIT: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredCounters:
    """What one run read. `at` and `started` in seconds since the epoch; `underway`: calls that had not ended yet.

    `counters` holds by kind what was counted since the process started, and how much of it was bad.
    """

    at: float
    pid: int
    started: float
    hub: str
    """Its address."""
    counters: dict[str, tuple[float, float]]
    underway: float = 0.0

    def is_of(self, hub: str, pid: int, started: float) -> bool:
        """Whether it was read from this process."""
        return self.hub == hub and self.pid == pid and abs(self.started - started) <= SAME_START


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a store held; `broken` says why nothing could be read of a file that is there."""

    reads: tuple[StoredCounters, ...] = ()
    broken: str = ""


def load(folder: Path) -> Stored:
    """The stored reads below `folder`, oldest first. Raises nothing."""
    path = folder / FILE
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None:
        there = path.exists() or path.is_symlink()
        return Stored(broken=f"{path} is no readable file of at most {MAX_BYTES} bytes" if there else "")
    try:
        data = json.loads(content.decode("utf-8"))
        reads = [_read(entry) for entry in data["reads"]]
    except (ValueError, RecursionError, KeyError, TypeError, OverflowError):
        return Stored(broken=f"{path} is garbled")
    return Stored(reads=tuple(sorted(reads, key=lambda read: read.at)))


def keep(folder: Path, read: StoredCounters) -> str:
    """Add `read` to the store below `folder`; why that could not be done, or an empty text. Raises nothing."""
    path = folder / FILE
    try:
        file_writing.make_folder(folder)
        with locks.locked(path.with_name(f".{FILE}.lock"), _WAIT):
            stored = load(folder).reads
            if any(_just_now(known, read) for known in stored):
                return ""
            file_writing.replace_file(path, _text([*stored, read][-KEPT:]))
    except ReadinessError as error:
        return str(error)
    return ""


def _just_now(known: StoredCounters, read: StoredCounters) -> bool:
    return known.is_of(read.hub, read.pid, read.started) and abs(read.at - known.at) < APART


def _text(reads: Iterable[StoredCounters]) -> str:
    return json.dumps({"reads": [dataclasses.asdict(read) for read in reads]}, indent=1, ensure_ascii=True) + "\n"


def _read(entry: Any) -> StoredCounters:  # noqa: ANN401 - what the file holds may be anything
    counters = {str(kind): (_number(total), _number(bad)) for kind, (total, bad) in dict(entry["counters"]).items()}
    return StoredCounters(
        at=_number(entry["at"]),
        pid=int(_number(entry["pid"])),
        started=_number(entry["started"]),
        hub=str(entry["hub"]),
        counters=counters,
        underway=_number(entry.get("underway", 0.0)),
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(value)
    return float(value)
