"""How a fault makes the hub behave otherwise."""

from __future__ import annotations

import dataclasses
from typing import Final

CONNECT_SECONDS: Final = 0.05
"""How long the MCP servers take to connect: the hub is `starting` until then."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Traits:
    """Ways in which a fault makes it behave otherwise; all off in a healthy hub."""

    never_ready: bool = False
    connect_seconds: float = CONNECT_SECONDS
    dead_servers: frozenset[str] = frozenset()
    """Servers that were killed: still connected and listed, uptime 0, every call fails."""
    events_silent: bool = False
    mcp_silent: bool = False
    mcp_missing: bool = False
    legacy_only: bool = False
    messages_missing: bool = False
    open_admin: bool = False
    literal_key: bool = False
    stack_traces: bool = False
    list_change_silent: bool = False
    exposes_nothing: bool = False
    shared_sessions: bool = False
    unknown_tool_succeeds: bool = False
    tool_answer: str | None = None
    """What every tool answers instead of its result; None: its result."""
    tools_fail: bool = False
    close_stall: float = 0.0
    """Seconds for which the whole hub stands still when an MCP session closes."""
