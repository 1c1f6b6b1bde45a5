"""`release.json`: the last release in short, for other programs: its phases, how each ended, and how all of it ended."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY_FILE: Final = "release.json"
"""Its name in the report folder."""
SCHEMA_VERSION: Final = "1"
_MAX_BYTES: Final = 4 * 1024 * 1024

PhaseStatus = Literal["passed", "failed", "unknown", "skipped"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FinishedPhase:
    """A phase that is over; `seconds` by the wall clock, of all its attempts."""

    name: str
    status: PhaseStatus
    seconds: float
    detail: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSummary:
    """A release in short; times in ISO 8601, None wherever it did not come so far."""

    id: str
    started: str
    finished: str | None
    command: str
    outcome: str | None
    because: str | None
    exit: int | None
    phases: tuple[FinishedPhase, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"schema_version": SCHEMA_VERSION} | dataclasses.asdict(self)


def write_summary(folder: Path, summary: ReleaseSummary) -> None:
    """Replace the summary in the report folder. Raises ReadinessError."""
    file_writing.make_folder(folder)
    file_writing.replace_file(folder / SUMMARY_FILE, json.dumps(summary.to_json(), indent=1, ensure_ascii=True) + "\n")


def read_summary(folder: Path) -> ReleaseSummary | None:
    """The last release of the report folder; None where none can be read."""
    try:
        data = json.loads(file_reading.content_or_none(folder / SUMMARY_FILE, _MAX_BYTES) or b"")
        names = [field.name for field in dataclasses.fields(ReleaseSummary)]
        phases = tuple(FinishedPhase(**phase) for phase in data["phases"])
        return ReleaseSummary(**{name: data[name] for name in names} | {"phases": phases})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
