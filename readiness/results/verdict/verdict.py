"""Pure: what was planned and found, and a policy → Score, Verdict, Decision.

`judge` is the only way to a verdict; the rules are those of the documentation's page on scoring.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence  # noqa: TC003 - dataclass fields
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

from readiness.config import GateSettings  # noqa: TC001 - dataclass fields
from readiness.findings import Check, Finding, Limits, Outcome, Planned, Severity, Stage
from readiness.results.verdict.resolve_outcomes import Standing, apply_waivers, count, names, settle

if TYPE_CHECKING:
    from readiness.results.verdict.resolve_outcomes import Standing

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
    points = score(settled.standings, gate)
    groups: defaultdict[tuple[Severity, Outcome], list[Standing]] = defaultdict(list)
    for standing in settled.standings:
        if standing.outcome is not Outcome.NOT_APPLICABLE:
            groups[standing.planned.check.severity, standing.outcome].append(standing)
    grounds = Grounds(
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


def _verdict(grounds: Grounds) -> tuple[Status, str]:
    """The first line that holds, and why."""
    for status, line in (
        (Status.NOT_READY, not_ready),
        (Status.INCOMPLETE, incomplete),
        (Status.CONDITIONAL, conditional),
    ):
        if (because := line(grounds)) is not None:
            return status, because
    return Status.READY, ready(grounds)


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
    return f"score {floor_tenth(exact)}, shown as {floor_tenth(headline)} because the verdict is {status.value}"


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


_SERIOUS_FIRST: Final = (Severity.CRITICAL, Severity.HIGH)
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
        standings = [s for severity in severities or tuple(Severity) for s in self.groups.get((severity, outcome), ())]
        return sorted(standings, key=lambda s: s.blocked_by is not None)


def not_ready(grounds: Grounds) -> str | None:
    """Why the verdict is NOT READY, else None."""
    gate, score = grounds.gate, grounds.score
    if critical := grounds.having(Outcome.FAILED, Severity.CRITICAL):
        return _told(critical, "critical check", Outcome.FAILED)
    high = grounds.having(Outcome.FAILED, Severity.HIGH)
    if len(high) > gate.high_failures:
        return f"{len(high)} high checks failed, and at most {gate.high_failures} may: {_names(high)}"
    if score.lost_surely > score.allowed:
        even = ", even if every unknown check passed" if score.unknown else ""
        return f"critical and high checks lost {_ceil_tenth(score.lost_surely)} points{even}, and at most {_number(score.allowed)} may be lost"
    if score.failed_serious > 1 - gate.proven:
        allowed = _number(100 * (1 - gate.proven))
        share = _ceil_percent(score.failed_serious)
        return f"failed critical and high checks carry {share} % of the weight, and at most {allowed} % may"
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
        sentence = f"{len(high)} high checks failed or could not be proven"
        return f"{sentence}, and at most {gate.high_failures} may: {_names(high)}"
    return _too_little(grounds)


def _too_little(grounds: Grounds) -> str | None:
    gate, score = grounds.gate, grounds.score
    unknown = grounds.having(Outcome.UNKNOWN, *_SERIOUS_FIRST)
    if score.unknown_serious > 1 - gate.proven:
        proven = f"only {floor_tenth(100 * (1 - score.unknown_serious))} % is proven, {_number(100 * gate.proven)} % is needed"
        return f"{proven}: {_told(unknown, 'check', Outcome.UNKNOWN)}" if unknown else proven
    if score.lost > score.allowed:
        return (
            f"critical and high checks lost {_ceil_tenth(score.lost)} points, and at most {_number(score.allowed)} may be lost; "
            f"{_ceil_tenth(score.lost_surely)} if what is unknown passed"
        )
    if score.failed_serious + score.unknown_serious > 1 - gate.proven:
        allowed = _number(100 * (1 - gate.proven))
        share = _ceil_percent(score.failed_serious + score.unknown_serious)
        return f"failed and unknown critical and high checks carry {share} % of the weight, and at most {allowed} % may"
    return None


def conditional(grounds: Grounds) -> str | None:
    """Why the verdict is CONDITIONAL at best, else None; asked after `incomplete`."""
    gate, score = grounds.gate, grounds.score
    for outcome in _BAD:
        if standings := grounds.having(outcome):
            return _told(standings, "check", outcome)
    for outcome in (Outcome.DEGRADED, Outcome.FLAKY):
        if standings := grounds.having(outcome, Severity.CRITICAL):
            return _told(standings, "critical check", outcome)
    if score.score < gate.ready:
        return f"the score is {floor_tenth(score.score)} and {_number(gate.ready)} is needed"
    low = [f"{c.name} ({floor_tenth(c.score)})" for c in score.categories if c.score < gate.category]
    if low:
        return f"{_categories(len(low))} below {_number(gate.category)}: {names(low)}"
    if grounds.exceptions:
        sentence = count(len(grounds.exceptions), "check")
        return f"{sentence} that cannot be waived was declared away in production: {names(grounds.exceptions)}"
    return grounds.cap


def ready(grounds: Grounds) -> str:
    """What a READY run has shown."""
    applicable = sum(map(len, grounds.groups.values()))
    sentence = f"{count(applicable, 'check')} passed"
    flaws = grounds.having(Outcome.DEGRADED) + grounds.having(Outcome.FLAKY)
    if not flaws:
        return sentence
    return f"{sentence.removesuffix(' passed')} proven, with {count(len(flaws), 'warning')}: {_names(flaws)}"


def _told(standings: Sequence[Standing], noun: str, outcome: Outcome) -> str:
    """`2 checks failed: a, b`; for what is merely blocked, the root cause first."""
    sentence = f"{count(len(standings), noun)} {_VERBS[outcome]}: {_names(standings)}"
    roots = list(dict.fromkeys(s.blocked_by for s in standings if s.blocked_by is not None))
    if roots and standings[0].blocked_by is not None:
        return f"blocked by {names(roots)}: {sentence}"
    return sentence


def _names(standings: Sequence[Standing]) -> str:
    return names([s.planned.check.id for s in standings])


def _categories(number: int) -> str:
    return "1 category is" if number == 1 else f"{number} categories are"


def _number(value: Fraction) -> str:
    return f"{float(value):.6g}"


def _ceil_percent(share: Fraction) -> float:
    """A share of what is bad, in percent, never rounded down."""
    return math.ceil(share * 1000) / 10


def _ceil_tenth(points: Fraction) -> float:
    """Points that were lost, never rounded down."""
    return math.ceil(points * 10) / 10


FULL: Final = Fraction(100)
_QUARTERS: Final = {outcome: int(outcome.worth * 4) for outcome in Outcome}
_WEIGHTS: Final = {severity: severity.weight for severity in Severity}
_SERIOUS: Final = frozenset({Severity.CRITICAL, Severity.HIGH})
_MINOR_SHARE: Final = Fraction(1, 5)
"""Checks of low and medium severity stake at most this share of the points that the gate forgives: they alone never block."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CategoryScore:
    """A category's score, 0 to 100, and its weight."""

    name: str
    score: Fraction
    weight: Fraction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The points of 100 that one unit of severity weight stakes, before its category's weight."""

    serious: Fraction
    """For checks of critical and high severity."""
    minor: Fraction
    """For checks of medium and low severity; never more than `serious`."""
    minor_stake: Fraction
    """What all checks of medium and low severity stake together."""

    def of(self, severity: Severity) -> Fraction:
        """That of a check of this severity."""
        return self.serious if severity in _SERIOUS else self.minor


