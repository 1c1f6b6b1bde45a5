"""The statistics of a comparison: quantiles, the Mann-Whitney test, the probability of superiority, a test of the tail.

Small, deterministic, and of ranks: a single slow answer moves none of them. Sources: Mann and Whitney 1947; ties as in
Lehmann, *Nonparametrics*, 1975; the effect size is Vargha and Delaney's A, 2000.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXACT: Final = 400
"""Pairs up to which the distribution of U is counted out instead of approximated, where no two values are equal."""


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of `values` does not exceed (nearest rank). Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def superiority(before: Sequence[float], now: Sequence[float]) -> float:
    """The probability that a value of `now` exceeds one of `before`, a tie counting half: 0.5 is no difference."""
    return _u(before, now) / (len(before) * len(now))


def mann_whitney(before: Sequence[float], now: Sequence[float]) -> float:
    """The two-sided p of "both come from one distribution", 0 to 1; 1 where all values are equal or one side is empty."""
    n, m = len(before), len(now)
    if not n or not m:
        return 1.0
    u = _u(before, now)
    ties = [count for count in Counter([*before, *now]).values() if count > 1]
    if not ties and n * m <= _EXACT:
        return _exact(n, m, u)
    total = n + m
    variance = n * m / 12 * (total + 1 - sum(t**3 - t for t in ties) / (total * (total - 1)))
    if variance <= 0:
        return 1.0  # constant data: every value is the same on both sides
    distance = max(0.0, abs(u - n * m / 2) - 0.5)
    return min(1.0, math.erfc(distance / math.sqrt(2 * variance)))


def _u(before: Sequence[float], now: Sequence[float]) -> float:
    """How many pairs have the larger value in `now`, a tie counting half."""
    counts = sorted(Counter(before).items())
    waiting = sorted(now)
    below, at, u = 0, 0, 0.0
    for value in waiting:
        while at < len(counts) and counts[at][0] < value:
            below += counts[at][1]
            at += 1
        equal = counts[at][1] if at < len(counts) and counts[at][0] == value else 0
        u += below + equal / 2
    return u


def _exact(n: int, m: int, u: float) -> float:
    """The two-sided p of U by counting every order of `n` and `m` different values."""
    ways = [1]
    for k in range(1, n + 1):
        ways = _divided(_times(ways, m + k), k)
    extreme = min(u, n * m - u)
    tail = sum(ways[: math.floor(extreme) + 1])
    return min(1.0, 2 * tail / math.comb(n + m, n))


def _times(ways: list[int], step: int) -> list[int]:
    """The polynomial `ways` times (1 - x^step)."""
    grown = ways + [0] * step
    for index, value in enumerate(ways):
        grown[index + step] -= value
    return grown


def _divided(ways: list[int], step: int) -> list[int]:
    """The polynomial `ways` over (1 - x^step), which divides it."""
    counts = list(ways)
    for index in range(step, len(counts)):
        counts[index] += counts[index - step]
    return counts[: len(counts) - step]


def tail(before: Sequence[float], now: Sequence[float], share: float = 0.95) -> float:
    """The p of so many values of `now` past that quantile of `before`, if they were no more than its due; 0 to 1.

    What slows one request in ten moves no median: this finds it. One-sided: a shorter tail is no fault.
    """
    if not before or not now:
        return 1.0
    past = sum(value > quantile(before, share) for value in now)
    return _at_least(past, len(now), 1 - share)


def _at_least(k: int, n: int, p: float) -> float:
    """The probability of `k` or more of `n` where each has the probability `p`."""
    if k <= 0:
        return 1.0
    logs = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
        for i in range(k, n + 1)
    ]
    return min(1.0, math.fsum(math.exp(log) for log in logs))
