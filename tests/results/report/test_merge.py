"""Merging shards: the worst wins, nothing vanishes, and no order, copy or cause makes anything better."""

from __future__ import annotations

import dataclasses
import json
import random
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from readiness.config.model import GateSettings
from readiness.errors import ReadinessError
from readiness.findings import Check, Outcome, Severity, Stage
from readiness.results.report import SCHEMA_FILE, HubProcess, Report, build, read, to_json
from readiness.results.report.merging import judged_again, merge, superseded
from readiness.results.verdict.verdict import Decision, Evidence, Status, decide, exit_code, judge, lowered
from tests.results.report.factory import config, planned_action, rollback_plan, run_info
from tests.results.verdict.judging import found, planned

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUSE = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
RANK = {"READY": 0, "CONDITIONAL": 1, "INCOMPLETE": 2, "NOT READY": 2}
"""NOT READY and INCOMPLETE are one rank: blocked."""
Told = tuple[str, str, str, str | None]
"""Check, severity, outcome, instance."""


def _shard(number: int, told: Sequence[Told], **more: Any) -> Report:
    """A run that found what is told, judged by the real rules; `after` gives what each check rests on."""
    after = more.pop("after", {})
    trouble, gate = more.pop("trouble", ()), more.pop("gate", GateSettings())
    cap, strict, stage = more.pop("cap", None), more.pop("strict", False), more.pop("stage", Stage.AFTER)
    checks: dict[str, list[Told]] = {}
    for one in told:
        checks.setdefault(one[0], []).append(one)
    plan = [
        planned(
            name, mine[0][1], instances=tuple(one[3] for one in mine), after=after.get(name, ()), stage=stage,
            not_applicable="declared away" if mine[0][2] == "not_applicable" else None,
        )
        for name, mine in checks.items()
    ]  # fmt: skip
    findings = [found(name, outcome, instance) for name, _, outcome, instance in told if outcome != "not_applicable"]
    judgement = judge(Evidence(plan=plan, findings=findings, trouble=trouble, cap=cap), gate)
    info = run_info(number, **{"selection": f"shard{number}"} | more.pop("about", {}))
    wanted = judgement.status is Status.NOT_READY and stage is Stage.AFTER and more.get("rollback") is not None
    return build(
        judgement, decision=decide(judgement, roll_back=wanted), config=config(gate=gate), run=info, trouble=trouble,
        exit_code=exit_code(judgement.status, strict=strict), **more,
    )  # fmt: skip


def _outcomes(report: Report) -> dict[tuple[str, str | None], Outcome]:
    return {(row.check, row.instance): row.outcome for row in report.rows}


NAMES = ("hub-answers", "hub-is-ready", "disk", "cors", "cache")
ONE = st.tuples(
    st.sampled_from(NAMES), st.sampled_from([s.value for s in Severity]),
    st.sampled_from([o.value for o in Outcome if o is not Outcome.NOT_APPLICABLE]), st.sampled_from([None, "web1"]),
)  # fmt: skip
TOLD = st.lists(ONE, min_size=1, max_size=6, unique_by=lambda one: (one[0], one[3]))
AWAY = st.sets(st.sampled_from(NAMES), max_size=2)


def _declared(told: list[Told], away: set[str]) -> list[Told]:
    gone = [(name, "high", "not_applicable", None) for name in sorted(away)]
    return [one for one in told if one[0] not in away] + gone


SHARDS = st.lists(
    st.builds(
        lambda told, away, trouble, cap: (_declared(told, away), {"trouble": trouble, "cap": cap, "after": {"disk": ("hub-answers",)}}),
        TOLD, AWAY, st.sampled_from([(), (), ("worker gw1 died",)]), st.sampled_from([None, None, "a first look"]),
    ),
    min_size=1, max_size=4,
).map(lambda shards: [_shard(number, told, **more) for number, (told, more) in enumerate(shards, start=1)])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(shards=SHARDS, seed=st.integers(0, 99))
def test_merging_never_raises_anything(shards: list[Report], seed: int) -> None:
    """No outcome, no verdict and no headline past the verdict's limit is better than in the worst shard; order is nothing."""
    merged, code = merge(shards)
    HOUSE.validate(json.loads(json.dumps(to_json(merged), allow_nan=False)))
    outcomes = _outcomes(merged)
    for shard in shards:
        for key, outcome in _outcomes(shard).items():
            if outcome is not Outcome.NOT_APPLICABLE:
                assert outcomes[key].rank >= outcome.rank
            else:
                assert key[0] in {check for check, _ in outcomes}
        assert RANK[merged.status] >= RANK[shard.status]
        if shard.status == "NOT READY":
            assert merged.status == "NOT READY"
    assert merged.headline <= merged.score
    assert code == exit_code(Status(merged.status), strict=False)
    mixed = list(shards)
    random.Random(seed).shuffle(mixed)
    assert merge(mixed) == (merged, code)


