"""Infra's fault matrix as Markdown, and what must come of each fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults import table
from tests.faults.infra import FAULTS

if TYPE_CHECKING:
    from tests.faults.infra.model import Fault

HEAD: Final = """# Infra's fault matrix

Written by `python -m tests.faults infra > docs/proof/infra-faults.md` from the data in `tests/faults/infra/`; a test asserts
that it is current. Each line is a healthy host with one thing made wrong. The whole of `pytest -m infra` runs against
it, and must find exactly what stands here: what is not named has to pass.
"""
DECISIONS: Final = {"READY": "KEEP", "CONDITIONAL": "KEEP AND WATCH", "NOT READY": "HOLD", "INCOMPLETE": "HOLD"}
"""What follows from a verdict on what runs already; no check of a host triggers a rollback."""


def verdict(fault: Fault) -> str:
    """The verdict that must come of it: as it says, or by the outcomes of critical checks."""
    return fault.verdict or table.verdict(fault.expected, table.severities("infra"))


def markdown() -> str:
    """All that must be found, then the near misses."""
    return table.page(
        HEAD,
        FAULTS,
        table.VERDICT_ONLY,
        lambda fault: (table.outcomes(fault.expected, len(table.severities("infra"))), verdict(fault)),
    )
