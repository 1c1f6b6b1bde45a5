"""When hope is gone: the exact binomial bound behind an early abort, with the standard library alone."""

from __future__ import annotations

import math
from typing import Final

ALPHA: Final = 1e-6
"""The chance of giving up on a target that keeps its limit: small, because a run looks twice a second."""


def at_least(errors: int, count: int, rate: float) -> float:
    """The probability of `errors` or more among `count` independent requests that each fail with probability `rate`."""
    if errors <= 0:
        return 1.0
    if errors > count or rate <= 0:
        return 0.0
    if rate >= 1:
        return 1.0
    term = math.exp(
        math.lgamma(count + 1)
        - math.lgamma(errors + 1)
        - math.lgamma(count - errors + 1)
        + errors * math.log(rate)
        + (count - errors) * math.log1p(-rate)
    )
    if errors <= count * rate:
        # the tail is long and its sum near 1; the side that is not far off is summed by nobody: it means "hope"
        return 1.0
    total, odds = 0.0, rate / (1 - rate)
    for index in range(errors, count + 1):
        total += term
        if term < total * 1e-16:
            break
        term *= (count - index) / (index + 1) * odds
    return min(1.0, total)


def hopeless(errors: int, planned: int, limit: float) -> bool:
    """Whether the whole run is past `limit` (a share, 0..1) even if everything still to come is answered well.

    The errors so far are set against all planned requests, not against those that are done: a burst of errors at the
    start of a long run is no reason to give up.
    """
    return errors > planned * limit and at_least(errors, planned, limit) < ALPHA
