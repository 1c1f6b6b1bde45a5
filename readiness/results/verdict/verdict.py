"""Pure: what was planned and found, and a policy → Score, Verdict, Decision.

`judge` is the only way to a verdict; the rules are those of the documentation's page on scoring.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence  # noqa: TC003 - dataclass fields
from enum import StrEnum
from fractions import Fraction
from typing import Final

from readiness.config.model import GateSettings  # noqa: TC001 - dataclass fields
from readiness.findings import Check, Finding, Limits, Outcome, Planned, Severity, Stage
from readiness.results.verdict import gate as lines
from readiness.results.verdict.resolve_outcomes import Standing, settle
from readiness.results.verdict.score import CategoryScore, Score, floor_tenth, score
from readiness.results.verdict.waivers import apply_waivers

__all__ = [
    "CategoryScore",
    "Decision",
    "Evidence",
    "Judged",
    "Judgement",
    "Status",
    "apply_waivers",
    "decide",
    "exit_code",
    "floor_tenth",
    "judge",
    "lowered",
    "plan_hash",
]

_TENTH: Final = Fraction(1, 10)
_SEVERITIES: Final = {severity: index for index, severity in enumerate(Severity)}


class Status(StrEnum):
    """The verdict's word; NOT READY and INCOMPLETE share the rank *blocked*."""

    READY = "READY"
    CONDITIONAL = "CONDITIONAL"
    NOT_READY = "NOT READY"
    INCOMPLETE = "INCOMPLETE"


_BEST_FIRST: Final = (Status.READY, Status.CONDITIONAL, Status.INCOMPLETE, Status.NOT_READY)


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
    """Why the headline is below the score; None where both show the same figure."""
    stage: Stage
    categories: tuple[CategoryScore, ...]
    rows: tuple[Judged, ...]
    """Every planned instance: root causes first, then what they block, then what passed, then what does not apply;
    in each group by points lost, then severity, outcome and id."""


def judge(evidence: Evidence, gate: GateSettings) -> Judgement:
    """Make the verdict. Raises nothing: whatever is missing is unknown."""
    settled = settle(evidence.plan, evidence.findings)
    points = score(settled.standings, gate.weights)
    groups: defaultdict[tuple[Severity, Outcome], list[Standing]] = defaultdict(list)
    for standing in settled.standings:
        if standing.outcome is not Outcome.NOT_APPLICABLE:
            groups[standing.planned.check.severity, standing.outcome].append(standing)
    grounds = lines.Grounds(
        gate=gate,
        score=points,
        trouble=(*evidence.trouble, *settled.trouble),
        cap=evidence.cap,
        groups=groups,
        exceptions=tuple(p.check.id for p in evidence.plan if p.scope_exception),
    )
    status, because = _verdict(grounds)
    headline = min(points.score, _ceiling(status, gate))
    after = any(planned.check.stage is Stage.AFTER for planned in evidence.plan)
    return Judgement(
        status=status,
        score=points.score,
        best_case=points.best_case,
        proven=1 - points.unknown,
        headline=headline,
        because=because,
        cap=_cap(status, points.score, headline),
        stage=Stage.AFTER if after else Stage.BEFORE,
        categories=points.categories,
        rows=_rows(settled.standings, points),
    )


def lowered(judgement: Judgement, status: Status, because: str, gate: GateSettings) -> Judgement:
    """`judgement`, but no better than `status`: where it is, it becomes that, for the reason given. Raises nothing.

    NOT READY is worse than INCOMPLETE here: what is proven bad is told before what could not be proven.
    """
    if _BEST_FIRST.index(judgement.status) >= _BEST_FIRST.index(status):
        return judgement
    headline = min(judgement.score, _ceiling(status, gate))
    return dataclasses.replace(
        judgement, status=status, because=because, headline=headline, cap=_cap(status, judgement.score, headline)
    )


def _verdict(grounds: lines.Grounds) -> tuple[Status, str]:
    """The first line that holds, and why."""
    for status, line in (
        (Status.NOT_READY, lines.not_ready),
        (Status.INCOMPLETE, lines.incomplete),
        (Status.CONDITIONAL, lines.conditional),
    ):
        if (because := line(grounds)) is not None:
            return status, because
    return Status.READY, lines.ready(grounds)


def _ceiling(status: Status, gate: GateSettings) -> Fraction:
    """The highest headline: a tenth below the next verdict's limit."""
    if status is Status.READY:
        return Fraction(100)
    below_ready = max(gate.ready - _TENTH, Fraction(0))
    if status is Status.CONDITIONAL:
        return below_ready
    # a gate whose limits stand the wrong way round must not let a blocked run show more than a conditional one
    return min(below_ready, max(gate.conditional - _TENTH, Fraction(0)))


