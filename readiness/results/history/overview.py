"""All runs of a history at a glance: the last ones, each target's scores, and a verdict a day, in one pass over the index."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import heapq
from typing import TYPE_CHECKING, Final

from readiness.results.history import index as history_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.results.history.index import Entry
    from readiness.results.history.store import Index

RECENT: Final = 150
"""Runs that have a line of their own."""
POINTS: Final = 60
"""Runs that a line of scores shows."""
GROUPS: Final = 12
"""Targets and selections that have a line of scores, those asked last first."""
WEEKS: Final = 54
"""Weeks of the calendar: a year, and the week that it began in."""
_HELD: Final = 200
"""Targets and selections that are remembered while reading."""
_RANK: Final = {"READY": 0, "CONDITIONAL": 1, "INCOMPLETE": 2, "NOT READY": 3}


@dataclasses.dataclass(slots=True, kw_only=True)
class Day:
    """The runs that began on one day, in UTC."""

    worst: str
    runs: int = 0
    ready: int = 0
    low: float = 100.0
    """The lowest headline."""

    def add(self, entry: Entry) -> None:
        """Count one run in."""
        self.runs += 1
        self.ready += entry.status == "READY"
        self.low = min(self.low, entry.headline)
        if _RANK.get(entry.status, 2) > _RANK.get(self.worst, 2):
            self.worst = entry.status


@dataclasses.dataclass(slots=True, kw_only=True)
class Group:
    """The runs that can be compared: same target, environment, selection and demo flag."""

    last: Entry
    runs: int
    points: tuple[tuple[float, float, str], ...]
    """(started, headline, verdict) of the last runs, oldest first."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Overview:
    """What the page over all runs shows."""

    runs: int
    since: float | None
    """When the oldest run began, in seconds since the epoch; None: there is none."""
    recent: list[Entry]
    """Newest first."""
    groups: list[Group]
    left_out: int
    """Groups that are counted and not shown."""
    days: dict[dt.date, Day]
    """Those of the last year before the last run."""
    months: dict[str, Day]
    """By year and month, newest first: those before that year."""


class _Points:
    __slots__ = ("last", "points", "runs")

    def __init__(self, entry: Entry) -> None:
        self.last, self.runs = entry, 0
        self.points: collections.deque[tuple[float, float, str]] = collections.deque(maxlen=POINTS)

    def add(self, entry: Entry) -> None:
        self.runs += 1
        self.points.append((entry.started, entry.headline, entry.status))
        if entry.started >= self.last.started:
            self.last = entry


def overview(index: Index) -> Overview:
    """Look through `index` once; what is held does not grow with the number of runs, but for a counter a day."""
    recent: list[tuple[str, int, Entry]] = []
    groups: dict[tuple[str, str, str, bool], _Points] = {}
    days: dict[dt.date, Day] = {}
    runs, since, forgotten = 0, None, 0
    for number, entry in enumerate(_entries(index)):
        runs += 1
        since = entry.started if since is None else min(since, entry.started)
        heapq.heappush(recent, (entry.file, number, entry))
        if len(recent) > RECENT:
            heapq.heappop(recent)
        if entry.about not in groups:
            groups[entry.about] = _Points(entry)
            forgotten += _forget(groups)
        groups[entry.about].add(entry)
        day = dt.datetime.fromtimestamp(entry.started, dt.UTC).date()
        days.setdefault(day, Day(worst=entry.status)).add(entry)
    shown = sorted(groups.values(), key=lambda group: group.last.started, reverse=True)
    this_year, months = _split(days)
    return Overview(
        runs=runs,
        since=since,
        recent=[entry for *_, entry in sorted(recent, reverse=True)],
        groups=[Group(last=g.last, runs=g.runs, points=tuple(sorted(g.points))) for g in shown[:GROUPS]],
        left_out=max(len(shown) - GROUPS, 0) + forgotten,
        days=this_year,
        months=months,
    )


def _entries(index: Index) -> Iterator[Entry]:
    for line in index.runs():
        entry = history_index.decoded(line)
        if entry is not None and 0 <= entry.started < _FAR:
            yield entry


_FAR: Final = 2.0**37
"""Seconds since the epoch beyond which no calendar reaches."""


def _forget(groups: dict[tuple[str, str, str, bool], _Points]) -> int:
    """Let go of the group that was asked longest ago where there are too many."""
    if len(groups) <= _HELD:
        return 0
    del groups[min(groups, key=lambda about: groups[about].last.started)]
    return 1


def _split(days: dict[dt.date, Day]) -> tuple[dict[dt.date, Day], dict[str, Day]]:
    """The days of the last year, and what was before it by month, newest first."""
    if not days:
        return {}, {}
    begin = first_day(max(days))
    months: dict[str, Day] = {}
    for date in sorted((date for date in days if date < begin), reverse=True):
        day = days.pop(date)
        known = months.setdefault(f"{date:%Y-%m}", Day(worst=day.worst))
        known.runs, known.ready, known.low = known.runs + day.runs, known.ready + day.ready, min(known.low, day.low)
        known.worst = max(known.worst, day.worst, key=lambda status: _RANK.get(status, 2))
    return days, months


def first_day(last: dt.date) -> dt.date:
    """The Monday that a calendar of `WEEKS` weeks up to `last` begins with."""
    return last - dt.timedelta(days=last.weekday(), weeks=WEEKS - 1)
