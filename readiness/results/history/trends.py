"""What the runs before this one tell: each check over the last runs, what passes by turns, what changed since READY."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from readiness.findings import Outcome
from readiness.results.history.store import entry_of
from readiness.results.report import History, PastCheck, PastRun, Row, SinceReady, shown, spelled
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.results.history.database import RunDatabase
    from readiness.results.history.store import HistoryEntry
    from readiness.results.report import Report

RUNS: Final = 30
"""Runs that a report tells of, its own included."""
MOST: Final = 2_000
"""Checks that it tells of, those that did not pass every time first."""
_TURNS: Final = 3
"""Changes between passed and failed that make a check flaky: one outage makes two."""
_STAMP: Final = 23
"""Characters of a file's name that say when its run started."""
_NAME: Final = 200
_GOOD: Final = frozenset({"passed", "flaky", "degraded"})
_BAD: Final = frozenset({"failed", "waived"})
_WEAK: Final = frozenset({Outcome.DEGRADED, Outcome.FLAKY})
_FAILING: Final = frozenset({Outcome.FAILED, Outcome.WAIVED})


def comparable(report: Report, database: RunDatabase, file: str) -> tuple[list[HistoryEntry], HistoryEntry | None]:
    """The last runs before `report` (in `file`) that it can be compared with, newest first, and the last READY one."""
    about = report.target, report.environment, report.run.selection, report.demo
    stamp = file[:_STAMP]
    before = [entry for entry in database.before(stamp, about, RUNS - 1) if entry.id != report.run.id]
    return before, database.last_ready(stamp, about)


def history(
    report: Report, before: Sequence[HistoryEntry], ready: HistoryEntry | None, database: RunDatabase
) -> History | None:
    """`report`'s history from the runs before it, newest first; None where there is none."""
    if not before:
        return None
    runs = [*reversed(before)]
    names = database.names({entry.names for entry in (*runs, ready) if entry is not None})
    tables = [_table(entry, names) for entry in runs]
    checks = [_check(row, tables) for row in report.rows]
    order = sorted(
        checks, key=lambda check: all(outcome in {None, "passed", "not_applicable"} for outcome in check.outcomes)
    )
    return History(
        runs=(*(_past(entry) for entry in runs), _past(entry_of("", report)[0])),
        checks=tuple(order[:MOST]),
        left_out=max(len(order) - MOST, 0),
        flaky=tuple(check.key for check in order if _by_turns(check.outcomes)),
        since_ready=_since(report, before, ready, names),
    )


def _check(row: Row, tables: Sequence[Mapping[str, str | None]]) -> PastCheck:
    return PastCheck(key=row.key, outcomes=(*(table.get(row.key) for table in tables), row.outcome.value))


def _table(entry: HistoryEntry, names: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Outcomes by `Row.key`; empty where the names are lost."""
    return dict(zip(names.get(entry.names, ()), spelled(entry.outcomes), strict=False))


def _past(entry: HistoryEntry) -> PastRun:
    return PastRun(
        id=one_line(entry.id, _NAME),
        started=entry.started,
        status=entry.status,
        decision=entry.decision,
        score=entry.score,
        headline=entry.headline,
        p95_ms=entry.p95_ms,
        plan_hash=one_line(entry.plan_hash, _NAME),
        selection=one_line(entry.selection, _NAME),
    )


def _by_turns(outcomes: Sequence[str | None]) -> bool:
    """Whether a check passed and failed by turns, or needed another attempt more than once; what was not asked says nothing."""
    passes = [outcome in _GOOD for outcome in outcomes if outcome in _GOOD or outcome in _BAD]
    turns = sum(one != other for one, other in itertools.pairwise(passes))
    return turns >= _TURNS or sum(outcome == "flaky" for outcome in outcomes) > 1


def _since(
    report: Report, before: Sequence[HistoryEntry], ready: HistoryEntry | None, names: Mapping[str, Sequence[str]]
) -> SinceReady | None:
    if ready is None or ready.names not in names or (report.status == "READY" and before[0].status == "READY"):
        return None
    was = {key: Outcome(outcome) for key, outcome in _table(ready, names).items() if outcome is not None}
    now = {row.key: row.outcome for row in report.rows}
    common = [key for key in now if key in was]
    return SinceReady(
        id=one_line(ready.id, _NAME),
        started=ready.started,
        runs_since=sum(entry.file > ready.file for entry in before) + 1,
        score_change=round(shown(report.score) - ready.score, 1),
        same_plan=ready.plan_hash == report.run.plan_hash,
        newly_failing=tuple(k for k in common if now[k] in _FAILING and was[k] not in _FAILING),
        newly_unknown=tuple(k for k in common if now[k] is Outcome.UNKNOWN and was[k] is not Outcome.UNKNOWN),
        newly_degraded=tuple(k for k in common if now[k] in _WEAK and was[k] is Outcome.PASSED),
        fixed=tuple(k for k in common if now[k] is Outcome.PASSED and was[k] in _FAILING),
        added=tuple(key for key in now if key not in was),
        removed=tuple(one_line(key, _NAME) for key in was if key not in now),
        versions=_versions(ready.versions, report.run.versions),
    )


def _versions(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """What is another version than it was."""
    return tuple(
        (one_line(what, _NAME), one_line(then.get(what, ""), _NAME), one_line(now.get(what, ""), _NAME))
        for what in sorted({*then, *now})
        if then.get(what, "") != now.get(what, "")
    )
