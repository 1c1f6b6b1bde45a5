"""Preflight's fault matrix as Markdown, and what must come of each fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults import table
from tests.faults.preflight import MUTATIONS

if TYPE_CHECKING:
    from tests.faults.preflight.mutation import Mutation

HEAD: Final = """# Preflight's fault matrix

Written by `python -m tests.faults preflight > docs/proof/preflight-faults.md` from the data in `tests/faults/preflight/`; a
test asserts that it is current. Each line is the sample release with one thing made wrong. The whole of `pytest -m
preflight` runs on it, and must find exactly what stands here: what is not named has to be as it is in the healthy release.
"""
DECISIONS: Final = {"READY": "DEPLOY", "CONDITIONAL": "DEPLOY", "NOT READY": "DO NOT DEPLOY", "INCOMPLETE": "HOLD"}
"""What follows from a verdict before a deploy."""


def verdict(fault: Mutation) -> str:
    """The verdict that must come of it: as it says, or by the outcomes of critical checks."""
    return fault.verdict or table.verdict(fault.expected, table.severities("preflight"))


def markdown() -> str:
    """All that must be found, then the near misses."""
    return table.page(
        HEAD,
        MUTATIONS,
        table.VERDICT_ONLY,
        lambda fault: (table.outcomes(fault.expected), verdict(fault)),
        kind="mutations",
    )
