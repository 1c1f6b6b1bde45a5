"""The words of the live view, and how looks settle: pure functions, no hub."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.config.model import Config, ProbeSettings
from readiness.findings import Check, Finding, Limits, Outcome, Severity
from readiness.operations.watch import wording as words
from readiness.operations.watch.host import judged
from readiness.operations.watch.look import Settling
from readiness.operations.watch.row import WatchRow
from readiness.operations.watch.target import duration
from readiness.session.plan.planning import Scope
from readiness.session.run_one import Ran

SCOPE = Scope(Config(probe=ProbeSettings(attempts=3, interval=2.0, settle=10.0)), dict)


@given(st.lists(st.none() | st.floats(min_value=-1e300, max_value=1e300), max_size=80))
def test_a_trend_has_a_bar_for_every_value(values: list[float | None]) -> None:
    """Gaps are blanks, every value is a bar, the extremes are the outermost bars."""
    line = words.sparkline(values)
    numbers = [value for value in values if value is not None]
    assert len(line) == (len(values) if numbers else 0)
    assert [char == " " for char in line] == [value is None for value in values if numbers]
    if numbers and min(numbers) < max(numbers) and max(numbers) - min(numbers) < 1e300:
        assert line[values.index(max(numbers))] == words.BARS[-1]
        assert line[values.index(min(numbers))] == words.BARS[0]


@pytest.mark.parametrize(
    ("value", "unit", "share", "told"),
    [
        (0.987, "", True, "98.7 %"),
        (12_345.6, "ms", False, "12346 ms"),
        (0.5, "ms", False, "0.5 ms"),
        (3.0 * 2**30, "bytes", False, "3 GiB"),
        ("half-open", "", False, "half-open"),
        (None, "ms", False, "-"),
    ],
)
def test_values_are_told_with_their_unit(value: float | str | None, unit: str, share: bool, told: str) -> None:  # noqa: FBT001 - a column of the table
    """Shares are per cent, bytes are scaled, a missing value is a dash."""
    assert words.value(WatchRow(name="x", title="x", value=value, unit=unit, is_share=share)) == told


def test_limits_are_told_in_their_direction() -> None:
    """A share's limits are per cent, and the sign says which side is good."""
    assert words.bounds(Limits(warning=0.95, critical=0.9, better="higher"), is_share=True) == "≥ 95, 90 %"
    assert words.bounds(Limits(critical=5000, unit="ms")) == "≤ 5000 ms"
    assert words.bounds(None) == ""


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (85, "passed"),
        (85.1, "degraded"),
        (95, "degraded"),
        (95.1, "failed"),
        (float("nan"), "unknown"),
        ("x", "unknown"),
    ],
)
def test_the_host_is_judged_as_a_check_would(number: object, outcome: str) -> None:
    """A row of the host is held against limits by `measure` itself: equal is inside, nonsense is unknown."""
    assert judged(number, Limits(warning=85, critical=95, unit="%")).value == outcome


def test_the_host_raises_no_alarm() -> None:
    """A row that is not judged here is past its limit, never an alarm: only the verdict's own checks are."""
    row = WatchRow(name="host.cpu", title="x", value=99.0, outcome="failed")
    assert (words.state(row), words.state(dataclasses.replace(row, is_judged=False))) == ("ALARM", "past limit")


@pytest.mark.parametrize(("text", "seconds"), [("45", 45), ("90s", 90), ("60m", 3600), ("1.5h", 5400)])
def test_times_are_read(text: str, seconds: float) -> None:
    """Seconds, minutes and hours."""
    assert duration(text) == seconds


def _check(check_id: str, settle: float | str) -> Check:
    return Check(
        id=check_id,
        title="x",
        phase="health",
        topic="health",
        severity=Severity.CRITICAL,
        settle=settle,  # type: ignore[arg-type] # a word or seconds
    )


def _seen(check_id: str, outcome: Outcome) -> Ran:
    return Ran(finding=Finding(check=check_id, outcome=outcome), may_pass_later=outcome is Outcome.FAILED)


def _series(settle: float | str, outcomes: str, check_id: str = "other") -> list[tuple[str, bool]]:
    """What stands after each look of `outcomes` (p passed, f failed, u unknown), two seconds apart, and whether it counts."""
    named = {"p": Outcome.PASSED, "f": Outcome.FAILED, "u": Outcome.UNKNOWN}
    settling, plan = Settling(SCOPE, 3, "root"), {check_id: _check(check_id, settle)}
    found = []
    for number, letter in enumerate(outcomes):
        standing = settling.take({check_id: _seen(check_id, named[letter])}, plan, now=2.0 * number)
        found.append((standing.findings[0].outcome.value[0], standing.proven))
    return found


def test_an_alert_is_told_at_once() -> None:
    """A check that does not settle is what it is at every look."""
    assert _series(0.0, "pfp") == [("p", True), ("f", True), ("p", True)]


def test_a_probe_fails_after_its_attempts() -> None:
    """Two failures of three keep the outcome before, the third is a failure, a success begins anew."""
    assert [one for one, _ in _series("probe", "pffpfff")] == ["p", "p", "p", "p", "p", "p", "f"]


def test_a_start_fails_after_its_budget() -> None:
    """What may take ten seconds fails in the look that is ten seconds after the first failure."""
    assert [one for one, _ in _series("startup", "pffffff")] == ["p", "p", "p", "p", "p", "p", "f"]


def test_nothing_counts_before_it_has_settled_once() -> None:
    """The first looks at a hub that fails are shown as they are and do not count until they are settled."""
    assert _series("probe", "fff") == [("f", False), ("f", False), ("f", True)]
    assert _series("startup", "fp") == [("f", False), ("p", True)]


def test_while_the_hub_may_be_lost_nothing_counts() -> None:
    """A look in which the root check goes wrong and has not settled says nothing about the others."""
    settling = Settling(SCOPE, 2, "root")
    plan = {name: _check(name, "probe" if name == "root" else 0.0) for name in ("root", "alert")}
    fine = {name: _seen(name, Outcome.PASSED) for name in plan}
    lost = {"root": _seen("root", Outcome.FAILED), "alert": _seen("alert", Outcome.UNKNOWN)}
    standings = [settling.take(seen, plan, now) for now, seen in enumerate((fine, lost, lost, fine))]
    assert [s.proven for s in standings] == [True, False, True, True]
    assert [[f.outcome.value[0] for f in s.findings] for s in standings] == [
        ["p", "p"],
        ["p", "p"],
        ["f", "u"],
        ["p", "p"],
    ]
