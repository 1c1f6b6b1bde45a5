"""When requests are meant to start: seconds after the epoch, in rising order, decided before the first one is sent.

A schedule never looks at answers. That is what makes a frozen server visible: what arrives during the freeze waits, and
its latency counts from the time it was meant to start.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KINDS: Final = ("constant", "ramp", "step", "spike", "poisson", "trace")
_ALMOST: Final = 1e-9
"""A count that misses a whole number by less than this is that number: 0.1 * 30 / 0.1."""


class ArrivalsError(ValueError):
    """The arrivals of a plan cannot be understood; the text says which key, and what it takes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`seconds` in which the rate goes in a straight line from `begin` to `end` arrivals a second."""

    begin: float
    end: float
    seconds: float

    @property
    def count(self) -> float:
        """How many arrivals fall into it, as a real number."""
        return (self.begin + self.end) / 2 * self.seconds

    def when(self, count: float) -> float:
        """Seconds after its beginning at which `count` arrivals have come: the root of the rate's integral."""
        slope = (self.end - self.begin) / self.seconds
        # 2c / (b + √(b² + 2sc)) is the root that stays exact where the slope is almost 0
        under = math.sqrt(max(0.0, self.begin**2 + 2 * slope * count))
        return 2 * count / (self.begin + under) if count > 0 else 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """A whole schedule: segments of known rate, or random gaps with a seed, or recorded times."""

    kind: str
    segments: tuple[Segment, ...] = ()
    seed: int | None = None
    trace: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts: a trace ends with its last arrival."""
        return (
            (self.trace[-1] if self.trace else 0.0) if self.kind == "trace" else sum(s.seconds for s in self.segments)
        )

    @property
    def peak(self) -> float:
        """The highest planned rate, in arrivals a second; of a trace, the most within any one second."""
        if self.kind != "trace":
            return max(max(s.begin, s.end) for s in self.segments)
        most = first = 0
        for index, when in enumerate(self.trace):
            while self.trace[first] <= when - 1.0:
                first += 1
            most = max(most, index - first + 1)
        return float(most)

    def times(self) -> Iterator[float]:
        """Every intended time; the same ones however often it is asked."""
        if self.kind == "trace":
            return iter(self.trace)
        return self._poisson() if self.kind == "poisson" else self._planned()

    def shard(self, index: int, shards: int) -> Iterator[tuple[int, float]]:
        """The arrivals of worker `index` of `shards`, with their numbers: every `shards`-th, from `index` on."""
        return itertools.islice(enumerate(self.times()), index, None, shards)

    def count(self) -> int:
        """How many arrivals there are."""
        if self.kind == "trace":
            return len(self.trace)
        if self.kind == "poisson":
            return sum(1 for _ in self._poisson())
        return max(0, math.ceil(sum(s.count for s in self.segments) - _ALMOST))

    def _planned(self) -> Iterator[float]:
        number, before, base = 0, 0.0, 0.0
        total = self.count()
        for segment in self.segments:
            while number < total and number - before < segment.count - _ALMOST:
                yield base + min(segment.seconds, segment.when(max(0.0, number - before)))
                number += 1
            before += segment.count
            base += segment.seconds

    def _poisson(self) -> Iterator[float]:
        # a seed makes the schedule repeatable, and the same for every worker
        source = random.Random(self.seed)  # noqa: S311 - no secret depends on it
        rate, end = self.segments[0].begin, self.segments[0].seconds
        when = source.expovariate(rate)
        while when < end:
            yield when
            when += source.expovariate(rate)


def parse(document: Mapping[str, Any]) -> Arrivals:
    """The `arrivals` of a plan, in one of six kinds.

    `{"kind": "constant", "rate", "seconds"}`, `ramp` with `to`, `step` with `steps` = [[rate, seconds], …], `spike` with
    `peak`, `at` and `for` (seconds), `poisson` with `seed`, `trace` with `times` (seconds) and `speed`. Raises
    ArrivalsError.
    """
    kind = document.get("kind", "constant")
    if kind not in KINDS:
        raise ArrivalsError(f"arrivals.kind is {kind!r}; it takes {', '.join(KINDS)}")
    if kind == "trace":
        return Arrivals(kind=kind, trace=_trace(document))
    if kind == "step":
        return Arrivals(kind=kind, segments=_steps(document.get("steps")))
    rate, seconds = _number(document, "rate"), _number(document, "seconds")
    if kind == "ramp":
        return Arrivals(kind=kind, segments=(Segment(begin=rate, end=_number(document, "to"), seconds=seconds),))
    if kind == "spike":
        return Arrivals(kind=kind, segments=_spike(document, rate, seconds))
    seed = document.get("seed", 0) if kind == "poisson" else None
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ArrivalsError(f"arrivals.seed is {seed!r}; it takes a whole number")
    return Arrivals(kind=kind, segments=(_flat(rate, seconds),), seed=seed)


def _flat(rate: float, seconds: float) -> Segment:
    return Segment(begin=rate, end=rate, seconds=seconds)


def _spike(document: Mapping[str, Any], rate: float, seconds: float) -> tuple[Segment, ...]:
    peak, begin, length = (_number(document, key) for key in ("peak", "at", "for"))
    if begin + length >= seconds:
        raise ArrivalsError(
            f"arrivals: a spike from {begin:g} s to {begin + length:g} s does not fit into {seconds:g} s"
        )
    return (_flat(rate, begin), _flat(peak, length), _flat(rate, seconds - begin - length))


def _steps(steps: object) -> tuple[Segment, ...]:
    if not isinstance(steps, list) or not steps:
        raise ArrivalsError("arrivals.steps takes a list of [rate, seconds]")
    segments = []
    for step in steps:
        if not isinstance(step, list) or len(step) != 2:  # noqa: PLR2004 - a rate and its seconds
            raise ArrivalsError(f"arrivals.steps holds {step!r}; it takes [rate, seconds]")
        segments.append(_flat(_positive("arrivals.steps", step[0]), _positive("arrivals.steps", step[1])))
    return tuple(segments)


def _trace(document: Mapping[str, Any]) -> tuple[float, ...]:
    times: Sequence[object] | object = document.get("times")
    if not isinstance(times, list) or not times:
        raise ArrivalsError("arrivals.times takes a list of seconds")
    speed = _positive("arrivals.speed", document.get("speed", 1.0))
    starts = []
    for when in times:
        if isinstance(when, bool) or not isinstance(when, int | float) or not 0 <= when < math.inf:
            raise ArrivalsError(f"arrivals.times holds {when!r}; it takes seconds, 0 or more")
        starts.append(when / speed)
    # recorded by several processes, lines may stand out of order; what counts is when each came
    return tuple(sorted(starts))


def _number(document: Mapping[str, Any], key: str) -> float:
    if key not in document:
        raise ArrivalsError(f"arrivals.{key} is missing")
    return _positive(f"arrivals.{key}", document[key])


def _positive(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ArrivalsError(f"{name} is {value!r}; it takes a number above 0")
    return float(value)
