"""`gl-code-quality-report.json`: what is not well on the lines at fault, as GitLab's merge requests show it.

Findings that are about no file of the checkout stand in the JUnit file beside it; this format has no place for them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from readiness.findings import Outcome, Severity
from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import Places, Room, one_line, worst
from readiness.results.render.machine.sarif import fingerprint

if TYPE_CHECKING:
    from readiness.results.report import Report, Row

ROOM: Final = 2_000_000
_TEXT: Final = 500
_SEVERITIES: Final = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
}
_MILD: Final = frozenset({Outcome.DEGRADED, Outcome.FLAKY, Outcome.WAIVED})


def render(report: Report) -> str:
    """A list of issues, worst first; each has a fingerprint of its own, the same in every run."""
    room, places = Room(ROOM), Places(report)
    issues: list[dict[str, Any]] = []
    known: dict[str, int] = {}
    for row in worst(row for row in report.rows if row.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE}):
        if file := places.inside(row):
            mark = fingerprint(row)
            # two that look the same once secrets are hidden are still two
            known[mark] = count = known.get(mark, 0) + 1
            issues.append(_issue(row, file, mark if count == 1 else f"{mark}-{count}", room))
    return json.dumps(issues, ensure_ascii=True, allow_nan=False) + "\n"


def _issue(row: Row, file: str, mark: str, room: Room) -> dict[str, Any]:
    description = one_line(f"{words.label(row.outcome.value)}: {row.key}: {words.said(row) or row.title}")
    return {
        "description": room.take(description, _TEXT),
        "check_name": one_line(row.check),
        "fingerprint": mark,
        "severity": "info" if row.outcome in _MILD else _SEVERITIES[row.severity],
        "location": {"path": file, "lines": {"begin": max(row.line or 1, 1)}},
    }
