"""Every line of the verdict at its boundary, every cell of the decision table, and the sentence that names the reason."""

from __future__ import annotations

import dataclasses
import time
from fractions import Fraction

import pytest

from readiness.config.model import GateSettings
from readiness.findings import Limits, Outcome, Severity, Stage
from readiness.results.verdict.verdict import Decision, Evidence, Status, decide, exit_code, judge, plan_hash
from tests.results.verdict.judging import crowd, found, judged, planned

BLOCKED = {Status.NOT_READY, Status.INCOMPLETE}
MANY = crowd(60)
"""Enough low checks that one more or less moves no limit."""


@pytest.mark.parametrize(
    ("pairs", "status", "because"),
    [
        # line 1: NOT READY
        (crowd(1, "failed", "critical"), "NOT READY", "1 critical check failed: critical-60"),
        (crowd(3, "failed", "high"), "NOT READY", "3 high checks failed, and at most 2 may: high-60, high-61, high-62"),
        (crowd(2, "failed", "high"), "CONDITIONAL", "2 checks failed: high-60, high-61"),
        # line 2: INCOMPLETE
        (crowd(1, "unknown", "critical"), "INCOMPLETE", "1 critical check could not be proven: critical-60"),
        (
            crowd(1, "failed", "high") + crowd(2, "unknown", "high"),
            "INCOMPLETE",
            "3 high checks failed or could not be proven, and at most 2 may: high-60, high-61, high-62",
        ),
        # line 3: CONDITIONAL
        (crowd(1, "failed"), "CONDITIONAL", "1 check failed: low-60"),
        (crowd(1, "unknown"), "CONDITIONAL", "1 check could not be proven: low-60"),
        (crowd(1, "waived"), "CONDITIONAL", "1 check failed under a waiver: low-60"),
        (crowd(1, "waived", "critical"), "CONDITIONAL", "1 check failed under a waiver: critical-60"),
        (crowd(1, "degraded", "critical"), "CONDITIONAL", "1 critical check degraded: critical-60"),
        (crowd(1, "flaky", "critical"), "CONDITIONAL", "1 critical check passed only at another attempt: critical-60"),
        # line 4: READY
        (crowd(1, "passed", "critical"), "READY", "61 checks passed"),
        (
            crowd(1, "degraded"),
            "READY",
            "61 checks proven, with 1 warning: low-60",
        ),
        (
            crowd(1, "flaky", "high"),
            "READY",
            "61 checks proven, with 1 warning: high-60",
        ),
    ],
)
def test_each_line_of_the_verdict(pairs: list[tuple[str, str]], status: str, because: str) -> None:
    """Among many good checks, a few others decide the verdict and its one sentence."""
    judgement = judged(MANY, pairs)
    assert (judgement.status.value, judgement.because) == (status, because)


@pytest.mark.parametrize(
    ("pairs", "status", "because"),
    [
        # the score, equal to `ready` and just below it: degraded alone neither fails nor is unknown
        (
            crowd(80, severity="high") + crowd(20, "degraded", "high"),
            "READY",
            "100 checks proven, with 20 warnings",
        ),
        (
            crowd(79, severity="high") + crowd(21, "degraded", "high"),
            "CONDITIONAL",
            "the score is 89.5 and 90 is needed",
        ),
        # equal to `conditional` and just below it
        (
            crowd(50, severity="high") + crowd(50, "degraded", "high"),
            "CONDITIONAL",
            "the score is 75.0 and 90 is needed",
        ),
        (
            crowd(49, severity="high") + crowd(51, "degraded", "high"),
            "NOT READY",
            "critical and high checks lost 25.5 points, and at most 25 may be lost",
        ),
        # the score could still reach the limit
        (
            crowd(48, severity="high") + crowd(50, "degraded", "high") + crowd(2, "unknown", "high"),
            "INCOMPLETE",
            "critical and high checks lost 27.0 points, and at most 25 may be lost; 25.0 if what is unknown passed",
        ),
        (
            crowd(46, severity="high") + crowd(52, "degraded", "high") + crowd(2, "unknown", "high"),
            "NOT READY",
            "critical and high checks lost 26.0 points, even if every unknown check passed, and at most 25 may be lost",
        ),
        # proven, equal to its limit and just below it
        (crowd(80, severity="high") + crowd(20, "unknown", "high"), "CONDITIONAL", "20 checks could not be proven"),
        (
            crowd(79, severity="high") + crowd(21, "unknown", "high"),
            "INCOMPLETE",
            "only 79.0 % is proven, 80 % is needed: 21 checks",
        ),
        # failed instead of unknown is no better
        (
            crowd(80, severity="high") + crowd(20, "failed", "high"),
            "CONDITIONAL",
            "20 checks failed: high-80, high-81, high-82 and 17 more",
        ),
        (
            crowd(79, severity="high") + crowd(21, "failed", "high"),
            "NOT READY",
            "failed critical and high checks carry 21.0 % of the weight, and at most 20 % may",
        ),
        (
            crowd(79, severity="high") + crowd(11, "failed", "high") + crowd(10, "unknown", "high"),
            "INCOMPLETE",
            "failed and unknown critical and high checks carry 21.0 % of the weight, and at most 20 % may",
        ),
    ],
)
def test_limits_of_score_and_proof(pairs: list[tuple[str, str]], status: str, because: str) -> None:
    """Equal to a limit is still inside it; a hundred checks of one weight make each one point."""
    judgement = judged(pairs, gate=GateSettings(high_failures=100))
    assert (judgement.status.value, judgement.because[: len(because)]) == (status, because)


