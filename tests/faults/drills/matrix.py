"""The drills' faults as Markdown."""

from __future__ import annotations

from typing import Final

from tests.faults.drills.faults import FAULTS
from tests.faults.drills.runner import CHECKS

HEAD: Final = """# What drills find

Written by `python -m tests.faults drills > docs/proof/drill-faults.md` from the data in `tests/faults/drills/`; a test asserts that it is current. Each
line is a small hub in a process of its own, broken as it says, with the surroundings that it says; the drill must end as it stands here,
and leave the hub as it was. How drills work: [drills.md](../drills.md).
"""


def markdown() -> str:
    """A table for each check."""
    lines = [HEAD]
    for check in CHECKS:
        lines += [f"## `{check}`", "", "| how things are | outcome | it says |", "|---|---|---|"]
        lines += [
            f"| **{fault.name}**: {fault.sentence} | {fault.outcome} | {'; '.join(fault.words) or 'nothing'} |"
            for fault in FAULTS
            if fault.check == check
        ]
        lines.append("")
    return "\n".join(lines)
