"""How a fault makes the hub behave otherwise."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

MAX_BODY: Final = 100 * 1024
"""Bytes of a request's body, as in the hub: one more is 413."""
HANG: Final = 60.0
"""Seconds after which even a call that hangs is forgotten."""
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
    hidden_tools: frozenset[str] = frozenset()
    """Tools, as `server__tool`, that no agent is shown."""
    streamable_only: bool = False
    messages_host: str = ""
    """Put before the address that the legacy transport tells its clients."""
    any_session: bool = False
    deleted_sessions_live: bool = False
    known_connections: int | None = None
    """On how many connections a session is known; None: on all."""
    unknown_tool_hangs: bool = False
    malformed: Literal["refuse", "accept", "fail", "die"] = "refuse"
    """What becomes of a message that is no JSON-RPC."""
    delay: float = 0.0
    """Seconds that every answer waits, where a wire looks at it."""
    close_stall: float = 0.0
    """Seconds for which the whole hub stands still when an MCP session closes."""
