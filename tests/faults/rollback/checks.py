"""The checks that the faults let fail: one and more of every trigger, thirty together, and the report that tells of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.results.verdict.judging import planned

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_MANY: Final = (
    ("startup-failure", "health", 5),
    ("validation-failure", "e2e", 6),
    ("success-rate", "alerts", 4),
    ("latency", "alerts", 4),
    ("circuit-breaker", "alerts", 4),
    ("memory-leak", "drill", 3),
    ("security", "health", 4),
)
THIRTY: Final = [
    planned(f"{trigger}-{number}", "critical", rollback=trigger, phase=phase)
    for trigger, phase, count in _MANY
    for number in range(count)
]
"""Thirty checks over all triggers that a check can carry."""
ENTRIES: Final = [
    planned("tools", "critical", rollback="validation-failure"),
    planned("slow", "critical", rollback="latency", phase="alerts"),
    planned("load-slow", "critical", rollback="latency", phase="load"),
    planned("host", "critical", rollback="security", phase="infra"),
    planned("plain", "critical"),
]
"""What usually is there: of a rate and a time, of load, of the host, and one without a trigger."""
PHASES: Final = {entry.check.id: entry.check.phase for entry in ENTRIES}


def report(folder: Path, failed: Collection[str]) -> None:
    """What a run leaves in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "check": check,
            "category": f"{phase}/x",
            "nodeid": f"a/test_x.py::test_{check.replace('-', '_')}",
            "outcome": "failed" if check in failed else "passed",
            "reason": "as measured" if check in failed else "",
        }
        for check, phase in PHASES.items()
    ]
    (folder / "readiness.json").write_text(json.dumps({"findings": rows}))
