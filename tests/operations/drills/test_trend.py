"""What memory does over a soak, as series: a leak is told, and what only looks like one is not."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness.operations.drills.trend import FEWEST, floors, judge, slope

if TYPE_CHECKING:
    from collections.abc import Callable

MB_H = 1 / 3600
"""One MB an hour, in MB a second."""
LIMIT = 20 * MB_H
SOAK = 1800
EVERY = 5.0
"""Seconds between two samples."""


def series(
    shape: Callable[[float], float], noise: float, seed: int, seconds: float = SOAK
) -> list[tuple[float, float]]:
    """Samples of `shape` (MB at a second), with Gaussian noise of `noise` MB."""
    chance = random.Random(seed)
    count = int(seconds / EVERY)
    return [(n * EVERY, shape(n * EVERY) + chance.gauss(0, noise)) for n in range(count)]


def sawtooth(base: float, height: float, period: float) -> Callable[[float], float]:
    """Memory that rises and is collected."""
    return lambda t: base + height * (t % period) / period


@given(rate=st.floats(60, 2000), noise=st.floats(0, 3), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_a_steady_leak_grows(rate: float, noise: float, seed: int) -> None:
    """Three times the limit, under any noise of a few MB, is told as growth."""
    found = judge(series(lambda t: 180 + rate * MB_H * t, noise, seed), LIMIT)
    assert found.outcome == "grows"
    assert found.whole is not None
    assert found.whole.low <= rate * MB_H * 1.05
    assert found.whole.high >= rate * MB_H * 0.95


@given(noise=st.floats(0, 2), seed=st.integers(0, 10**6), base=st.floats(50, 4000))
@settings(max_examples=40, deadline=None)
def test_a_plateau_is_stable(noise: float, seed: int, base: float) -> None:
    """Memory that stays, with noise of a few MB, is stable."""
    assert judge(series(lambda _: base, noise, seed), LIMIT).outcome == "stable"


@given(height=st.floats(1, 60), period=st.floats(20, 110), noise=st.floats(0, 1), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_a_sawtooth_never_grows(height: float, period: float, noise: float, seed: int) -> None:
    """What a collector gives back is no growth, however high the teeth are."""
    assert judge(series(sawtooth(150, height, period), noise, seed), LIMIT).outcome != "grows"


def test_a_quick_sawtooth_is_stable() -> None:
    """Teeth of a minute are proven to be none in half an hour."""
    for seed in range(5):
        assert judge(series(sawtooth(150, 30, 40), 0.5, seed), LIMIT).outcome == "stable"


def test_a_leak_below_a_sawtooth_grows() -> None:
    """The floor of the teeth rises: that is a leak."""
    teeth = sawtooth(150, 40, 45)
    for seed in range(5):
        assert judge(series(lambda t: teeth(t) + 120 * MB_H * t, 0.5, seed), LIMIT).outcome == "grows"


def test_constant_memory_is_stable() -> None:
    """Where every sample is the same the interval is a point: zero."""
    found = judge(series(lambda _: 181.5, 0, 0), LIMIT)
    assert (found.outcome, found.whole and (found.whole.low, found.whole.high)) == ("stable", (0, 0))


@pytest.mark.parametrize("step", [30, 100, 400])
def test_one_step_is_no_leak(step: float) -> None:
    """A cache that is filled once, in the middle, is not growth; at worst it stays open and asks for more time."""
    found = judge(series(lambda t: 150 + (step if t > SOAK * 0.4 else 0), 0.5, 1), LIMIT)
    assert found.outcome != "grows"


def test_a_levelling_curve_is_no_leak() -> None:
    """V8 approaches its plateau from below: growth that dies away is not told as a leak."""
    found = judge(series(lambda t: 95 + 85 * (1 - math.exp(-t / 300)), 0.3, 2), LIMIT)
    assert found.outcome != "grows"


def test_a_late_leak_is_not_stable() -> None:
    """What begins to leak in the second half is not passed for the calm of the first."""
    found = judge(series(lambda t: 150 + max(0.0, t - SOAK / 2) * 300 * MB_H, 0.2, 3), LIMIT)
    assert found.outcome != "stable"


def test_near_the_limit_it_is_open_and_says_for_how_long() -> None:
    """Growth of about the limit is told apart neither way; the time that is asked for is finite and positive."""
    found = judge(series(lambda t: 150 + 20 * MB_H * t, 2.0, 4), LIMIT)
    assert found.outcome == "open"
    assert found.more is not None
    assert 0 < found.more <= SOAK * 10


def test_more_time_settles_it() -> None:
    """Where a short soak is open, twice the time it asks for settles it."""

    def leak(t: float) -> float:
        return 150 + 45 * MB_H * t

    settled = []
    for seed in range(20):
        short = judge(series(leak, 1.5, seed, 200), LIMIT)
        if short.outcome == "open":
            assert short.more is not None
            settled.append(judge(series(leak, 1.5, seed + 100, 2 * (200 + short.more)), LIMIT).outcome)
    assert len(settled) >= 10
    assert settled.count("grows") >= 0.8 * len(settled)


def test_too_few_points_prove_nothing() -> None:
    """Below ten points there is no interval, and no verdict."""
    few = [(float(n), 100.0 * n) for n in range(FEWEST - 1)]
    assert slope(few) is None
    assert judge(few, LIMIT).outcome == "open"
    assert judge([], LIMIT).outcome == "open"
    assert judge([(1.0, 5.0)] * 50, LIMIT).outcome == "open"


@given(st.lists(st.floats(0, 1e5), min_size=FEWEST, max_size=40), st.floats(-100, 100), st.floats(0.1, 50))
@settings(max_examples=60, deadline=None)
def test_the_slope_moves_with_the_series(values: list[float], shift: float, factor: float) -> None:
    """Adding a constant changes nothing; scaling scales the estimate; the estimate lies in its interval."""
    found = slope([(float(n), v) for n, v in enumerate(values)])
    moved = slope([(float(n), v * factor + shift) for n, v in enumerate(values)])
    assert found is not None
    assert moved is not None
    assert found.low <= found.estimate <= found.high
    assert moved.estimate == pytest.approx(found.estimate * factor, rel=1e-6, abs=1e-6)


def test_a_third_of_wild_samples_moves_little() -> None:
    """Spikes, as a compiler or a snapshot makes them, do not become a leak."""
    chance = random.Random(7)
    points = [
        (t, v + (chance.uniform(50, 500) if chance.random() < 0.3 else 0)) for t, v in series(lambda _: 150, 0.5, 6)
    ]
    assert judge(points, LIMIT).outcome == "stable"


def test_the_interval_is_honest() -> None:
    """Of 300 noisy series with a known slope at most 6 % have intervals without it; 2 % are promised for each."""
    missed = 0
    for seed in range(300):
        found = slope(series(lambda t: 0.01 * t, 2.0, seed, 150))
        assert found is not None
        missed += not found.low <= 0.01 <= found.high
    assert missed <= 18


def test_floors_keep_what_stays() -> None:
    """Each stretch gives its least value; nothing is made up."""
    points = series(sawtooth(100, 50, 60), 0, 0, 600)
    kept = floors(points, 10)
    assert len(kept) == 10
    assert {value for _, value in kept} == {100.0}
    assert floors([], 5) == []
