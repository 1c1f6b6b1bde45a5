"""The report as the JSON document other programs hold on to; its shape is a promise."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.results.report.causes import causes
from readiness.results.report.model import inventory_json, iso, letters, plain_fields, shown

if TYPE_CHECKING:
    from readiness.findings import Limits
    from readiness.results.report.causes import Cause
    from readiness.results.report.model import Comparison, History, ReleaseRun, Report, Rollback, Row

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


def _rest(name: str, number: Fraction, told: float) -> dict[str, str]:
    """`number` as a fraction where `told` is not all of it; left out where it is, and where nobody could write it down."""
    if not (number or told):  # as most are; to parse a number as a fraction takes longer than all else of a finding
        return {}
    text = f"{number.numerator}/{number.denominator}"
    if Fraction(str(told)) == number or number < 0 or len(text) > _LONGEST:
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


def _comparison(found: Comparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    data = dataclasses.asdict(found)
    lists = {key: list(value) for key, value in data.items() if isinstance(value, tuple)}
    still = [{"name": name, "since": since} for name, since in found.still_failing]
    return data | lists | {"still_failing": still}


def _history(found: History | None) -> dict[str, Any] | None:
    if found is None:
        return None
    since = found.since_ready
    return {
        "runs": [plain_fields(run) | {"started": iso(run.started)} for run in found.runs],
        "checks": [{"key": check.key, "outcomes": letters(check.outcomes)} for check in found.checks],
        "left_out": found.left_out,
        "flaky": list(found.flaky),
        "since_ready": None
        if since is None
        else plain_fields(since)
        | {
            "started": iso(since.started),
            "versions": [{"what": what, "then": then, "now": now} for what, then, now in since.versions],
        },
    }


def _release_run(found: ReleaseRun | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return plain_fields(found) | {
        "started": iso(found.started),
        "finished": None if found.finished is None else iso(found.finished),
        "phases": [plain_fields(phase) | {"seconds": round(phase.seconds, 3)} for phase in found.phases],
    }
