"""Properties of the score and the verdict over random plans: losing evidence never helps, and points add up."""

from __future__ import annotations

import dataclasses
import itertools
import math
from fractions import Fraction

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from readiness.config.model import GateSettings
from readiness.findings import Check, Finding, Outcome, Planned, Severity, Stage
from readiness.results.verdict.verdict import Evidence, Judgement, Status, floor_tenth, judge
from tests.results.verdict.judging import crowd, found, planned

RANK = {Status.READY: 2, Status.CONDITIONAL: 1, Status.NOT_READY: 0, Status.INCOMPLETE: 0}
REAL = [outcome for outcome in Outcome if outcome is not Outcome.NOT_APPLICABLE]
MOSTLY_WELL = [Outcome.PASSED] * 12 + REAL
CATEGORIES = [("health", "a"), ("health", "b"), ("e2e", "c")]
BOUND = settings(max_examples=150, deadline=None)


@st.composite
def plans(draw: st.DrawFn) -> list[Planned]:
    """Up to 14 checks with instances, `after` (circles included), what does not apply and what was left out."""
    ids = [f"c{i}" for i in range(draw(st.integers(1, 14)))]
    rested_upon = draw(st.lists(st.sampled_from(ids), max_size=2))
    plan = []
    for name in ids:
        phase, topic = draw(st.sampled_from(CATEGORIES))
        severity = draw(st.sampled_from([*Severity, Severity.LOW, Severity.LOW]))
        after = tuple(rested_upon) if draw(st.integers(0, 3)) == 0 else ()
        state = draw(st.integers(0, 15))
        plan.append(
            Planned(
                check=Check(id=name, title=name, phase=phase, topic=topic, severity=severity, after=after),
                instances=(None,) if draw(st.booleans()) else tuple("xyz"[: draw(st.integers(1, 3))]),
                not_applicable="declared" if state == 0 else None,
                left_out="left out (-k)" if state == 1 else None,
            )
        )
    return plan


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    """A plan with findings, some of them lost."""
    plan = draw(plans())
    outcomes = st.sampled_from(draw(st.sampled_from([MOSTLY_WELL, REAL])))
    lossy = draw(st.booleans())
    findings = [
        Finding(check=p.check.id, instance=instance, outcome=draw(outcomes))
        for p in plan
        if p.left_out is None
        for instance in p.instances
        if not (lossy and draw(st.integers(0, 9)) == 0)
    ]
    trouble = draw(st.sampled_from([(), (), (), ("a worker died",)]))
    return Evidence(
        plan=plan, findings=findings, trouble=trouble, cap=draw(st.sampled_from([None, None, "a first look"]))
    )


@st.composite
def gates(draw: st.DrawFn) -> GateSettings:
    """The gate as it ships, or with other limits; with and without category weights."""
    names = ["health", "e2e", "health/a", "health/b", "e2e/c"]
    weights = draw(st.dictionaries(st.sampled_from(names), st.sampled_from([Fraction(n, 2) for n in range(6)])))
    if draw(st.booleans()):
        return GateSettings(weights=weights)
    conditional = Fraction(draw(st.integers(1, 99)))
    return GateSettings(
        weights=weights,
        conditional=conditional,
        ready=Fraction(draw(st.integers(int(conditional), 100))),
        category=Fraction(draw(st.integers(0, 100))),
        proven=Fraction(draw(st.integers(0, 20)), 20),
        high_failures=draw(st.integers(0, 4)),
    )


def worse(draw: st.DrawFn, before: Evidence) -> Evidence:
    """Worsen one outcome, lose one finding in one of three ways, leave one check out, or add trouble."""
    how = draw(st.sampled_from(["outcome", "outcome", "unknown", "drop", "left out", "trouble"]))
    if how == "trouble" or not before.findings:
        return dataclasses.replace(before, trouble=(*before.trouble, "a suite failed to import"))
    victim = draw(st.sampled_from(list(before.findings)))
    rest = [f for f in before.findings if f is not victim]
    if how == "drop":
        return dataclasses.replace(before, findings=rest)
    if how == "left out":
        # to be asked for nothing is no loss on top of having lost part of what was asked for: that breaks the run's integrity
        reported = {f.instance for f in before.findings if f.check == victim.check}
        assume(all(set(p.instances) <= reported for p in before.plan if p.check.id == victim.check))
        plan = [dataclasses.replace(p, left_out="-k") if p.check.id == victim.check else p for p in before.plan]
        return dataclasses.replace(before, plan=plan, findings=[f for f in rest if f.check != victim.check])
    if how == "unknown":
        # lost, whatever it was: a failure that nobody hears of must not help either
        return dataclasses.replace(before, findings=[*rest, dataclasses.replace(victim, outcome=Outcome.UNKNOWN)])
    below = [outcome for outcome in REAL if outcome.rank > victim.outcome.rank]
    assume(below)
    changed = dataclasses.replace(victim, outcome=draw(st.sampled_from(below)))
    return dataclasses.replace(before, findings=[*rest, changed])


