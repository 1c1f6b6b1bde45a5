"""The generator's plain parts: the plan, the bound of an early end, and the columns with their file."""

from __future__ import annotations

import array
import gzip
import itertools
import json
import math
import tracemalloc
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from readiness.facts.load import samples as load_samples
from readiness.loadgen import plan, samples

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "base": "http://127.0.0.1:3000/",
    "mix": [{"path": "/ok"}, {"tool": "a__b", "contains": "x"}],
    "arrivals": {"rate": 10, "seconds": 1},
}


def test_a_plan_has_defaults_and_keeps_its_mix() -> None:
    """What a plan leaves out is filled in; a request without a body is a GET, a tool call keeps its arguments."""
    found = plan.build(GOOD)
    request, call = found.mix
    assert isinstance(request, plan.PlannedRequest)
    assert isinstance(call, plan.PlannedCall)
    assert (found.base, found.workers, found.in_flight, found.bind) == ("http://127.0.0.1:3000", 1, 1000, "127.0.0.1")
    assert (request.name, request.method, request.body) == ("GET /ok", "GET", None)
    assert (call.name, call.tool, call.contains) == ("a__b", "a__b", "x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"base": "ftp://x"}, "base is 'ftp://x'"),
        ({"base": "http://user:pw@h"}, "base holds a user or a password"),
        ({"base": "http://h:99999"}, "takes a URL"),
        ({"mix": []}, "nothing to send"),
        ({"locustfile": "x.py"}, "both a mix and a locustfile"),
        ({"mix": [{"path": "/a\r\nHost: evil"}]}, "mix[0].path is '/a"),
        ({"mix": [{"path": "//evil/a"}]}, "mix[0].path"),
        ({"mix": [{"path": "/a", "method": "get"}]}, "mix[0].method is 'get'"),
        ({"mix": [{"path": "/a", "weight": 0}]}, "mix[0].weight is 0"),
        ({"in_flight": 0}, "in_flight is 0"),
        ({"workers": 0}, "no workers"),
        ({"timeout": -1}, "timeout is -1"),
        ({"abort": {"error_rate": 2}}, "abort takes"),
        ({"arrivals": {"rate": 1e9, "seconds": 100}}, "at most 20000000"),
        ({"arrivals": {"kind": "x"}}, "arrivals.kind"),
        ({"ratee": 3}, "unknown key 'ratee'"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    """A wrong plan is refused with the key's path and the value, before anything is sent."""
    with pytest.raises(plan.LoadPlanError) as caught:
        plan.build(GOOD | change)
    assert says in str(caught.value)


@pytest.mark.parametrize("count", [1, 7, 40, 150])
@pytest.mark.parametrize("rate", [0.001, 0.01, 0.3])
def test_the_bound_is_the_exact_binomial_tail(count: int, rate: float) -> None:
    """Above the mean the tail equals the sum of exact rationals; at or below it there is hope."""
    share = Fraction(str(rate))
    terms = [math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(count + 1)]
    tails = list(itertools.accumulate(reversed(terms)))[::-1]
    for errors in range(count + 1):
        truth = float(tails[errors])
        found = plan.probability_of_errors(errors, count, rate)
        assert found == pytest.approx(truth, rel=1e-9) if errors > count * rate else found == 1.0


def test_hope_is_gone_only_when_nothing_can_mend_it() -> None:
    """A burst at the start of a long run leaves hope; as many errors as break the limit for certain do not."""
    assert not plan.is_hopeless(30, 3000, 0.01)
    assert not plan.is_hopeless(50, 3000, 0.01)
    assert plan.is_hopeless(70, 3000, 0.01)
    assert plan.is_hopeless(1, 10, 0.0)
    assert not plan.is_hopeless(0, 10, 0.0)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    """The checks' reader finds every arrival: answered, failed, dropped and unfinished ones."""
    rows = samples.Columns()
    first = rows.begin(0.5, 0.501, 2)
    rows.end(first, 0.7, 200, 0)
    rows.drop(0.6, 0)
    rows.begin(0.7, 0.75, 2)
    file = rows.write(tmp_path, ["a", "never used", "b"], 1000.0)
    found = load_samples.read_samples(file)
    assert (found.routes, found.epoch, len(found)) == (("a", "b"), 1000.0, 3)
    assert list(found.intended) == [0.5, 0.6, 0.7]
    assert list(found.route) == [1, 0, 1]
    assert list(found.error) == [0, samples.DROPPED, samples.UNFINISHED]
    assert (found.ended[0], math.isnan(found.ended[1]), math.isnan(found.ended[2])) == (0.7, True, True)
    assert (found.sent, found.finished, list(found.status)) == (2, 1, [200, 0, 0])
    assert file.stat().st_mode & 0o777 == 0o600


def test_chunks_put_together_are_the_whole() -> None:
    """Rows travel in bounded chunks and arrive as they were, with the routes of the one who gathers them."""
    rows, whole = samples.Columns(), samples.Columns()
    for number in range(40_000):
        rows.end(rows.begin(number, number + 0.25, number % 2), number + 0.5, 200, 0)
    while len(whole) < len(rows):
        parts = rows.chunk(len(whole))
        assert sum(map(len, parts)) < 600_000
        whole.extend(parts, [7, 3])
    assert whole.ended == rows.ended
    assert list(whole.route[:4]) == [7, 3, 7, 3]
    with pytest.raises(ValueError, match="different length"):
        whole.extend([b"", b"", b"", b"", b"", b"x"], [])


@pytest.mark.matrix
def test_a_million_rows_stay_small(tmp_path: Path) -> None:
    """A million arrivals, recorded and written, take far less than 200 MB."""
    tracemalloc.start()
    rows = samples.Columns()
    for number in range(1_000_000):
        rows.end(rows.begin(number, number, 0), number, 200, 0)
    file = rows.write(tmp_path, ["a"], 0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80_000_000
    with gzip.open(file) as stream:
        assert json.loads(stream.readline())["count"] == 1_000_000
        first = array.array("d")
        first.frombytes(stream.read(16))
    assert list(first) == [0.0, 1.0]
