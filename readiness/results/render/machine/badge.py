"""A badge: `readiness.badge.json` for a shields endpoint, and `readiness.badge.svg` that needs nobody else."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Final

from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import one_line

if TYPE_CHECKING:
    from readiness.results.report import Report

LABEL: Final = "readiness"
_COLOURS: Final = {"READY": "#1b7f3b", "CONDITIONAL": "#946200", "NOT READY": "#b3261e", "INCOMPLETE": "#6d3fa8"}
"""Each dark enough for white letters: a contrast of at least 4.5 to 1."""
_OTHER: Final = "#555555"
_WIDTH: Final = 7.0
"""Units that a letter of 11 units takes at most on average; texts are fitted to what is reckoned here."""


def endpoint(report: Report) -> str:
    """The JSON of a shields endpoint; nobody may paint what blocks in a friendlier colour."""
    document = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": _message(report),
        "color": _colour(report).removeprefix("#"),
        "isError": report.status not in {"READY", "CONDITIONAL"} and words.service(report) is None,
    }
    return json.dumps(document, ensure_ascii=True) + "\n"


def svg(report: Report) -> str:
    """The badge as a picture: no font to fetch, no script, a title for who cannot see it."""
    left, right = (round(len(text) * _WIDTH + 10) for text in (LABEL, _message(report)))
    texts = "".join(
        f'<text x="{x:g}" y="14" textLength="{width - 10}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for x, width, text in ((left / 2, left, LABEL), (left + right / 2, right, _message(report)))
    )
    title = escape(f"{LABEL}: {_message(report)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f'<title>{title}</title><rect width="{left + right}" height="20" rx="3" fill="#444444"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3}z" '
        f'fill="{_colour(report)}"/>'
        f'<g fill="#ffffff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{texts}</g></svg>\n"
    )


def _colour(report: Report) -> str:
    return _COLOURS["READY"] if words.service(report) else _COLOURS.get(report.status, _OTHER)


def _message(report: Report) -> str:
    stamp = "demo " if report.demo else ""
    if service := words.service(report):
        return one_line(f"{stamp}{service.status}, {service.said}")[:60]
    return one_line(f"{stamp}{report.status} {words.number(report.headline)}")[:60]
