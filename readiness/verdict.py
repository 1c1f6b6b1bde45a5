"""Pure: what was planned and found, and a policy → Score, Verdict, Decision.

`judge` is the only way to a verdict; the rules are those of the documentation's page on scoring.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence  # noqa: TC003 - dataclass fields
from enum import StrEnum
from fractions import Fraction  # noqa: TC003 - dataclass fields

from readiness.config.model import Gate  # noqa: TC001 - dataclass fields
from readiness.findings import Check, Finding, Planned, Stage  # noqa: TC001 - dataclass fields


class Status(StrEnum):
    """The verdict's word; NOT READY and INCOMPLETE share the rank *blocked*."""

    READY = "READY"
    CONDITIONAL = "CONDITIONAL"
    NOT_READY = "NOT READY"
    INCOMPLETE = "INCOMPLETE"


class Decision(StrEnum):
    """What to do about it."""

    DEPLOY = "DEPLOY"
    DO_NOT_DEPLOY = "DO NOT DEPLOY"
    KEEP = "KEEP"
    KEEP_AND_WATCH = "KEEP AND WATCH"
    ROLL_BACK = "ROLL BACK"
    HOLD = "HOLD"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict is made of."""

    plan: Sequence[Planned]
    findings: Sequence[Finding]
    trouble: Sequence[str] = ()
    """Broken integrity, one sentence each."""
    cap: str | None = None
    """Why this run is CONDITIONAL at best (a first look); None: it is not capped."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One instance of one check as the report lists it: also planned ones nobody reported."""

    check: Check
    finding: Finding
    points_lost: Fraction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CategoryScore:
    """A category's score, 0 to 100, and its weight."""

    name: str
    score: Fraction
    weight: Fraction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict and everything that explains it; scores 0 to 100, exact."""

    status: Status
    score: Fraction
    best_case: Fraction
    proven: Fraction
    headline: Fraction
    because: str
    """The binding reason in one sentence."""
    cap: str | None
    """Why the headline is below the score; None where it is not."""
    stage: Stage
    categories: tuple[CategoryScore, ...]
    rows: tuple[Judged, ...]
    """Every planned instance, worst first: by points lost, then severity, then id."""


def judge(evidence: Evidence, gate: Gate) -> Judgement:
    """Make the verdict. Raises nothing: whatever is missing is unknown."""
    raise NotImplementedError


def decide(judgement: Judgement, *, roll_back: bool) -> Decision:
    """Turn a verdict into what to do; `roll_back` says that the rollback plan holds an action or a person's task."""
    raise NotImplementedError


def exit_code(status: Status, *, strict: bool) -> int:
    """The verdict's exit code: 0, 1, 10 or 12."""
    raise NotImplementedError