@pytest.mark.parametrize("severity", ["low", "medium"])
@pytest.mark.parametrize("outcome", ["failed", "unknown", "waived"])
@pytest.mark.parametrize("others", [0, 1, 5, 40])
def test_low_and_medium_checks_alone_never_block(severity: str, outcome: str, others: int) -> None:
    """Whatever else a run has, and however little, they make it CONDITIONAL; the same as a critical check blocks it."""
    judgement = judged(crowd(3, outcome, severity), crowd(others))
    assert (judgement.status, exit_code(judgement.status, strict=False)) == (Status.CONDITIONAL, 0)
    assert judgement.score >= 90
    assert judged(crowd(3, outcome, "critical"), crowd(others)).status in BLOCKED


def test_a_category_of_one_check_weighs_as_much_as_its_check() -> None:
    """A medium check loses the same points in a category of its own as among thirty others, and less than a high one."""
    plan = [planned(f"h{i}", "critical", topic="b") for i in range(30)]
    points = {}
    for severity in Severity:
        for topic in ("alone", "b"):
            one = planned("own", severity.value, topic=topic)
            found_ = [found(p.check.id, "passed") for p in plan] + [found("own", "failed")]
            rows = judge(Evidence(plan=[*plan, one], findings=found_), GateSettings()).rows
            points[severity, topic] = next(row.points_lost for row in rows if row.check.id == "own")
    assert all(points[severity, "alone"] == points[severity, "b"] for severity in Severity)
    assert [points[s, "alone"] for s in (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)] == [
        Fraction(100 * n, 300 + n) for n in (1, 3, 6, 10)
    ]


def test_a_low_category_alone_is_conditional() -> None:
    """One category below 70 withholds READY though the score is above 90; 70 itself does not."""
    plan = [planned(f"a{i}", topic="a") for i in range(10)] + [planned(f"b{i}", topic="b") for i in range(10)]
    for degraded, status in ((6, Status.READY), (7, Status.CONDITIONAL)):
        findings = [found(f"a{i}", "passed") for i in range(10)]
        findings += [found(f"b{i}", "degraded" if i < degraded else "passed") for i in range(10)]
        judgement = judge(Evidence(plan=plan, findings=findings), GateSettings())
        assert judgement.status is status
    assert judgement.because == "1 category is below 70: health/b (65.0)"
    assert judgement.headline == Fraction(899, 10) < judgement.score


def test_limits_of_the_gate_are_configurable() -> None:
    """A stricter gate turns the same findings from CONDITIONAL into NOT READY, and caps lower."""
    pairs = MANY + crowd(1, "failed", "high")
    assert judged(pairs).status is Status.CONDITIONAL
    strict = judged(pairs, gate=GateSettings(high_failures=0, conditional=Fraction(60)))
    assert strict.status is Status.NOT_READY
    assert strict.headline == Fraction(599, 10)


