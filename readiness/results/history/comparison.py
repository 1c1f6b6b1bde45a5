"""What changed since an earlier run: checks that fail anew, that are fixed, that are new in the plan, and the score in two parts."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from readiness.findings import Outcome
from readiness.results.history import store
from readiness.results.history.store import check_key
from readiness.results.report import Comparison, Report, Row, iso, shown
from readiness.results.verdict import units
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from readiness.findings import Severity
    from readiness.results.history.store import HistoryEntry

_KEY: Final = 500
_FAILING: Final = frozenset({Outcome.FAILED, Outcome.WAIVED})


def compare(report: Report, directory: Path) -> Report:
    """`report` with its comparison to the last comparable run, and with its history; unchanged where there is none.

    Comparable are runs with the same target, environment, selection and demo flag. Raises nothing: a file of the history
    that is damaged, foreign or unreadable is passed over, and a database that cannot be used is told of in a note.
    """
    folder = directory / store.FOLDER
    if not store.has_runs(folder):
        return report
    from readiness.results.history import trends
    from readiness.results.history.database import RunDatabase

    with RunDatabase(folder) as database:
        before, ready = trends.comparable(report, database, store.file_name(report))
        history = trends.history(report, before, ready, database)
        notes = (*report.notes, database.problem) if database.problem else report.notes
    return dataclasses.replace(report, comparison=_previous(report, before, folder), history=history, notes=notes)


def _previous(report: Report, before: Sequence[HistoryEntry], folder: Path) -> Comparison | None:
    for entry in before:
        document = store.read_document(folder / entry.file)
        if document is not None:
            try:
                return difference(report, read_earlier_run(document))
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                continue  # damaged in a way that its entry did not show
    return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCheck:
    """What one check (one instance of it) was in an earlier run."""

    outcome: Outcome
    severity: str
    category: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun:
    """What a run is compared with."""

    id: str
    started: str
    """ISO 8601."""
    score: float
    plan_hash: str
    checks: Mapping[str, EarlierCheck]
    """By `Row.key`."""
    failing_since: Mapping[str, str]
    """ISO 8601, by `Row.key`: of the checks that it found failing as a run before it had."""


def read_earlier_run(document: Mapping[str, Any]) -> EarlierRun:
    """The earlier run that `document` tells of. Raises KeyError, TypeError, ValueError or AttributeError on a damaged one."""
    run, comparison = document["run"], document.get("comparison") or {}
    return EarlierRun(
        id=one_line(run["id"], _KEY),
        started=one_line(run["started"], _KEY),
        score=float(document["verdict"]["score"]),
        plan_hash=str(run["plan_hash"]),
        checks={
            check_key(row): EarlierCheck(
                outcome=Outcome(row["outcome"]), severity=str(row["severity"]), category=str(row["category"])
            )
            for row in document["findings"]
        },
        failing_since={str(one["name"]): one_line(one["since"], _KEY) for one in comparison.get("still_failing") or ()},
    )


def earlier_run(report: Report) -> EarlierRun:
    """The same of a report."""
    return EarlierRun(
        id=report.run.id,
        started=iso(report.run.started),
        score=shown(report.score),
        plan_hash=report.run.plan_hash,
        checks={
            row.key: EarlierCheck(outcome=row.outcome, severity=row.severity.value, category=row.category)
            for row in report.rows
        },
        failing_since=dict(report.comparison.still_failing) if report.comparison else {},
    )


def difference(report: Report, before: EarlierRun) -> Comparison:
    """What changed from `before` to `report`."""
    then = before.checks
    now = {row.key: row for row in report.rows}
    common = [key for key in now if key in then]
    was = {key: then[key].outcome for key in common}
    same = before.plan_hash == report.run.plan_hash
    change = round(shown(report.score) - before.score, 1)
    by_outcome = change if same else round(float(_moved(report, was)), 1)
    failing = [key for key in common if now[key].outcome in _FAILING]
    return Comparison(
        previous=before.id,
        previous_started=before.started,
        same_plan=same,
        score_change=change,
        outcome_change=by_outcome,
        plan_change=round(change - by_outcome, 1),
        added=tuple(key for key in now if key not in then),
        removed=tuple(one_line(key, _KEY) for key in then if key not in now),
        replanned=tuple(key for key in common if _replanned(now[key], then[key])),
        newly_failing=tuple(key for key in failing if was[key] not in _FAILING),
        newly_unknown=tuple(k for k in common if now[k].outcome is Outcome.UNKNOWN and was[k] is not Outcome.UNKNOWN),
        fixed=tuple(k for k in common if now[k].outcome is Outcome.PASSED and was[k] in _FAILING),
        still_failing=tuple((k, before.failing_since.get(k, before.started)) for k in failing if was[k] in _FAILING),
    )


def _moved(report: Report, was: Mapping[str, Outcome]) -> Fraction:
    """Points that the common checks gained or lost by their outcomes, weighed as the present plan weighs them."""
    stakes = _stakes(report)
    return sum(
        (
            stakes[row.key] * (row.outcome.worth - was[row.key].worth)
            for row in report.rows
            if row.key in stakes and was.get(row.key, Outcome.NOT_APPLICABLE) is not Outcome.NOT_APPLICABLE
        ),
        start=Fraction(0),
    )


def _stakes(report: Report) -> dict[str, Fraction]:
    """Points each applicable instance can lose, as scoring weighs them: severity and category's weight, shared by instances."""
    rows = [row for row in report.rows if row.outcome is not Outcome.NOT_APPLICABLE]
    factors = {c.name: c.weight for c in report.categories}
    instances: dict[str, int] = {}
    checks: dict[str, tuple[Severity, Fraction]] = {}
    for row in rows:
        instances[row.check] = instances.get(row.check, 0) + 1
        checks[row.check] = (row.severity, factors.get(row.category, Fraction(0)))
    stakes = units(checks.values(), Fraction(str(report.gate["conditional"])))
    return {
        row.key: stakes.of(row.severity) * checks[row.check][1] * Fraction(row.severity.weight, instances[row.check])
        for row in rows
    }


def _replanned(row: Row, then: EarlierCheck) -> bool:
    is_applied, was_applied = row.outcome is not Outcome.NOT_APPLICABLE, then.outcome is not Outcome.NOT_APPLICABLE
    return is_applied != was_applied or (row.severity.value, row.category) != (then.severity, then.category)