def units(weights: Iterable[tuple[Severity, Fraction]], conditional: Fraction) -> Units:
    """What each check stakes, from severity and category weight of all that apply; `conditional` is the gate's limit.

    Points follow the weights, but medium and low checks together stake no more than a part of what the gate forgives:
    what is over that is at nobody's stake.
    """
    whole = minor = Fraction(0)
    for severity, factor in weights:
        whole += factor * _WEIGHTS[severity]
        minor += 0 if severity in _SERIOUS else factor * _WEIGHTS[severity]
    unit = FULL / whole if whole else Fraction(0)
    stake = min(unit * minor, _MINOR_SHARE * (FULL - conditional))
    return Units(serious=unit, minor=stake / minor if minor else Fraction(0), minor_stake=stake)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Scores 0 to 100, shares 0 to 1. Without anything that counts all are 0."""

    score: Fraction
    best_case: Fraction
    lost: Fraction
    """Points that checks of critical and high severity lost: these alone block."""
    lost_surely: Fraction
    """The same if every unknown check passed."""
    allowed: Fraction
    """How much of that the gate forgives, whatever the medium and low checks say."""
    unknown: Fraction
    """Share of the severity weight whose instances are unknown; 1 where nothing applies."""
    unknown_serious: Fraction
    """The part of it that is of critical and high checks."""
    failed_serious: Fraction
    """Share of the severity weight whose instances failed and are of critical and high checks."""
    categories: tuple[CategoryScore, ...]
    units: Units

    @property
    def counts(self) -> bool:
        """Whether anything that applies has a weight."""
        return any(category.weight for category in self.categories)

    def points_lost(self, check: Check, finding_outcome: Outcome, instances: int) -> Fraction:
        """Points of 100 that one of a check's `instances` loses by its outcome."""
        lost = 4 - _QUARTERS[finding_outcome]
        if not lost or finding_outcome is Outcome.NOT_APPLICABLE:
            return Fraction(0)
        factor = next(category.weight for category in self.categories if category.name == check.category)
        return self.units.of(check.severity) * factor * Fraction(_WEIGHTS[check.severity] * lost, 4 * instances)