@pytest.mark.parametrize(
    ("pairs", "headline", "cap"),
    [
        (MANY, Fraction(100), None),
        (MANY + crowd(1, "waived"), Fraction(899, 10), "score 99.9, shown as 89.9 because the verdict is CONDITIONAL"),
        (
            crowd(20, severity="high") + crowd(1, "failed", "critical"),
            Fraction(749, 10),
            "score 92.3, shown as 74.9 because the verdict is NOT READY",
        ),
        (crowd(1, "unknown", "critical") + crowd(1, severity="critical"), Fraction(50), None),
    ],
)
def test_the_headline_stays_below_the_next_verdict(
    pairs: list[tuple[str, str]], headline: Fraction, cap: str | None
) -> None:
    """READY may show 100, CONDITIONAL 89.9, what is blocked 74.9; the cap is explained where it bites."""
    judgement = judged(pairs)
    assert (judgement.headline, judgement.cap) == (headline, cap)


@pytest.mark.parametrize(
    ("status", "stage", "roll_back", "decision"),
    [
        (Status.READY, Stage.BEFORE, False, Decision.DEPLOY),
        (Status.READY, Stage.AFTER, False, Decision.KEEP),
        (Status.CONDITIONAL, Stage.BEFORE, False, Decision.DEPLOY),
        (Status.CONDITIONAL, Stage.AFTER, False, Decision.KEEP_AND_WATCH),
        (Status.NOT_READY, Stage.BEFORE, False, Decision.DO_NOT_DEPLOY),
        (Status.NOT_READY, Stage.AFTER, False, Decision.HOLD),
        (Status.NOT_READY, Stage.AFTER, True, Decision.ROLL_BACK),
        (Status.INCOMPLETE, Stage.BEFORE, False, Decision.HOLD),
        (Status.INCOMPLETE, Stage.AFTER, False, Decision.HOLD),
        # whoever asks for a rollback: only a hub that is NOT READY after a deploy is rolled back
        (Status.READY, Stage.AFTER, True, Decision.KEEP),
        (Status.CONDITIONAL, Stage.AFTER, True, Decision.KEEP_AND_WATCH),
        (Status.INCOMPLETE, Stage.AFTER, True, Decision.HOLD),
        (Status.NOT_READY, Stage.BEFORE, True, Decision.DO_NOT_DEPLOY),
    ],
)
def test_the_decision_table(status: Status, stage: Stage, roll_back: bool, decision: Decision) -> None:  # noqa: FBT001 - a table's column
    """Every cell of the table, and that INCOMPLETE never rolls back."""
    judgement = dataclasses.replace(judged(MANY), status=status, stage=stage)
    assert decide(judgement, roll_back=roll_back) is decision


@pytest.mark.parametrize(
    ("status", "strict", "code"),
    [
        (Status.READY, False, 0),
        (Status.READY, True, 0),
        (Status.CONDITIONAL, False, 0),
        (Status.CONDITIONAL, True, 10),
        (Status.NOT_READY, False, 1),
        (Status.NOT_READY, True, 1),
        (Status.INCOMPLETE, False, 12),
        (Status.INCOMPLETE, True, 12),
    ],
)
def test_exit_codes(status: Status, strict: bool, code: int) -> None:  # noqa: FBT001 - a table's column
    """Only CONDITIONAL depends on strictness."""
    assert exit_code(status, strict=strict) == code


@pytest.mark.parametrize("stage", [Stage.BEFORE, Stage.AFTER])
def test_one_planned_after_check_decides_the_stage(stage: Stage) -> None:
    """An `after` check that was planned sets the stage even where it does not apply."""
    plan = [planned("a", stage=Stage.BEFORE), planned("b", stage=stage, not_applicable="declared")]
    assert judge(Evidence(plan=plan, findings=[found("a", "passed")]), GateSettings()).stage is stage


