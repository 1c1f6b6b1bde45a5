"""The generator's plan: what is sent to a hub, how fast and for how long, and whether that is allowed."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.config import parse_window
from readiness.errors import Unknown
from readiness.facts.hub import NO_PREFIXES, offered_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config import Config, Target, ToolCall
    from readiness.facts.hub import Hub

MAX_REQUESTS: Final = 1_000_000
"""Requests of one run at most, whatever rate and duration say: nobody means more by accident."""
MAX_RATE: Final = 10_000.0
"""Requests a second at most."""
TIMEOUT: Final = 10.0
"""Seconds after which a request counts as unanswered."""
SPARE: Final = 1.25
"""Room in flight beyond rate times time-out: no arrival is dropped while every request ends in its time."""
ERRORS: Final = 0.01
"""Share of errors past which the run is given up once that is certain, unless the check's limit is configured."""
ERRORS_CHECK: Final = "errors-stay-within-limits"
LOWEST: Final = 0.1
"""Where a ramp begins, as a share of its rate; what surrounds a spike is a quarter of it."""
DEFAULT: Final[tuple[Mapping[str, Any], ...]] = (
    # a proxy's page and a login are 200 too: a good answer is the hub's own
    {"name": "GET /api/health", "method": "GET", "path": "/api/health", "weight": 3, "contains": '"mcp-hub"'},
    {"name": "GET /api/servers", "method": "GET", "path": "/api/servers", "weight": 2, "contains": '"servers"'},
)
CALL_WEIGHT: Final = 1
CALLS: Final = "/api/servers/tools"


def load_refusal(config: Config, now: dt.datetime | None = None) -> str:
    """Why this target may not be put under load, and what to set; empty where it may."""
    return _of_target(config) or _of_size(config) or _of_time(config, now or dt.datetime.now(dt.UTC))


def _of_target(config: Config) -> str:
    host = urlsplit(config.target.facts_url or "").hostname
    if not host:
        return "no load: neither [target] url nor internal_url says where the hub is"
    if host not in config.load.allowed_hosts:
        return f'no load: {host} is not among [load] allowed_hosts; add it only if it may be flooded: allowed_hosts = ["{host}"]'
    return ""


def _of_size(config: Config) -> str:
    load, budget = config.load, config.target.bearable
    if budget is not None and load.rate * 60 > budget:
        return (
            f"no load: {load.rate:g} requests/s are more than the {budget:g} a minute that {config.target.kind.title} bears from one "
            "address; lower [load] rate, or set [target] request_budget to what it bears"
        )
    if load.rate > MAX_RATE or load.rate * load.duration > MAX_REQUESTS:
        return (
            f"no load: {load.rate:g} requests/s for {load.duration:g} s are more than {MAX_RATE:g}/s or "
            f"{MAX_REQUESTS:,} requests; lower [load] rate or duration"
        )
    if load.remote and not load.port:
        return "no load: workers from elsewhere need a port that they know; set [load] port, and bind"
    return ""


def _of_time(config: Config, moment: dt.datetime) -> str:
    load = config.load
    if config.production and not load.window:
        return 'no load: production gets load only in a named window; set [load] window, like "Sun 02:00-04:00 UTC"'
    end = moment + dt.timedelta(seconds=load.duration)
    if load.window and not all(parse_window(load.window).is_open(one) for one in (moment, end)):
        return f"no load: the window {load.window} is closed now, or closes before the end; change [load] window"
    return ""


def load_plan(
    config: Config, output: Path, *, filtered: bool = False, prefixes: Mapping[str, str] = NO_PREFIXES
) -> dict[str, Any]:
    """The generator's plan. The token is named, never written. `filtered`: see `mix`; `prefixes`: see `offered_name`."""
    load = config.load
    return {
        "base": (config.target.facts_url or "").rstrip("/"),
        "ca_file": None if config.target.ca_file is None else str(config.target.ca_file),
        "token_env": config.target.token_env if config.target.token_header is None else None,
        "auth": _other_headers(config.target),
        "mcp": config.target.endpoint_path,
        "locustfile": None if load.locustfile is None else str(load.locustfile),
        "mix": [] if load.locustfile is not None else mix(config, filtered=filtered, prefixes=prefixes),
        "arrivals": arrivals(load.arrivals, load.rate, load.duration),
        "in_flight": max(100, math.ceil(load.rate * TIMEOUT * SPARE)),
        "timeout": TIMEOUT,
        "drain": TIMEOUT + 2,
        "workers": load.workers,
        "bind": load.bind,
        "port": load.port,
        "remote": load.remote,
        "abort": {"error_rate": _errors(config)},
        "output": str(output),
    }


