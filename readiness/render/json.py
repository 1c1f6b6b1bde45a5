"""`readiness.json`: the report for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from readiness.report import to_json

if TYPE_CHECKING:
    from readiness.report import Report


def render(report: Report) -> str:
    """The document as ASCII text: whatever reads it needs no idea of encodings."""
    return json.dumps(to_json(report), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
