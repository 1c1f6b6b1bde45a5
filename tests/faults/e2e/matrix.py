"""The e2e fault matrix as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.e2e import FAULTS
from tests.faults.e2e.model import CHECKS

if TYPE_CHECKING:
    from tests.faults.e2e.model import Fault

HEAD: Final = """# The e2e fault matrix

Written by `python -m tests.faults.e2e > docs/e2e-faults.md` from the data in `tests/faults/e2e/`; a test asserts that it is
current. Each fault is an embedded hub (docs/embedded-hub.md) that is broken on purpose. The whole suite of the marker
`e2e` runs against it, five minutes after a deploy before which all was well, and must find exactly what stands here: what
is not named has to pass. A rollback is planned where a trigger is named.
"""
EITHER: Final = "however it ends"


def markdown() -> str:
    """All faults, then the near misses."""
    faults = [fault for fault in FAULTS if not fault.near_miss]
    near = [fault for fault in FAULTS if fault.near_miss]
    lines = [HEAD, f"## {len(faults)} faults", "", "| what is broken | what is found | verdict | decision | trigger |"]
    lines += ["|---|---|---|---|---|", *(_row(fault) for fault in faults), ""]
    lines += [f"## {len(near)} near misses: nothing must change", "", "| what looks like a fault | fault of the hub |"]
    lines += ["|---|---|", *(f"| **{one.name}**: {one.sentence} | {_hub(one)} |" for one in near)]
    return "\n".join(lines) + "\n"


def _hub(fault: Fault) -> str:
    return ", ".join(f"`{name}`" for name in fault.faults.split(",") if name) or "none"


def _row(fault: Fault) -> str:
    triggers = ", ".join(fault.ends.fired) or "none"
    told = f"**{fault.name}**: {fault.sentence} ({_hub(fault)})"
    cells = (told, _found(fault), fault.ends.status, fault.ends.decision, triggers)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _found(fault: Fault) -> str:
    by_outcome: dict[str, list[str]] = {}
    for check in CHECKS:
        outcome = EITHER if check in fault.racy else fault.expected.get(check)
        if outcome is not None:
            by_outcome.setdefault(outcome, []).append(check)
    return "; ".join(f"{outcome}: {_named(checks)}" for outcome, checks in sorted(by_outcome.items()))


def _named(checks: list[str]) -> str:
    if len(checks) > len(CHECKS) // 2:
        return f"{len(checks)} of {len(CHECKS)} checks"
    return ", ".join(f"`{check}`" for check in checks)
