"""Past runs: one JSON a run, an SQLite database made of them, what became of each check, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.results.history import store
    from readiness.results.history.all_runs import WEEKS, DayOfRuns, HistoryOverview, RunGroup, overview
    from readiness.results.history.begun import RunMarker, UnendedRun, forget, latest, newer_than, told_of
    from readiness.results.history.comparison import compare, difference, earlier_run
    from readiness.results.history.database import RunDatabase
    from readiness.results.history.store import HistoryEntry
else:
    __all__, __getattr__ = front_door(__name__, __file__)
