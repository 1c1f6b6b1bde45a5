"""A load run in a few hundred numbers, for the report: by second, by route, and how latencies are spread."""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.load.stats import Interval, percentile

if TYPE_CHECKING:
    from readiness.facts.load.load_run import LoadRun

SLICES: Final = 120
"""Points of a plot over time at most."""
EDGES: Final = tuple(round(10 ** (exponent / 5), 3) for exponent in range(-5, 23))
"""Bounds of the distribution's bars, in milliseconds: five a decade, from 0.1 ms to 25 s."""
MAX_ROUTES: Final = 40


def summary(run: LoadRun) -> dict[str, Any]:
    """What the report draws of a load run, as JSON: bounded in size, whatever the run's."""
    errors = run.errors() if run.planned else Interval(low=0.0, value=0.0, high=1.0)
    return {
        "rate": run.rate,
        "seconds": run.seconds,
        "arrivals": str(run.plan["arrivals"]["kind"]),
        "workers": int(run.plan["workers"]),
        "ended": run.ended.end,
        "doubts": run.doubts(),
        "planned": run.planned,
        "sent": run.samples.sent,
        "answered": len(run.latencies),
        "errors": run.samples.errors,
        "error_share": [_round(one) for one in (errors.low, errors.value, errors.high)],
        "percentiles": _percentiles(run),
        "lag_p99_ms": _round(run.lag) if run.samples.sent else None,
        "cpu": [_round(one) for one in run.ended.cpu],
        "over_time": _over_time(run),
        "spread": _spread(run.latencies),
        "routes": [
            {"name": name, "count": count, "errors": wrong, "p95_ms": None if p95 is None else _round(p95.value)}
            for name, count, wrong, p95 in list(run.samples.by_route())[:MAX_ROUTES]
        ],
        "memory": [run.around.memory_before, run.around.memory_peak, run.around.memory_after],
        "idle_ms": _round(run.around.idle_ms),
        "back_after": _round(run.around.back),
    }


def _percentiles(run: LoadRun) -> dict[str, list[float | None]]:
    if not run.latencies:
        return {}
    rows = {}
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)):
        one = percentile(run.judged, share)
        rows[name] = [_round(one.low), _round(one.value), _round(one.high)]
    rows["max"] = [_round(run.latencies[-1])] * 3
    service = run.samples.service_times()
    if service:
        rows["service p99"] = [_round(percentile(service, 0.99).value)] * 3
    return rows


def _over_time(run: LoadRun) -> list[list[float | int | None]]:
    """Of each slice: its end in seconds, requests due, answered well, errors, median and slowest latency in milliseconds."""
    last = max(run.samples.intended, default=0.0)
    width = max(last, 0.001) / SLICES if last > SLICES else max(1.0, last / SLICES)
    count = max(1, math.ceil((last + 1e-9) / width))
    due, well, wrong = [0] * count, [0] * count, [0] * count
    took: list[list[float]] = [[] for _ in range(count)]
    for begin, end, flag in zip(run.samples.intended, run.samples.ended, run.samples.error, strict=True):
        at = min(count - 1, int(begin / width))
        due[at] += 1
        wrong[at] += flag != 0
        if not math.isnan(end):
            well[min(count - 1, max(0, int(end / width)))] += flag == 0
            took[at].append(1000 * (end - begin))
    rows: list[list[float | int | None]] = []
    for at in range(count):
        took[at].sort()
        middle = took[at][len(took[at]) // 2] if took[at] else None
        slowest = took[at][-1] if took[at] else None
        rows.append([_round((at + 1) * width), due[at], well[at], wrong[at], _round(middle), _round(slowest)])
    return rows


def _spread(ordered: list[float]) -> list[list[float | int]]:
    """Bars of the distribution: upper bound in milliseconds, and how many latencies it holds."""
    bounds = [bisect.bisect_right(ordered, edge) for edge in EDGES]
    bars = [[edge, upper - lower] for edge, upper, lower in zip(EDGES, bounds, [0, *bounds], strict=False)]
    if bounds[-1] < len(ordered):
        bars.append([math.ceil(ordered[-1]), len(ordered) - bounds[-1]])
    while bars and not bars[0][1]:
        bars.pop(0)
    while bars and not bars[-1][1]:
        bars.pop()
    return [[edge, int(number)] for edge, number in bars]


def _round(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")
