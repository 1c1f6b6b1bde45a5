"""Infra's fault matrix as Markdown, and what must come of each fault."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Final

from tests.faults.hub.runner import ROOT
from tests.faults.infra import FAULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from tests.faults.infra.model import Fault

HEAD: Final = """# Infra's fault matrix

Written by `python -m tests.faults.infra > docs/infra-faults.md` from the data in `tests/faults/infra/`; a test asserts
that it is current. Each line is a healthy host with one thing made wrong. The whole of `pytest -m infra` runs against
it, and must find exactly what stands here: what is not named has to pass.
"""
DECISIONS: Final = {"READY": "KEEP", "CONDITIONAL": "KEEP AND WATCH", "NOT READY": "HOLD", "INCOMPLETE": "HOLD"}
"""What follows from a verdict on what runs already; no check of a host triggers a rollback."""
EXITS: Final = {"READY": 0, "CONDITIONAL": 0, "NOT READY": 1, "INCOMPLETE": 12}


@functools.cache
def severities() -> Mapping[str, str]:
    """Each check of infra and its severity, by its decorator."""
    names = [path.stem for path in sorted((ROOT / "infra").glob("test_*.py"))]
    modules = [importlib.import_module(f"infra.{name}") for name in names]
    marks = [mark for module in modules for found in vars(module).values() for mark in _marks(found)]
    return {mark.args[0]: mark.kwargs["severity"] for mark in marks}


def _marks(found: object) -> list[pytest.Mark]:
    marks = getattr(found, "pytestmark", []) if callable(found) else []
    return [mark for mark in marks if mark.name == "check"]


def verdict(fault: Fault) -> str:
    """The verdict that must come of a fault: as it says, or by the outcomes of critical checks."""
    if fault.verdict is not None:
        return fault.verdict
    critical = {outcome for check, outcome in fault.expected.items() if severities().get(check) == "critical"}
    if "failed" in critical:
        return "NOT READY"
    if "unknown" in critical:
        return "INCOMPLETE"
    # a single degraded check that is not critical leaves a host ready
    return "CONDITIONAL" if critical or {"failed", "unknown"} & set(fault.expected.values()) else "READY"


def markdown() -> str:
    """All faults, then the near misses."""
    found = [fault for fault in FAULTS if not fault.near_miss]
    near = [fault for fault in FAULTS if fault.near_miss]
    lines = [HEAD, f"## {len(found)} faults", "", "| what is wrong | what is found | verdict |", "|---|---|---|"]
    lines += [_row(fault) for fault in found]
    lines += ["", f"## {len(near)} near misses: nothing must change", "", "| what looks wrong |", "|---|"]
    lines += [f"| **{fault.name}**: {_cell(fault.sentence)} |" for fault in near]
    return "\n".join(lines) + "\n"


def _row(fault: Fault) -> str:
    by_outcome: dict[str, list[str]] = {}
    for check, outcome in fault.expected.items():
        by_outcome.setdefault(outcome, []).append(check)
    told = "; ".join(f"{outcome}: {_named(checks)}" for outcome, checks in sorted(by_outcome.items()))
    return f"| **{fault.name}**: {_cell(fault.sentence)} | {told} | {verdict(fault)} |"


def _named(checks: list[str]) -> str:
    if len(checks) > len(severities()) // 2:
        return "all checks" if len(checks) == len(severities()) else f"{len(checks)} of {len(severities())} checks"
    return ", ".join(f"`{check}`" for check in checks)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