def test_category_weights_win_over_phase_weights() -> None:
    """A weight for `health/b` replaces the one for `health`; the score is the weighted mean."""
    plan = [planned("a", topic="a"), planned("b", topic="b"), planned("c", phase="e2e", topic="c")]
    findings = [found("a", "passed"), found("b", "failed"), found("c", "degraded")]
    weights = {"health": Fraction(2), "health/b": Fraction(1)}
    judgement = judge(Evidence(plan=plan, findings=findings), GateSettings(weights=weights))
    # of 4 units of weight 1.5 are lost, and low checks stake 5 points together
    assert judgement.score == 100 - 5 * Fraction(3, 2) / 4
    assert [(c.name, c.score, c.weight) for c in judgement.categories] == [
        ("e2e/c", 50, 1),
        ("health/a", 100, 2),
        ("health/b", 0, 1),
    ]


def test_instances_are_averaged_and_the_worst_is_the_outcome() -> None:
    """Two of three instances good: a third of the points is lost, and the check has failed."""
    plan = [planned("many", "high", instances=("x", "y", "z")), planned("one", "high")]
    findings = [found("many", "passed", "x"), found("many", "failed", "y"), found("many", "unknown", "z")]
    judgement = judge(Evidence(plan=plan, findings=[*findings, found("one", "passed")]), GateSettings())
    assert judgement.score == 100 * (Fraction(1, 3) + 1) / 2
    assert judgement.best_case == 100 * (Fraction(2, 3) + 1) / 2
    assert judgement.proven == Fraction(5, 6)
    lost = {(r.check.id, r.finding.instance): r.points_lost for r in judgement.rows}
    assert lost == {("many", "x"): 0, ("many", "y"): Fraction(50, 3), ("many", "z"): Fraction(50, 3), ("one", None): 0}


def test_the_worse_of_two_findings_about_one_instance_counts() -> None:
    """A tear-down error worsens a passed call, in whatever order they come."""
    for findings in ([found("a", "passed"), found("a", "failed")], [found("a", "failed"), found("a", "passed")]):
        assert (
            judge(Evidence(plan=[planned("a")], findings=findings), GateSettings()).rows[0].finding.outcome
            is Outcome.FAILED
        )


def test_ten_thousand_checks_are_judged_quickly() -> None:
    """Exact fractions cost little: CPU seconds for 10,000 checks, the best of three, far below a human's notice."""
    severities = [s.value for s in Severity]
    outcomes = ["passed", "degraded", "flaky", "failed", "unknown"]
    plan = [planned(f"c{i}", severities[i % 4], topic=f"t{i % 40}") for i in range(10_000)]
    evidence = Evidence(plan=plan, findings=[found(p.check.id, outcomes[i % 5]) for i, p in enumerate(plan)])
    seconds = []
    for _ in range(3):
        begin = time.process_time()
        judgement = judge(evidence, GateSettings())
        seconds.append(time.process_time() - begin)
    assert len(judgement.rows) == 10_000
    assert min(seconds) < 0.3


@pytest.mark.parametrize(
    "changed",
    [
        planned("b", "high", limits=Limits(critical=5)),
        planned("a", "low", limits=Limits(critical=5)),
        planned("a", "high", limits=Limits(critical=6)),
        planned("a", "high", limits=Limits(critical=5), topic="other"),
        planned("a", "high", limits=Limits(critical=5), not_applicable="declared"),
        planned("a", "high", limits=Limits(critical=5), instances=("x", "y")),
    ],
)
def test_the_plan_hash_names_what_had_to_be_proven(changed: object) -> None:
    """Id, severity, limits, category, applicability and instances enter it."""
    assert plan_hash([planned("a", "high", limits=Limits(critical=5))]) != plan_hash([changed])  # type: ignore[list-item]


def test_the_plan_hash_is_stable() -> None:
    """Order, what a run left out, titles and 5 against 5.0 do not enter it; it never changes between versions."""
    a, b = planned("a", "high", limits=Limits(critical=5, unit="ms")), planned("b", instances=("y", "x"))
    again = [
        dataclasses.replace(b, instances=("x", "y"), left_out="-k"),
        planned("a", "high", limits=Limits(critical=5.0, unit="ms"), title="another"),
    ]
    assert plan_hash([a, b]) == plan_hash(again) == "7cd059b6321f564b"
    assert (
        plan_hash([a, b], GateSettings(weights={"health": Fraction(2)}))
        != plan_hash([a, b], GateSettings())
        == plan_hash([a, b])
    )
