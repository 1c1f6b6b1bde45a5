"""The history of runs: one JSON a run, bounded in number, what became of each check, and what changed since the last one."""

from __future__ import annotations

import dataclasses
import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from readiness.findings import Outcome
from readiness.results.history import index as history_index
from readiness.results.history import past as history_past
from readiness.results.history import store as history_store
from readiness.results.history.store import FOLDER
from readiness.results.report import Comparison, Report, Row, iso, shown, to_json
from readiness.support.text import line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from readiness.results.history.index import Entry

_KEY: Final = 500
_QUICK: Final = 1024 * 1024
"""Bytes of an index that a page is made of in passing: some 2,000 runs."""
_FAILING: Final = frozenset({Outcome.FAILED, Outcome.WAIVED})

Document = dict[str, Any]


def file_name(report: Report) -> str:
    """`<started>-<id>.json`: names sort as the runs started."""
    started = iso(report.run.started).replace("-", "").replace(":", "")
    run_id = re.sub(r"[^A-Za-z0-9._-]+", "-", report.run.id)[:60] or "run"
    return f"{started}-{run_id}.json"


def keep(report: Report, directory: Path, limit: int) -> Path:
    """Write `report` and its line into the history below `directory` and drop the oldest beyond `limit` runs.

    Returns the file. Raises ReadinessError where it cannot be written; what is not ours is never touched.
    """
    name = file_name(report)
    content = json.dumps(to_json(report), ensure_ascii=True) + "\n"
    return history_store.add(directory / FOLDER, content, history_index.of_report(name, report), keep=limit)


def page_wanted(directory: Path) -> bool:
    """Whether each run keeps the page over all runs up to date: somebody asked for it before, and it costs no more than 0.1 s."""
    folder = directory / FOLDER
    try:
        small = (folder / history_store.INDEX).stat().st_size <= _QUICK
    except OSError:
        return False
    return small and (folder / history_store.PAGE).is_file()


def compare(report: Report, directory: Path) -> Report:
    """`report` with its comparison to the last comparable run, and with its history; unchanged where there is none.

    Comparable are runs with the same target, environment, selection and demo flag. Raises nothing: a file of the history that is damaged, foreign or unreadable is passed over.
    """
    folder = directory / FOLDER
    index = history_store.Index(folder)
    before, ready = history_past.comparable(report, index, file_name(report))
    found = history_past.history(report, before, ready, index)
    return dataclasses.replace(report, comparison=_previous(report, before, folder), history=found)


def _previous(report: Report, before: Sequence[Entry], folder: Path) -> Comparison | None:
    for entry in before:
        document = history_store.document(folder / entry.file)
        if document is not None:
            try:
                return difference(report, document)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                continue  # damaged in a way that its line did not show
    return None


def difference(report: Report, before: Mapping[str, Any]) -> Comparison:
    """What changed from the document `before` to `report`. Raises KeyError, TypeError or ValueError on a damaged one."""
    then = {_key(found): found for found in before["findings"]}
    now = {row.key: row for row in report.rows}
    common = [key for key in now if key in then]
    was = {key: Outcome(then[key]["outcome"]) for key in common}
    same = before["run"]["plan_hash"] == report.run.plan_hash
    change = round(shown(report.score) - float(before["verdict"]["score"]), 1)
    by_outcome = change if same else round(float(_moved(report, was)), 1)
    failing = [key for key in common if now[key].outcome in _FAILING]
    return Comparison(
        previous=line(before["run"]["id"], _KEY),
        previous_started=line(before["run"]["started"], _KEY),
        same_plan=same,
        score_change=change,
        outcome_change=by_outcome,
        plan_change=round(change - by_outcome, 1),
        added=tuple(key for key in now if key not in then),
        removed=tuple(line(key, _KEY) for key in then if key not in now),
        replanned=tuple(key for key in common if _replanned(now[key], then[key])),
        newly_failing=tuple(key for key in failing if was[key] not in _FAILING),
        newly_unknown=tuple(k for k in common if now[k].outcome is Outcome.UNKNOWN and was[k] is not Outcome.UNKNOWN),
        fixed=tuple(k for k in common if now[k].outcome is Outcome.PASSED and was[k] in _FAILING),
        still_failing=tuple((k, _since(before, k)) for k in failing if was[k] in _FAILING),
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
    """Points each applicable instance can lose, as scoring weighs them: category, then severity, then instances."""
    rows = [row for row in report.rows if row.outcome is not Outcome.NOT_APPLICABLE]
    instances: dict[str, int] = {}
    sums: dict[str, int] = {}
    for row in rows:
        if row.check not in instances:
            sums[row.category] = sums.get(row.category, 0) + row.severity.weight
        instances[row.check] = instances.get(row.check, 0) + 1
    weights = {c.name: c.weight for c in report.categories}
    total = sum((weights.get(name, Fraction(0)) for name in sums), start=Fraction(0)) or Fraction(1)
    return {
        row.key: 100 * weights.get(row.category, Fraction(0)) / total
        * Fraction(row.severity.weight, sums[row.category] * instances[row.check])
        for row in rows
    }  # fmt: skip


def _replanned(row: Row, found: Mapping[str, Any]) -> bool:
    applied = row.outcome is not Outcome.NOT_APPLICABLE, found["outcome"] != Outcome.NOT_APPLICABLE.value
    return applied[0] != applied[1] or (row.severity.value, row.category) != (found["severity"], found["category"])


def _since(before: Mapping[str, Any], key: str) -> str:
    comparison = before.get("comparison") or {}
    for entry in comparison.get("still_failing") or ():
        if entry["name"] == key:
            return line(entry["since"], _KEY)
    return line(before["run"]["started"], _KEY)


def _key(found: Mapping[str, Any]) -> str:
    return str(found["check"]) if found["instance"] is None else f"{found['check']}[{found['instance']}]"
