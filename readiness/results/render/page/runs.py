"""`history/index.html`: all runs on one self-contained page, with a line of scores, a calendar of verdicts, and links.

No script, no request: what a run said of itself is escaped by Jinja2, and the policy names the hash of the one style sheet.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from readiness.results.history import store as history_store
from readiness.results.render.page.html import TEMPLATES, compiled_templates
from readiness.support import file_reading, file_writing, one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import jinja2

    from readiness.results.history import DayOfRuns, HistoryEntry, HistoryOverview, RunGroup

KINDS: Final = {"READY": "ready", "CONDITIONAL": "conditional", "INCOMPLETE": "incomplete", "NOT READY": "not-ready"}
_CELL: Final = 12
"""Units of the drawing from one day of the calendar to the next."""
_HALF: Final = 27
"""Weeks in a row: as many as a phone shows."""
_WIDE, _HIGH = 300, 60
"""Units of a line of scores."""
_HALFWAY: Final = 50
_TEXT: Final = 120


def write(directory: Path) -> Path:
    """Write the page over all runs below the folder of reports. Raises ReadinessError where it cannot be written."""
    from readiness.results.history import WEEKS, RunDatabase, overview

    folder = directory / history_store.FOLDER
    file_writing.make_folder(folder)
    with RunDatabase(folder) as database:
        runs = overview(database)
    pages = {
        entry.file: page.name for entry in runs.recent if (page := (folder / entry.file).with_suffix(".html")).is_file()
    }
    newest = _on_top(directory)
    pages |= {entry.file: "../readiness.html" for entry in runs.recent if entry.id == newest}
    path = folder / history_store.PAGE
    file_writing.replace_file(path, render(runs, pages, WEEKS))
    return path


def _on_top(directory: Path) -> str:
    """The id of the run whose page lies in the folder of reports; empty: none does."""
    from readiness.results.render.write import LOCK

    if not (directory / "readiness.html").is_file():
        return ""
    content = file_reading.content_or_none(directory / LOCK, 4096) or b""
    return content.decode("utf-8", "replace").partition(" ")[2].strip()


def render(overview: HistoryOverview, pages: Mapping[str, str], weeks: int) -> str:
    """The page. `pages` gives the HTML of a run, by the name of its file; `weeks` is how long the calendar is."""
    sheet = (TEMPLATES / "runs.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode("ascii")
    return _template().render(
        overview=overview,
        style=Markup(sheet),  # noqa: S704 - our own file, not text from a run
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        kinds=KINDS,
        rows=[_row(entry, pages) for entry in overview.recent],
        groups=[_group(group) for group in overview.groups],
        halves=_calendar(overview.days, weeks),
        months=[(month, _kind(day.worst), day) for month, day in overview.months.items()],
        since="" if overview.since is None else _moment(overview.since),
    )


def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=compiled_templates(),
    )
    return environment.get_template("runs.html.j2")


def _row(entry: HistoryEntry, pages: Mapping[str, str]) -> dict[str, Any]:
    return {
        "when": _moment(entry.started),
        "kind": "conditional" if entry.decision == history_store.ROLLED_BACK else _kind(entry.status),
        "status": one_line(entry.status, _TEXT),
        "decision": one_line(entry.decision, _TEXT),
        "score": f"{entry.headline:.1f}",
        "p95": "" if entry.p95_ms is None else f"{entry.p95_ms:.4g} ms",
        "hub": one_line(entry.versions.get("hub", ""), _TEXT),
        "about": _about(entry),
        "id": one_line(entry.id, _TEXT),
        "json": entry.file,
        "page": pages.get(entry.file),
    }


def _about(entry: HistoryEntry) -> str:
    texts = (entry.selection, entry.target, entry.environment)
    return " · ".join(one_line(text, _TEXT) for text in texts if text) + (" · demo" if entry.demo else "")


def _kind(status: str) -> str:
    return KINDS.get(status, "incomplete")


def _group(group: RunGroup) -> dict[str, Any]:
    """A line of scores: runs stand side by side, however much time lay between them."""
    step = _WIDE / max(len(group.points) - 1, 1)
    scores = [score for _, score, _ in group.points]
    # most scores are high: half the scale shows twice as much of them
    is_over = group.last.decision == history_store.ROLLED_BACK
    base = 0 if min(scores) < _HALFWAY else _HALFWAY
    marks = [
        {"x": round(number * step, 1), "y": round(_HIGH * (100 - score) / (100 - base), 1), "kind": _kind(status),
         "told": f"{_moment(started)}: {one_line(status, _TEXT)}, {score:.1f}"}
        for number, (started, score, status) in enumerate(group.points)
    ]  # fmt: skip
    return {
        "base": base,
        "about": _about(group.last),
        # the score is that of the release that is gone; the service is well
        "kind": "ready" if is_over else _kind(group.last.status),
        "status": "SERVICE OK, ROLLED BACK" if is_over else one_line(group.last.status, _TEXT),
        "score": f"{group.last.headline:.1f}",
        "runs": group.runs,
        "marks": marks,
        "line": " ".join(f"{mark['x']},{mark['y']}" for mark in marks),
        "told": f"Score of the last {len(scores)} runs: between {min(scores):.1f} and {max(scores):.1f}, last {scores[-1]:.1f}",
    }


def _calendar(days: Mapping[dt.date, DayOfRuns], weeks: int) -> list[dict[str, Any]]:
    """Rows of `_HALF` weeks, oldest first; without those at the beginning in which nothing ran."""
    if not days:
        return []
    last = max(days)
    monday = last - dt.timedelta(days=last.weekday())
    halves = []
    for late in range(0, weeks, _HALF):
        begin = monday - dt.timedelta(weeks=late + _HALF - 1)
        mine = {date: day for date, day in days.items() if 0 <= (date - begin).days < 7 * _HALF}
        if mine:
            halves.append(_half(begin, mine))
    return halves[::-1]


def _half(begin: dt.date, days: Mapping[dt.date, DayOfRuns]) -> dict[str, Any]:
    cells = [
        {"x": (date - begin).days // 7 * _CELL, "y": 16 + (date - begin).days % 7 * _CELL, "kind": _kind(day.worst),
         "told": f"{date.isoformat()}: {one_line(day.worst, _TEXT)}; {_runs(day.runs)}, {day.ready} READY, lowest score {day.low:.1f}"}
        for date, day in sorted(days.items())
    ]  # fmt: skip
    empty = [
        {"x": number // 7 * _CELL, "y": 16 + number % 7 * _CELL}
        for number in range(7 * _HALF)
        if begin + dt.timedelta(days=number) not in days
    ]
    firsts = [begin + dt.timedelta(weeks=week) for week in range(_HALF)]
    names = [
        {"x": week * _CELL, "name": f"{date:%b}"}
        for week, date in enumerate(firsts)
        if date.day <= 7 and week < _HALF - 1  # noqa: PLR2004 - a month's first week
    ]
    worst = _counted(days.values())
    return {
        "cells": cells,
        "empty": empty,
        "names": names,
        "width": _HALF * _CELL,
        "height": 16 + 7 * _CELL,
        "told": f"{begin.isoformat()} to {(begin + dt.timedelta(days=7 * _HALF - 1)).isoformat()}: {worst}",
    }


def _counted(days: Collection[DayOfRuns]) -> str:
    """How many days of each kind, the worst first."""
    counts = {status: sum(day.worst == status for day in days) for status in reversed(KINDS)}
    return ", ".join(f"{number} days {status}" for status, number in counts.items() if number)


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _moment(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M}"