def assert_not_better(before: Judgement, after: Judgement) -> None:
    """Neither rank nor score nor headline rose."""
    assert RANK[after.status] <= RANK[before.status], (before.because, after.because)
    assert after.score <= before.score
    assert after.headline <= before.headline


@BOUND
@given(evidence(), gates())
def test_points_lost_and_score_add_up_to_exactly_100(given_: Evidence, gate: GateSettings) -> None:
    """The score and all points lost are 100 to the last digit, wherever anything counts."""
    judgement = judge(given_, gate)
    lost = sum((row.points_lost for row in judgement.rows), Fraction(0))
    if any(category.weight for category in judgement.categories):
        assert judgement.score + lost == 100
    else:
        assert judgement.score == lost == 0
        assert judgement.status in {Status.NOT_READY, Status.INCOMPLETE}


@settings(max_examples=200, deadline=None)
@given(st.data(), evidence(), gates())
def test_no_worsening_and_no_loss_of_evidence_ever_helps(
    data: st.DataObject, before: Evidence, gate: GateSettings
) -> None:
    """Whatever gets worse or lost: rank, score and headline never rise."""
    after = worse(data.draw, before)
    assert_not_better(judge(before, gate), judge(after, gate))


@settings(max_examples=150, deadline=None)
@given(
    counts=st.fixed_dictionaries(
        {(s, o): st.integers(0, 6) for s in ("low", "medium", "high") for o in ("unknown", "failed")}
    ),
    passed=st.integers(20, 90),
    victim=st.sampled_from(["unknown", "failed", "passed"]),
    to=st.sampled_from(["unknown", "failed"]),
)
@example(counts={("low", "unknown"): 21}, passed=79, victim="unknown", to="failed")
@example(counts={("high", "failed"): 3}, passed=90, victim="failed", to="unknown")
def test_unknown_and_failed_weigh_the_same_at_the_gate(
    counts: dict[tuple[str, str], int], passed: int, victim: str, to: str
) -> None:
    """In large plans near the limits: neither a failure become unknown nor the reverse opens the gate."""
    pairs = [pair for (severity, outcome), n in counts.items() for pair in crowd(n, outcome, severity)]
    pairs += crowd(passed)
    index = next((i for i, (_, outcome) in enumerate(pairs) if outcome == victim), None)
    assume(index is not None)
    plan = [planned(f"c{i}", severity) for i, (severity, _) in enumerate(pairs)]
    findings = [found(f"c{i}", outcome) for i, (_, outcome) in enumerate(pairs)]
    before = judge(Evidence(plan=plan, findings=findings), GateSettings())
    findings[index] = found(f"c{index}", to)
    assert_not_better(before, judge(Evidence(plan=plan, findings=findings), GateSettings()))


@BOUND
@given(evidence(), gates())
def test_number_and_word_never_contradict_each_other(given_: Evidence, gate: GateSettings) -> None:
    """A headline stands below the limit of the next better verdict, and at or above its own."""
    judgement = judge(given_, gate)
    assert 0 <= judgement.headline <= judgement.score <= judgement.best_case <= 100
    shown = floor_tenth(judgement.headline)
    if judgement.status is Status.READY:
        assert shown >= gate.ready
    elif judgement.status is Status.CONDITIONAL:
        assert gate.ready > shown
        assert judgement.score >= gate.conditional
    else:
        assert shown < gate.conditional
    assert (judgement.cap is not None) == (floor_tenth(judgement.score) > shown)


@BOUND
@given(evidence(), gates())
def test_points_follow_severity_in_every_run(given_: Evidence, gate: GateSettings) -> None:
    """What fails whole loses no more than a more severe check that fails whole, wherever both count alike."""
    plain = dataclasses.replace(gate, weights={})
    plan = [dataclasses.replace(p, instances=(None,)) for p in given_.plan]
    rows = judge(Evidence(plan=plan, findings=[]), plain).rows
    lost = [(row.check.severity.weight, row.points_lost) for row in rows if row.finding.outcome is Outcome.UNKNOWN]
    lost.sort()
    assert all(less <= more for (_, less), (_, more) in itertools.pairwise(lost))
    assert len(set(lost)) == len({weight for weight, _ in lost})


