"""What the hub says, as typed values: health, servers, tools, and the state in the first event of its stream.

Raises BadAnswer where the shape is wrong.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.http import BadAnswer, BeyondLimit, HttpAnswer, bare, events, strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.facts.http import HttpTransport

EVENTS: Final = "/api/events"
READY_STATES: Final = frozenset({"ready", "restarted"})
"""States of a hub that is ready; `restarted` stays for ever after a restart over the API."""
GROWN: Final = 2.0
"""Seconds after which an uptime that is counted in whole seconds has grown."""
_LOOKS: Final = 200

LONGEST: Final = 20 * 365 * 86_400.0
"""Seconds: what claims to run for longer than twenty years had no clock when it started."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubServer:
    """One MCP server as the hub sees it; `uptime` in seconds, None where it is missing, no number, negative or absurd."""

    name: str
    status: str
    uptime: float | None = None
    tools: tuple[str, ...] = ()
    config_source: str | None = None
    error: str | None = None
    sign_in: str | None = None
    """Where somebody has to sign in, without the query: that holds what is meant for one person."""
    counts_up: bool = True
    """Whether it is of a kind that says how long each has been up."""
    offers: int | None = None
    """Tools, resources, templates of resources and prompts, all together; None where the hub does not say."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubTool:
    """One tool of one server, by the names the hub lists."""

    server: str
    name: str
    definition: Any = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubState:
    """What the hub's process says about itself, once, to whoever opens its event stream."""

    state: str
    pid: int | None
    port: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`GET /api/health`; `raw` is the whole answer."""

    raw: dict[str, Any] = dataclasses.field(repr=False)

    @property
    def state(self) -> object:
        """starting, ready, restarting, restarted, stopping, stopped or error; whatever stands there."""
        return self.raw.get("state")

    @property
    def server_id(self) -> object:
        """`mcp-hub` for an MCP Hub; whatever stands there."""
        return self.raw.get("server_id")

    @property
    def version(self) -> str | None:
        """The hub's version; a hub run from source publishes none."""
        value = self.raw.get("version")
        return value if isinstance(value, str) and value else None

    @property
    def servers(self) -> tuple[HubServer, ...]:
        """The server records. Raises BadAnswer."""
        return servers_in(self.raw, "GET /api/health")

    @property
    def listeners(self) -> int | None:
        """How many clients have an event stream open; None where the hub does not say."""
        connections = self.raw.get("connections")
        count = connections.get("totalConnections") if isinstance(connections, dict) else None
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    def workspace(self, port: int | None) -> dict[str, Any]:
        """What the shared workspaces file says about the hub at `port` (a claim, not a proof); empty if nothing."""
        workspaces = self.raw.get("workspaces")
        active = workspaces.get("allActive") if isinstance(workspaces, dict) else None
        entry = active.get(str(port)) if isinstance(active, dict) else None
        return entry if isinstance(entry, dict) else {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HealthLook:
    """One answer of health, as much of it as another may contradict; `at` in seconds of the monotonic clock."""

    at: float
    state: str
    status: str | None
    uptimes: Mapping[str, float]
    """Of each connected server whose uptime is above 0."""
    is_framed_twice: bool
    version: str | None = None
    complaint: str = ""
    """What else says that it is not well, in words; empty where nothing does."""


class HealthLooks:
    """The answers of health that a process has read, the last ones, and where they contradict each other or themselves."""

    def __init__(self) -> None:
        self._looks: collections.deque[HealthLook] = collections.deque(maxlen=_LOOKS)

    def note(self, answer: HttpAnswer, health: Health, at: float) -> None:
        """Keep what `answer` said."""
        try:
            servers = health.servers
        except BadAnswer:
            servers = ()
        status = health.raw.get("status")
        look = HealthLook(
            at=at,
            state=str(health.state)[:40],
            status=status[:40] if isinstance(status, str) else None,
            uptimes={s.name: s.uptime for s in servers if s.status == "connected" and s.uptime},
            is_framed_twice={"transfer-encoding", "content-length"} <= answer.headers.keys(),
            version=health.version,
            complaint=_complaint(health.raw),
        )
        self._looks.append(look)

    @property
    def count(self) -> int:
        """How many answers are kept."""
        return len(self._looks)

    @property
    def span(self) -> float:
        """Seconds from the first answer to the last."""
        return self._looks[-1].at - self._looks[0].at if self._looks else 0.0

    def contradictions(self) -> list[str]:
        """What cannot be true of one hub that is well: it was ready and then was not, or is an error and ready at once."""
        looks = list(self._looks)
        found = []
        first = next((n for n, look in enumerate(looks) if look.state in READY_STATES), len(looks))
        others = [look.state for look in looks[first:] if look.state not in READY_STATES]
        if others:
            found.append(
                f"its state was {looks[first].state!r}, and {others[0]!r} in {len(others)} of {len(looks) - first} looks since"
            )
        wrong = sum(look.state in READY_STATES and look.status == "error" for look in looks)
        if wrong:
            found.append(f"its status is 'error' beside the state 'ready', in {wrong} of {len(looks)} looks")
        versions = sorted({look.version for look in looks if look.version})
        if len(versions) > 1:
            found.append(f"it is of several versions, {', '.join(versions)[:80]}: several hubs answer at its address")
        return found

    def oddities(self) -> list[str]:
        """What is not as a hub that is well answers, and proves no harm by itself."""
        looks = list(self._looks)
        odd = {
            f"its status is {look.status!r} beside the state 'ready'"
            for look in looks
            if look.state in READY_STATES and look.status not in {None, "ok", "error"}
        }
        odd |= {
            f"{look.complaint} beside the state 'ready'"
            for look in looks
            if look.complaint and look.state in READY_STATES
        }
        if any(look.is_framed_twice for look in looks):
            odd.add("an answer has Transfer-Encoding and Content-Length at once: two readers may cut it differently")
        if self.span >= GROWN:
            still = looks[0].uptimes.items() & looks[-1].uptimes.items()
            odd |= {f"{name} has been up for {up:g} s in looks that are {self.span:.0f} s apart" for name, up in still}
        return sorted(odd)


def _complaint(raw: dict[str, Any]) -> str:
    """What an answer of health says against itself: an error, or that it is not well."""
    if raw.get("error"):
        return f"it names an error ({str(raw['error'])[:80]})"
    return next((f"it says {key} = false" for key in ("ok", "healthy", "success") if raw.get(key) is False), "")


def servers_in(answer: dict[str, Any], what: str) -> tuple[HubServer, ...]:
    """The server records of an answer. Raises BadAnswer."""
    return tuple(_server(item, what) for item in listed(answer, "servers", what))


def listed(answer: dict[str, Any], key: str, what: str) -> list[dict[str, Any]]:
    """The list of objects under `key`. Raises BadAnswer."""
    value = answer.get(key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadAnswer(f"{what}: {key} is {shown(value)}, expected a list of objects")
    return value


def tools_in(answer: dict[str, Any], what: str) -> tuple[HubTool, ...]:
    """The tools of `GET /api/tools`. Raises BadAnswer."""
    tools = []
    for item in listed(answer, "tools", what):
        server, name = item.get("server"), item.get("name")
        if not isinstance(server, str) or not isinstance(name, str) or not name:
            raise BadAnswer(f"{what}: a tool has server {shown(server)} and name {shown(name)}, expected text")
        tools.append(HubTool(server=server, name=name, definition=item))
    return tuple(tools)


def tools_of(answer: dict[str, Any], what: str) -> tuple[HubTool, ...]:
    """The tools in the servers' capabilities, with their schemas. Raises BadAnswer."""
    return tuple(
        HubTool(server=str(item.get("name")), name=tool["name"], definition=tool)
        for item in listed(answer, "servers", what)
        for tool in _tools(item)
        if isinstance(tool, dict) and isinstance(tool.get("name"), str)
    )


def _server(item: dict[str, Any], what: str) -> HubServer:
    name, status = item.get("name"), item.get("status")
    if not isinstance(name, str) or not isinstance(status, str):
        raise BadAnswer(f"{what}: a server has name {shown(name)} and status {shown(status)}, expected text")
    source, error = item.get("config_source"), item.get("error")
    return HubServer(
        name=name,
        status=status,
        uptime=_span(item.get("uptime")),
        tools=tuple(str(tool.get("name")) for tool in _tools(item) if isinstance(tool, dict)),
        config_source=source if isinstance(source, str) else None,
        error=error if isinstance(error, str) else None,
        sign_in=_address(item.get("authorizationUrl")),
        counts_up=item.get("counts_up") is not False,
        offers=_offers(item),
    )


def _address(value: object) -> str | None:
    """A web address without credentials, query and fragment; None for anything else."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return None
    return bare(value.partition("?")[0].partition("#")[0])[:200]


def _offers(item: dict[str, Any]) -> int | None:
    capabilities = item.get("capabilities")
    if not isinstance(capabilities, dict):
        return None
    return sum(len(one) for one in capabilities.values() if isinstance(one, list))


def _tools(item: dict[str, Any]) -> list[Any]:
    capabilities = item.get("capabilities")
    tools = capabilities.get("tools") if isinstance(capabilities, dict) else None
    return tools if isinstance(tools, list) else []


def number_of(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _span(value: object) -> float | None:
    """Seconds that something has run; a clock that was set makes them negative or absurd, and then they say nothing."""
    number = number_of(value)
    return number if number is not None and 0 <= number < LONGEST else None


def seconds_of(stamp: object) -> float | None:
    """A time as the hub writes it (ISO 8601) in seconds since the epoch; None for anything else."""
    if not isinstance(stamp, str):
        return None
    try:
        return dt.datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError):
        return None


def whole(value: object) -> int | None:
    """A positive whole number, such as a pid or a port; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None


def shown(value: object) -> str:
    """A value for a sentence: its type and its beginning."""
    if value is None:
        return "missing"
    return f"{type(value).__name__} {repr(value)[:60]}"


def first_state(transport: HttpTransport, checked: Callable[[HttpAnswer], HttpAnswer]) -> HubState:
    """Open the stream, read to the first `hub_state` event and leave; call it inside `within`.

    `checked` judges the status line. Raises BadAnswer, and whatever `checked` and the transport raise.
    """
    with transport.stream("GET", EVENTS, headers={"accept": "text/event-stream"}) as stream:
        opened = checked(HttpAnswer(method="GET", url=EVENTS, status=stream.status, headers=stream.headers))
        if opened.content_type != "text/event-stream":
            raise BadAnswer(f"GET {EVENTS} answered {opened.content_type or 'no content type'}, expected events")
        try:
            for event in events(stream.chunks()):
                if event.name == "hub_state":
                    return _state(event.data)
        except BeyondLimit as error:
            # it comes first: whatever came instead of it, and how much of it, is not what a hub says
            raise BadAnswer(f"GET {EVENTS}: no hub_state event came, and {error}") from None
    raise BadAnswer(f"GET {EVENTS} ended without a hub_state event")


def _state(data: str) -> HubState:
    value = strict_json(data.encode("utf-8", "replace"), f"GET {EVENTS} (hub_state)")
    if not isinstance(value, dict):
        raise BadAnswer(f"GET {EVENTS}: the hub_state event holds no JSON object")
    return HubState(state=str(value.get("state")), pid=whole(value.get("pid")), port=whole(value.get("port")))
