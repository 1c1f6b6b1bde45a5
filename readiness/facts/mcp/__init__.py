"""What an agent sees of the hub, through the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.mcp.agent import Agent
    from readiness.facts.mcp.configured_calls import ServerCall, offered_prefixes, server_calls
    from readiness.facts.mcp.pace import measure_pace, settled
    from readiness.facts.mcp.session_pool import AgentSessions
    from readiness.facts.mcp.workflow_notes import note_start, note_window, noted_start, windows
else:
    __all__, __getattr__ = front_door(__name__, __file__)
