"""The report as the JSON document other programs hold on to; its shape is a promise."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.findings import Outcome, Severity
from readiness.results.report.model import inventory_json, iso, letters, plain_fields, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from readiness.findings import Limits
    from readiness.results.report.model import Comparison, History, HubProcess, ReleaseRun, Report, Rollback, Row


SCHEMA_VERSION: Final = "1"
_LONGEST: Final = 120
"""Characters of the longest fraction that is written down; the denominators of some odd plans have hundreds of digits."""
SCHEMA_FILE: Final = Path(__file__).with_name("report.schema.json")


def to_json(report: Report) -> dict[str, Any]:
    """`readiness.json`: plain values, scores floored to 0.1, moments in UTC."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": _run(report),
        "verdict": _verdict(report),
        "exact": _exact(report),
        "findings": [_finding(row) for row in report.rows],
        "causes": [_cause(cause) for cause in causes(report).ranked],
        "rollback": _rollback(report.rollback),
        "comparison": _comparison(report.comparison),
        "trouble": list(report.trouble),
        "notes": list(report.notes),
        "contacts": dict(report.contacts),
        "inventory": inventory_json(report.inventory),
        "load": None if report.load is None else dict(report.load),
        "escalation": [plain_fields(step) for step in report.escalation],
        "history": _history(report.history),
        "release_run": _release_run(report.release_run),
        "process": _process(report.run.process),
    }


def _run(report: Report) -> dict[str, Any]:
    run = report.run
    return {
        "id": run.id,
        "started": iso(run.started),
        "finished": iso(run.finished),
        "seconds": round(run.seconds, 3),
        "environment": report.environment,
        "target": report.target,
        "release": report.release,
        "demo": report.demo,
        "first_look": report.first_look,
        "selection": run.selection,
        "plan_hash": run.plan_hash,
        "versions": dict(run.versions),
    }


def _process(process: HubProcess | None) -> dict[str, Any] | None:
    if process is None:
        return None
    fields = plain_fields(process) | {"started": None if process.started is None else iso(process.started)}
    return {name: value for name, value in fields.items() if name != "exposed" or value}


def _verdict(report: Report) -> dict[str, Any]:
    return {
        "status": report.status,
        "decision": report.decision,
        "score": shown(report.score),
        "headline": shown(report.headline),
        "best_case": shown(report.best_case),
        "proven": shown(report.proven, 2),
        "because": report.because,
        "cap": report.cap,
        "stage": report.stage,
        "gate": dict(report.gate),
        "exit_code": report.exit_code,
        "categories": [
            {"name": c.name, "score": shown(c.score), "weight": round(float(c.weight), 6)}
            | _rest("score_exact", c.score, shown(c.score))
            for c in report.categories
        ],
    }


def _exact(report: Report) -> dict[str, str]:
    """What flooring took from the verdict's numbers, so that whoever reads them back shows what the run showed."""
    return {
        **_rest("score", report.score, shown(report.score)),
        **_rest("headline", report.headline, shown(report.headline)),
        **_rest("best_case", report.best_case, shown(report.best_case)),
        **_rest("proven", report.proven, shown(report.proven, 2)),
    }


def _rest(name: str, number: Fraction, rounded: float) -> dict[str, str]:
    """`number` as a fraction where `told` is not all of it; left out where it is, and where nobody could write it down."""
    if not (number or rounded):  # as most are; to parse a number as a fraction takes longer than all else of a finding
        return {}
    text = f"{number.numerator}/{number.denominator}"
    if Fraction(str(rounded)) == number or number < 0 or len(text) > _LONGEST:
        return {}
    return {name: text}


def _finding(row: Row) -> dict[str, Any]:
    points = round(float(row.points_lost), 4)
    return {
        "check": row.check,
        "title": row.title,
        "category": row.category,
        "marker": row.marker,
        "severity": row.severity.value,
        "outcome": row.outcome.value,
        "instance": row.instance,
        "reason": row.reason,
        "expected": row.expected,
        "actual": row.actual,
        "unit": row.unit,
        "attempts": row.attempts,
        "seconds": round(row.seconds, 3),
        "points_lost": points,
        **_rest("points_exact", row.points_lost, points),
        "remedy": row.remedy,
        "rollback": row.rollback,
        "waiver": row.waiver,
        "nodeid": row.nodeid,
        "blocked_by": row.blocked_by,
        "notes": list(row.notes),
        "path": row.path,
        "line": row.line,
        "limits": _limits(row.limits),
    }


def _limits(limits: Limits | None) -> dict[str, Any] | None:
    if limits is None:
        return None
    return {"better": limits.better, "warning": limits.warning, "critical": limits.critical}


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "findings": [row.key for row in (cause.row, *cause.also)],
        "blocked": [row.key for row in cause.blocked],
        "path": cause.row.path,
        "line": cause.row.line,
        "points_lost": round(float(cause.points), 4),
    }


def _rollback(plan: Rollback | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    return {
        "mode": plan.mode,
        "wanted": plan.wanted,
        "fired": list(plan.fired),
        "actions": [
            {"name": a.name, "triggers": list(a.triggers), "because": a.because, "status": a.status}
            for a in plan.actions
        ],
        "refused": plan.refused,
        "journal": plan.journal,
    }


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    data = dataclasses.asdict(comparison)
    lists = {key: list(value) for key, value in data.items() if isinstance(value, tuple)}
    still = [{"name": name, "since": since} for name, since in comparison.still_failing]
    return data | lists | {"still_failing": still}


def _history(history: History | None) -> dict[str, Any] | None:
    if history is None:
        return None
    since = history.since_ready
    return {
        "runs": [plain_fields(run) | {"started": iso(run.started)} for run in history.runs],
        "checks": [{"key": check.key, "outcomes": letters(check.outcomes)} for check in history.checks],
        "left_out": history.left_out,
        "flaky": list(history.flaky),
        "since_ready": None
        if since is None
        else plain_fields(since)
        | {
            "started": iso(since.started),
            "versions": [{"what": what, "then": then, "now": now} for what, then, now in since.versions],
        },
    }


def _release_run(release_run: ReleaseRun | None) -> dict[str, Any] | None:
    if release_run is None:
        return None
    return plain_fields(release_run) | {
        "started": iso(release_run.started),
        "finished": None if release_run.finished is None else iso(release_run.finished),
        "phases": [plain_fields(phase) | {"seconds": round(phase.seconds, 3)} for phase in release_run.phases],
    }


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
    explained = []
    for row in report.rows:
        if _is_blocked(row):
            blocked.setdefault(_root(row.blocked_by or "", waits), []).append(row)
        elif row.outcome in _TOLD:
            explained.append(row)
    groups = _together(sorted(explained, key=_rank))
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