@settings(max_examples=40, deadline=None)
@given(shards=SHARDS)
def test_merging_what_is_merged_changes_no_verdict(shards: list[Report]) -> None:
    """Once more the same shards, or the result again: outcomes, points and verdict stay; also after reading it back."""
    merged, code = merge(shards)
    again, twice = merge([*shards, *shards])
    assert (_outcomes(again), again.status, again.score, twice) == (
        _outcomes(merged),
        merged.status,
        merged.score,
        code,
    )
    back, third = merge([read(json.loads(json.dumps(to_json(shard)))) for shard in shards])
    assert (_outcomes(back), back.status, back.score, third) == (_outcomes(merged), merged.status, merged.score, code)


@settings(max_examples=40, deadline=None)
@given(shards=SHARDS)
def test_one_shard_is_what_it_was(shards: list[Report]) -> None:
    """The merge of one is that one, and the rules give its verdict and points again where they are asked anew."""
    one = shards[0]
    assert merge([one]) == (one, one.exit_code)
    anew, code = merge([one, dataclasses.replace(one, run=dataclasses.replace(one.run, id="again"))])
    assert (anew.status, anew.score, anew.headline, code) == (one.status, one.score, one.headline, one.exit_code)
    assert {r.key: (r.outcome, r.points_lost) for r in anew.rows} == {
        r.key: (r.outcome, r.points_lost) for r in one.rows
    }


def test_the_score_is_that_of_all_checks_together() -> None:
    """Categories and weights come from the shards; points are shared out over the whole plan."""
    one = _shard(1, [("a", "high", "passed", None), ("b", "high", "failed", None)])
    two = _shard(2, [("c", "high", "passed", None), ("d", "high", "passed", None)])
    merged, code = merge([two, one])
    assert (merged.score, merged.status, code) == (Fraction(75), "NOT READY", 1)  # failed weight past what may fail
    assert {row.key: row.points_lost for row in merged.rows} == {"a": 0, "b": 25, "c": 0, "d": 0}
    assert merged.run.selection == "shard1 + shard2"
    assert merged.notes[0] == "made of 2 runs: run0001, run0002"


def test_a_failure_in_one_shard_is_a_failure() -> None:
    """The same check passed elsewhere does not mend it; its reason, place and remedy are the failing shard's."""
    good, bad = (_shard(n, [("a", "critical", outcome, None)]) for n, outcome in ((1, "passed"), (2, "failed")))
    bad = dataclasses.replace(bad, rows=(dataclasses.replace(bad.rows[0], reason="refused", path="x.sh"),))
    merged, code = merge([good, bad])
    assert (merged.status, merged.decision, code, merged.rows[0].reason, merged.rows[0].path) == (
        "NOT READY", "HOLD", 1, "refused", "x.sh")  # fmt: skip


def test_what_one_shard_declared_away_and_another_asked_was_asked() -> None:
    """A check vanishes only where every shard says that it does not apply."""
    away = _shard(1, [("a", "high", "not_applicable", None), ("b", "low", "not_applicable", None)])
    asked = _shard(
        2, [("a", "high", "failed", None), ("b", "low", "not_applicable", None), ("c", "low", "passed", None)]
    )
    assert _outcomes(merge([away, asked])[0]) == {
        ("a", None): Outcome.FAILED, ("b", None): Outcome.NOT_APPLICABLE, ("c", None): Outcome.PASSED}  # fmt: skip


