"""The journal of a rollback as values: the plan that it carries out, how its actions ended, the proof, and the outcome."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys import (
    BEGIN,
    INTENT,
    OUTCOME,
    STARTED,
    DeployRecord,
    JournalState,
    begun_journals,
    read_journal,
)
from readiness.operations.rollback.document import SavedPlan
from readiness.operations.rollback.outcome import Proof, RollbackResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER: Final = "rollback"
"""Where the journals lie, in the report folder."""
VERIFY: Final = "verify"
VERIFIED: Final = "verified"
NOTE: Final = "note"
PROBE: Final = "probe"
"""What came of looking again at a cause; it stands in a journal of its own, since it may be all that is done."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOutcome:
    """How a rollback ended; `seconds` of each phase, `at` in seconds since the epoch."""

    result: RollbackResult
    because: str
    seconds: Mapping[str, float]
    at: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackState(JournalState):
    """What the journal of a rollback tells. Each is None where it did not come so far."""

    @property
    def plan(self) -> SavedPlan | None:
        """The plan that it carries out; None as well where it is not one that this program wrote."""
        begun = self.first(BEGIN)
        try:
            return None if begun is None else SavedPlan.from_json(begun.data["plan"])
        except (KeyError, TypeError, AttributeError):
            return None

    @property
    def deploy(self) -> DeployRecord | None:
        """The deploy that is rolled back: the record itself is closed before the very end."""
        begun = self.first(BEGIN)
        return None if begun is None else DeployRecord.from_json(begun.data["deploy"])

    @property
    def has_acted(self) -> bool:
        """Whether any action was started."""
        return self.first(STARTED) is not None

    @property
    def started_at(self) -> float | None:
        """When the first action was started, in seconds since the epoch."""
        return self._at(STARTED)

    @property
    def intended_at(self) -> float | None:
        """When it was first written down what is to be done."""
        return self._at(INTENT)

    @property
    def acted_at(self) -> float | None:
        """When all was done and proving began."""
        return self._at(VERIFY)

    @property
    def proof(self) -> Proof | None:
        """What the proof gave."""
        entry = self.first(VERIFIED)
        if entry is None:
            return None
        proof = entry.data["proof"]
        return Proof(bad=tuple(proof["bad"]), unproven=tuple(proof["unproven"]), passed=int(proof["passed"]))

    @property
    def outcome(self) -> RecordedOutcome | None:
        """How it ended."""
        entry = self.first(OUTCOME)
        if entry is None:
            return None
        data = entry.data
        return RecordedOutcome(
            result=RollbackResult(data["result"]),
            because=str(data.get("because", "")),
            seconds={phase: float(took) for phase, took in (data.get("seconds") or {}).items()},
            at=entry.at,
        )

    def _at(self, kind: str) -> float | None:
        entry = self.first(kind)
        return None if entry is None else entry.at


def read_rollback(path: Path) -> RollbackState:
    """What the journal at `path` tells, as far as it is whole. Raises ReadinessError where it cannot be read."""
    return _as_rollback(read_journal(path))


def rollbacks(folder: Path) -> list[RollbackState]:
    """All rollbacks whose journals lie in `folder`, the oldest first. Raises ReadinessError where one cannot be read."""
    return [_as_rollback(state) for state in begun_journals(folder)]


def unfinished_rollback(folder: Path) -> RollbackState | None:
    """The rollback that was begun and came to no outcome; None: there is none."""
    return next((state for state in reversed(rollbacks(folder)) if not state.is_finished), None)


def rollback_of(folder: Path, run_id: str) -> RollbackState | None:
    """The last rollback that the run `run_id` planned."""
    return next((s for s in reversed(rollbacks(folder)) if s.plan is not None and s.plan.run.id == run_id), None)


def entries_of(folder: Path, run_id: str) -> list[dict[str, Any]]:
    """What the journals below the report folder `folder` tell of rollbacks and looks that the run `run_id` led to, in order.

    Empty where there is none; a journal that cannot be read is passed over.
    """
    entries: list[dict[str, Any]] = []
    for path in sorted((folder / FOLDER).glob("*.jsonl")):
        try:
            state = read_rollback(path)
            if state.plan is not None and state.plan.run.id == run_id:
                entries.extend(dict(entry.data) for entry in state.entries)
        except (ReadinessError, KeyError, TypeError, ValueError):
            continue
        entries.extend(dict(e.data) for e in state.entries if e.kind == PROBE and e.data.get("run") == run_id)
    return entries


def _as_rollback(state: JournalState) -> RollbackState:
    return RollbackState(path=state.path, entries=state.entries)
