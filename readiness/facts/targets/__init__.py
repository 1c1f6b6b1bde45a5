"""Targets that are no MCP Hub, asked as what they are: each kind's class gives the facts that checks ask of a hub, from its own routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.targets.gateways import ContextForge, LiteLlm
    from readiness.facts.targets.server import McpServer, target_of
else:
    __all__, __getattr__ = front_door(__name__, __file__)
