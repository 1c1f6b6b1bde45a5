"""An MCP server that is known by its endpoint: what it is and offers is asked there, as an agent would ask."""

from __future__ import annotations

import dataclasses
import importlib
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.errors import HubDown, NotServed, Unknown
from readiness.facts.http import BadAnswer, why_refused
from readiness.facts.http import call_tool as call_at_endpoint
from readiness.facts.hub import Health, Hub, HubTool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.http import Detected, HttpAnswer, HttpTransport, McpProbe
    from readiness.facts.hub import HubKnowledge, HubServer, HubState, Identity

_HUB_API: Final = "/api/"
_OK: Final = 200
_WORDS: Final = 200
_SERVER_ERROR: Final = 500
_USUAL_HEALTH: Final = ("/healthz", "/ping", "/status", "/health")
"""Routes by which bridges and servers say that they live, asked only once agents got nothing."""
_ABSENT: Final = frozenset({404, 405, 410, 501})


def target_of(transport: HttpTransport, config: Config, known: HubKnowledge | None = None) -> Hub:
    """The target of `config`, asked over `transport`, by the class of its kind. Raises Unknown for a class that cannot be loaded."""
    module, _, name = config.target.kind.facts.partition(":")
    try:
        facts = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise Unknown(f"the kind {config.target.kind.name} names facts that cannot be loaded: {error}") from None
    if not (isinstance(facts, type) and issubclass(facts, Hub)):
        raise Unknown(f"the kind {config.target.kind.name} names facts that are no subclass of readiness.facts.hub.Hub")
    return facts(transport, config, known)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _EndpointHealth(Health):
    """The servers are asked for only where a check wants them: that may need a right that the rest does not."""

    read_servers: Callable[[], tuple[HubServer, ...]]

    @property
    def servers(self) -> tuple[HubServer, ...]:
        """The MCP servers behind it. Raises as their route does."""
        return self.read_servers()


