"""HTTP to a target: bounded in time and size, paced, verified, never redirected to another host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.http.answer import (
        BODY_LIMIT,
        CHALLENGE,
        ENDLESS,
        HEALTH,
        LIST_LIMIT,
        LOGIN,
        NO_CACHE,
        VALUES,
        BadAnswer,
        BeyondLimit,
        BrokenConnection,
        HttpAnswer,
        HubRefusal,
        NotTheHub,
        TimedOut,
        TlsRefused,
        checked,
        count_values,
        events,
        is_limit,
        strict_json,
        weight_of,
    )
    from readiness.facts.http.client import (
        BEFORE,
        CERTIFICATE,
        Attempt,
        HttpTransport,
        NoState,
        SilentBefore,
        SilentRoutes,
        TransportSettings,
        credentials,
        looked,
        short_look,
        token_of,
    )
    from readiness.facts.http.detection import Detected, detect, why_refused
    from readiness.facts.http.manners import Manners, RateLimited
    from readiness.facts.http.mcp_probe import (
        ENDPOINT,
        McpProbe,
        McpVisit,
        call_tool,
        ended_session,
        negotiated_version,
        open_session,
        probe_mcp,
        strange_connections,
        visit_mcp,
    )
    from readiness.facts.http.oauth import LoginPath, login_path
    from readiness.facts.http.sockets import proxy_for, trust
    from readiness.facts.http.urls import bare, is_address, is_loopback, port_of, same_host, same_place
else:
    __all__, __getattr__ = front_door(__name__, __file__)