def test_a_shard_that_never_reported_leaves_its_checks_unknown() -> None:
    """Its planned checks stand in the report without a result, and the verdict is INCOMPLETE, with one shard as with two."""
    lost = Check(id="tools-list-over-mcp", title="Tools.", phase="e2e", topic="mcp", severity=Severity.CRITICAL)
    only = _shard(1, [("a", "high", "passed", None)] * 1)
    merged, code = merge([only], planned=[lost], trouble=["the shard that asks for 'e2e' left no report"])
    row = next(row for row in merged.rows if row.check == lost.id)
    assert (row.outcome, row.marker, merged.status, code) == (Outcome.UNKNOWN, "e2e", "INCOMPLETE", 12)
    assert merged.trouble == ("the shard that asks for 'e2e' left no report",)
    there = _shard(2, [(lost.id, "critical", "passed", None)])
    assert _outcomes(merge([only, there], planned=[lost])[0])[lost.id, None] is Outcome.PASSED
    assert merge([only, there], trouble=["2 of 3 shards left a report"])[1] == 12


def test_shards_that_met_different_releases_prove_nothing() -> None:
    """One target that answered as two versions was changed in between: INCOMPLETE, and both are named."""
    told = [("a", "high", "passed", None)]
    shards = [_shard(n, told, about={"versions": {"hub": version}}) for n, version in ((1, "4.2.1"), (2, "4.3.0"))]
    merged, code = merge(shards)
    assert (merged.status, code) == ("INCOMPLETE", 12)
    assert merged.because == "the shards judged different releases of https://hub.example.com: hub 4.2.1, 4.3.0"
    apart = dataclasses.replace(shards[1], target="https://other.example.com")
    assert merge([shards[0], apart])[0].status == "READY"


def test_what_lies_hours_apart_is_no_evidence() -> None:
    """What an old shard saw, good or bad, is unknown: it makes nothing READY, and rolls nothing back."""
    started = run_info(1).started
    young = _shard(
        2, [("b", "high", "passed", None)], about={"started": started + 9 * 86_400, "finished": started + 9 * 86_400}
    )
    for outcome in ("passed", "failed"):
        plan = rollback_plan("auto", (planned_action("back", ("startup-failure",), "it is down", "would run"),))
        old = _shard(
            1, [("a", "critical", outcome, None)], about={"started": started, "finished": started}, rollback=plan
        )
        merged, code = merge([young, old])
        assert (merged.status, merged.decision, code, merged.rollback) == ("INCOMPLETE", "HOLD", 12, None)
        assert _outcomes(merged) == {("a", None): Outcome.UNKNOWN, ("b", None): Outcome.PASSED}
        (sentence,) = merged.trouble
        told = (
            "the shard shard1 (run0001) is too old: it ended 9 days before the newest began, more than 3 h; --max-age"
        )
        assert sentence.startswith(told)
    assert merge([young, old], max_age=10 * 86_400)[0].status == "NOT READY"
    assert merge([young], now=young.run.finished + 3_600)[0] == young


def _met(
    number: int, pid: int = 7, started: float | None = 1e9, version: str = "4.2.1", machine: str = "m", **more: Any
) -> Report:
    process = HubProcess(pid=pid, started=started, version=version, machine=machine)
    return _shard(number, [("a", more.pop("severity", "high"), "passed", None)], about={"process": process}, **more)


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        ({"pid": 8}, "different processes of https://hub.example.com: process 8 of 2001-09-09T01:46:40Z (run0001), then process 7"),
        ({"started": 1e9 - 60}, "different processes of https://hub.example.com: process 7 of 2001-09-09T01:45:40Z"),
        ({"pid": 8, "machine": "other"}, "different processes"),
        ({"version": "4.3.0"}, "different releases of https://hub.example.com: hub 4.2.1, 4.3.0"),
    ],
)  # fmt: skip
def test_shards_that_met_different_processes_prove_nothing(first: dict[str, Any], sentence: str) -> None:
    """A hub that was restarted or replaced between two shards: what the earlier one saw is not about the one that runs."""
    shards = [_met(1, **first), _met(2)]
    merged, code = merge(shards)
    assert (merged.status, code) == ("INCOMPLETE", 12)
    assert sentence in merged.because
    assert merge([read(json.loads(json.dumps(to_json(shard)))) for shard in shards])[0].because == merged.because


