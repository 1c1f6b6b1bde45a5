"""Whether a series of measurements grows: a robust slope with its confidence interval. Pure, and small.

The slope is Theil's and Sen's, the median of the slopes between all pairs of points: a third of the points may be wild
without moving it. Its interval is Sen's (1968), from the variance of Kendall's S, made wider where neighbouring residuals
resemble each other: points that repeat each other prove less than as many independent ones.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float]
"""A time in seconds and a value."""

FEWEST: Final = 10
"""Points below which no interval is told: the normal approximation of Kendall's S is good from ten on (Kendall, 1970)."""
BINS: Final = 30
"""Points that a series is reduced to."""
_MOST_ALIKE: Final = 0.8
"""Likeness of neighbours that is reckoned with at most; beyond it the estimate itself is not to be trusted."""
_SURE: Final = 0.98
"""The interval's confidence: a leak is told wrongly in one run of a hundred at each end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Growth a second, and the interval that holds the true one with 98 % confidence."""

    estimate: float
    low: float
    high: float
    points: int


def slope(points: Sequence[Point]) -> Slope | None:
    """The slope of `points` and its interval; None for fewer than ten points, or where no time passes."""
    pairs = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for index, earlier in enumerate(points)
        for later in points[index + 1 :]
        if later[0] != earlier[0]
    )
    if len(points) < FEWEST or not pairs:
        return None
    middle = statistics.median(pairs)
    spread = statistics.NormalDist().inv_cdf((1 + _SURE) / 2) * math.sqrt(_variance(points, middle))
    below = math.floor((len(pairs) - spread) / 2) - 1
    above = math.ceil((len(pairs) + spread) / 2)
    low = pairs[below] if below >= 0 else -math.inf
    high = pairs[above] if above < len(pairs) else math.inf
    return Slope(estimate=middle, low=low, high=high, points=len(points))


def _variance(points: Sequence[Point], middle: float) -> float:
    """The variance of Kendall's S, with ties taken off and likeness of neighbours put on."""
    n = len(points)
    ties: dict[float, int] = {}
    for _, value in points:
        ties[value] = ties.get(value, 0) + 1
    tied = sum(t * (t - 1) * (2 * t + 5) for t in ties.values())
    alike = _likeness([value - middle * when for when, value in points])
    return max(0.0, (n * (n - 1) * (2 * n + 5) - tied) / 18) * (1 + alike) / (1 - alike)


def _likeness(residuals: Sequence[float]) -> float:
    """How much neighbours resemble each other, 0 to 0.8: the correlation of the ranks at a distance of one."""
    order = {value: rank for rank, value in enumerate(sorted(set(residuals)))}
    ranks = [float(order[value]) for value in residuals]
    mean = statistics.fmean(ranks)
    whole = sum((rank - mean) ** 2 for rank in ranks)
    if whole <= 0:
        return 0.0
    beside = sum((a - mean) * (b - mean) for a, b in itertools.pairwise(ranks))
    return min(_MOST_ALIKE, max(0.0, beside / whole))


def floors(points: Sequence[Point], bins: int = BINS) -> list[Point]:
    """The least value of each of `bins` stretches of equal length, at the stretch's middle.

    A garbage collector lets memory rise and fall; what stays after it collected is what a leak raises.
    """
    if not points:
        return []
    first, length = points[0][0], points[-1][0] - points[0][0]
    if length <= 0:
        return [min(points, key=lambda point: point[1])]
    least: dict[int, float] = {}
    for when, value in points:
        index = min(bins - 1, int((when - first) / length * bins))
        least[index] = min(value, least.get(index, math.inf))
    return [(first + (index + 0.5) * length / bins, value) for index, value in sorted(least.items())]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a soak proves about growth, held against a limit; rates in the values' unit a second.

    `more` is how many further seconds would about settle it, where it is open.
    """

    outcome: Literal["grows", "stable", "open"]
    whole: Slope | None
    late: float | None
    """The slope of the second half alone: a plateau that was reached late, or a leak that began late, shows there."""
    more: float | None = None


def judge(points: Sequence[Point], limit: float, *, bins: int = BINS) -> Growth:
    """Hold the growth of a warmed-up series against `limit`.

    It grows where the whole interval lies above the limit and the second half still rises as fast; it is stable where the
    whole interval lies below and the second half is not proven to rise. All else is open.
    """
    reduced = floors(points, bins)
    whole = slope(reduced)
    if whole is None:
        return Growth(outcome="open", whole=None, late=None)
    half = slope(floors(points[len(points) // 2 :], max(FEWEST, bins // 2)))
    late = half.estimate if half else whole.estimate
    if whole.low > limit and late > limit:
        return Growth(outcome="grows", whole=whole, late=late)
    if whole.high < limit and not (half is not None and half.low > limit):
        return Growth(outcome="stable", whole=whole, late=late)
    length = points[-1][0] - points[0][0]
    return Growth(outcome="open", whole=whole, late=late, more=_more(whole, limit, length))


def _more(slope: Slope, limit: float, length: float) -> float:
    """Seconds after which the interval would lie on one side: its width falls with the time to the power of 1.5."""
    away = abs(slope.estimate - limit)
    half = max(slope.high - slope.estimate, slope.estimate - slope.low)
    if away <= 0 or not math.isfinite(half):
        return length * 3
    wanted: float = length * ((half / away) ** (2 / 3) - 1)
    return min(max(wanted, length / 4), length * 10)
