"""The words of a release: its phases, how each ended, and how all of it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping  # noqa: TC003 - dataclass field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.release.bookkeeping import Note, note_from, note_json

if TYPE_CHECKING:
    from readiness.operations.deploys import PhaseStatus

LOCK: Final = "lock"
BACKUP: Final = "backup"
PREFLIGHT: Final = "preflight"
BEFORE: Final = "before"
DEPLOY: Final = "deploy"
READY: Final = "ready"
VERIFY: Final = "verify"
SWITCH: Final = "switch"
BAKE: Final = "bake"
ROLLBACK: Final = "rollback"
PHASES: Final = (LOCK, BACKUP, PREFLIGHT, BEFORE, DEPLOY, READY, VERIFY, SWITCH, BAKE, ROLLBACK)
"""In their order; a release passes through some of them."""
WELL: Final = frozenset({"READY", "CONDITIONAL"})
"""Verdicts with which a release goes on."""


class ReleaseOutcome(StrEnum):
    """How a release can end."""

    KEPT = "KEPT"
    REFUSED = "REFUSED"
    """Nothing was deployed, since what was looked at before forbade it."""
    ABORTED = "ABORTED"
    """The deploy changed nothing that users reach, so there is nothing to go back from."""
    HELD = "HELD"
    """Something is wrong or not known, and what to do about it is for a person."""
    VERIFIED = "ROLLED_BACK_VERIFIED"
    UNVERIFIED = "ROLLED_BACK_UNVERIFIED"
    FAILED = "ROLLBACK_FAILED"


INCOMPLETE: Final = 12
EXIT: Final = {
    ReleaseOutcome.KEPT: 0,
    ReleaseOutcome.REFUSED: 1,
    ReleaseOutcome.ABORTED: 1,
    ReleaseOutcome.HELD: 1,
    ReleaseOutcome.VERIFIED: 1,
    ReleaseOutcome.UNVERIFIED: 13,
    ReleaseOutcome.FAILED: 14,
}
"""Exit codes; what is held or refused because too little is known ends with `INCOMPLETE`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEnd:
    """How a release ended, in one sentence, and the exit code."""

    outcome: ReleaseOutcome
    because: str
    exit: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"outcome": self.outcome.value, "because": self.because, "exit": self.exit}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReleaseEnd:
        """Inverse of `to_json`."""
        return cls(outcome=ReleaseOutcome(data["outcome"]), because=str(data["because"]), exit=int(data["exit"]))


def end(outcome: ReleaseOutcome, because: str, code: int | None = None) -> ReleaseEnd:
    """An end with its usual exit code, or with `code`."""
    return ReleaseEnd(outcome=outcome, because=because, exit=EXIT[outcome] if code is None else code)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFacts:
    """What a phase leaves for those after it."""

    run: str | None = None
    """The run of checks that it asked, with its exit status and marker expression."""
    status: int | None = None
    expression: str | None = None
    pid: int | None = None
    """The candidate's process."""
    note: Note | None = None
    """What was so before the deploy."""
    doubtful: bool = False
    """It could not be gone through: people have not been told why."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self) | {"note": None if self.note is None else note_json(self.note)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PhaseFacts:
        """Inverse of `to_json`."""
        return cls(**{**data, "note": None if data["note"] is None else note_from(data["note"])})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PhaseResult:
    """What came of one phase: `end` ends the release, `then` names the phase to go to instead of the next one."""

    status: PhaseStatus
    detail: str
    end: ReleaseEnd | None = None
    then: str | None = None
    facts: PhaseFacts = dataclasses.field(default_factory=PhaseFacts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder:
    """What somebody asked for."""

    command: tuple[str, ...]
    folder: Path
    """The working directory of the command."""
    bake: float
    """Minutes to watch afterwards."""
    candidate: str | None = None
    """Where a new hub answers beside the old one until it is switched to."""
    version: str | None = None
    """What should be running afterwards, where readiness.toml names what ran before."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self) | {"command": list(self.command), "folder": str(self.folder)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReleaseOrder:
        """Inverse of `to_json`."""
        names = [field.name for field in dataclasses.fields(cls)]
        values = {name: data[name] for name in names}
        return cls(**values | {"command": tuple(data["command"]), "folder": Path(data["folder"])})


class Interrupted(ReadinessError):  # noqa: N818 - an answer, no error of the program
    """Somebody ended it in the middle; it can be resumed."""
