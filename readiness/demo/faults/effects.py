"""What each fault does to a hub that is about to start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness.demo.faults import http_wrappers

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.demo.hub.hub import EmbeddedHub

    Hook = Callable[[EmbeddedHub, float], None]

PAGE: Final = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works!</body></html>"
GATEWAY: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
UNAVAILABLE: Final = http_wrappers.always(503, {"error": "Service unavailable", "code": "UNAVAILABLE"})
ERROR_IN_200: Final = http_wrappers.always(200, {"error": "Something broke", "code": "INTERNAL_ERROR"})
VICTIM: Final = "memory"
"""The server that the faults of one server strike."""
LOST_TOOL: Final = "add"
DEAD_PID: Final = 4_194_305
"""Above Linux's largest process id, so that no living process can have it."""


def trait(**values: Any) -> Hook:  # noqa: ANN401 - fields of Traits
    """Sets fields of the hub's traits."""

    def hook(hub: EmbeddedHub, _seconds: float) -> None:
        for name, value in values.items():
            setattr(hub.traits, name, value)

    return hook


def wrapped(around: http_wrappers.HttpWrapper) -> Hook:
    """Puts a wrapper around the application."""
    return lambda hub, _seconds: hub.http_wrappers.append(around)


def refuse(status: int, message: str) -> Hook:
    """Answers everything with a status and its JSON."""
    code = message.upper().replace(" ", "_")
    more = {401: [(b"www-authenticate", b"Bearer")], 429: [(b"retry-after", b"1")]}.get(status, [])
    return wrapped(http_wrappers.always(status, {"error": message, "code": code}, *more))


def telemetry(**values: Any) -> Hook:  # noqa: ANN401 - parameters of Telemetry.pretend
    """Sets the LLM's counters."""
    return lambda hub, _seconds: hub.telemetry.pretend(**values)


def final_state(state: str) -> Hook:
    """Ends its start in another state than ready."""

    def hook(hub: EmbeddedHub, _seconds: float) -> None:
        hub.final_state = state

    return hook


def slow_start(hub: EmbeddedHub, seconds: float) -> None:
    """Connects its servers late."""
    hub.traits.connect_seconds = seconds


def slow(hub: EmbeddedHub, seconds: float) -> None:
    """Answers late."""
    hub.http_wrappers.append(http_wrappers.delayed(seconds))


def degrades(hub: EmbeddedHub, seconds: float) -> None:
    """Answers 503 after a while."""
    hub.http_wrappers.append(http_wrappers.after(seconds, UNAVAILABLE))


def close_stalls(hub: EmbeddedHub, seconds: float) -> None:
    """Stands still when a session closes."""
    hub.traits.close_stall = seconds


def server_down(hub: EmbeddedHub, _seconds: float) -> None:
    """One server failed to connect and stays so."""
    hub.servers[VICTIM].disconnect("Failed to connect: spawn mcp-server-memory ENOENT")


def server_killed(hub: EmbeddedHub, _seconds: float) -> None:
    """One server's process is gone, and the hub has not noticed."""
    hub.traits.dead_servers = frozenset({VICTIM})


def server_unauthorized(hub: EmbeddedHub, _seconds: float) -> None:
    """One server wants OAuth."""
    managed = hub.servers[VICTIM]
    managed.status, managed.authorization_url = "unauthorized", "https://auth.invalid/authorize"


def no_servers(hub: EmbeddedHub, _seconds: float) -> None:
    """The list of servers is empty."""
    hub.servers.clear()


ODD_NAMES: Final = ("brave-search", "github.com/acme/maps", "My Server (prod)", "高德地图", "memory-graph")
"""Names of servers that agents see otherwise."""
TWIN_NAMES: Final = ("maps-eu", "maps.eu")
"""Names of servers that agents see as one."""


def more_servers(*names: str) -> Hook:
    """Has these servers too; one that is called after memory is one, the others echo."""

    def hook(hub: EmbeddedHub, _seconds: float) -> None:
        for name in names:
            hub.add_server(name, VICTIM if VICTIM in name else "everything")

    return hook


def zero_tools(hub: EmbeddedHub, _seconds: float) -> None:
    """Every server lost its tools."""
    for managed in hub.servers.values():
        managed.server.tools.clear()


