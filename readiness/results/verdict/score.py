"""Pure: the arithmetic of the score, exact to the last digit.

Sums are kept as integers over known denominators (a finding is worth quarters, a check with n instances n-ths of
them) and become fractions once a category: ten thousand checks cost a few milliseconds more than adding them up.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence  # noqa: TC003 - dataclass fields
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from readiness.findings import Check, Outcome, Severity

if TYPE_CHECKING:
    from readiness.results.verdict.resolve_outcomes import Standing

FULL: Final = Fraction(100)
_QUARTERS: Final = {outcome: int(outcome.worth * 4) for outcome in Outcome}
_WEIGHTS: Final = {severity: severity.weight for severity in Severity}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CategoryScore:
    """A category's score, 0 to 100, and its weight."""

    name: str
    score: Fraction
    weight: Fraction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Scores 0 to 100, shares 0 to 1. Without anything that counts all are 0."""

    score: Fraction
    best_case: Fraction
    unknown: Fraction
    """Share of the severity weight whose instances are unknown; 1 where nothing applies."""
    failed: Fraction
    """Share of the severity weight whose instances failed."""
    categories: tuple[CategoryScore, ...]
    units: Mapping[str, Fraction]
    """By category: the points that one unit of severity weight stands for."""

    @property
    def counts(self) -> bool:
        """Whether anything that applies has a weight."""
        return any(category.weight for category in self.categories)

    def points_lost(self, check: Check, finding_outcome: Outcome, instances: int) -> Fraction:
        """Points of 100 that one of a check's `instances` loses by its outcome."""
        lost = 4 - _QUARTERS[finding_outcome]
        if not lost or finding_outcome is Outcome.NOT_APPLICABLE:
            return Fraction(0)
        return self.units[check.category] * Fraction(_WEIGHTS[check.severity] * lost, 4 * instances)


class _Sum:
    """Of one category: severity weight in all, and earned quarters of it by number of instances."""

    __slots__ = ("best", "earned", "weight")

    def __init__(self) -> None:
        self.weight = 0
        self.earned: defaultdict[int, int] = defaultdict(int)
        self.best: defaultdict[int, int] = defaultdict(int)

    def share(self, sums: Mapping[int, int]) -> Fraction:
        return sum((Fraction(quarters, 4 * n) for n, quarters in sums.items()), Fraction(0)) / self.weight


def score(standings: Sequence[Standing], weights: Mapping[str, Fraction]) -> Score:
    """Add up what applies. `weights` are by category (`health/security`) or by whole phase; the category's wins."""
    sums: dict[str, _Sum] = {}
    unknown: defaultdict[int, int] = defaultdict(int)
    failed: defaultdict[int, int] = defaultdict(int)
    for standing in standings:
        if standing.outcome is not Outcome.NOT_APPLICABLE:
            _add(standing, sums, unknown, failed)
    total = sum(s.weight for s in sums.values())
    factors = {name: _factor(name, weights) for name in sums}
    whole = sum(factors.values(), Fraction(0))
    categories = tuple(
        CategoryScore(name=name, score=FULL * s.share(s.earned), weight=factors[name])
        for name, s in sorted(sums.items())
    )
    return Score(
        score=_mean(((c.score, c.weight) for c in categories), whole),
        best_case=_mean(((FULL * s.share(s.best), factors[name]) for name, s in sums.items()), whole),
        unknown=_ratio(unknown, total, nothing=Fraction(1)),
        failed=_ratio(failed, total, nothing=Fraction(0)),
        categories=categories,
        units={name: FULL * factors[name] / whole / s.weight if whole else Fraction(0) for name, s in sums.items()},
    )


def _add(
    standing: Standing, sums: dict[str, _Sum], unknown: defaultdict[int, int], failed: defaultdict[int, int]
) -> None:
    check = standing.planned.check
    into = sums.get(check.category)
    if into is None:
        into = sums[check.category] = _Sum()
    weight = _WEIGHTS[check.severity]
    n = len(standing.findings)
    into.weight += weight
    for finding in standing.findings:
        quarters = _QUARTERS[finding.outcome]
        into.earned[n] += weight * quarters
        if finding.outcome is Outcome.UNKNOWN:
            unknown[n] += weight
            quarters = 4
        elif finding.outcome is Outcome.FAILED:
            failed[n] += weight
        into.best[n] += weight * quarters


def _factor(category: str, weights: Mapping[str, Fraction]) -> Fraction:
    given = weights.get(category, weights.get(category.partition("/")[0], Fraction(1)))
    return Fraction(given)


def _mean(pairs: Iterable[tuple[Fraction, Fraction]], whole: Fraction) -> Fraction:
    return sum((value * weight for value, weight in pairs), Fraction(0)) / whole if whole else Fraction(0)


def _ratio(sums: Mapping[int, int], total: int, *, nothing: Fraction) -> Fraction:
    return sum((Fraction(weight, n) for n, weight in sums.items()), Fraction(0)) / total if total else nothing


def floor_tenth(value: Fraction) -> float:
    """`value` as it is displayed: floored to one decimal, never rounded up."""
    return math.floor(value * 10) / 10
