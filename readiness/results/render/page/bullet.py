"""A measure against its limits as a bullet chart: inline SVG in per cent of its width, so that its text never shrinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from readiness.findings import Limits
    from readiness.results.report import Row

MOST: Final = 40
"""Measures of the page's list, worst first."""
_FAR: Final = 2.5
"""A value further out than this many times its outer limit is drawn at the edge: it would flatten all the rest."""
_ROOM: Final = 1.1
_FULL: Final = 100.0
_DRAWN: Final = frozenset({"passed", "flaky", "degraded", "waived", "failed"})


def bullet(row: Row) -> dict[str, Any] | None:
    """Zones, limits and the value of `row`, in per cent; None where it is no measure, or proves nothing."""
    limits, value = row.limits, row.value
    if limits is None or value is None or row.outcome.value not in _DRAWN:
        return None
    bounds = [limit for limit in (limits.warning, limits.critical) if limit is not None]
    if not any(bounds):  # a limit of 0 alone gives no scale to draw on
        return None
    scale = _Scale(value, bounds, row.unit)
    return {
        "zones": _zones(limits, scale),
        "ticks": [
            {"name": name, "text": f"{name} {limit:.6g}", "x": f"{x:.1f}", "end": x > _FULL / 2}
            for name, limit in (("warning", limits.warning), ("critical", limits.critical))
            if limit is not None
            for x in (scale.x(limit),)
        ],
        "origin": f"{min(scale.x(0), scale.x(value)):.1f}",
        "length": f"{abs(scale.x(value) - scale.x(0)):.1f}",
        "x": f"{scale.x(value):.1f}",
        "far": scale.far,
        "better": limits.better,
        "told": _told(row, limits, value),
    }


def measures(rows: Iterable[Row]) -> dict[str, Any]:
    """All measures of a run with their charts, worst first, and how many are left over."""
    drawn = [(row, chart) for row in rows if (chart := bullet(row)) is not None]
    return {"rows": drawn[:MOST], "left_out": max(0, len(drawn) - MOST)}


class _Scale:
    """From values to per cent of the width; from 0, so that lengths compare."""

    def __init__(self, value: float, bounds: Sequence[float], unit: str) -> None:
        low, high = min(0.0, *bounds), max(0.0, *bounds)
        reach = _FAR * max(high - low, 1e-9)
        self.far = value > low + reach
        high = max(high, min(value, low + reach))
        self.low = min(low, max(value, high - reach))
        percent = unit == "%" and self.low == 0 and high <= _FULL
        self.high = _FULL if percent else self.low + max(high - self.low, 1e-9) * _ROOM

    def x(self, value: float) -> float:
        return _FULL * min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def _zones(limits: Limits, scale: _Scale) -> list[dict[str, str]]:
    """Where a value is good, warned of and bad, from left to right."""
    marks = [
        (scale.x(limit), kind)
        for limit, kind in ((limits.warning, "warn"), (limits.critical, "bad"))
        if limit is not None
    ]
    if limits.better == "higher":
        marks = [(_FULL - x, kind) for x, kind in marks]
    zones, start, kind = [], 0.0, "good"
    for x, following in [*marks, (_FULL, "")]:
        if x > start:
            zones.append((start, x, kind))
            start = x
        kind = following
    if limits.better == "higher":
        zones = [(_FULL - end, _FULL - begin, kind) for begin, end, kind in reversed(zones)]
    return [{"kind": kind, "x": f"{begin:.1f}", "w": f"{end - begin:.1f}"} for begin, end, kind in zones]


def _told(row: Row, limits: Limits, value: float) -> str:
    """The chart in words, for those who do not see it."""
    parts = [f"{value:.6g} {row.unit}".strip()]
    for name, limit in (("warning", limits.warning), ("critical", limits.critical)):
        if limit is not None:
            side = "past" if limits.beyond(value, limit) else "inside"
            parts.append(f"{side} the {name} limit of {limit:.6g}")
    return f"{', '.join(parts)}; {limits.better} is better"
