"""The tables of faults and the page in `docs/` that shows each."""

from __future__ import annotations

import importlib
from typing import Final

PAGES: Final = {
    "alerts": "alert-faults.md",
    "drills": "drill-faults.md",
    "e2e": "e2e-faults.md",
    "hub": "fault-matrix.md",
    "infra": "infra-faults.md",
    "load": "load-faults.md",
    "preflight": "preflight-faults.md",
    "rollback": "rollback-faults.md",
}


def markdown(table: str) -> str:
    """The page of a table."""
    return str(importlib.import_module(f"tests.faults.{table}.matrix").markdown())