class _Sum:
    """Of one category: severity weight of all checks, and quarters of it that were lost, by severity and number of instances."""

    __slots__ = ("lost", "lost_surely", "weights")

    def __init__(self) -> None:
        self.weights: defaultdict[Severity, int] = defaultdict(int)
        self.lost: defaultdict[tuple[Severity, int], int] = defaultdict(int)
        self.lost_surely: defaultdict[tuple[Severity, int], int] = defaultdict(int)

    def score(self) -> Fraction:
        """0 to 100, by severity weight alone."""
        return FULL - FULL * sum(map(_weight, self.lost.items()), Fraction(0)) / sum(self.weights.values())


def _weight(entry: tuple[tuple[Severity, int], int]) -> Fraction:
    (_, instances), quarters = entry
    return Fraction(quarters, 4 * instances)


def score(standings: Sequence[Standing], gate: GateSettings) -> Score:
    """Add up what applies; the gate's weights are by category (`health/security`) or by whole phase; the category's wins."""
    sums: dict[str, _Sum] = {}
    unknown: defaultdict[tuple[Severity, int], int] = defaultdict(int)
    failed: defaultdict[tuple[Severity, int], int] = defaultdict(int)
    for standing in standings:
        if standing.outcome is not Outcome.NOT_APPLICABLE:
            _add(standing, sums, unknown, failed)
    factors = {name: _factor(name, gate.weights) for name in sums}
    stakes = units(
        ((s, factors[name] * n / s.weight) for name, one in sums.items() for s, n in one.weights.items()),
        gate.conditional,
    )
    total = sum(sum(one.weights.values()) for one in sums.values())
    lost = {
        (surely, is_serious): sum(
            (
                factors[name] * stakes.of(entry[0][0]) * _weight(entry)
                for name, one in sums.items()
                for entry in (one.lost_surely if surely else one.lost).items()
                if (entry[0][0] in _SERIOUS) is is_serious
            ),
            Fraction(0),
        )
        for surely in (False, True)
        for is_serious in (False, True)
    }
    full = FULL if any(factors.values()) else Fraction(0)
    return Score(
        score=full - lost[False, True] - lost[False, False],
        best_case=full - lost[True, True] - lost[True, False],
        lost=lost[False, True],
        lost_surely=lost[True, True],
        allowed=FULL - gate.conditional - stakes.minor_stake,
        unknown=_share(unknown, total, frozenset(Severity)) if total else Fraction(1),
        unknown_serious=_share(unknown, total, _SERIOUS) if total else Fraction(1),
        failed_serious=_share(failed, total, _SERIOUS) if total else Fraction(0),
        categories=tuple(
            CategoryScore(name=name, score=one.score(), weight=factors[name]) for name, one in sorted(sums.items())
        ),
        units=stakes,
    )


