"""Schedules: how many arrivals there are, when each is due, and that shards share them out without loss."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from readiness.loadgen import arrivals

PLANS: list[dict[str, Any]] = [
    {"kind": "constant", "rate": 100, "seconds": 3},
    {"kind": "ramp", "rate": 10, "to": 90, "seconds": 4},
    {"kind": "ramp", "rate": 90, "to": 10, "seconds": 4},
    {"kind": "step", "steps": [[10, 2], [50, 1], [5.5, 2]]},
    {"kind": "spike", "rate": 10, "peak": 200, "at": 1, "for": 0.5, "seconds": 4},
    {"kind": "poisson", "rate": 100, "seconds": 3, "seed": 7},
    {"kind": "trace", "times": [0.5, 0, 0.25, 2], "speed": 2},
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan["kind"])
def test_times_rise_are_counted_and_repeat(plan: dict[str, Any]) -> None:
    """Times rise, lie within the schedule, are as many as it says, and are the same when asked again."""
    found = arrivals.parse(plan)
    times = list(found.times())
    assert times == sorted(times)
    assert len(times) == found.count() > 0
    assert times[0] >= 0
    assert times[-1] <= found.seconds
    assert list(found.times()) == times


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan["kind"])
@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_shards_lose_and_double_nothing(plan: dict[str, Any], shards: int) -> None:
    """All workers' arrivals together are the schedule's, each exactly once and at its own time."""
    found = arrivals.parse(plan)
    dealt = sorted(itertools.chain.from_iterable(found.shard(index, shards) for index in range(shards)))
    assert dealt == list(enumerate(found.times()))


def test_a_constant_rate_is_exact() -> None:
    """Arrival k is due at k / rate, however awkward the numbers."""
    times = list(arrivals.parse({"kind": "constant", "rate": 0.1, "seconds": 30}).times())
    assert times == pytest.approx([0, 10, 20])
    assert arrivals.parse({"kind": "constant", "rate": 100, "seconds": 30}).count() == 3000


def test_a_ramp_follows_its_integral() -> None:
    """The number of arrivals until t is the area under the rate: r·t + (to - r)·t²/2T."""
    for number, when in enumerate(arrivals.parse({"kind": "ramp", "rate": 10, "to": 90, "seconds": 4}).times()):
        assert 10 * when + 80 * when**2 / 8 == pytest.approx(number, abs=1e-6)


def test_steps_and_spikes_have_their_rates() -> None:
    """Each part of a schedule has as many arrivals as its rate times its seconds."""
    spike = list(arrivals.parse(PLANS[4]).times())
    assert sum(when < 1 for when in spike) == 10
    assert sum(1 <= when < 1.5 for when in spike) == 100
    assert arrivals.parse(PLANS[4]).peak == 200
    assert len(list(arrivals.parse(PLANS[3]).times())) == 20 + 50 + 11


def test_poisson_has_its_rate_and_its_spread() -> None:
    """Gaps of a Poisson process have the mean 1/rate and a standard deviation as large; another seed, other times."""
    plan = {"kind": "poisson", "rate": 50, "seconds": 400, "seed": 3}
    times = list(arrivals.parse(plan).times())
    gaps = [after - before for before, after in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert mean == pytest.approx(0.02, rel=0.03)
    assert spread == pytest.approx(0.02, rel=0.05)
    assert times != list(arrivals.parse(plan | {"seed": 4}).times())


def test_a_trace_is_sorted_and_may_run_faster() -> None:
    """Recorded times are put in order and divided by the speed; the peak is the most within one second."""
    trace = arrivals.parse(PLANS[6])
    assert list(trace.times()) == [0, 0.125, 0.25, 1]
    assert trace.peak == 3


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ({"kind": "constnat"}, "arrivals.kind is 'constnat'"),
        ({"rate": 1}, "arrivals.seconds is missing"),
        ({"rate": 0, "seconds": 1}, "arrivals.rate is 0"),
        ({"rate": True, "seconds": 1}, "arrivals.rate is True"),
        ({"rate": 1, "seconds": math.inf}, "arrivals.seconds is inf"),
        ({"kind": "step", "steps": []}, "arrivals.steps takes"),
        ({"kind": "step", "steps": [[1]]}, "arrivals.steps holds [1]"),
        ({"kind": "spike", "rate": 1, "seconds": 2, "peak": 9, "at": 1, "for": 1}, "does not fit into 2 s"),
        ({"kind": "poisson", "rate": 1, "seconds": 1, "seed": "x"}, "arrivals.seed is 'x'"),
        ({"kind": "trace", "times": [1, -1]}, "arrivals.times holds -1"),
        ({"kind": "trace", "times": []}, "arrivals.times takes"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(plan: dict[str, Any], says: str) -> None:
    """A schedule that makes no sense is refused with its key and its value."""
    with pytest.raises(arrivals.ArrivalsError) as caught:
        arrivals.parse(plan)
    assert says in str(caught.value)