@settings(max_examples=200, deadline=None)
@given(evidence(), gates(), st.sampled_from(REAL))
def test_low_and_medium_checks_never_decide_what_blocks(given_: Evidence, gate: GateSettings, outcome: Outcome) -> None:
    """Whether a run is blocked is the same whatever its checks of low and medium severity come to."""
    minor = {p.check.id for p in given_.plan if p.check.severity in {Severity.LOW, Severity.MEDIUM}}
    plan = [
        dataclasses.replace(p, left_out=None, check=dataclasses.replace(p.check, after=()))
        if p.check.id in minor
        else p
        for p in given_.plan
    ]
    plan = [dataclasses.replace(p, check=dataclasses.replace(p.check, after=())) for p in plan]
    kept = [f for f in given_.findings if f.check not in minor]
    told = [
        Finding(check=p.check.id, instance=i, outcome=outcome) for p in plan if p.check.id in minor for i in p.instances
    ]
    well = [dataclasses.replace(f, outcome=Outcome.PASSED) for f in told]
    changed, before = (
        judge(dataclasses.replace(given_, plan=plan, findings=[*kept, *minors]), gate) for minors in (told, well)
    )
    assert (RANK[changed.status] == 0) == (RANK[before.status] == 0), (before.because, changed.because)


@BOUND
@given(evidence(), gates())
def test_ready_means_that_everything_was_proven_good(given_: Evidence, gate: GateSettings) -> None:
    """READY never stands beside anything unknown, failed, waived, lost or broken, nor beside a first look."""
    judgement = judge(given_, gate)
    if judgement.status is Status.READY:
        outcomes = {row.finding.outcome for row in judgement.rows}
        assert not outcomes & {Outcome.UNKNOWN, Outcome.FAILED, Outcome.WAIVED}
        assert not given_.trouble
        assert given_.cap is None
        assert judgement.proven == 1


@BOUND
@given(evidence(), gates())
def test_every_planned_instance_has_exactly_one_row(given_: Evidence, gate: GateSettings) -> None:
    """Nothing planned vanishes from the report, and what failed is never shown as anything else."""
    judgement = judge(given_, gate)
    rows = [(row.check.id, row.finding.instance) for row in judgement.rows]
    expected = [
        (p.check.id, instance) for p in given_.plan for instance in ((None,) if p.not_applicable else p.instances)
    ]
    assert sorted(rows, key=str) == sorted(expected, key=str)
    applicable = {p.check.id for p in given_.plan if p.not_applicable is None}
    failed = {(f.check, f.instance) for f in given_.findings if f.outcome is Outcome.FAILED and f.check in applicable}
    shown = {(r.check.id, r.finding.instance) for r in judgement.rows if r.finding.outcome is Outcome.FAILED}
    assert shown == failed


@BOUND
@given(evidence(), gates())
def test_a_blocked_row_names_a_root_that_is_listed_before_it(given_: Evidence, gate: GateSettings) -> None:
    """What is blocked names a check that is itself failed or unknown and stands above it."""
    judgement = judge(given_, gate)
    bad = {Outcome.FAILED, Outcome.UNKNOWN}
    own = {r.check.id for r in judgement.rows if r.finding.outcome in bad and r.finding.blocked_by is None}
    seen = set()
    for row in judgement.rows:
        root = row.finding.blocked_by
        if root is not None:
            assert row.finding.outcome is Outcome.UNKNOWN
            assert row.finding.reason.startswith(f"blocked by {root}")
            assert root != row.check.id
            assert root in {r.check.id for r in judgement.rows if r.finding.outcome in bad}
            assert root not in own or root in seen
        seen.add(row.check.id)


@given(st.fractions(min_value=0, max_value=100))
def test_what_is_displayed_is_never_rounded_up(value: Fraction) -> None:
    """A displayed number is at most the exact one and less than a tenth below it, with one decimal."""
    shown = floor_tenth(value)
    tenths = round(shown * 10)
    assert math.isclose(tenths / 10, shown)
    assert 0 <= value - Fraction(tenths, 10) < Fraction(1, 10)


@BOUND
@given(evidence(), gates())
def test_the_stage_depends_on_the_plan_alone(given_: Evidence, gate: GateSettings) -> None:
    """One planned `after` check makes it a judgement of what runs, applicable or not."""
    before = [dataclasses.replace(p, check=dataclasses.replace(p.check, stage=Stage.BEFORE)) for p in given_.plan]
    assert judge(dataclasses.replace(given_, plan=before), gate).stage is Stage.BEFORE
    assert judge(given_, gate).stage is Stage.AFTER
