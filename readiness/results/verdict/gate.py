"""Pure: the lines of the gate, each a question that answers with the reason why it holds, in one sentence.

Where a line counts failures, what could not be proven is counted with them: else losing a failure (a time-out instead
of an answer, a narrower run) would open the gate. Failures alone make NOT READY, both together INCOMPLETE.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence  # noqa: TC003 - dataclass fields
from fractions import Fraction  # noqa: TC003 - as above
from typing import Final

from readiness.config.model import GateSettings  # noqa: TC001 - dataclass fields
from readiness.findings import Outcome, Severity
from readiness.results.verdict.resolve_outcomes import Standing, count, names
from readiness.results.verdict.score import Score, floor_tenth

_BAD: Final = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.WAIVED)
_VERBS: Final = {
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "could not be proven",
    Outcome.WAIVED: "failed under a waiver",
    Outcome.DEGRADED: "degraded",
    Outcome.FLAKY: "passed only at another attempt",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What the gate asks about."""

    gate: GateSettings
    score: Score
    trouble: tuple[str, ...]
    cap: str | None
    groups: Mapping[tuple[Severity, Outcome], Sequence[Standing]]
    """Checks that apply, by severity and worst outcome."""
    exceptions: tuple[str, ...]
    """Checks declared away in production although they cannot be waived."""

    def having(self, outcome: Outcome, *severities: Severity) -> list[Standing]:
        """Checks with this outcome, root causes first, then the more severe."""
        found = [s for severity in severities or tuple(Severity) for s in self.groups.get((severity, outcome), ())]
        return sorted(found, key=lambda s: s.blocked_by is not None)


def not_ready(grounds: Grounds) -> str | None:
    """Why the verdict is NOT READY, else None."""
    gate, score = grounds.gate, grounds.score
    if critical := grounds.having(Outcome.FAILED, Severity.CRITICAL):
        return _told(critical, "critical check", Outcome.FAILED)
    high = grounds.having(Outcome.FAILED, Severity.HIGH)
    if len(high) > gate.high_failures:
        return f"{len(high)} high checks failed, and at most {gate.high_failures} may: {_names(high)}"
    if score.counts and score.best_case < gate.conditional:
        even = f"the score is {floor_tenth(score.best_case)}"
        if score.unknown:
            even = f"the score could reach {floor_tenth(score.best_case)} at most, even if every unknown check passed"
        return f"{even}: {_number(gate.conditional)} is needed"
    if score.failed > 1 - gate.proven:
        allowed = _number(100 * (1 - gate.proven))
        return f"failed checks carry {_ceil_percent(score.failed)} % of the weight, and at most {allowed} % may"
    return None


def incomplete(grounds: Grounds) -> str | None:
    """Why the verdict is INCOMPLETE, else None; asked after `not_ready`."""
    gate, score = grounds.gate, grounds.score
    if grounds.trouble:
        more = len(grounds.trouble) - 1
        return grounds.trouble[0] + (f" (and {count(more, 'more problem')} with the run)" if more else "")
    if not score.counts:
        return "nothing counts: every category of this run has the weight 0 in [gate] weights"
    if critical := grounds.having(Outcome.UNKNOWN, Severity.CRITICAL):
        return _told(critical, "critical check", Outcome.UNKNOWN)
    high = grounds.having(Outcome.FAILED, Severity.HIGH)
    high += grounds.having(Outcome.UNKNOWN, Severity.HIGH)
    if len(high) > gate.high_failures:
        told = f"{len(high)} high checks failed or could not be proven"
        return f"{told}, and at most {gate.high_failures} may: {_names(high)}"
    return _too_little(grounds)


def _too_little(grounds: Grounds) -> str | None:
    gate, score = grounds.gate, grounds.score
    unknown = grounds.having(Outcome.UNKNOWN)
    if score.unknown > 1 - gate.proven:
        proven = f"only {floor_tenth(100 * (1 - score.unknown))} % is proven, {_number(100 * gate.proven)} % is needed"
        return f"{proven}: {_told(unknown, 'check', Outcome.UNKNOWN)}" if unknown else proven
    if score.score < gate.conditional:
        return (
            f"the score is {floor_tenth(score.score)} and {_number(gate.conditional)} is needed; "
            f"it could reach {floor_tenth(score.best_case)} if what is unknown passed"
        )
    if score.failed + score.unknown > 1 - gate.proven:
        allowed = _number(100 * (1 - gate.proven))
        share = _ceil_percent(score.failed + score.unknown)
        return f"failed and unknown checks carry {share} % of the weight, and at most {allowed} % may"
    return None


def conditional(grounds: Grounds) -> str | None:
    """Why the verdict is CONDITIONAL at best, else None; asked after `incomplete`."""
    gate, score = grounds.gate, grounds.score
    for outcome in _BAD:
        if found := grounds.having(outcome):
            return _told(found, "check", outcome)
    for outcome in (Outcome.DEGRADED, Outcome.FLAKY):
        if found := grounds.having(outcome, Severity.CRITICAL):
            return _told(found, "critical check", outcome)
    if score.score < gate.ready:
        return f"the score is {floor_tenth(score.score)} and {_number(gate.ready)} is needed"
    low = [f"{c.name} ({floor_tenth(c.score)})" for c in score.categories if c.score < gate.category]
    if low:
        return f"{_categories(len(low))} below {_number(gate.category)}: {names(low)}"
    if grounds.exceptions:
        told = count(len(grounds.exceptions), "check")
        return f"{told} that cannot be waived was declared away in production: {names(grounds.exceptions)}"
    return grounds.cap


def ready(grounds: Grounds) -> str:
    """What a READY run has shown."""
    applicable = sum(map(len, grounds.groups.values()))
    told = f"{count(applicable, 'check')} passed"
    flaws = grounds.having(Outcome.DEGRADED) + grounds.having(Outcome.FLAKY)
    if not flaws:
        return told
    return f"nothing failed and everything is proven; of {count(applicable, 'check')} not all is well: {_names(flaws)}"


def _told(found: Sequence[Standing], noun: str, outcome: Outcome) -> str:
    """`2 checks failed: a, b`; for what is merely blocked, the root cause first."""
    told = f"{count(len(found), noun)} {_VERBS[outcome]}: {_names(found)}"
    roots = list(dict.fromkeys(s.blocked_by for s in found if s.blocked_by is not None))
    if roots and found[0].blocked_by is not None:
        return f"blocked by {names(roots)}: {told}"
    return told


def _names(found: Sequence[Standing]) -> str:
    return names([s.planned.check.id for s in found])


def _categories(number: int) -> str:
    return "1 category is" if number == 1 else f"{number} categories are"


def _number(value: Fraction) -> str:
    return f"{float(value):.6g}"


def _ceil_percent(share: Fraction) -> float:
    """A share of what is bad, in percent, never rounded down."""
    return math.ceil(share * 1000) / 10
