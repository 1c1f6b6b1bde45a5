"""What nobody reported, what was declared away, and what rests on something that is not proven."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from readiness.config.model import GateSettings, Waiver
from readiness.findings import Finding, Outcome, Planned
from readiness.results.verdict.verdict import Evidence, Judgement, Status, apply_waivers, judge
from tests.results.verdict.judging import crowd, found, judged, planned

TODAY = dt.date(2026, 3, 1)


def verdict(plan: list[Planned], findings: list[Finding], **more: object) -> Judgement:
    """Judge with the gate as it ships."""
    return judge(Evidence(plan=plan, findings=findings, **more), GateSettings())  # type: ignore[arg-type]


def outcomes(judgement: Judgement) -> dict[str, str]:
    """Check to outcome."""
    return {row.check.id: row.finding.outcome.value for row in judgement.rows}


def test_a_check_that_never_reported_breaks_integrity() -> None:
    """However small it is: a lost result makes the run INCOMPLETE and says which."""
    plan = [planned(f"c{i}") for i in range(50)]
    judgement = verdict(plan, [found(f"c{i}", "passed") for i in range(49)])
    assert judgement.status is Status.INCOMPLETE
    assert judgement.because == "1 planned check never reported: c49"
    assert judgement.rows[0].finding.reason == "no result: the check was planned and never reported"


def test_what_a_narrowed_run_left_out_is_unknown_but_not_lost() -> None:
    """A left-out check keeps its reason and makes the run CONDITIONAL, not INCOMPLETE."""
    plan = [planned(f"c{i}") for i in range(50)] + [planned("out", left_out="left out by -k")]
    judgement = verdict(plan, [found(f"c{i}", "passed") for i in range(50)])
    assert judgement.status is Status.CONDITIONAL
    assert (judgement.rows[0].check.id, judgement.rows[0].finding.reason) == ("out", "left out by -k")


@pytest.mark.parametrize(
    ("plan", "findings", "because"),
    [
        ([], [], "nothing was judged: no check of this run applies"),
        ([planned("a", not_applicable="declared")], [], "nothing was judged: no check of this run applies"),
        ([planned("a")], [], "nothing was executed (and 1 more problem with the run)"),
        ([planned("a")], [found("a", "passed"), found("b", "failed")], "1 result of what was not planned: b (failed)"),
        (
            [planned("a")],
            [found("a", "passed"), found("a", "passed", "x")],
            "1 result of what was not planned: a[x] (passed)",
        ),
        ([planned("a", instances=())], [found("a", "passed")], None),
    ],
)
def test_broken_integrity(plan: list[Planned], findings: list[Finding], because: str | None) -> None:
    """Nothing applicable, nothing executed, results of nothing planned: each is INCOMPLETE and named."""
    judgement = verdict(plan, findings)
    if because is None:
        assert judgement.status is Status.READY
    else:
        assert (judgement.status, judgement.because) == (Status.INCOMPLETE, because)


def test_trouble_is_the_reason_before_what_it_caused() -> None:
    """A suite that failed to import explains the unknown checks: it is named, not they."""
    judgement = verdict([planned("a", "critical")], [], trouble=["smoke/test_x.py could not be collected"])
    assert judgement.status is Status.INCOMPLETE
    assert judgement.because == "smoke/test_x.py could not be collected (and 2 more problems with the run)"


def test_a_failed_critical_check_is_the_reason_before_trouble() -> None:
    """Proven bad stays NOT READY whatever else broke."""
    assert judged(crowd(1, "failed", "critical"), trouble=["a worker died"]).status is Status.NOT_READY


def test_only_the_configuration_declares_away() -> None:
    """A check that calls itself not applicable at run time is unknown; a declared one is so whatever was found."""
    plan = [planned("a", "critical"), planned("b", "critical", not_applicable="no such thing here")]
    judgement = verdict(plan, [found("a", "not_applicable"), found("b", "failed")])
    assert outcomes(judgement) == {"a": "unknown", "b": "not_applicable"}
    assert judgement.rows[-1].finding.reason == "no such thing here"
    assert judgement.rows[-1].points_lost == 0


def test_a_scope_exception_and_a_first_look_withhold_ready() -> None:
    """Both are CONDITIONAL at best, each with its own sentence; neither makes a blocked run better."""
    exception = planned("gone", "critical", not_applicable="declared", scope_exception=True)
    judgement = verdict([planned("a"), exception], [found("a", "passed")])
    assert judgement.status is Status.CONDITIONAL
    assert judgement.because == "1 check that cannot be waived was declared away in production: gone"
    look = judged(crowd(3), cap="a first look: nothing was declared")
    assert (look.status, look.because) == (Status.CONDITIONAL, "a first look: nothing was declared")
    assert judged(crowd(1, "failed", "critical"), cap="a first look").status is Status.NOT_READY


def test_categories_that_weigh_nothing_prove_nothing() -> None:
    """Where every category of the run weighs 0 there is no score, and the reason says so."""
    judgement = judged(crowd(3), weights={"health": Fraction(0)})
    assert (judgement.status, judgement.score) == (Status.INCOMPLETE, 0)
    assert judgement.because == "nothing counts: every category of this run has the weight 0 in [gate] weights"


# --- blocking ---------------------------------------------------------------------------------------------------------


def chain(**roots: str) -> tuple[list[Planned], list[Finding]]:
    """`answers` ← `ready` ← `tools` ← `call`, and an independent check."""
    plan = [
        planned("call", "critical", after=("tools",)),
        planned("tools", after=("ready",)),
        planned("ready", after=("answers",)),
        planned("answers", "critical"),
        planned("other"),
    ]
    return plan, [found(p.check.id, roots.get(p.check.id, "passed")) for p in plan]


def test_a_failure_blocks_what_rests_on_it_and_names_the_root() -> None:
    """Through a chain the root is named; the root stands before what it blocks; the others are untouched."""
    judgement = verdict(*chain(answers="failed"))
    assert outcomes(judgement) == {"answers": "failed", "call": "unknown", "ready": "unknown", "tools": "unknown"} | {
        "other": "passed"
    }
    assert [row.check.id for row in judgement.rows] == ["answers", "call", "ready", "tools", "other"]
    assert {row.finding.reason for row in judgement.rows[1:4]} == {"blocked by answers"}
    assert {row.finding.blocked_by for row in judgement.rows[1:4]} == {"answers"}
    assert judgement.rows[1].finding.notes == ("its own outcome was passed",)
    assert judgement.because == "1 critical check failed: answers"


def test_failed_evidence_stays_failed_though_blocked() -> None:
    """What was proven bad is not dressed as unknown, and what rests on both still names the root."""
    judgement = verdict(*chain(answers="failed", tools="failed"))
    assert outcomes(judgement)["tools"] == "failed"
    assert next(r for r in judgement.rows if r.check.id == "call").finding.blocked_by == "answers"


@pytest.mark.parametrize("lost", ["unknown", "dropped", "left out"])
def test_losing_a_failure_gives_back_nothing_that_it_blocked(lost: str) -> None:
    """Unknown, never reported or left out: what rests on it is not proven either, and the score does not rise."""
    plan, findings = chain(ready="failed")
    before = verdict(plan, findings)
    findings = chain(ready="unknown")[1] if lost == "unknown" else [f for f in findings if f.check != "ready"]
    if lost == "left out":
        plan = [planned("ready", after=("answers",), left_out="-k") if p.check.id == "ready" else p for p in plan]
    after = verdict(plan, findings)
    assert outcomes(after)["call"] == outcomes(after)["tools"] == "unknown"
    assert after.score == before.score
    assert after.status is Status.INCOMPLETE


@pytest.mark.parametrize("outcome", ["passed", "flaky", "degraded", "waived"])
def test_only_what_is_not_proven_blocks(outcome: str) -> None:
    """Anything else, a waived failure included, lets what rests on it count."""
    assert outcomes(verdict(*chain(answers=outcome)))["call"] == "passed"


def test_a_declared_away_or_unplanned_check_blocks_nothing() -> None:
    """`after` may name what this run does not plan or what does not apply."""
    plan = [planned("a", after=("gone", "unheard-of")), planned("gone", not_applicable="declared")]
    assert outcomes(verdict(plan, [found("a", "passed")]))["a"] == "passed"


def test_one_failed_instance_blocks() -> None:
    """A check that fails for one host blocks what rests on it."""
    plan = [planned("hosts", instances=("x", "y")), planned("a", after=("hosts",))]
    judgement = verdict(plan, [found("hosts", "passed", "x"), found("hosts", "failed", "y"), found("a", "passed")])
    assert outcomes(judgement)["a"] == "unknown"


def test_checks_that_wait_for_each_other_end() -> None:
    """A circle is a mistake, but no reason to hang: the failed one is the root."""
    plan = [planned("a", after=("b",)), planned("b", after=("a",)), planned("self", after=("self",))]
    judgement = verdict(plan, [found("a", "failed"), found("b", "passed"), found("self", "failed")])
    assert outcomes(judgement) == {"a": "failed", "b": "unknown", "self": "failed"}
    assert next(r for r in judgement.rows if r.check.id == "b").finding.blocked_by == "a"


def test_a_failed_root_is_named_before_an_unknown_one() -> None:
    """Of two causes the proven one is told."""
    plan = [planned("dark"), planned("bad"), planned("a", after=("dark", "bad"))]
    judgement = verdict(plan, [found("dark", "unknown"), found("bad", "failed"), found("a", "passed")])
    assert judgement.rows[-1].finding.blocked_by == "bad"


def test_a_blocked_critical_check_is_told_with_its_root_first() -> None:
    """Where only blocked checks are unknown, the sentence begins with what blocks them."""
    judgement = verdict(*chain(tools="failed"))
    assert judgement.because == "blocked by tools: 1 critical check could not be proven: call"


# --- waivers ----------------------------------------------------------------------------------------------------------


def waiver(check: str, days: int = 1, instance: str | None = None) -> Waiver:
    """A waiver that expires in `days`."""
    return Waiver(check=check, reason="known", owner="ops", expires=TODAY + dt.timedelta(days=days), instance=instance)


@pytest.mark.parametrize(
    ("given", "finding", "outcome", "note"),
    [
        (waiver("a"), found("a", "failed", "x"), "waived", None),
        (waiver("a", days=0), found("a", "failed", "x"), "waived", None),
        (waiver("a", instance="x"), found("a", "failed", "x"), "waived", None),
        (waiver("a", days=-1), found("a", "failed", "x"), "failed", "for a (ops): expired on 2026-02-28 and ignored"),
        (waiver("a", instance="y"), found("a", "failed", "x"), "failed", None),
        (
            waiver("a", instance="q"),
            found("a", "failed", "x"),
            "failed",
            "for a[q] (ops): no such instance; there are: x, y",
        ),
        (waiver("a"), found("a", "passed", "x"), "passed", "for a (ops): stale: the check passes; remove it"),
        (waiver("a"), found("a", "unknown", "x"), "unknown", None),
        (waiver("a"), found("a", "degraded", "x"), "degraded", None),
        (
            waiver("strict"),
            found("strict", "failed"),
            "failed",
            "for strict (ops): ignored: this check cannot be waived",
        ),
        (
            waiver("strikt"),
            found("strict", "failed"),
            "failed",
            "(ops): no such check in this run; did you mean strict?",
        ),
        (waiver("elsewhere"), found("a", "failed", "x"), "failed", None),
    ],
)
def test_waivers(given: Waiver, finding: Finding, outcome: str, note: str | None) -> None:
    """Only a failure that a live waiver covers is waived; whatever else a waiver is, people are told."""
    plan = [planned("a", instances=("x", "y")), planned("strict", waivable=False)]
    findings, notes = apply_waivers([finding], plan, [given], today=TODAY, known={"elsewhere"})
    assert findings[0].outcome is Outcome(outcome)
    assert (findings[0].waiver == f"known (ops, until {given.expires})") is (outcome == "waived")
    assert [n.endswith(note) for n in notes] == ([True] if note else [])


def test_several_waivers_each_cover_their_own() -> None:
    """One that is live does not make another one of the same check or instance live, nor hides that it is expired."""
    plan = [planned("a", instances=("x", "y")), planned("b", instances=("x", "y"))]
    findings = [found(check, "failed", instance) for check in ("a", "b") for instance in ("x", "y")]
    given = [waiver("a", instance="x"), waiver("b", instance="y"), waiver("b", days=-1, instance="x")]
    waived, notes = apply_waivers(findings, plan, given, today=TODAY, known=set())
    outcomes = {(finding.check, finding.instance): finding.outcome.value for finding in waived}
    assert outcomes == {("a", "x"): "waived", ("a", "y"): "failed", ("b", "x"): "failed", ("b", "y"): "waived"}
    assert [note.endswith("expired on 2026-02-28 and ignored") for note in notes] == [True]


def test_a_waiver_of_nothing_says_so_in_these_words() -> None:
    """A name that resembles none is not compared with any, and a check without instances has none to name."""
    plan = [planned("a"), planned("many", instances=tuple("pqrstuv"))]
    given = [waiver("zzzzzzzz"), waiver("a", instance="q"), waiver("many", instance="z")]
    _, notes = apply_waivers([found("a", "failed")], plan, given, today=TODAY, known=set())
    assert [note.partition("(ops): ")[2] for note in notes] == [
        "no such check in this run",
        "no such instance; there are: none",
        "no such instance; there are: p, q, r, s, t",
    ]
