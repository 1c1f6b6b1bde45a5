"""`readiness.tap`: the findings as TAP version 14.

TAP knows ok, not ok, SKIP and TODO. What is unknown is `not ok` with the outcome in its block, so that no harness takes
it for proven; what a waiver covers is a TODO, which harnesses expect to fail; the verdict is the last test point.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from readiness.findings import Outcome
from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import Room, one_line, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.results.report import Report, Row

ROOM: Final = 4_000_000
_TEXT: Final = 600
_REMEDY: Final = 1_000
_OK: Final = frozenset({Outcome.PASSED, Outcome.FLAKY, Outcome.DEGRADED, Outcome.NOT_APPLICABLE})


def render(report: Report) -> str:
    """A plan, a test point a finding with its diagnosis as YAML, and the verdict."""
    room = Room(ROOM)
    lines = ["TAP version 14", f"1..{len(report.rows) + 1}"]
    lines += [f"# {_plain(sentence)}" for sentence in report.trouble[:100]]
    for number, row in enumerate(report.rows, start=1):
        lines += _point(number, row, room)
    ok = "ok" if report.status in {"READY", "CONDITIONAL"} else "not ok"
    lines.append(f"{ok} {len(report.rows) + 1} - verdict")
    lines += _block(
        {
            "status": report.status,
            "decision": report.decision,
            "score": words.number(report.headline),
            "because": visible(report.because),
        }
    )
    return "\n".join(lines) + "\n"


def _point(number: int, row: Row, room: Room) -> list[str]:
    ok = "ok" if row.outcome in _OK else "not ok"
    directive = ""
    if row.outcome is Outcome.NOT_APPLICABLE:
        directive = f" # SKIP {_plain(room.take(words.said(row), _TEXT))}"
    elif row.outcome is Outcome.WAIVED:
        directive = f" # TODO {_plain(room.take(row.waiver or 'waived', _TEXT))}"
    lines = [f"{ok} {number} - {_plain(row.key)}{directive}".rstrip()]
    if row.outcome in {Outcome.PASSED, Outcome.NOT_APPLICABLE}:
        return lines
    fields = {
        "outcome": row.outcome.value,
        "severity": row.severity.value,
        "category": visible(row.category),
        "title": room.take(one_line(row.title), _TEXT),
        "message": room.take(one_line(words.said(row)), _TEXT),
        "at": visible(row.place),
        "remedy": room.take(visible(words.to_do(row)), _REMEDY),
    }
    return lines + _block({key: text for key, text in fields.items() if text})


def _block(fields: Mapping[str, str]) -> list[str]:
    """A block of YAML: every text in JSON's notation, which YAML shares and in which no line can end it."""
    return ["  ---", *(f"  {key}: {json.dumps(text)}" for key, text in fields.items()), "  ..."]


def _plain(text: str) -> str:
    r"""A text that stands outside a block.

    A `#` would begin a directive. TAP 14 has an escape for it that harnesses of TAP 13 do not know, and they would believe
    a `\# SKIP`: it is shown as its code instead.
    """
    return one_line(text).replace("\\", "\\\\").replace("#", "\\\\x23")
