"""Preflight's fault matrix as Markdown."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Final

from tests.faults.hub.runner import ROOT
from tests.faults.preflight import MUTATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from tests.faults.preflight.mutation import Mutation

HEAD: Final = """# Preflight's fault matrix

Written by `python -m tests.faults.preflight > docs/preflight-faults.md` from the data in `tests/faults/preflight/`; a
test asserts that it is current. Each line is the sample release with one thing made wrong. The whole of `pytest -m
preflight` runs on it, and must find exactly what stands here: what is not named has to be as it is in the healthy release.
"""
DECISIONS: Final = {"READY": "DEPLOY", "CONDITIONAL": "DEPLOY", "NOT READY": "DO NOT DEPLOY", "INCOMPLETE": "HOLD"}
"""What follows from a verdict before a deploy."""
EXITS: Final = {"READY": 0, "CONDITIONAL": 0, "NOT READY": 1, "INCOMPLETE": 12}


@functools.cache
def severities() -> Mapping[str, str]:
    """Each check of preflight and its severity, by its decorator."""
    names = [path.stem for path in sorted((ROOT / "preflight").glob("test_*.py"))]
    modules = [importlib.import_module(f"preflight.{name}") for name in names]
    marks = [mark for module in modules for found in vars(module).values() for mark in _marks(found)]
    return {mark.args[0]: mark.kwargs["severity"] for mark in marks}


def _marks(found: object) -> list[pytest.Mark]:
    marks = getattr(found, "pytestmark", []) if callable(found) else []
    return [mark for mark in marks if mark.name == "check"]


def verdict(mutation: Mutation, severity: Mapping[str, str]) -> str:
    """The verdict that must come of a mutation: as it says, or by the outcomes of critical checks."""
    if mutation.verdict is not None:
        return mutation.verdict
    critical = {outcome for check, outcome in mutation.expected.items() if severity.get(check) == "critical"}
    if "failed" in critical:
        return "NOT READY"
    if "unknown" in critical:
        return "INCOMPLETE"
    # a single degraded check that is not critical leaves a release ready
    return "CONDITIONAL" if critical or {"failed", "unknown"} & set(mutation.expected.values()) else "READY"


def markdown() -> str:
    """All mutations that must be found, then the near misses."""
    severity = severities()
    found = [mutation for mutation in MUTATIONS if not mutation.near_miss]
    near = [mutation for mutation in MUTATIONS if mutation.near_miss]
    lines = [HEAD, f"## {len(found)} mutations", "", "| what is wrong | what is found | verdict |", "|---|---|---|"]
    lines += [_row(mutation, verdict(mutation, severity)) for mutation in found]
    lines += ["", f"## {len(near)} near misses: nothing must change", "", "| what looks wrong |", "|---|"]
    lines += [f"| **{mutation.name}**: {_cell(mutation.sentence)} |" for mutation in near]
    return "\n".join(lines) + "\n"


def _row(mutation: Mutation, status: str) -> str:
    by_outcome: dict[str, list[str]] = {}
    for check, outcome in mutation.expected.items():
        by_outcome.setdefault(outcome, []).append(f"`{check}`")
    told = "; ".join(f"{outcome}: {', '.join(checks)}" for outcome, checks in sorted(by_outcome.items()))
    return f"| **{mutation.name}**: {_cell(mutation.sentence)} | {told} | {status} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
