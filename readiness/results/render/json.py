"""`readiness.json`: the report for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from readiness.results.report import to_json

if TYPE_CHECKING:
    from readiness.results.report import Report

_READABLE: Final = 500
"""More findings than a person reads; indenting them takes ten times as long."""


def render(report: Report) -> str:
    """The document as ASCII text: whatever reads it needs no idea of encodings. Indented where a person may read it."""
    indent = 1 if len(report.rows) <= _READABLE else None
    return json.dumps(to_json(report), indent=indent, ensure_ascii=True, allow_nan=False) + "\n"
