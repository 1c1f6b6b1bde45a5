"""A load run on the page: a few sentences, a table, and plots as inline SVG that needs no script."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH: Final = 640
"""Units of a plot's drawing, as `HEIGHT`; the page scales it."""
HEIGHT: Final = 180
LEFT: Final = 84
BOTTOM: Final = 24
TOP: Final = 12
RIGHT: Final = 8
MAX_ROUTES: Final = 20
_GRID: Final = 4
Point = tuple[float, float]


def load_view(picture: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the page shows of a load; None where the run gave none, or of a shape that this version does not know."""
    if picture is None:
        return None
    try:
        return {
            "sentence": _sentence(picture),
            "doubts": list(picture["doubts"]),
            "facts": _facts(picture),
            "plots": [plot for plot in (_latency(picture), _rate(picture), _spread(picture)) if plot is not None],
            "routes": [row | {"p95": _ms(row["p95_ms"])} for row in picture["routes"][:MAX_ROUTES]],
            "left": LEFT,
            "right": WIDTH - RIGHT,
            "more_routes": max(0, len(picture["routes"]) - MAX_ROUTES),
        }
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def load_sentence(picture: Mapping[str, Any] | None) -> str:
    """`load: 100/s for 30 s, p95 12 ms, p99 31 ms, 0 of 3000 wrong`; empty where there was none."""
    view = load_view(picture)
    return "" if view is None else f"load: {view['sentence']}"


def _sentence(picture: Mapping[str, Any]) -> str:
    parts = [f"{picture['rate']:g}/s for {picture['seconds']:g} s"]
    parts += [
        f"{name} {_ms(picture['percentiles'][name][1])}" for name in ("p95", "p99") if name in picture["percentiles"]
    ]
    parts.append(f"{picture['errors']:,} of {picture['planned']:,} wrong")
    return ", ".join(parts) + (f"; {picture['ended']}" if picture["ended"] != "done" else "")


def _ms(value: float | None) -> str:
    if value is None:
        return "unknown"
    if value >= 1000:  # noqa: PLR2004 - a second
        return f"{value / 1000:.3g} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.2g} ms"  # noqa: PLR2004 - three digits say enough


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - fractions matter to small counts alone


def _facts(picture: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = []
    for name, (low, value, high) in picture["percentiles"].items():
        between = f" ({_ms(low)} to {_ms(high)})" if low != high else ""
        facts.append((name, f"{_ms(value)}{between}"))
    low, value, high = (100 * (one or 0.0) for one in picture["error_share"])
    facts.append(("errors", f"{value:.3g} % ({low:.2g} to {high:.2g} %)"))
    facts.append(("sent late, p99", _ms(picture["lag_p99_ms"])))
    if picture["cpu"]:
        facts.append(
            ("generator", ", ".join(f"{100 * (one or 0.0):.0f} %" for one in picture["cpu"]) + " of a processor")
        )
    memory = [f"{one / 2**20:.0f}" for one in picture["memory"] if one is not None]
    if memory:
        facts.append(("hub's memory", f"{' → '.join(memory)} MiB"))
    if picture["back_after"] is not None:
        facts.append(("as fast as before", f"after {picture['back_after']:.2g} s"))
    return facts


def _latency(picture: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = [row for row in picture["over_time"] if row[5] is not None]
    if not rows:
        return None
    end, top = picture["over_time"][-1][0], max(row[5] for row in rows)
    # logarithmic: a freeze of seconds and the usual milliseconds are both to be seen
    low = max(0.01, min(row[4] for row in rows if row[4] is not None) / 1.5)
    scale = _PlotScale(end, low, max(top, 10 * low), logarithmic=True)
    lines = [
        {"kind": "slow", "d": scale.path([(row[0], row[5]) for row in rows]), "name": "slowest"},
        {"kind": "main", "d": scale.path([(row[0], row[4]) for row in rows]), "name": "median"},
    ]
    summary = f"median {_ms(rows[len(rows) // 2][4])} in the middle of the run, slowest {_ms(top)}"
    return scale.plot("Latency over time", summary, lines, _ms)


def _rate(picture: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = picture["over_time"]
    if not rows:
        return None
    width = rows[0][0] or 1.0
    top = max(1.0, *(max(row[1], row[2], row[3]) / width for row in rows))
    scale = _PlotScale(rows[-1][0], 0.0, 1.05 * top)
    lines = [
        {"kind": "plan", "d": scale.steps([(row[0], row[1] / width) for row in rows]), "name": "planned"},
        {"kind": "main", "d": scale.path([(row[0], row[2] / width) for row in rows]), "name": "answered well"},
    ]
    if any(row[3] for row in rows):
        errors = scale.path([(row[0], row[3] / width) for row in rows])
        lines.append({"kind": "bad", "d": errors, "name": "errors"})
    summary = f"{sum(row[1] for row in rows):,} planned, {sum(row[2] for row in rows):,} answered well"
    return scale.plot("Requests a second", summary, lines, _count)


def _spread(picture: Mapping[str, Any]) -> dict[str, Any] | None:
    bars = picture["spread"]
    if not bars:
        return None
    top = max(count for _, count in bars)
    scale = _PlotScale(float(len(bars)), 0.0, 1.05 * top)
    shapes = []
    for index, (edge, count) in enumerate(bars):
        x, upper, lower = scale.x(index), scale.y(count), scale.y(0)
        width = max(1.0, scale.x(index + 1) - x - 2)
        # whatever happened at all is to be seen
        height = max(2.0, lower - upper) if count else 0.0
        shapes.append(
            {"x": f"{x + 1:.1f}", "y": f"{lower - height:.1f}", "w": f"{width:.1f}", "h": f"{height:.1f}",
             "title": f"up to {_ms(edge)}: {count:,}"}
        )  # fmt: skip
    every = max(1, math.ceil(len(bars) / 6))
    labels = [{"x": f"{scale.x(index + 0.5):.1f}", "text": _ms(bars[index][0])} for index in range(0, len(bars), every)]
    summary = f"{len(bars)} bars from {_ms(bars[0][0])} to {_ms(bars[-1][0])}; each is 1.6 times the one before"
    plot = scale.plot("How latencies are spread", summary, [], _count)
    return plot | {"bars": shapes, "across": labels}


class _PlotScale:
    """From seconds and values to the drawing's units."""

    def __init__(self, end: float, low: float, high: float, *, logarithmic: bool = False) -> None:
        self.end, self.low, self.high, self.logarithmic = max(end, 1e-9), low, max(high, low + 1e-9), logarithmic

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, value / self.end))

    def y(self, value: float) -> float:
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(1.0, max(0.0, share))

    def path(self, points: Sequence[Point]) -> str:
        return "M" + "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)

    def steps(self, points: Sequence[Point]) -> str:
        start = f"M{self.x(0):.1f} {self.y(points[0][1]):.1f}"
        return start + "".join(f"V{self.y(y):.1f}H{self.x(x):.1f}" for x, y in points)

    def plot(self, title: str, summary: str, lines: list[dict[str, str]], unit: Any) -> dict[str, Any]:  # noqa: ANN401 - a function
        marks = []
        for step in range(_GRID + 1):
            share = step / _GRID
            value = (
                self.low * (self.high / self.low) ** share
                if self.logarithmic
                else self.low + share * (self.high - self.low)
            )
            marks.append({"y": f"{self.y(value):.1f}", "text": unit(value)})
        across = [
            {"x": f"{self.x(self.end * step / _GRID):.1f}", "text": f"{self.end * step / _GRID:.3g} s"}
            for step in range(_GRID + 1)
        ]
        return {"title": title, "told": summary, "lines": lines, "marks": marks, "across": across, "bars": []}
