"""The statistics of a load run: exact percentiles with intervals that assume nothing, and what a sample can decide.

Order statistics: the interval of a percentile lies between two of the measured values, whatever their distribution. Every
interval is one-sided at 95 % on each side, which is why a p95 needs 59 samples and a p99 needs 299: 0.95^59 and 0.99^299 are
the first powers under 5 %.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONFIDENCE: Final = 0.95
_Z: Final = 1.6448536269514722
"""The normal distribution's 95 % point."""
_EXACT: Final = 20_000
"""Samples up to which binomial sums are counted out; the normal approximation is better than 0.1 % of a rank beyond."""
_FEW: Final = 2_000
"""Terms of a binomial sum that are added one by one whatever the size of the sample."""
LimitStanding = Literal["within", "beyond", "open"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and where it may really lie; `high` is infinite, `low` is 0, where the sample is too small to tell."""

    low: float
    value: float
    high: float

    def against(self, limit: float) -> LimitStanding:
        """Whether the whole interval is within `limit`, beyond it, or on both sides."""
        if self.high <= limit:
            return "within"
        return "beyond" if self.low > limit else "open"


def percentile(ordered: Sequence[float], share: float) -> Interval:
    """The percentile `share` (0 to 1) of values in rising order, with its interval. Raises ValueError without values."""
    n = len(ordered)
    if not n:
        raise ValueError("no samples")
    below, above = _ranks(n, share)
    return Interval(
        low=ordered[below - 1] if below >= 1 else 0.0,
        value=ordered[max(0, math.ceil(share * n) - 1)],
        high=ordered[above - 1] if above <= n else math.inf,
    )


def _ranks(n: int, share: float) -> tuple[int, int]:
    """The ranks (from 1) between which the percentile lies; 0 and n + 1 where a side is open."""
    if n > _EXACT:
        spread = _Z * math.sqrt(n * share * (1 - share))
        return max(0, math.floor(n * share - spread)), min(n + 1, math.ceil(n * share + spread) + 1)
    # the percentile lies below the value of rank k unless fewer than k values lie below it
    total, below, above = 0.0, 0, n + 1
    for k in range(n + 1):
        total += _binomial(k, n, share)
        if total <= 1 - CONFIDENCE:
            below = k + 1
        if total >= CONFIDENCE:
            above = k + 1
            break
    return below, above


def _binomial(k: int, n: int, p: float) -> float:
    if p in {0.0, 1.0}:
        return float(k == (n if p else 0))
    logs = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(logs + k * math.log(p) + (n - k) * math.log1p(-p))


def share(count: int, n: int) -> Interval:
    """The share of `count` in `n` (Clopper and Pearson 1934), 0 to 1. Raises ValueError for none of none."""
    if n <= 0:
        raise ValueError("no samples")
    low = 0.0 if count == 0 else _solve(lambda p: _at_least(count, n, p) - (1 - CONFIDENCE))
    high = 1.0 if count == n else _solve(lambda p: (1 - CONFIDENCE) - _at_most(count, n, p))
    return Interval(low=low, value=count / n, high=high)


def _at_most(k: int, n: int, p: float) -> float:
    """The probability of `k` or fewer of `n`; beyond 2,000 terms with Camp and Paulson's approximation, good to 0.005."""
    if p <= 0.0 or k >= n:
        return 1.0
    if p >= 1.0:
        return 0.0
    if k <= _FEW:
        return min(1.0, math.fsum(_binomial(i, n, p) for i in range(k + 1)))
    if n - k <= _FEW:
        return max(0.0, 1.0 - math.fsum(_binomial(i, n, p) for i in range(k + 1, n + 1)))
    a, b = 1 / (9 * (n - k)), 1 / (9 * (k + 1))
    r = (k + 1) * (1 - p) / (p * (n - k))
    c = (1 - b) * r ** (1 / 3)
    z = (c - (1 - a)) / math.sqrt(b * r ** (2 / 3) + a)
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _at_least(k: int, n: int, p: float) -> float:
    return 1.0 - _at_most(k - 1, n, p) if k > 0 else 1.0


def _solve(rising: Callable[[float], float]) -> float:
    """Where a function that rises over 0 to 1 crosses zero."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def more_for_percentile(ordered: Sequence[float], quantile: float, limit: float) -> int | None:
    """About how many more samples decide whether a percentile is within `limit`; None where none would.

    If the shares stay as they are: the measured share of values within the limit has to stand clear of `quantile`.
    """
    n = len(ordered)
    within = sum(value <= limit for value in ordered) / n if n else quantile
    least = math.ceil(math.log(1 - CONFIDENCE) / math.log(quantile))
    return _more(n, within, quantile, least)


def more_for_share(count: int, n: int, limit: float) -> int | None:
    """About how many more samples decide whether a share is within `limit`; None where none would."""
    least = math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-limit)) if 0 < limit < 1 else 1
    return _more(n, 1 - count / n if n else 1 - limit, 1 - limit, least)


def _more(n: int, seen: float, wanted: float, least: int) -> int | None:
    apart = abs(seen - wanted)
    if apart < 1e-9:  # noqa: PLR2004 - exactly on the limit: no number of samples tells the sides apart
        return None
    needed = math.ceil(_Z**2 * wanted * (1 - wanted) / apart**2)
    return max(1, max(needed, least) - n)
