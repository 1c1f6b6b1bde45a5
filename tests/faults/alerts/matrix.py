"""The alerts' fault matrix as Markdown."""

from __future__ import annotations

from typing import Final

from tests.faults import table
from tests.faults.alerts import FAULTS
from tests.faults.alerts.words import CHECKS

HEAD: Final = """# The alerts' fault matrix

Written by `python -m tests.faults alerts > docs/proof/alert-faults.md` from the data in `tests/faults/alerts/`; a test asserts that
it is current. Each fault is a hub that publishes telemetry of its own kind, with what earlier runs have left behind. The whole
suite of the marker `alerts` runs against it, and must find exactly what stands here: what is not named has to pass. Unless it
is said otherwise the hub has made 100 LLM calls since its start, one of which failed, and was deployed five minutes ago.
"""


def markdown() -> str:
    """All faults, then the near misses."""
    return table.page(
        HEAD,
        FAULTS,
        table.WITH_DECISION,
        lambda fault: table.with_decision(fault, len(CHECKS)),
    )
