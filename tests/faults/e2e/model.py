"""The vocabulary of the e2e fault matrix: how the embedded hub is broken, and exactly what must be found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from tests.faults.hub.model import Ends
from tests.faults.table import AnyFault

if TYPE_CHECKING:
    from collections.abc import Mapping

OPENED: Final = "mcp-session-initialises"
LISTED: Final = "tools-list-over-mcp"
ANALYSED: Final = "prompt-analysis-exposes-tools"
NOTIFIED: Final = "tool-list-change-is-notified"
CALLED: Final = "tool-call-returns-its-result"
ISOLATED: Final = "sessions-are-isolated"
UNKNOWN_TOOL: Final = "unknown-tool-is-a-protocol-error"
MALFORMED: Final = "malformed-requests-are-refused"
CONCURRENT: Final = "concurrent-sessions-work"
CONNECTED: Final = "sessions-survive-new-connections"
CLOSING: Final = "session-close-does-not-stall-the-hub"
WAY_IN: Final = "agents-get-in-through-the-public-address"
SURVIVES: Final = "hub-survives-the-workflow"
HELD: Final = "session-outlives-silence"
"""Not applicable but where a fault sets `[probe] hold`."""
CHECKS: Final = (
    OPENED,
    LISTED,
    ANALYSED,
    NOTIFIED,
    CALLED,
    WAY_IN,
    UNKNOWN_TOOL,
    MALFORMED,
    CONCURRENT,
    CONNECTED,
    ISOLATED,
    CLOSING,
    SURVIVES,
    HELD,
)
"""Every check of the phase, in its order."""
BROKEN: Final = Ends(status="NOT READY", decision="ROLL BACK", fired=("validation-failure",))
"""A critical check that carries a trigger failed."""
MIXED_UP: Final = Ends(status="NOT READY", decision="ROLL BACK", fired=("security",))
"""Agents get what is another's."""
NO_WAY_IN: Final = Ends(status="NOT READY", decision="HOLD")
"""Nobody gets in, and no release is to blame for it."""
UNPROVEN: Final = Ends(status="INCOMPLETE", decision="HOLD")
WATCHED: Final = Ends(status="CONDITIONAL", decision="KEEP AND WATCH")
KEPT: Final = Ends(status="READY", decision="KEEP")


def failed(*checks: str) -> dict[str, str]:
    """These checks are proven bad."""
    return dict.fromkeys(checks, "failed")


def degraded(*checks: str) -> dict[str, str]:
    """These checks are well with a warning."""
    return dict.fromkeys(checks, "degraded")


def unknown(*checks: str) -> dict[str, str]:
    """These checks could not be proven."""
    return dict.fromkeys(checks, "unknown")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault(AnyFault):
    """One way in which the agent's path is broken.

    `faults` are names of the embedded hub's faults, with commas, "" for none; `seconds` replaces their number.
    `config` is merged into readiness.toml. `racy` are checks that may end in any way, because what they find depends on the
    moment. `long`: it takes more than a few seconds, and belongs to the matrix.
    """

    faults: str = ""
    front: str = ""
    """How a proxy behaves that stands in front, as `tests.helpers.odd_proxy` names it; "" for none."""
    seconds: float | None = None
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    racy: frozenset[str] = frozenset()
    ends: Ends = KEPT
    supervised: bool = False
    long: bool = False
