"""A look as the JSON document that scripts hold on to; `schemas/watch.schema.json` describes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.results.report import iso
from readiness.support import one_line

if TYPE_CHECKING:
    from readiness.config import Config
    from readiness.findings import Limits
    from readiness.operations.watch.look import WatchLook
    from readiness.operations.watch.row import WatchRow

SCHEMA_VERSION: Final = "1"
SCHEMA_FILE: Final = Path(__file__).with_name("watch.schema.json")
_LONG: Final = 1_000


def to_json(look: WatchLook, config: Config, exit_code: int) -> dict[str, Any]:
    """One look as plain values: moments in UTC, times in ms unless `unit` says otherwise, shares from 0 to 1."""
    return {
        "schema_version": SCHEMA_VERSION,
        "at": iso(look.at),
        "seconds": round(look.seconds, 3),
        "environment": one_line(config.environment, _LONG),
        "demo": config.demo,
        "hub": {
            "trouble": look.trouble,
            "state": look.state,
            "version": look.version,
            "answer_ms": None if look.answer_ms is None else round(look.answer_ms, 3),
        },
        "verdict": {
            "status": look.judgement.status.value,
            "because": one_line(look.judgement.because, _LONG),
            "settled": look.proven,
            "exit_code": exit_code,
        },
        "checks": [
            {
                "check": row.check.id,
                "title": row.check.title,
                "severity": row.check.severity.value,
                "outcome": row.finding.outcome.value,
                "reason": one_line(row.finding.reason, _LONG),
                "expected": one_line(row.finding.expected.removeprefix("expected "), _LONG),
                "actual": one_line(row.finding.actual, _LONG),
                "unit": one_line(row.finding.unit, _LONG),
                "blocked_by": row.finding.blocked_by,
                "pending": look.pending.get(row.check.id),
            }
            for row in look.judgement.rows
        ],
        "metrics": [_row(row) for row in look.metrics],
        "host": [_row(row) for row in look.host],
        "servers": [{"name": s.name, "status": s.status, "uptime": s.uptime, "tools": s.tools} for s in look.servers],
        "server_count": look.server_count,
        "servers_up": look.servers_up,
    }


def _row(row: WatchRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "value": row.number if isinstance(row.value, float) else row.value,
        "unit": row.unit,
        "share": row.is_share,
        "limits": _limits(row.limits),
        "outcome": row.outcome or None,
        "check": row.check,
        "reason": row.reason,
    }


def _limits(limits: Limits | None) -> dict[str, Any] | None:
    if limits is None:
        return None
    return {"warning": limits.warning, "critical": limits.critical, "unit": limits.unit, "better": limits.better}