def _add(
    standing: Standing,
    sums: dict[str, _Sum],
    unknown: defaultdict[tuple[Severity, int], int],
    failed: defaultdict[tuple[Severity, int], int],
) -> None:
    check = standing.planned.check
    into = sums.get(check.category)
    if into is None:
        into = sums[check.category] = _Sum()
    weight = _WEIGHTS[check.severity]
    key = check.severity, len(standing.findings)
    into.weights[check.severity] += weight
    for finding in standing.findings:
        lost = weight * (4 - _QUARTERS[finding.outcome])
        into.lost[key] += lost
        if finding.outcome is Outcome.UNKNOWN:
            unknown[key] += weight
            continue
        into.lost_surely[key] += lost
        if finding.outcome is Outcome.FAILED:
            failed[key] += weight


def _factor(category: str, weights: Mapping[str, Fraction]) -> Fraction:
    given = weights.get(category, weights.get(category.partition("/")[0], Fraction(1)))
    return Fraction(given)


def _share(weights: Mapping[tuple[Severity, int], int], total: int, severities: Collection[Severity]) -> Fraction:
    return (
        sum((Fraction(weight, n) for (severity, n), weight in weights.items() if severity in severities), Fraction(0))
        / total
    )


def floor_tenth(value: Fraction) -> float:
    """`value` as it is displayed: floored to one decimal, never rounded up."""
    return math.floor(value * 10) / 10


RollbackMode = Literal["plan", "ask", "auto"]

BY_HAND: Final = "by hand"
"""Name and status of what a person has to do because no action is configured for a trigger."""
PLANNED: Final = "planned"
"""Status of a configured action."""
PROBED: Final = frozenset({"success-rate", "latency"})
"""Triggers on a rate or a time: one look may be chance, so they count only when they hold."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackCause:
    """A trigger that fired and the checks that fired it."""

    trigger: str
    checks: tuple[str, ...]
    phases: tuple[str, ...] = ()
    """Those of its checks: what proves afterwards that the cause is gone."""

    @property
    def to_be_probed(self) -> bool:
        """Whether it must hold for several looks before anything acts on it; a run looks only once."""
        return self.trigger in PROBED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DismissedCheck:
    """A failed check whose trigger counts for nothing, and why."""

    check: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """One step: a configured action, or what is left to a person."""

    name: str
    triggers: tuple[str, ...]
    because: str
    status: str
    mode: RollbackMode
    """How far it may go without a person: the milder of the configured mode and its triggers' default."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPlan:
    """What to do about a bad deploy; `refused` says in one sentence why a fired trigger leads to nothing."""

    mode: RollbackMode
    """The mildest of its configured actions' modes: who looks at it alone does no more than every step allows."""
    causes: tuple[RollbackCause, ...] = ()
    actions: tuple[PlannedAction, ...] = ()
    refused: str | None = None
    """The first of `refusals`."""
    refusals: tuple[str, ...] = ()
    """All that speaks against it, a sentence each."""
    dismissed: tuple[DismissedCheck, ...] = ()

    @property
    def fired(self) -> tuple[str, ...]:
        """The triggers that fired, in their fixed order."""
        return tuple(cause.trigger for cause in self.causes)

    @property
    def wanted(self) -> bool:
        """Whether something is to be rolled back, by an action or by hand."""
        return bool(self.actions) and self.refused is None
