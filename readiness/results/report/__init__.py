"""Report: the verdict and all that explains it as plain values, the single input of every rendering.

`build` makes it, `to_json` gives the document that `schemas/report.schema.json` describes, `read` is its inverse. Every text in it is bounded
and free of control characters; `redacted` takes the secrets out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness.results.report.assembly import build, load_picture, redacted
from readiness.results.report.document import SCHEMA_FILE, SCHEMA_VERSION, Cause, causes, to_json
from readiness.results.report.model import (
    Action,
    Category,
    Comparison,
    Escalation,
    History,
    InventoryTool,
    PastCheck,
    PastRun,
    ReleasePhase,
    ReleaseRun,
    Report,
    Rollback,
    Row,
    RunInfo,
    SinceReady,
    ToolInventory,
    iso,
    shown,
    tool_inventory,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "SCHEMA_FILE",
    "SCHEMA_VERSION",
    "Action",
    "Category",
    "Cause",
    "Comparison",
    "Escalation",
    "History",
    "InventoryTool",
    "PastCheck",
    "PastRun",
    "ReleasePhase",
    "ReleaseRun",
    "Report",
    "Rollback",
    "Row",
    "RunInfo",
    "SinceReady",
    "ToolInventory",
    "build",
    "causes",
    "iso",
    "load_picture",
    "read",
    "redacted",
    "shown",
    "to_json",
    "tool_inventory",
]


def read(document: Mapping[str, Any]) -> Report:
    """The report that `document` tells of, the inverse of `to_json`, exact as far as it says what rounding took.

    Raises ReadinessError, with the place, where it is no report or a damaged one.
    """
    from readiness.results.report import reading  # no run reads a report back

    return reading.read(document)
