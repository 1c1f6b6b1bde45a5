"""What a report knows beyond its own run: the runs before it, the release that it is part of, and who is called when."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

LETTERS: Final = {
    "passed": "p",
    "flaky": "y",
    "degraded": "d",
    "waived": "w",
    "unknown": "u",
    "failed": "f",
    "not_applicable": "n",
}
"""One letter an outcome, as the document and the index of the history write them; `-`: it was not planned."""
OUTCOMES: Final = {letter: outcome for outcome, letter in LETTERS.items()}
NOT_PLANNED: Final = "-"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run of the history, by what was shown of it."""

    id: str
    started: float
    """Seconds since the epoch."""
    status: str
    decision: str
    score: float
    """0 to 100, floored to 0.1 as it was shown; so is `headline`."""
    headline: float
    p95_ms: float | None
    """95th percentile of latency in milliseconds: of the load where there was one, else of the quickest check that
    measures one; None: not measured."""
    plan_hash: str
    selection: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastCheck:
    """What became of one check (one instance of it) over the runs of a `History`."""

    key: str
    """`Row.key`."""
    outcomes: tuple[str | None, ...]
    """Aligned with `History.runs`, oldest first; None: that run did not plan it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SinceReady:
    """What changed since the last READY run; names are `Row.key`s."""

    id: str
    started: float
    """Seconds since the epoch."""
    runs_since: int
    """How many comparable runs began after it, this one included."""
    score_change: float
    """Points; below 0: the score fell."""
    same_plan: bool
    newly_failing: tuple[str, ...] = ()
    newly_unknown: tuple[str, ...] = ()
    newly_degraded: tuple[str, ...] = ()
    """Degraded or flaky now, and passed then."""
    fixed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    versions: tuple[tuple[str, str, str], ...] = ()
    """(what, then, now) for each version that is another one; empty text: not known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The last comparable runs: same target, environment, selection and demo flag."""

    runs: tuple[PastRun, ...]
    """Oldest first; the last one is the report's own run."""
    checks: tuple[PastCheck, ...] = ()
    """What this run planned: first what has not passed every time, worst first, then the rest; bounded in number."""
    left_out: int = 0
    """How many checks are beyond that bound."""
    flaky: tuple[str, ...] = ()
    """Checks that passed and did not pass by turns; names are `Row.key`s."""
    since_ready: SinceReady | None = None
    """None: this run is READY itself and so was the one before it, or no READY run is known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePhase:
    """One phase of a release: `status` is passed, failed, unknown or skipped."""

    name: str
    status: str
    seconds: float
    detail: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRun:
    """The release that a report is part of, as its orchestrator wrote it down."""

    id: str
    outcome: str
    """KEPT, REFUSED, ABORTED, HELD, ROLLED_BACK_VERIFIED, ROLLED_BACK_UNVERIFIED, ROLLBACK_FAILED; empty: under way."""
    because: str
    command: str
    """As it would be typed into a shell."""
    started: float
    """Seconds since the epoch, as `finished`."""
    finished: float | None
    """None: under way."""
    phases: tuple[ReleasePhase, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """One step of the path along which people are told."""

    role: str
    """The key of `[contacts]`: on_call, tech_lead, product or security."""
    contact: str
    hears: str
    """What this person is told of, in words that stand behind "is told of"."""
    due: bool
    """Whether this run is something to tell them of."""


def letters(outcomes: tuple[str | None, ...]) -> str:
    """Outcomes as one letter each."""
    return "".join(NOT_PLANNED if outcome is None else LETTERS.get(outcome, "u") for outcome in outcomes)


def spelled(text: str) -> tuple[str | None, ...]:
    """Inverse of `letters`; a letter that is none of ours is an outcome that nobody can read, so unknown."""
    return tuple(None if letter == NOT_PLANNED else OUTCOMES.get(letter, "unknown") for letter in text)


def plain_fields(value: Any, *leave_out: str) -> dict[str, Any]:  # noqa: ANN401 - any of the dataclasses above
    """The fields of `value` with lists for tuples."""
    return {
        name: list(field) if isinstance(field := getattr(value, name), tuple) else field
        for name in value.__slots__
        if name not in leave_out
    }
