"""The e2e fault matrix as Markdown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from tests.faults import table
from tests.faults.e2e import FAULTS
from tests.faults.e2e.model import CHECKS

if TYPE_CHECKING:
    from tests.faults.e2e.model import Fault

HEAD: Final = """# The e2e fault matrix

Written by `python -m tests.faults e2e > docs/proof/e2e-faults.md` from the data in `tests/faults/e2e/`; a test asserts that it is
current. Each fault is an embedded hub (docs/embedded-hub.md) that is broken on purpose. The whole suite of the marker
`e2e` runs against it, five minutes after a deploy before which all was well, and must find exactly what stands here: what
is not named has to pass. A rollback is planned where a trigger is named.
"""
EITHER: Final = "however it ends"


def markdown() -> str:
    """All faults, then the near misses; each with the embedded hub's own names of what is broken."""
    named = [dataclasses.replace(fault, sentence=f"{fault.sentence} ({_hub(fault)})") for fault in FAULTS]
    return table.page(HEAD, named, table.WITH_DECISION, _cells)


def _hub(fault: Fault) -> str:
    return ", ".join(f"`{name}`" for name in fault.faults.split(",") if name) or "none"


def _cells(fault: Fault) -> tuple[str, ...]:
    either = {check: EITHER if check in fault.racy else fault.expected.get(check, "") for check in CHECKS}
    found = table.outcomes({check: outcome for check, outcome in either.items() if outcome}, len(CHECKS))
    return (found, *table.with_decision(fault, len(CHECKS))[1:])
