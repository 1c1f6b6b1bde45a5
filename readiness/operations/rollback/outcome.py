"""How a rollback ended, what is told of it on the way, and to whom it may be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - dataclass field
from typing import Final, Literal

from readiness.errors import ReadinessError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the proof gave: `bad` was proven bad, `unproven` could not be told, a sentence each."""

    bad: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    passed: int = 0


class RollbackResult(StrEnum):
    """The three ways in which a rollback that acted can end."""

    VERIFIED = "ROLLED_BACK_VERIFIED"
    UNVERIFIED = "ROLLED_BACK_UNVERIFIED"
    FAILED = "ROLLBACK_FAILED"


EXIT: Final = {RollbackResult.VERIFIED: 1, RollbackResult.UNVERIFIED: 13, RollbackResult.FAILED: 14}
"""Exit codes: even a verified rollback is a release that failed."""
PHASES: Final = ("detect", "decide", "act", "verify")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackOutcome:
    """How it ended. `seconds` of each phase: from the deploy to the failed verdict, to the action, its time, the proof."""

    result: RollbackResult
    because: str
    seconds: Mapping[str, float]
    objective: float
    """Seconds from the failed verdict to a proven hub that the configuration allows."""
    journal: Path

    @property
    def exit_code(self) -> int:
        """1, 13 or 14."""
        return EXIT[self.result]

    @property
    def recovery(self) -> float:
        """Seconds from the failed verdict to the end."""
        return sum(self.seconds.get(phase, 0.0) for phase in ("decide", "act", "verify"))

    @property
    def lines(self) -> list[str]:
        """What a terminal or a message says."""
        times = ", ".join(f"{phase} {self.seconds[phase]:.1f} s" for phase in PHASES if phase in self.seconds)
        kept = "within" if self.recovery <= self.objective else "past"
        ended = {
            RollbackResult.VERIFIED: f"recovered in {self.recovery:.1f} s, {kept} the objective of {self.objective:.0f} s",
            RollbackResult.UNVERIFIED: f"recovery is not proven after {self.recovery:.1f} s",
            RollbackResult.FAILED: f"not recovered after {self.recovery:.1f} s",
        }[self.result]
        return [
            f"{self.result.value}: {self.because}",
            f"  {times}; {ended}",
            f"  journal: {self.journal}",
        ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRefusal:
    """Why a rollback is not carried out. A gate is a rule that a person may override; anything else is a fact."""

    text: str
    gate: bool = False


class RollbackRefused(ReadinessError):  # noqa: N818 - an answer, no error of the program
    """A rollback that is not carried out; `refusals` are all reasons."""

    def __init__(self, refusals: list[RollbackRefusal]) -> None:
        """Its text is the reasons, one a line."""
        self.refusals = tuple(refusals)
        super().__init__("\n".join(refusal.text for refusal in refusals))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackEvent:
    """Something that people are told."""

    kind: Literal["plan", "refused", "start", "outcome", "phase", "alarm"]
    severity: Literal["critical", "high", "medium", "low"]
    title: str
    lines: tuple[str, ...] = ()
    report: Path | None = None
    ends_alarm: bool = False
    """Whether what people were alarmed about is over."""


Teller = Callable[[RollbackEvent], None]
"""Tells people. It must return soon and raise nothing: a dead channel never holds up a rollback."""


def nobody(_event: RollbackEvent) -> None:
    """The teller where nobody is configured."""


def judged(proof: Proof) -> tuple[RollbackResult, str]:
    """The result and its reason: what is proven bad fails, what is not proven is not verified."""
    if proof.bad:
        return RollbackResult.FAILED, "; ".join(proof.bad[:3])
    if proof.unproven:
        return RollbackResult.UNVERIFIED, "; ".join(proof.unproven[:3])
    return (
        RollbackResult.VERIFIED,
        f"the release before answers, and all {proof.passed} checks that passed before pass again",
    )
