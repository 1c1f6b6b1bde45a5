"""The fault matrix as Markdown."""

from __future__ import annotations

from typing import Final

from tests.faults import table
from tests.faults.hub import FAULTS
from tests.faults.hub.words import CHECKS

HEAD: Final = """# The fault matrix

Written by `python -m tests.faults hub > docs/proof/fault-matrix.md` from the data in `tests/faults/hub/`; a test asserts that it is
current. Each fault is a hub that is broken on purpose. The whole suite of the marker `health` runs against it, and must
find exactly what stands here: what is not named has to pass.
"""


def markdown() -> str:
    """The matrix of the marker `health`."""
    return table.page(
        HEAD,
        FAULTS,
        table.WITH_DECISION,
        lambda fault: table.with_decision(fault, len(CHECKS)),
    )
