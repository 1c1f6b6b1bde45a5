"""`readiness.otlp.json`: the figures of a run as one OTLP/JSON message of metrics.

One line, as the collector's file receiver reads it, and as it stands the body of a POST to `/v1/metrics`.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import visible, worst
from readiness.results.render.machine.prometheus import STATUSES
from readiness.results.report import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from readiness.results.report import Report

_TEXT: Final = 200

Point = tuple["Mapping[str, str]", float]


def render(report: Report) -> str:
    """Gauges with the moment the run ended; the resource is the hub that was judged."""
    run, counts = report.run, words.counts(report)
    end = str(_nanoseconds(run.finished))
    rows = worst(report.rows)
    about = [
        {"readiness.check": row.check, "readiness.category": row.category, "readiness.severity": row.severity.value}
        | ({"readiness.instance": row.instance} if row.instance is not None else {})
        for row in rows
    ]
    metrics = [
        _gauge("readiness.verdict", "1", end, (({"readiness.status": s}, float(report.status == s)) for s in STATUSES)),
        _gauge("readiness.rolled_back", "1", end, [({}, float(words.service(report) is not None))]),
        _gauge("readiness.score", "1", end, [({}, shown(report.score))]),
        _gauge("readiness.headline", "1", end, [({"readiness.decision": report.decision}, shown(report.headline))]),
        _gauge("readiness.proven", "1", end, [({}, shown(report.proven, 4))]),
        _gauge("readiness.findings", "{finding}", end,
               (({"readiness.outcome": name}, float(counts.get(name, 0))) for name in words.OUTCOMES)),
        _gauge("readiness.run.duration", "s", end, [({}, run.seconds)]),
        _gauge("readiness.check.outcome", "1", end,
               ((who | {"readiness.outcome": row.outcome.value}, float(row.outcome.rank))
                for who, row in zip(about, rows, strict=True))),
        _gauge("readiness.check.duration", "s", end,
               ((who, row.seconds) for who, row in zip(about, rows, strict=True))),
    ]  # fmt: skip
    scope = {"name": "mcp-hub-readiness", "version": visible(run.versions.get("readiness", ""))}
    message = {
        "resourceMetrics": [{"resource": {"attributes": _resource(report)}, "scopeMetrics": [{"scope": scope, "metrics": metrics}]}]
    }  # fmt: skip
    return json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n"


def _resource(report: Report) -> list[dict[str, Any]]:
    attributes = {
        "service.name": "mcp-hub",
        "service.version": report.run.versions.get("hub", ""),
        "deployment.environment.name": report.environment,
        "readiness.target": report.target,
        "readiness.run.id": report.run.id,
    }
    return _attributes({key: text for key, text in attributes.items() if text})


def _gauge(name: str, unit: str, end: str, points: Iterable[Point]) -> dict[str, Any]:
    told = [
        {"attributes": _attributes(labels), "timeUnixNano": end, "asDouble": value if math.isfinite(value) else 0.0}
        for labels, value in points
    ]
    return {"name": name, "unit": unit, "gauge": {"dataPoints": told}}


def _attributes(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": visible(text[:_TEXT])}} for key, text in labels.items()]


def _nanoseconds(moment: float) -> int:
    """Nanoseconds since the epoch, as 64 bits hold them; a clock that is far off must not cost the report."""
    return min(max(int(moment * 1e9), 0), 2**63 - 1) if math.isfinite(moment) else 0
