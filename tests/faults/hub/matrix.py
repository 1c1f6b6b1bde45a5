"""The fault matrix as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.hub import FAULTS
from tests.faults.hub.words import CHECKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.hub.model import Fault

HEAD: Final = """# The fault matrix

Written by `python -m tests.faults.hub > docs/fault-matrix.md` from the data in `tests/faults/hub/`; a test asserts that it is
current. Each fault is a hub that is broken on purpose. The whole suite of the marker `health` runs against it, and must
find exactly what stands here: what is not named has to pass.
"""


def markdown() -> str:
    """The matrix of the marker `health`."""
    return page(HEAD, FAULTS, CHECKS)


def page(head: str, every: Sequence[Fault], checks: Sequence[str]) -> str:
    """A matrix: all faults, then the near misses; `checks` are those that the suite has."""
    faults = [fault for fault in every if not fault.near_miss]
    near = [fault for fault in every if fault.near_miss]
    lines = [head, f"## {len(faults)} faults", "", "| what is broken | what is found | verdict | decision | trigger |"]
    lines += ["|---|---|---|---|---|", *(_row(fault, len(checks)) for fault in faults), ""]
    lines += [f"## {len(near)} near misses: nothing must change", "", "| what looks like a fault |", "|---|"]
    lines += [f"| **{fault.name}**: {_cell(fault.sentence)} |" for fault in near]
    return "\n".join(lines) + "\n"


def _row(fault: Fault, checks: int) -> str:
    triggers = ", ".join(fault.ends.fired) or "none"
    found = _found(fault, checks)
    cells = (f"**{fault.name}**: {fault.sentence}", found, fault.ends.status, fault.ends.decision, triggers)
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _found(fault: Fault, checks: int) -> str:
    by_outcome: dict[str, list[str]] = {}
    for check, outcome in fault.expected.items():
        by_outcome.setdefault(outcome, []).append(check)
    return "; ".join(f"{outcome}: {_named(names, checks)}" for outcome, names in sorted(by_outcome.items()))


def _named(names: list[str], checks: int) -> str:
    if len(names) <= checks // 2:
        return ", ".join(f"`{name}`" for name in names)
    return f"{len(names)} of {checks} checks"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("*.", "\\*.")
