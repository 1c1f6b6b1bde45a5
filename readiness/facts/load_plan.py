"""What is sent at a hub, how fast and for how long, and whether it may be: the plan that the generator gets."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.config import windows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config.model import Config

MAX_REQUESTS: Final = 1_000_000
"""Requests of one run at most, whatever rate and duration say: nobody means more by accident."""
MAX_RATE: Final = 10_000.0
"""Requests a second at most."""
TIMEOUT: Final = 10.0
"""Seconds after which a request counts as unanswered."""
SPARE: Final = 1.25
"""Room in flight beyond rate times time-out: no arrival is dropped while every request ends in its time."""
ERRORS: Final = 0.01
"""Share of errors past which the run is given up once that is certain; the assessment's limit."""
DEFAULT: Final[tuple[Mapping[str, Any], ...]] = (
    {"name": "GET /api/health", "method": "GET", "path": "/api/health", "weight": 3},
    {"name": "GET /api/servers", "method": "GET", "path": "/api/servers", "weight": 2},
)
CALL_WEIGHT: Final = 1


def refusal(config: Config, now: dt.datetime | None = None) -> str:
    """Why this target may not be put under load, and what to set; empty where it may."""
    host = urlsplit(config.target.facts_url or "").hostname
    if not host:
        return "no load: neither [target] url nor internal_url says where the hub is"
    load = config.load
    if host not in load.allowed_hosts:
        return f'no load: {host} is not among [load] allowed_hosts; add it only if it may be flooded: allowed_hosts = ["{host}"]'
    if load.rate > MAX_RATE or load.rate * load.duration > MAX_REQUESTS:
        return (
            f"no load: {load.rate:g} requests/s for {load.duration:g} s are more than {MAX_RATE:g}/s or "
            f"{MAX_REQUESTS:,} requests; lower [load] rate or duration"
        )
    if config.production and not load.window:
        return 'no load: production gets load only in a named window; set [load] window, like "Sun 02:00-04:00 UTC"'
    moment = now or dt.datetime.now(dt.UTC)
    end = moment + dt.timedelta(seconds=load.duration)
    if load.window and not all(windows.parse(load.window).is_open(one) for one in (moment, end)):
        return f"no load: the window {load.window} is closed now, or closes before the end; change [load] window"
    return ""


def plan(config: Config, output: Path) -> dict[str, Any]:
    """The generator's plan. The token is named, never written."""
    load = config.load
    return {
        "base": (config.target.facts_url or "").rstrip("/"),
        "ca_file": None if config.target.ca_file is None else str(config.target.ca_file),
        "token_env": config.target.token_env,
        "locustfile": None if load.locustfile is None else str(load.locustfile),
        "mix": [] if load.locustfile is not None else mix(config),
        "arrivals": {"kind": load.arrivals, "rate": load.rate, "seconds": load.duration, "seed": 1},
        "in_flight": max(100, math.ceil(load.rate * TIMEOUT * SPARE)),
        "timeout": TIMEOUT,
        "drain": TIMEOUT + 2,
        "workers": load.workers,
        "bind": load.bind,
        "port": 0,
        "abort": {"error_rate": ERRORS},
        "output": str(output),
    }


def mix(config: Config) -> list[dict[str, Any]]:
    """What is sent, with weights: `[load] mix`, else the routes of every hub and the configured tool calls."""
    if config.load.mix:
        return [dict(one) for one in config.load.mix]
    calls = [
        {
            "name": f"MCP {call.server}__{call.tool}",
            "tool": f"{call.server}__{call.tool}",
            "arguments": dict(call.arguments),
            "contains": call.contains,
            "weight": CALL_WEIGHT,
        }
        for call in config.expect.tool_calls
    ]
    return [*(dict(one) for one in DEFAULT), *calls]