def test_one_process_is_one_however_it_was_learnt() -> None:
    """Start times of two sources, one that nobody told, other targets, a hub on each runner's loopback: no contradiction."""
    assert merge([_met(1, started=1e9 + 3), _met(2)])[0].status == "READY"
    assert merge([_met(1, started=None), _met(2), _shard(3, [("a", "high", "passed", None)])])[0].status == "READY"
    other = dataclasses.replace(_met(1, pid=8), target="https://other.example.com")
    assert merge([other, _met(2)])[0].status == "READY"
    runners = [dataclasses.replace(_met(n, pid=n, machine=f"m{n}"), target="http://localhost:3000") for n in (1, 2)]
    assert merge(runners)[0].status == "READY"
    same = [dataclasses.replace(_met(n, pid=n), target="http://localhost:3000") for n in (1, 2)]
    assert merge(same)[0].status == "INCOMPLETE"


@settings(max_examples=60, deadline=None)
@given(shards=SHARDS)
def test_a_verdict_that_follows_from_its_findings_is_believed(shards: list[Report]) -> None:
    """No report that the rules made is changed by judging it again, also after it was read back, and merged ones neither."""
    for report in [*shards, merge(shards)[0]]:
        assert judged_again(report) is report
        back = read(json.loads(json.dumps(to_json(report))))
        assert judged_again(back) is back


@settings(max_examples=60, deadline=None)
@given(shards=SHARDS, status=st.sampled_from(["READY", "CONDITIONAL"]), decision=st.sampled_from(["KEEP", "DEPLOY"]))
def test_a_verdict_that_was_edited_is_judged_again(shards: list[Report], status: str, decision: str) -> None:
    """A better word than the findings give is told, and the report is INCOMPLETE at best; it ends with no 0."""
    for report in shards:
        # what no row shows, a first look and a broken run, goes where it is edited away
        if RANK[report.status] <= RANK[status] or "a first look" in report.because or report.trouble:
            continue
        edited = dataclasses.replace(report, status=status, decision=decision, exit_code=0, score=Fraction(100))
        again = judged_again(edited)
        assert RANK[again.status] == 2
        assert again.exit_code in {1, 12}
        assert again.decision not in {"KEEP", "DEPLOY", "KEEP AND WATCH"}
        assert f"the report says {status}, and its findings make it {report.status}" in again.trouble[0]
        assert again.score == report.score


def test_a_decision_or_an_exit_code_that_contradicts_its_verdict_is_told() -> None:
    """A blocked verdict that says keep, or exit 0, a good one with another score: judged again; READY with an exit 1 for a plain test is none."""
    bad = _shard(1, [("a", "critical", "failed", None)])
    assert "decides KEEP" in judged_again(dataclasses.replace(bad, decision="KEEP")).trouble[0]
    assert "its exit code is 0" in judged_again(dataclasses.replace(bad, exit_code=0)).trouble[0]
    fine = _shard(1, [("a", "critical", "passed", None)])
    edited = dataclasses.replace(bad, rows=fine.rows, status="READY", exit_code=0)
    again = judged_again(edited)
    assert (again.status, again.exit_code) == ("INCOMPLETE", 12)
    assert "its score is 0.0, and its findings make it 100.0" in again.trouble[0]
    fine = dataclasses.replace(fine, exit_code=1)
    assert judged_again(fine) is fine


def test_what_a_later_run_without_a_report_leaves_is_nothing() -> None:
    """All that was known is unknown; of another selection nothing is known at all; both are INCOMPLETE and hold."""
    before = _shard(1, [("a", "critical", "passed", None), ("b", "low", "failed", None)])
    assert judged_again(dataclasses.replace(before, first_look="readiness init", status="READY")).status == "INCOMPLETE"
    for selection, outcomes in (("shard1", {Outcome.UNKNOWN}), ("e2e", set())):
        now = superseded(before, run_id="later", started=9e8, selection=selection, why="it was killed")
        HOUSE.validate(json.loads(json.dumps(to_json(now), allow_nan=False)))
        assert (now.status, now.decision, now.exit_code, now.because) == ("INCOMPLETE", "HOLD", 12, "it was killed")
        assert {row.outcome for row in now.rows} == outcomes
        assert (now.run.id, now.run.started, now.run.selection) == ("later", 9e8, selection)


