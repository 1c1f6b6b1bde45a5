"""All runs of a history at a glance: the last ones, each target's scores, and a verdict a day, in one pass over the database."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.results.history.database import RunDatabase
    from readiness.results.history.store import HistoryEntry

RECENT: Final = 150
"""Runs that have a line of their own."""
POINTS: Final = 60
"""Runs that a line of scores shows."""
GROUPS: Final = 12
"""Targets and selections that have a line of scores, those asked last first."""
WEEKS: Final = 54
"""Weeks of the calendar: a year, and the week that it began in."""
_RANK: Final = {"READY": 0, "CONDITIONAL": 1, "INCOMPLETE": 2, "NOT READY": 3}


@dataclasses.dataclass(slots=True, kw_only=True)
class DayOfRuns:
    """The runs that began on one day, in UTC."""

    worst: str
    runs: int = 0
    ready: int = 0
    low: float = 100.0
    """The lowest headline."""

    def add(self, entry: HistoryEntry) -> None:
        """Count one run in."""
        self.runs += 1
        self.ready += entry.status == "READY"
        self.low = min(self.low, entry.headline)
        if _RANK.get(entry.status, 2) > _RANK.get(self.worst, 2):
            self.worst = entry.status


@dataclasses.dataclass(slots=True, kw_only=True)
class RunGroup:
    """The runs that can be compared: same target, environment, selection and demo flag."""

    last: HistoryEntry
    runs: int = 0
    points: list[tuple[float, float, str]] = dataclasses.field(default_factory=list)
    """(started, headline, verdict) of the last `POINTS` runs, oldest first."""

    def add(self, entry: HistoryEntry) -> None:
        """Count in one run that is no newer than those before."""
        self.runs += 1
        if len(self.points) < POINTS:
            self.points.insert(0, (entry.started, entry.headline, entry.status))


@dataclasses.dataclass(slots=True, kw_only=True)
class HistoryOverview:
    """What the page over all runs shows."""

    runs: int
    since: float | None
    """When the oldest run began, in seconds since the epoch; None: there is none."""
    recent: list[HistoryEntry]
    """Newest first."""
    groups: list[RunGroup]
    left_out: int
    """Groups that are counted and not shown."""
    days: dict[dt.date, DayOfRuns]
    """Those of the last year before the last run."""
    months: dict[str, DayOfRuns]
    """By year and month, newest first: those before that year."""


def overview(database: RunDatabase) -> HistoryOverview:
    """Look through `database` once; what is held does not grow with the number of runs, but for a counter a day and a target."""
    recent: list[HistoryEntry] = []
    groups: dict[tuple[str, str, str, bool], RunGroup] = {}
    left_out: set[tuple[str, str, str, bool]] = set()
    days: dict[dt.date, DayOfRuns] = {}
    runs, since = 0, None
    for entry in _entries(database):
        runs += 1
        since = entry.started if since is None else min(since, entry.started)
        if len(recent) < RECENT:
            recent.append(entry)
        if entry.about not in groups and len(groups) < GROUPS:
            groups[entry.about] = RunGroup(last=entry)
        if entry.about in groups:
            groups[entry.about].add(entry)
        else:
            left_out.add(entry.about)
        day = dt.datetime.fromtimestamp(entry.started, dt.UTC).date()
        days.setdefault(day, DayOfRuns(worst=entry.status)).add(entry)
    this_year, months = _split(days)
    return HistoryOverview(
        runs=runs,
        since=since,
        recent=recent,
        groups=list(groups.values()),
        left_out=len(left_out),
        days=this_year,
        months=months,
    )


def _entries(database: RunDatabase) -> Iterator[HistoryEntry]:
    return (entry for entry in database.entries() if 0 <= entry.started < _FAR)


_FAR: Final = 2.0**37
"""Seconds since the epoch beyond which no calendar reaches."""


def _split(days: dict[dt.date, DayOfRuns]) -> tuple[dict[dt.date, DayOfRuns], dict[str, DayOfRuns]]:
    """The days of the last year, and what was before it by month, newest first."""
    if not days:
        return {}, {}
    begin = first_day(max(days))
    months: dict[str, DayOfRuns] = {}
    for date in sorted((date for date in days if date < begin), reverse=True):
        day = days.pop(date)
        known = months.setdefault(f"{date:%Y-%m}", DayOfRuns(worst=day.worst))
        known.runs, known.ready, known.low = known.runs + day.runs, known.ready + day.ready, min(known.low, day.low)
        known.worst = max(known.worst, day.worst, key=lambda status: _RANK.get(status, 2))
    return days, months


def first_day(last: dt.date) -> dt.date:
    """The Monday that a calendar of `WEEKS` weeks up to `last` begins with."""
    return last - dt.timedelta(days=last.weekday(), weeks=WEEKS - 1)