def _cap(status: Status, exact: Fraction, headline: Fraction) -> str | None:
    if floor_tenth(exact) <= floor_tenth(headline):
        return None
    return f"the score of {floor_tenth(exact)} is held at {floor_tenth(headline)}: {status.value} shows no more"


def _rows(standings: Sequence[Standing], points: Score) -> tuple[Judged, ...]:
    """One row an instance, in the order of the report."""
    known: dict[tuple[str, Severity, Outcome, int], Fraction] = {}
    rows: list[tuple[tuple[str, Severity, Outcome, int], Judged]] = []
    for standing in standings:
        check, instances = standing.planned.check, len(standing.findings)
        for finding in standing.findings:
            key = (check.category, check.severity, finding.outcome, instances)
            lost = known.get(key)
            if lost is None:
                lost = known[key] = points.points_lost(check, finding.outcome, instances)
            rows.append((key, Judged(check=check, finding=finding, points_lost=lost)))
    # comparing fractions is slow, and few different ones occur: compare their places instead
    place = {lost: index for index, lost in enumerate(sorted(set(known.values()), reverse=True))}
    groups = {key: (place[lost], _SEVERITIES[key[1]], -key[2].rank) for key, lost in known.items()}
    rows.sort(key=lambda row: (_tier(row[1].finding), groups[row[0]], row[1].check.id, row[1].finding.instance or ""))
    return tuple(row for _, row in rows)


def _tier(finding: Finding) -> int:
    if finding.outcome is Outcome.PASSED:
        return 2
    if finding.outcome is Outcome.NOT_APPLICABLE:
        return 3
    return 1 if finding.outcome is Outcome.UNKNOWN and finding.blocked_by is not None else 0


_DECISIONS: Final = {
    (Status.READY, Stage.BEFORE): Decision.DEPLOY,
    (Status.READY, Stage.AFTER): Decision.KEEP,
    (Status.CONDITIONAL, Stage.BEFORE): Decision.DEPLOY,
    (Status.CONDITIONAL, Stage.AFTER): Decision.KEEP_AND_WATCH,
    (Status.NOT_READY, Stage.BEFORE): Decision.DO_NOT_DEPLOY,
    (Status.NOT_READY, Stage.AFTER): Decision.HOLD,
    (Status.INCOMPLETE, Stage.BEFORE): Decision.HOLD,
    (Status.INCOMPLETE, Stage.AFTER): Decision.HOLD,
}


def decide(judgement: Judgement, *, roll_back: bool) -> Decision:
    """Turn a verdict into what to do; `roll_back` says that the rollback plan holds an action or a person's task.

    Only a hub that is NOT READY after a deploy is ever rolled back, whatever `roll_back` says.
    """
    if roll_back and judgement.status is Status.NOT_READY and judgement.stage is Stage.AFTER:
        return Decision.ROLL_BACK
    return _DECISIONS[judgement.status, judgement.stage]


def exit_code(status: Status, *, strict: bool) -> int:
    """The verdict's exit code: 0, 1, 10 or 12."""
    if status is Status.CONDITIONAL:
        return 10 if strict else 0
    return {Status.READY: 0, Status.NOT_READY: 1, Status.INCOMPLETE: 12}[status]


def plan_hash(plan: Iterable[Planned], gate: GateSettings | None = None) -> str:
    """Name what a run had to prove, in 16 hexadecimal digits: runs with the same name have comparable scores.

    Ids, instances, severities, categories, limits (as the configuration left them) and applicability enter, and the
    gate's category weights where there are any; what a narrowed run left out does not.
    """
    entries = [
        [
            planned.check.id,
            sorted({instance or "" for instance in planned.instances}),
            planned.check.severity.value,
            planned.check.category,
            _plain(planned.check.limits),
            planned.not_applicable is None,
        ]
        for planned in sorted(plan, key=lambda planned: planned.check.id)
    ]
    weights = sorted((name, str(weight)) for name, weight in gate.weights.items()) if gate else []
    text = json.dumps([entries, weights] if weights else entries, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _plain(limits: Limits | None) -> list[object]:
    """Limits as JSON takes them: 95 and 95.0 are the same limit."""
    values = dataclasses.astuple(limits) if limits else ()
    return [value if isinstance(value, str) or value is None else float(value) for value in values]