class McpServer(Hub):
    """One check's view of an MCP server: an answer to initialize is shared within an attempt and forgotten after it."""

    def __init__(self, transport: HttpTransport, config: Config, known: HubKnowledge | None = None) -> None:
        super().__init__(transport, config, known)
        self._opened: McpProbe | Unknown | None = None
        self._listed: McpProbe | Unknown | None = None

    def new_attempt(self) -> None:
        """Forget what was read: another attempt looks again."""
        super().new_attempt()
        self._opened = self._listed = None

    # --- whether it lives -----------------------------------------------------------------------------------------

    @property
    def pulse_route(self) -> str:  # type: ignore[override]
        """Its own health where it has one, else the endpoint: whatever that answers to a GET, the process lives."""
        return self.kind.health or self.endpoint

    def pulse(self, timeout: float | None = None, **headers: str) -> HttpAnswer:
        """One answer of the cheapest kind: no session is opened. Raises as the transport does."""
        if self.kind.health:
            return self.transport.get(self.kind.health, timeout=timeout, tries=1, headers=headers)
        return self.transport.head_of(self.endpoint, timeout=timeout, headers={"accept": "application/json", **headers})

    def watched_pulse(self, **headers: str) -> HttpAnswer:
        """The same, where losing the target is noted."""
        with self._watched():
            return self.pulse(None, **headers)

    def pulse_seconds(self) -> float:
        """Seconds that it takes. Raises BadAnswer for a server error, else as `watched_pulse` does."""
        answer = self.watched_pulse()
        if answer.status >= _SERVER_ERROR:
            raise BadAnswer(f"{answer.what} answered {answer.status}")
        return answer.seconds

    def answer_seconds(self) -> float:
        """The same."""
        return self.pulse_seconds()

    def tools_seconds(self, route: str) -> float:  # noqa: ARG002 - a hub's
        """Seconds that a session takes which lists the tools. Raises as `agent_session` does."""
        started = time.monotonic()
        self.agent_session(tools=True)
        return time.monotonic() - started

    # --- what it says of itself -----------------------------------------------------------------------------------

    def opened(self) -> McpProbe:
        """A session, opened, pinged and closed. Raises as `agent_session` does."""
        if self._opened is None:
            self._opened = self._listed if self._listed is not None else self._probed(tools=False)
        if isinstance(self._opened, Unknown):
            raise self._opened.with_traceback(None)
        return self._opened

    def agent_session(self, *, tools: bool = False) -> McpProbe:
        """As a hub's; an endpoint that is there and lets nobody in raises Unknown with what to do. Raises BadAnswer for what is no endpoint."""
        before = self.transport.last_answer
        try:
            return super().agent_session(tools=tools)
        except HubDown:
            raise
        except Unknown:
            last = self.transport.last_answer
            own = last is not None and last is not before and urlsplit(last.url).path.endswith(self.endpoint)
            has_credentials = bool(self.transport.settings.headers)
            if own and last is not None and (why := why_refused(last, self.endpoint, has_credentials=has_credentials)):
                raise Unknown(why) from None
            raise

    def _is_foreign(self, last: HttpAnswer) -> bool:
        return last.status in _ABSENT or last.content_type == "text/html"

    def _told(self, other: Detected | None) -> str:
        if other is None or (other.kind == self.kind.name and other.endpoint == self.endpoint):
            return ""
        kind = f'kind = "{other.kind}"' if other.kind and other.kind != self.kind.name else ""
        place = f'endpoint = "{other.endpoint}"' if other.endpoint and other.endpoint != self.endpoint else ""
        wanted = ", ".join(filter(None, (kind, place)))
        more = f": {other.refusal}" if other.refusal else ""
        return f"nothing for agents is at {self.endpoint}, but {other.words}{more}: set [target] {wanted}"

    def _probed(self, *, tools: bool) -> McpProbe | Unknown:
        try:
            return self.agent_session(tools=tools)
        except Unknown as error:
            return error

    def health(self) -> Health:
        """What initialize shows, in the shape of a hub's health: an endpoint that opens a session is ready. Raises as `agent_session` does."""
        probe = self.opened()
        # what a gateway says of itself in initialize is mostly its library's version
        place = "" if "version" in self.kind.lacks else self._version_place
        info = probe.opened.get("serverInfo") if place == "serverInfo.version" else None
        version = info.get("version") if isinstance(info, dict) else None
        self._known.version = version if isinstance(version, str) and version else self._known.version
        return _EndpointHealth(
            raw={"server_id": probe.server, "state": self.state(), "version": version}, read_servers=self.servers
        )

    def state(self) -> str:
        """`ready`, or what its own route for that says instead. Raises as `raw` does."""
        if self.kind.ready is None:
            return "ready"
        answer = self.raw(self.kind.ready)
        return "ready" if 200 <= answer.status < 300 else f"not ready ({self.kind.ready} answers {answer.status})"  # noqa: PLR2004 - HTTP's own numbers

    def beside_its_health(self, wrong: str) -> str:
        """As a hub's; where the kind names no route of health, one of the usual ones."""
        routes = [self.kind.ready or self.kind.health] if self.kind.ready or self.kind.health else _USUAL_HEALTH
        green = next((str(route) for route in routes if wrong and self._is_green(str(route))), "")
        return f"{wrong}, while its own {green} says that all is well" if green else wrong

    def _is_green(self, route: str) -> bool:
        try:
            with self.transport.within(self.transport.short):
                if route == self.kind.ready:
                    return self.state() == "ready"
                answer = self.transport.get(route, tries=1)
        except Unknown:
            return False
        # a word in place of a page: an application that answers every path with its page says nothing of its health
        return answer.status == _OK and answer.redirect is None and "<" not in answer.text(_WORDS)

    def beside_its_agents(self) -> str:
        """As a hub's."""
        try:
            tools = self.tools()
        except Unknown:
            return ""
        return f", while agents are offered {len(tools)} tools" if tools else ""

    def servers(self) -> tuple[HubServer, ...]:
        """The MCP servers behind it; none where its kind reports none."""
        return ()

    @property
    def _version_place(self) -> str:
        return self.config.identity.version or self.kind.version

    def version(self) -> str:
        """The build that answers, where `[identity] version` or the kind says it shows. Raises NotServed, and as the route does."""
        place = self._version_place
        route, _, pointer = place.rpartition(" ")
        document: Any = self.answer(route).json_object() if route else self.opened().opened
        for name in pointer.split("."):
            document = document.get(name) if isinstance(document, dict) else None
        if not isinstance(document, (str, int)) or isinstance(document, bool) or document == "":
            raise NotServed(f"no version stands at {place}: set [identity] version to where the build shows")
        return str(document)

    # --- what it offers -------------------------------------------------------------------------------------------

    def listing(self) -> McpProbe:
        """A session in which every tool was listed. Raises as `agent_session` does."""
        if self._listed is None:
            self._listed = self._probed(tools=True)
        if isinstance(self._listed, Unknown):
            raise self._listed.with_traceback(None)
        return self._listed

    def tools(self) -> tuple[HubTool, ...]:
        """What an agent is offered, every page. Raises as `agent_session` does."""
        definitions = self.listing().definitions
        return tuple(HubTool(server="", name=str(tool.get("name")), definition=tool) for tool in definitions)

    listed_tools = server_tools = tools

    def offered_names(self) -> list[str]:
        """The same, by name."""
        return [tool.name for tool in self.tools()]

    def name_clashes(self) -> list[str]:
        """None: a name that stands twice is seen in the list."""
        return []

    def call_tool(self, server: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - a hub's
        """The MCP result of one call, in a session of its own. Raises BadAnswer for an error, else as `agent_session` does."""
        with self._watched():
            return call_at_endpoint(self.transport, tool, arguments, self.config.probe.timeout)

    # --- what only a hub has --------------------------------------------------------------------------------------

    def answer(self, route: str) -> HttpAnswer:
        """GET `route`. Raises NotServed for a hub's routes, which are not asked, else as a hub's does."""
        self._refuse(route)
        return super().answer(route)

    def raw(self, route: str, **headers: str) -> HttpAnswer:
        """The same, whatever its status."""
        self._refuse(route)
        return super().raw(route, **headers)

    def time(self, route: str) -> float:
        """Seconds that one takes."""
        self._refuse(route)
        return super().time(route)

    def _refuse(self, route: str) -> None:
        if route.startswith(_HUB_API) and "hub_api" in self.kind.lacks:
            raise self._not_served("hub_api")

    def _not_served(self, need: str) -> NotServed:
        return NotServed(self.kind.lacks.get(need) or f"an endpoint of kind {self.kind.name} does not show this")

    def hub_state(self, seconds: float | None = None) -> HubState:  # noqa: ARG002 - a hub's
        """Raises NotServed: it has no stream of events of a hub's."""
        raise self._not_served("hub_api")

    def identity(self) -> Identity:
        """Raises NotServed: it names no process of its own."""
        raise self._not_served("identity")

    def ends_when_left(self) -> bool:
        """Never: no stream of a hub's is opened."""
        return False

    def config_files(self) -> tuple[list[Path], list[str]]:
        """None, and why."""
        return [], [str(self._not_served("hub_api"))]

    def foreign_files(self, own: Iterable[Path]) -> tuple[list[Path], list[str]]:  # noqa: ARG002 - a hub's
        """None, and why."""
        return self.config_files()