def test_a_reason_that_no_row_shows_holds_for_all() -> None:
    """A first look, a broken run and a stricter gate of one shard stay, and the reason names the shard."""
    fine = _shard(1, [("a", "high", "passed", None)])
    capped = _shard(2, [("b", "high", "passed", None)], cap="a first look")
    merged, _ = merge([fine, capped])
    assert (merged.status, merged.because, merged.headline) == ("CONDITIONAL", "shard2: a first look", Fraction("89.9"))
    broken = _shard(3, [("c", "high", "passed", None)], trouble=("worker gw1 died",))
    assert (merge([fine, broken])[0].status, merge([fine, broken])[0].trouble) == ("INCOMPLETE", ("worker gw1 died",))
    strict = _shard(
        4,
        [("d", "low", "degraded", None), *((f"e{n}", "low", "passed", None) for n in range(9))],
        gate=GateSettings(ready=Fraction(99)),
    )
    assert merge([fine, strict])[0].gate["ready"] == 99.0
    assert (
        merge(
            [
                _shard(
                    5,
                    [("a", "low", "failed", None), *((f"e{n}", "low", "passed", None) for n in range(9))],
                    strict=True,
                )
            ]
        )[1]
        == 10
    )


def test_blocked_checks_keep_their_cause() -> None:
    """What was blocked in its shard is told with the root cause in the merged report, once."""
    told = [("hub-answers", "critical", "failed", None), ("disk", "high", "passed", None)]
    merged, _ = merge([_shard(1, told, after={"disk": ("hub-answers",)}), _shard(2, [("cors", "low", "passed", None)])])
    row = next(row for row in merged.rows if row.check == "disk")
    assert (row.outcome, row.blocked_by, row.reason) == (Outcome.UNKNOWN, "hub-answers", "blocked by hub-answers")
    assert merged.because.endswith("1 critical check failed: hub-answers")


def test_a_rollback_of_one_shard_is_the_decision_of_all() -> None:
    """Its plan stands in the merged report with what others refused."""
    step = planned_action("previous-release", ("startup-failure",), "a failed", "planned")
    plan = rollback_plan(mode="auto", actions=(step,), fired=("startup-failure",))
    bad = _shard(1, [("a", "critical", "failed", None)], rollback=plan)
    other = _shard(2, [("b", "low", "passed", None)], rollback=rollback_plan(refused="no trigger fired"))
    merged, _ = merge([other, bad])
    assert merged.decision == Decision.ROLL_BACK.value
    assert merged.rollback is not None
    assert (merged.rollback.wanted, merged.rollback.fired, merged.rollback.refused) == (
        True, ("startup-failure",), "no trigger fired")  # fmt: skip


def test_before_and_after_a_deploy_make_a_decision_after_it() -> None:
    """With any shard of the running hub the decision is about keeping it."""
    before = _shard(1, [("a", "low", "passed", None)], stage=Stage.BEFORE)
    assert merge([before, dataclasses.replace(before, stage="before")])[0].decision == "DEPLOY"
    assert merge([before, _shard(2, [("b", "low", "passed", None)])])[0].decision == "KEEP"


def test_nothing_is_no_verdict() -> None:
    """Without a single report there is nothing to judge, and that is said."""
    with pytest.raises(ReadinessError, match="no shard left a report"):
        merge([])


@pytest.mark.parametrize("status", list(Status))
def test_a_judgement_is_lowered_and_never_raised(status: Status) -> None:
    """Lowering to a better or the same verdict changes nothing; to a worse one it caps the headline with the reason."""
    ready = judge(Evidence(plan=[planned("a")], findings=[found("a", "passed")]), GateSettings())
    low = lowered(ready, status, "why", GateSettings())
    assert low.status is status
    assert (low.because == "why") is (status is not Status.READY)
    assert low.headline <= {"READY": 100, "CONDITIONAL": Fraction("89.9")}.get(status.value, Fraction("74.9"))
    assert lowered(low, Status.READY, "better", GateSettings()) == low