def _other_headers(target: Target) -> list[list[str]]:
    """Credentials that do not go as a bearer token: header, variable and scheme of each."""
    name, _, scheme = (target.token_header or "").partition(":")
    own = [[name.strip(), target.token_env, scheme.strip()]] if name and target.token_env else []
    return own + [[header, variable, ""] for header, variable in target.headers.items()]


def _errors(config: Config) -> float:
    own = config.limits.get(ERRORS_CHECK)
    share = ERRORS if own is None or own.critical is None else own.critical / 100
    return min(0.99, max(0.0, share))


def arrivals(kind: str, rate: float, seconds: float) -> dict[str, Any]:
    """How arrivals lie in time, as the generator takes it; `rate` is the highest, whatever the kind."""
    shape: dict[str, Any] = {"kind": kind, "rate": rate, "seconds": seconds}
    if kind == "ramp":
        return shape | {"rate": LOWEST * rate, "to": rate}
    if kind == "step":
        return shape | {"steps": [[rate * part / 4, seconds / 4] for part in (1, 2, 3, 4)]}
    if kind == "spike":
        return shape | {"rate": rate / 4, "peak": rate, "at": seconds / 3, "for": seconds / 3}
    return shape | ({"seed": 1} if kind == "poisson" else {})


def top_rate(shape: Mapping[str, Any]) -> float:
    """The highest planned rate of such arrivals, in requests a second."""
    return float(shape.get("peak") or shape.get("to") or shape["rate"])


def due_requests(shape: Mapping[str, Any]) -> float:
    """How many requests such arrivals make; of random ones, the fewest that chance explains."""
    rate, seconds, kind = float(shape["rate"]), float(shape["seconds"]), shape["kind"]
    if kind == "ramp":
        return (rate + float(shape["to"])) / 2 * seconds
    if kind == "step":
        return sum(float(each) * float(lasting) for each, lasting in shape["steps"])
    if kind == "spike":
        return rate * seconds + (float(shape["peak"]) - rate) * float(shape["for"])
    # five standard deviations
    return max(0.0, rate * seconds - 5 * math.sqrt(rate * seconds)) if kind == "poisson" else rate * seconds


def filters_tools(hub: Hub, config: Config) -> bool:
    """Whether a session sees tools only after an analysis of its prompt, which costs an LLM call."""
    if not hub.kind.is_hub:
        return False
    try:
        return hub.filtering_stats().get("enabled") is not False
    except Unknown:
        return config.claim("filtering").expected is True


def mix(config: Config, *, filtered: bool = False, prefixes: Mapping[str, str] = NO_PREFIXES) -> list[dict[str, Any]]:
    """What is sent, with weights: `[load] mix`, else the routes of every hub and the configured tool calls.

    The calls go over MCP, as an agent's do; by the hub's HTTP API where it is `filtered`: there a session sees no tool
    before an LLM was asked, and load must not cost money by default.
    """
    if config.load.mix:
        return [dict(one) for one in config.load.mix]
    kind = config.target.kind
    if not kind.is_hub:
        own = [
            f"{one.server}{kind.separator}{one.tool}" if one.server and kind.separator else one.tool
            for one in config.expect.tool_calls
        ]
        return [
            {
                "weight": CALL_WEIGHT,
                "contains": call.contains,
                "name": f"MCP {name}",
                "tool": name,
                "arguments": dict(call.arguments),
            }
            for name, call in zip(own, config.expect.tool_calls, strict=True)
        ]
    return [
        *(dict(one) for one in DEFAULT),
        *(_call(call, prefixes, http=filtered) for call in config.expect.tool_calls),
    ]


def _call(call: ToolCall, prefixes: Mapping[str, str], *, http: bool) -> dict[str, Any]:
    shared = {"weight": CALL_WEIGHT, "contains": call.contains}
    if not http:
        name = offered_name(call.server, call.tool, prefixes)
        return shared | {"name": f"MCP {name}", "tool": name, "arguments": dict(call.arguments)}
    body = {"server_name": call.server, "tool": call.tool, "arguments": dict(call.arguments)}
    if call.contains is not None:
        # looked for in the answer's JSON, where quotes and line breaks are escaped
        shared["contains"] = json.dumps(call.contains, ensure_ascii=False)[1:-1]
    return shared | {"name": f"call {call.server}/{call.tool}", "method": "POST", "path": CALLS, "json": body}