def tool_missing(hub: EmbeddedHub, _seconds: float) -> None:
    """One tool is gone."""
    hub.servers["everything"].server.tools.pop(LOST_TOOL)


def duplicate_tools(hub: EmbeddedHub, _seconds: float) -> None:
    """Both lists name every tool twice."""

    def edit(path: str, payload: dict[str, Any]) -> dict[str, Any]:
        if path == "/api/tools":
            return payload | {"tools": payload["tools"] * 2}
        for record in payload.get("servers", ()):
            record["capabilities"]["tools"] *= 2
        return payload

    hub.edits.append(edit)


def wrong_version(hub: EmbeddedHub, _seconds: float) -> None:
    """An older release runs than the one on disk."""
    hub.version = "4.2.9"


def stale_identity(hub: EmbeddedHub, _seconds: float) -> None:
    """A second hub wrote its pid into the shared file and is gone."""
    hub.pid = DEAD_PID


def foreign(hub: EmbeddedHub, _seconds: float) -> None:
    """Another program has the port."""
    hub.server_id = "other-hub"


def noisy_log(hub: EmbeddedHub, _seconds: float) -> None:
    """Errors beyond the one of every offline start."""
    for number in range(3):
        hub.log.write(50, "Failed to reach the LLM provider", code="LLM_ERROR", attempt=number + 1)


def filtering_off(hub: EmbeddedHub, _seconds: float) -> None:
    """Runs as if the configuration did not mention filtering."""
    hub.filtering = {"enabled": False}


def llm_off(hub: EmbeddedHub, _seconds: float) -> None:
    """Filtering runs without a model."""
    hub.telemetry.enabled = False


def breaker_open(hub: EmbeddedHub, _seconds: float) -> None:
    """The model failed too often in a row."""
    hub.telemetry.pretend()
    hub.telemetry.open_breaker()


def breaker_half_open(hub: EmbeddedHub, _seconds: float) -> None:
    """The breaker lets one call try."""
    hub.telemetry.pretend()
    hub.telemetry.breaker = "half-open"


def cache_cold(hub: EmbeddedHub, _seconds: float) -> None:
    """Most lookups miss."""
    hub.telemetry.pretend()
    hub.telemetry.hits, hub.telemetry.misses = 20, 180


def queue_deep(hub: EmbeddedHub, _seconds: float) -> None:
    """Calls pile up."""
    hub.telemetry.pretend()
    hub.telemetry.queue = 100


def cost_spike(hub: EmbeddedHub, _seconds: float) -> None:
    """The bill rises."""
    hub.telemetry.pretend()
    hub.telemetry.cost = 250.0


def _edit_stats(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Hook:
    def edit(path: str, payload: dict[str, Any]) -> dict[str, Any]:
        return change(payload) if path == "/api/filtering/stats" else payload

    return lambda hub, _seconds: hub.edits.append(edit)


no_telemetry: Final = _edit_stats(lambda stats: {k: stats[k] for k in stats if k not in {"llm", "llmCache", "traffic"}})
"""The statistics without the two parts that only the assessment expects."""

malformed_telemetry: Final = _edit_stats(
    lambda stats: stats | {"llm": stats["llm"] | {"totalCalls": 200, "successRate": "187%", "p95Latency": -1}}
)
"""Rates above 100 % and negative latencies."""


def wrong_types(hub: EmbeddedHub, _seconds: float) -> None:
    """Texts where lists belong."""

    def edit(_path: str, payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {key: "none" for key in ("servers", "tools") if key in payload}

    hub.edits.append(edit)


def messages_missing(hub: EmbeddedHub, _seconds: float) -> None:
    """A proxy lets the stream through and nothing else."""
    hub.traits.legacy_only = hub.traits.messages_missing = True


def half(body: bytes) -> bytes:
    """The first half."""
    return body[: len(body) // 2]


def not_a_number(body: bytes) -> bytes:
    """NaN for the zeros that stand alone."""
    return body.replace(b":0,", b":NaN,").replace(b":0}", b":NaN}")


def invalid_utf8(body: bytes) -> bytes:
    """A byte that no UTF-8 text holds, in the first three texts."""
    return body.replace(b':"', b':"\xff', 3)


def surrogates(body: bytes) -> bytes:
    r"""`\ud800` at the beginning of every description, where only a report would stumble over it."""
    return body.replace(b'"description":"', b'"description":"\\ud800')
