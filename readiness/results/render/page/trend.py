"""The runs before this one on the page: score, verdicts, p95 and outcomes as small drawings of one shape each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness.results.report import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from readiness.results.report import History, PastCheck, PastRun, Report

RUNS: Final = 30
"""Runs that are drawn, the newest; a strip of more is no longer read."""
CHECKS: Final = 24
"""Checks with a strip of their own."""
CELL: Final = 10
"""Units of a run in every drawing, so that they stand below one another; the newest stands at the right edge."""
TALL: Final = 44
STRIP: Final = 14
_EDGE: Final = 6.0
_SHAPES: Final = {
    # the worse, the taller: an outcome is told by its height, and by its colour besides
    "passed": "v-3h7v3z",
    "flaky": "v-7h7v7z",
    "degraded": "v-9h7v9z",
    "waived": "m0 -6h7v2h-7z",
    "failed": "v-14h7v14z",
    "not_applicable": "m2 0v-2h3v2z",
    "unknown": "m.5 -.5v-13h6v13z",
}
_VERDICTS: Final = {
    "READY": ("passed", "v-6h7v6z"),
    "CONDITIONAL": ("degraded", "l3.5 -11l3.5 11z"),
    "NOT READY": ("failed", "v-14h7v14z"),
    "INCOMPLETE": ("unknown", "m.5 -.5v-13h6v13z"),
}
_STEADY: Final = frozenset({"passed", "not_applicable", None})


def trend(report: Report) -> dict[str, Any] | None:
    """What the page shows of the history; None where this is the first run of its kind."""
    history = report.history
    if history is None or len(history.runs) < 2:  # noqa: PLR2004 - one run is no trend
        return None
    runs = history.runs[-RUNS:]
    shown, steady = _checks(history)
    return {
        "runs": len(runs),
        "width": CELL * RUNS,
        "tall": TALL,
        "strip": STRIP,
        "from": iso(runs[0].started)[:16].replace("T", " "),
        "score": _score(runs, report),
        "verdicts": _verdicts(runs),
        "p95": _p95(runs),
        "checks": [_row(check, report) for check in shown[:CHECKS]],
        "more": max(0, len(shown) - CHECKS) + history.left_out,
        "steady": steady,
        "flaky": history.flaky,
    }


def _checks(history: History) -> tuple[list[PastCheck], int]:
    """Those that did not pass every time, and how many did."""
    unsteady = [one for one in history.checks if not _STEADY.issuperset(one.outcomes[-RUNS:])]
    return unsteady, len(history.checks) - len(unsteady)


def _score(runs: Sequence[PastRun], report: Report) -> dict[str, Any]:
    values = [run.headline for run in runs]
    low = max(0.0, min(*values, report.gate["conditional"]) - 5)
    return _line(values, low, 100.0) | {
        "told": f"from {values[0]:.1f} to {values[-1]:.1f}, lowest {min(values):.1f}, highest {max(values):.1f}",
        "now": f"{values[-1]:.1f}",
        "limits": [
            {"y": f"{_y(report.gate[name], low, 100.0):.1f}", "name": name}
            for name in ("conditional", "ready")
            if report.gate[name] >= low
        ],
    }


def _p95(runs: Sequence[PastRun]) -> dict[str, Any] | None:
    values = [run.p95_ms for run in runs]
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - one value is no line
        return None
    summary = f"from {_ms(known[0])} to {_ms(known[-1])}, lowest {_ms(min(known))}, highest {_ms(max(known))}"
    now = "not measured" if values[-1] is None else _ms(values[-1])
    return _line(values, 0.0, max(known) * 1.05) | {"told": summary, "now": now}


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004 - fractions matter to small ones alone


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / max(high - low, 1e-9)
    return TALL - _EDGE - (TALL - 2 * _EDGE) * min(1.0, max(0.0, share))


def _line(values: Sequence[float | None], low: float, high: float) -> dict[str, Any]:
    """A line that is broken where nothing is known; a value alone between gaps is a dot."""
    path, dots, pen = "", [], False
    for index, value in enumerate(values):
        if value is None:
            pen = False
            continue
        x, y = CELL * (RUNS - len(values) + index + 0.5), _y(value, low, high)
        path += f"{'L' if pen else 'M'}{x:.0f} {y:.1f}"
        pen = True
        neighbours = values[max(0, index - 1) : index] + values[index + 1 : index + 2]  # type: ignore[operator]
        if index == len(values) - 1 or all(other is None for other in neighbours):
            dots.append({"x": f"{x:.0f}", "y": f"{y:.1f}"})
    return {"d": path, "dots": dots}


def _verdicts(runs: Sequence[PastRun]) -> list[dict[str, str]]:
    marks = []
    for index, run in enumerate(runs):
        kind, shape = _VERDICTS.get(run.status, _VERDICTS["INCOMPLETE"])
        when = iso(run.started)[:16].replace("T", " ")
        title = f"{when}: {run.status}, {run.decision}, {run.headline:.1f}"
        at = CELL * (RUNS - len(runs) + index) + 1
        marks.append({"kind": kind, "d": f"M{at} {STRIP}{shape}", "title": title})
    return marks


def _row(check: PastCheck, report: Report) -> dict[str, Any]:
    outcomes = check.outcomes[-RUNS:]
    first = RUNS - len(outcomes)
    drawn: dict[str, str] = {}
    for index, outcome in enumerate(outcomes):
        if outcome is not None:
            kind = outcome if outcome in _SHAPES else "unknown"
            drawn[kind] = drawn.get(kind, "") + f"M{CELL * (first + index) + 1} {STRIP}{_SHAPES[kind]}"
    return {"key": check.key, "paths": list(drawn.items()), "words": _words(check.key, report), "told": _told(outcomes)}


def _told(outcomes: Iterable[str | None]) -> str:
    """`passed 18, failed 2; last failed`: a strip in words."""
    known = [outcome for outcome in outcomes if outcome is not None]
    counts = ", ".join(f"{name.replace('_', ' ')} {known.count(name)}" for name in dict.fromkeys(known))
    return f"{counts}; last {known[-1].replace('_', ' ')}" if known else "never planned"


def _words(key: str, report: Report) -> str:
    """What is new about a check, or that it is flaky."""
    change = report.comparison
    parts: list[str] = []
    if change is not None:
        lists = (
            (change.newly_failing, "newly failing"),
            (change.newly_unknown, "newly unknown"),
            (change.fixed, "fixed"),
            (change.added, "new in the plan"),
        )
        parts = [words for names, words in lists if key in names]
        parts += [f"failing since {since[:10]}" for name, since in change.still_failing if name == key]
    if report.history is not None and key in report.history.flaky:
        parts.append("flaky")
    return ", ".join(parts)
