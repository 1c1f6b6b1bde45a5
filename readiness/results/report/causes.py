"""Pure: the findings of a report by what is to be mended, in the order in which to mend it."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from readiness.findings import Outcome, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from readiness.results.report.model import Report, Row

FIRST: Final = 3
"""Causes that a reader is told to mend first: more is no beginning but the whole list."""
MENDED: Final = frozenset({Outcome.FAILED, Outcome.DEGRADED, Outcome.FLAKY})
_TOLD: Final = MENDED | {Outcome.WAIVED, Outcome.UNKNOWN}
_REST, _LAST = 3, 4
"""Places in the order: below all that can block a verdict by itself; and what a waiver already settles."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing to mend or to find out, and every finding that goes with it."""

    row: Row
    """The finding that names it: of those it explains, the one that weighs most."""
    also: tuple[Row, ...] = ()
    """Other findings with this cause: of the same file with the same remedy or reason, or unknown for the same reason."""
    blocked: tuple[Row, ...] = ()
    """Findings that could not be asked because of it."""
    own_points: Fraction
    """Points that the findings with this cause cost, without what it blocks."""
    blocked_points: Fraction

    @property
    def points(self) -> Fraction:
        """Points that it costs in all."""
        return self.own_points + self.blocked_points

    @property
    def settles(self) -> int:
        """How many findings besides the one that names it are settled with it."""
        return len(self.also) + len(self.blocked)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """The causes of all that is not well; each such finding stands in exactly one place."""

    ranked: tuple[Cause, ...]
    """First what blocks the verdict by itself: critical failed, critical unknown, then high; in each by points."""
    orphans: tuple[tuple[str, tuple[Row, ...]], ...]
    """Rows blocked by a check that is not in this report, by its id."""

    @property
    def first(self) -> tuple[Cause, ...]:
        """The few to begin with; none where the whole list is hardly longer, or a waiver has settled the rest."""
        open_ones = [cause for cause in self.ranked if cause.row.outcome is not Outcome.WAIVED]
        return tuple(open_ones[:FIRST]) if len(open_ones) > FIRST else ()


def causes(report: Report) -> Causes:
    """Group the findings of `report`: what is blocked goes to its root cause, what is mended together to one of them."""
    waits = {row.check: row.blocked_by for row in report.rows if _is_blocked(row) and row.blocked_by is not None}
    blocked: dict[str, list[Row]] = {}
    told = []
    for row in report.rows:
        if _is_blocked(row):
            blocked.setdefault(_root(row.blocked_by or "", waits), []).append(row)
        elif row.outcome in _TOLD:
            told.append(row)
    groups = _together(sorted(told, key=_rank))
    found = []
    for group in groups:
        mine = [row for name in dict.fromkeys(row.check for row in group) for row in blocked.pop(name, ())]
        found.append(
            Cause(
                row=group[0],
                also=tuple(group[1:]),
                blocked=tuple(mine),
                own_points=_sum(group),
                blocked_points=_sum(mine),
            )
        )
    found.sort(key=lambda cause: (min(map(_tier, (cause.row, *cause.blocked))), -float(cause.points)))
    return Causes(ranked=tuple(found), orphans=tuple((name, tuple(rows)) for name, rows in blocked.items()))


def _is_blocked(row: Row) -> bool:
    return row.outcome is Outcome.UNKNOWN and row.blocked_by is not None


def _root(name: str, waits: Mapping[str, str]) -> str:
    seen = set()
    while name in waits and name not in seen:
        seen.add(name)
        name = waits[name]
    return name


def _tier(row: Row) -> int:
    """How much a finding stands in the verdict's way; 0 most."""
    if row.outcome is Outcome.WAIVED:
        return _LAST
    if row.outcome not in {Outcome.FAILED, Outcome.UNKNOWN}:
        return _REST
    if row.severity is Severity.CRITICAL:
        return 0 if row.outcome is Outcome.FAILED else 1
    return 2 if row.severity is Severity.HIGH else _REST


def _rank(row: Row) -> tuple[int, float]:
    return _tier(row), -float(row.points_lost)


def _together(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that are mended together, in the order of the first of each."""
    groups: list[list[Row]] = []
    known: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        keys = _keys(row)
        group = next((known[key] for key in keys if key in known), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(row)
        for key in keys:
            known.setdefault(key, group)
    return groups


def _keys(row: Row) -> tuple[tuple[str, ...], ...]:
    """What a row shares with those of the same cause."""
    reason = " ".join(row.reason.removeprefix("setup: ").split())
    if row.outcome is Outcome.UNKNOWN:
        return (("unknown", reason),) if reason else ()
    if row.outcome not in MENDED or not row.path:
        return ()
    shared = (("reason", reason), ("remedy", row.remedy))
    return tuple((kind, row.path, text) for kind, text in shared if text)


def _sum(rows: Sequence[Row]) -> Fraction:
    """Points of many rows: few different ones occur, and adding fractions is slow."""
    if len(rows) == 1:
        return rows[0].points_lost
    counts: dict[Fraction, int] = {}
    for row in rows:
        counts[row.points_lost] = counts.get(row.points_lost, 0) + 1
    return sum((points * count for points, count in counts.items()), start=Fraction(0))
