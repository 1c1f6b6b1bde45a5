"""The words of a release: its phases, how each ended, and how all of it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping  # noqa: TC003 - dataclass field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from readiness.errors import ReadinessError

Status = Literal["passed", "failed", "unknown", "skipped"]

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


class Outcome(StrEnum):
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
    Outcome.KEPT: 0,
    Outcome.REFUSED: 1,
    Outcome.ABORTED: 1,
    Outcome.HELD: 1,
    Outcome.VERIFIED: 1,
    Outcome.UNVERIFIED: 13,
    Outcome.FAILED: 14,
}
"""Exit codes; what is held or refused because too little is known ends with `INCOMPLETE`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a release ended, in one sentence, and the exit code."""

    outcome: Outcome
    because: str
    exit: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"outcome": self.outcome.value, "because": self.because, "exit": self.exit}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> End:
        """Inverse of `to_json`."""
        return cls(outcome=Outcome(data["outcome"]), because=str(data["because"]), exit=int(data["exit"]))


def end(outcome: Outcome, because: str, code: int | None = None) -> End:
    """An end with its usual exit code, or with `code`."""
    return End(outcome=outcome, because=because, exit=EXIT[outcome] if code is None else code)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of one phase: `end` ends the release, `then` names the phase to go to instead of the next one."""

    status: Status
    detail: str
    end: End | None = None
    then: str | None = None
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A phase that is over, as it is told; `seconds` by the wall clock, of all its attempts."""

    name: str
    status: Status
    seconds: float
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
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
    def from_json(cls, data: Mapping[str, Any]) -> Order:
        """Inverse of `to_json`."""
        return cls(**{**data, "command": tuple(data["command"]), "folder": Path(data["folder"])})


class Interrupted(ReadinessError):  # noqa: N818 - an answer, no error of the program
    """Somebody ended it in the middle; it can be resumed."""
