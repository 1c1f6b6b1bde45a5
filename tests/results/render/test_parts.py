"""The drawings of the page: what they say is true of the numbers, and odd numbers cost nothing."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.findings import Limits, Outcome, Severity
from readiness.results.render.page.html import MOST, bullet, call_path, measures, reachable, render
from readiness.results.render.page.timeline import timeline
from readiness.results.render.page.trend import CELL, CHECKS, RUNS, trend
from readiness.results.render.wording import lasted
from readiness.results.report import History, PastCheck, ReleasePhase, ReleaseRun, Report, Row
from readiness.results.verdict.verdict import Decision, Status
from tests.results.report.factory import config, judged, report
from tests.results.report.past import history, past_runs
from tests.results.report.scenes import SCENES


def measured(value: object, outcome: Outcome = Outcome.PASSED, unit: str = "", **limits: Any) -> Row:
    """A row of a check that measured `value`."""
    return report([judged("a-measure", outcome, actual=str(value), unit=unit, limits=Limits(**limits))]).rows[0]


@pytest.mark.parametrize(
    ("value", "limits", "zones"),
    [
        (5, {"warning": 10, "critical": 20}, ["good", "warn", "bad"]),
        (5, {"warning": 20, "critical": 10, "better": "higher"}, ["bad", "warn", "good"]),
        (5, {"critical": 10}, ["good", "bad"]),
        (5, {"warning": 10}, ["good", "warn"]),
        (5, {"critical": 10, "better": "higher"}, ["bad", "good"]),
        (-3, {"critical": -2, "better": "higher"}, ["bad", "good"]),
    ],
)
def test_zones_lie_where_the_limits_are(value: float, limits: dict[str, Any], zones: list[str]) -> None:
    """Good, warned of and bad follow the direction in which a value is better, and fill the chart without a gap."""
    chart = bullet(measured(value, **limits))
    assert chart is not None
    assert [zone["kind"] for zone in chart["zones"]] == zones
    assert sum(float(zone["w"]) for zone in chart["zones"]) == pytest.approx(100, abs=0.2)
    by_name = {tick["name"]: float(tick["x"]) for tick in chart["ticks"]}
    edges = [float(zone["x"]) for zone in chart["zones"]][1:]
    assert sorted(by_name.values()) == pytest.approx(edges, abs=0.1)


def test_a_chart_says_in_words_what_it_draws() -> None:
    """Value, unit, each limit with the side on which the value lies, and what is better."""
    chart = bullet(measured(612, Outcome.DEGRADED, "ms", warning=500, critical=2000))
    assert chart is not None
    assert chart["told"] == (
        "612 ms, past the warning limit of 500, inside the critical limit of 2000; lower is better"
    )
    assert chart["told"] in render(SCENES["conditional"]())


def test_a_value_far_out_is_drawn_at_the_edge() -> None:
    """What is many times its limit leaves the limits apart; equal to a limit is inside it."""
    far, at = bullet(measured(1e6, critical=10)), bullet(measured(10, critical=10))
    assert far is not None
    assert at is not None
    assert (far["far"], at["far"]) == (True, False)
    assert float(far["ticks"][0]["x"]) > 30
    assert "inside the critical" in at["told"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (measured("fast", critical=1), "no number"),
        (measured(3, Outcome.UNKNOWN, critical=1), "too few samples prove nothing"),
        (measured(3, critical=0), "a limit of 0 gives no scale"),
        (measured(3), "no limit"),
    ],
)
def test_what_is_no_measure_is_not_drawn(row: Row, why: str) -> None:
    """A chart stands only where a number was held against limits that give it a scale."""
    assert bullet(row) is None, why


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    limits=st.tuples(st.none() | st.floats(-1e9, 1e9), st.none() | st.floats(-1e9, 1e9)),
    better=st.sampled_from(["lower", "higher"]),
)
def test_any_number_stays_within_the_chart(
    value: float, limits: tuple[float | None, float | None], better: Any
) -> None:
    """Every position is a share of the width, whatever was measured against whatever limits."""
    chart = bullet(measured(value, Outcome.FAILED, warning=limits[0], critical=limits[1], better=better))
    if chart is None:
        assert not limits[0]
        assert not limits[1]
        return
    numbers = [chart["x"], chart["origin"], *(zone["x"] for zone in chart["zones"]), *(t["x"] for t in chart["ticks"])]
    assert all(0 <= float(number) <= 100 for number in numbers)


def test_the_list_of_measures_is_bounded_and_counts_the_rest() -> None:
    """The first of them have a chart; how many more there are is said."""
    rows = [judged(f"measure-{n}", actual=str(n), limits=Limits(critical=100)) for n in range(MOST + 5)]
    found = measures(report(rows).rows)
    assert (len(found["rows"]), found["left_out"]) == (MOST, 5)


def release(outcome: str, *phases: ReleasePhase) -> dict[str, Any]:
    """The view of a release that ended as `outcome`."""
    view = timeline(
        ReleaseRun(id="r", outcome=outcome, because="", command="deploy", started=0.0, finished=90.0, phases=phases)
    )
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("outcome", "kind", "words"),
    [
        ("KEPT", "passed", "kept"),
        ("REFUSED", "failed", "nothing was changed"),
        ("ABORTED", "failed", "nothing to roll back"),
        ("HELD", "unknown", "a person decides"),
        ("ROLLED_BACK_VERIFIED", "passed", "proven"),
        ("ROLLED_BACK_UNVERIFIED", "unknown", "not proven"),
        ("ROLLBACK_FAILED", "failed", "has to act now"),
        ("", "unknown", "Under way"),
        ("SOMETHING_NEW", "unknown", "something new"),
    ],
)
def test_every_end_of_a_release_has_its_words(outcome: str, kind: str, words: str) -> None:
    """How a release ended is told in a sentence and by a sign; an end that is not known is never a good one."""
    view = release(outcome)
    assert view["kind"] == kind
    assert words in view["words"]


def test_phases_follow_one_another_in_time() -> None:
    """Bars begin where the one before ended; a phase that was left out took no time, and an odd time costs nothing."""
    view = release(
        "KEPT",
        ReleasePhase(name="deploy", status="passed", seconds=30.0),
        ReleasePhase(name="bake", status="skipped", seconds=0.0),
        ReleasePhase(name="verify", status="failed", seconds=60.0),
        ReleasePhase(name="odd", status="odd", seconds=float("nan")),
    )
    assert [(phase["x"], phase["took"]) for phase in view["phases"][:3]] == [
        ("0.0", "30 s"),
        ("33.3", ""),
        ("33.3", "1 min"),
    ]
    assert [phase["kind"] for phase in view["phases"]] == ["passed", "waived", "failed", "unknown"]
    assert all(float(phase["x"]) + float(phase["w"]) <= 100.1 for phase in view["phases"])
    assert view["took"] == "1 min 30 s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min"), (250, "4 min 10 s"), (3725, "1 h 2 min"),
     (7200, "2 h"), (-1, "?"), (float("inf"), "?")],
)  # fmt: skip
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    """Tenths where they matter, and never `60 s`."""
    assert lasted(seconds) == said


def with_history(found: History) -> Report:
    """A report of two checks with these runs before it."""
    return dataclasses.replace(report(), history=found)


def test_runs_stand_below_one_another_with_the_newest_at_the_right() -> None:
    """Score, verdicts and strips share one axis, however few runs there are."""
    view = trend(dataclasses.replace(SCENES["ready"](), history=history()))
    assert view is not None
    right = CELL * (RUNS - 1)
    assert view["verdicts"][-1]["d"].startswith(f"M{right + 1} ")
    assert view["score"]["dots"][-1]["x"] == f"{right + CELL / 2:.0f}"
    row = next(row for row in view["checks"] if row["key"] == "hub-is-ready")
    assert f"M{right + 1} " in dict(row["paths"])["failed"]
    assert "NOT READY" in view["verdicts"][-1]["title"]


def test_a_run_that_measured_nothing_breaks_the_line() -> None:
    """A gap is a gap, never a zero or a bridge; a value alone between two gaps is a dot."""
    view = trend(with_history(History(runs=past_runs("rrrrr", (10, 11, None, 12, None)))))
    assert view is not None
    assert view["p95"]["d"].count("M") == 2
    assert len(view["p95"]["dots"]) == 1
    assert view["p95"]["now"] == "not measured"
    assert trend(with_history(History(runs=past_runs("r"), checks=()))) is None


def test_only_checks_that_did_not_always_pass_have_a_strip() -> None:
    """What passed every time is counted, and what there is no room for as well."""
    checks = [PastCheck(key=f"bad-{n}", outcomes=("passed", "failed")) for n in range(CHECKS + 3)]
    checks += [PastCheck(key=f"good-{n}", outcomes=("passed", None)) for n in range(7)]
    view = trend(with_history(History(runs=past_runs("rr"), checks=tuple(checks), left_out=4)))
    assert view is not None
    assert (len(view["checks"]), view["more"], view["steady"]) == (CHECKS, 3 + 4, 7)
    assert view["checks"][0]["told"] == "passed 1, failed 1; last failed"


def test_what_is_new_about_a_check_stands_beside_its_strip() -> None:
    """Newly failing, failing since and flaky are words, not only colours."""
    view = trend(SCENES["rolled_back"]())
    assert view is not None
    words = {row["key"]: row["words"] for row in view["checks"]}
    assert words["hub-is-ready"] == "newly failing"
    assert words["events-stream"] == "flaky"
    assert words["errors-hide-internals"] == "failing since 2026-09-20"


@pytest.mark.parametrize(
    ("contact", "links"),
    [
        ("Ops rota, +44 20 7946 0018", ["tel:+442079460018"]),
        ("Maya <maya@example.com>", ["mailto:maya@example.com"]),
        ("020 7946 0018 or ops@example.com", ["tel:02079460018", "mailto:ops@example.com"]),
        ("javascript:alert(1)", []),
        ("Room 12", []),
        ("", []),
    ],
)
def test_numbers_and_addresses_can_be_touched(contact: str, links: list[str]) -> None:
    """What is a number or an address becomes one to touch; every word of the contact stays."""
    parts = reachable(contact)
    assert [f"{kind}:{address}" for kind, _, address in parts if address] == links
    assert "".join(text for _, text, _ in parts) == contact


def test_the_path_names_who_is_due_now() -> None:
    """The person on call comes first, each with what they hear of; a contact on no path is not lost."""
    people = {"office": "desk 4", "tech_lead": "Maya", "on_call": "Ops"}
    row = judged("hub-answers", Outcome.FAILED, 50, severity=Severity.CRITICAL)
    path = call_path(report([row], Status.NOT_READY, Decision.HOLD, settings={"contacts": people}))
    assert [(step["name"], step["due"]) for step in path] == [("on call", True), ("tech lead", True), ("office", False)]
    assert len({*config(contacts=people).contacts} - {step["role"] for step in path}) == 0


def test_what_would_raise_the_score_most_is_named_first_with_its_points() -> None:
    """By points lost and not by severity, blocked ones counted in, each with what to do."""
    page = render(dataclasses.replace(SCENES["rolled_back"](), release_run=None))
    gain = page[page.index('id="_gain"') : page.index('id="_categories"')]
    assert re.findall(r"<b>\+([0-9.]+)</b>", gain) == ["69.0", "1.5"]
    assert "Look at the hub" in gain
    assert "may also settle 20 checks" in gain
    tiny = render(
        report([judged(f"check-{n}", Outcome.FAILED, 0.01) for n in range(9)], Status.NOT_READY, Decision.HOLD)
    )
    assert 'id="_gain"' not in tiny
