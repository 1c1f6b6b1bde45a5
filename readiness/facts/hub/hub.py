"""The hub over its HTTP API: what it says about itself, read again at every attempt.

Never read here: `/api/refresh` (a GET that changes state), `/api/logs` (never ends), `/api/marketplace` (asks the
internet).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shlex
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook, HubDown, HubSilent, NotServed, Unknown
from readiness.facts.http import (
    BEFORE,
    HEALTH,
    BadAnswer,
    BrokenConnection,
    HttpAnswer,
    NoState,
    NotTheHub,
    SilentBefore,
    SilentRoutes,
    TimedOut,
    checked,
    events,
)
from readiness.facts.hub.records import (
    EVENTS,
    Health,
    HealthLooks,
    HubServer,
    HubState,
    HubTool,
    first_state,
    servers_in,
    shown,
    tools_in,
    tools_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    import psutil

    from readiness.config import Config, TargetKind
    from readiness.facts.http import Attempt, Detected, HttpTransport, McpProbe
    from readiness.facts.hub.identity import Identity

SECOND_LOOK: Final = 1.0
"""Seconds in which a hub that was slow once has to be as fast as before."""
_Answer = TypeVar("_Answer")
ENDS_WHEN_LEFT: Final = (
    "this hub ends itself when its last event stream closes (--auto-shutdown), and no other client has one open"
)
_ANEW: Final = 1.5
"""Seconds after which a time that stands still is a cache's: the hub writes milliseconds, another one perhaps seconds."""
_STAMPS: Final = 200
_NOT_THERE: Final = frozenset({400, 404, 405, 410, 501})
_OWN_PATHS: Final = ("/api", "/api/health", "/mcp", "/messages", "/sse", "/health")
_AT_LEAST: Final = 4
"""Looks at health that are compared: of two, one may have been lucky."""
_PAUSE: Final = 0.5
_OK: Final = 200
_HUB_NAME: Final = re.compile(r"mcp[ -]?hub", re.IGNORECASE)
"""How an MCP Hub names itself to agents."""
_TURNS: Final = 4
"""Looks in which a second hub behind a balancer shows itself again."""


class TwoHubs(BadAnswer):
    """Two processes answer at one address by turns: whatever differs between two looks is no release's fault."""


class Timestamps:
    """The times that health told: one that comes again later is a cache's, since the hub writes each answer anew."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, HttpAnswer]] = {}

    def demand_new(self, answer: HttpAnswer, health: Health) -> None:
        """Return where `answer` is as new as it came. Raises CouldNotLook for one whose time was told before."""
        told, now = health.raw.get("timestamp"), time.monotonic()
        if not isinstance(told, str):
            return
        at, first = self._first.setdefault(told[:40], (now, answer))
        while len(self._first) > _STAMPS:
            del self._first[next(iter(self._first))]
        if first is not answer and now - at > _ANEW:
            raise CouldNotLook(
                f"GET {HEALTH} tells the time {told[:40]} as {now - at:.0f} s before: a cache answers in the hub's place, which "
                "proves nothing about the hub now"
            )


@dataclasses.dataclass(slots=True)
class HubKnowledge:
    """What a process has learnt about the hub: for messages and timeouts, never for outcomes."""

    version: str | None = None
    silence: SilentRoutes = dataclasses.field(default_factory=SilentRoutes)
    on_down: Callable[[HubDown], None] | None = None
    """Hears of every proof that the hub is down."""
    on_seen: Callable[[str], None] | None = None
    """Hears what each look at health proved: a sentence of trouble, or an empty text."""
    on_doubt: Callable[[CouldNotLook], None] | None = None
    """Hears of every wrong or missing answer that a check may fail for: something in front of the hub may have given it."""

    other: str | None = None
    """What answers in its place, in a sentence; empty for nothing known, None where that was not asked."""
    stamps: Timestamps = dataclasses.field(default_factory=Timestamps)
    looks: HealthLooks = dataclasses.field(default_factory=HealthLooks)

    @property
    def name(self) -> str:
        """The hub's version, or "this hub"."""
        return self.version or "this hub"


class Hub:
    """One check's view of the hub: identical reads are shared within an attempt and forgotten after it."""

    def __init__(self, transport: HttpTransport, config: Config, known: HubKnowledge | None = None) -> None:
        self.transport, self.config = transport, config
        self._known = known or HubKnowledge()
        self._answers: dict[str, HttpAnswer | Unknown] = {}
        self._identity: Identity | None = None
        self._patient = False
        self._noted: HttpAnswer | None = None
        """The answer of health that was kept last."""

    def __repr__(self) -> str:
        return f"Hub({self.transport!r})"

    @property
    def kind(self) -> TargetKind:
        """What kind of target it is."""
        return self.config.target.kind

    @property
    def endpoint(self) -> str:
        """The path at which agents connect."""
        return self.transport.settings.endpoint

    @property
    def attempts(self) -> Collection[Attempt]:
        """This process's tries at requests, the last 500."""
        return self.transport.attempts

    @property
    def silence(self) -> SilentRoutes:
        """Which routes gave no answer in this process."""
        return self._known.silence

    def new_attempt(self) -> None:
        """Forget what was read: another attempt looks again."""
        self._answers.clear()
        self._identity = None

    def wrong(self, fetch: Callable[[], object]) -> str:
        """Why what `fetch` reads is a wrong answer, in a sentence; empty if it is right. Other errors pass.

        For the check that is about this answer: it looks as long as a probe may, whatever was silent before.
        """
        self._patient = True
        try:
            fetch()
        except BadAnswer as error:
            self.doubt(error)
            return str(error)
        finally:
            self._patient = False
        return ""

    def beside_its_health(self, wrong: str) -> str:
        """What agents get wrong, and that the target's own health says otherwise, where it has one that others trust; a hub's is judged by itself."""
        return wrong

    def beside_its_agents(self) -> str:
        """What agents get all the same from a target that calls itself not ready, as the end of a sentence; empty for a hub, or where it is nothing."""
        return ""

    def doubt(self, error: CouldNotLook) -> None:
        """Tell whoever decides about a rollback what a check is about to fail for."""
        if self._known.on_doubt:
            self._known.on_doubt(error)

    def trouble(self) -> str:
        """What proves that no MCP Hub answers here, in a sentence; empty if one does.

        Raises Unknown or CouldNotLook where the runner may be at fault: a name that does not resolve, no credentials.
        """
        words = ""
        try:
            self.health()
        except (HubDown, BadAnswer) as error:
            words = str(error)
            if isinstance(error, BadAnswer) and (other := self.other_target()):
                raise Unknown(other) from None
            self.doubt(error)
        if self._known.on_seen:
            self._known.on_seen(words)
        return words

    def other_target(self) -> str:
        """What answers in the place of a target of this kind, and how to have it judged, in a sentence; empty for nothing known.

        Asked once a process, and only where the last answer is no word of a target of this kind.
        """
        if self._known.other is None:
            self._known.other = ""
            last = self.transport.last_answer
            if last is not None and self._is_foreign(last):
                from readiness.facts.http import detect

                with contextlib.suppress(Unknown):
                    self._known.other = self._told(detect(self.transport, (self.endpoint,)))
        return self._known.other

    def _is_foreign(self, last: HttpAnswer) -> bool:
        """Whether an answer to health may be another product's: not a hub's own, and nobody's in front of it."""
        if last.from_proxy and last.is_page:
            return False
        if last.status in _NOT_THERE:
            return True
        with contextlib.suppress(BadAnswer):
            return last.status == _OK and not {"state", "servers"} <= last.json_object().keys()
        return last.status == _OK

    def _told(self, other: Detected | None) -> str:
        """`other` in a sentence with the setting that has it judged; empty where it is a target of this kind after all."""
        if other is None or other.kind in {"", self.kind.name}:
            return ""
        if other.probe is not None and _HUB_NAME.search(other.probe.server):
            return ""  # a hub whose own routes are broken or not forwarded
        place = f', endpoint = "{other.endpoint}"' if other.endpoint not in {"", "/mcp"} else ""
        return f'no MCP Hub answers there, but {other.words}: set [target] kind = "{other.kind}"{place}'

    def answer(self, route: str) -> HttpAnswer:
        """GET `route` and demand success. Raises BadAnswer, NotServed, HubDown, CouldNotLook or Unknown."""
        outcome = self._answers.get(route)
        if outcome is None:
            try:
                with self._watched():
                    outcome = self._checked(route, self._ask(route))
            except Unknown as error:
                outcome = error
            self._answers[route] = outcome
        if isinstance(outcome, Unknown):
            raise outcome.with_traceback(None)
        return outcome

    def raw(self, route: str, **headers: str) -> HttpAnswer:
        """GET `route` with `headers` as it is, whatever its status. Raises HubDown, BadAnswer, CouldNotLook."""
        with self._watched():
            return self._ask(route, headers)

    def time(self, route: str) -> float:
        """Seconds one GET of `route` takes, answered well, never shared. Raises as `answer` does."""
        with self._watched():
            return self._checked(route, self._ask(route)).seconds

    pulse_route: str = HEALTH
    """What is asked, as a GET, to see whether and how fast the process answers."""

    def pulse(self, timeout: float | None = None, **headers: str) -> HttpAnswer:
        """One answer of the cheapest kind, unwatched and asked once. Raises as the transport does."""
        return self.transport.get(HEALTH, timeout=timeout, tries=1, headers=headers)

    def watched_pulse(self, **headers: str) -> HttpAnswer:
        """The same, where losing the hub is noted. Raises as `raw` does."""
        return self.raw(HEALTH, **headers)

    def pulse_seconds(self) -> float:
        """Seconds that a good one takes. Raises as `time` does."""
        return self.time(HEALTH)

    def answer_seconds(self) -> float:
        """Seconds that the answer of this attempt took. Raises as `answer` does."""
        return self.answer(HEALTH).seconds

    def tools_seconds(self, route: str) -> float:
        """Seconds that the list of tools takes; `route` is where this version serves it. Raises as `time` does."""
        return self.time(route)

    def health(self) -> Health:
        """`GET /api/health`. Raises as `answer` does, NotTheHub without the hub's mark, CouldNotLook for what a cache kept."""
        health = Health(raw=self.answer(HEALTH).json_object())
        if health.server_id != "mcp-hub":
            raise NotTheHub(
                f"GET {HEALTH}: server_id is {shown(health.server_id)}, expected 'mcp-hub': something answers there, and it is no MCP Hub"
            )
        self._known.version = health.version or self._known.version
        self._known.stamps.demand_new(self.answer(HEALTH), health)
        if self._noted is not self._answers.get(HEALTH):
            self._noted = self.answer(HEALTH)
            self._known.looks.note(self._noted, health, time.monotonic())
        return health

    def servers(self) -> tuple[HubServer, ...]:
        """`GET /api/servers`. Raises as `answer` does."""
        return servers_in(self.answer("/api/servers").json_object(), "GET /api/servers")

    def listed_tools(self) -> tuple[HubTool, ...]:
        """`GET /api/tools`. Raises as `answer` does; NotServed before 4.3.0."""
        return tools_in(self.answer("/api/tools").json_object(), "GET /api/tools")

    def server_tools(self) -> tuple[HubTool, ...]:
        """The tools in the capabilities of `GET /api/servers`, with schemas. Raises as `answer` does."""
        return tools_of(self.answer("/api/servers").json_object(), "GET /api/servers")

    def tools(self) -> tuple[HubTool, ...]:
        """The tools: `GET /api/tools`, or the servers' capabilities where that is not served. Raises as `answer`."""
        try:
            return self.listed_tools()
        except NotServed:
            return self.server_tools()

    def offered_names(self) -> list[str]:
        """The tools of the connected servers, each as the hub offers it to agents. Raises as `answer` does."""
        from readiness.facts.hub.offered_names import offered_names

        return offered_names(self.health().servers, self.tools())

    def name_clashes(self) -> list[str]:
        """Names that agents cannot keep apart, as sentences. Raises as `answer` does."""
        from readiness.facts.hub.offered_names import name_clashes

        return name_clashes(self.health().servers)

    def filtering_stats(self) -> dict[str, Any]:
        """`GET /api/filtering/stats`. Raises as `answer` does; NotServed before 4.3.0."""
        return self.answer("/api/filtering/stats").json_object()

    def config_api(self) -> dict[str, Any]:
        """The `config` of `GET /api/config`: the file on disk, not what runs. Raises as `answer` does."""
        config = self.answer("/api/config").json_object().get("config")
        if not isinstance(config, dict):
            raise BadAnswer(f"GET /api/config: config is {shown(config)}, expected an object")
        return config

    def hub_state(self, seconds: float | None = None) -> HubState:
        """The first `hub_state` event of `GET /api/events`: the process's own word. One stream at a time, closed at once.

        Raises BadAnswer when the stream brings none within `seconds` or the probe's time-out, Unknown where leaving it would end
        the hub, else as `answer` does.
        """
        if self.ends_when_left():
            raise Unknown(f"GET {EVENTS} was not opened: {ENDS_WHEN_LEFT}")
        proven = self._is_proven_silent(EVENTS)
        short = self.transport.short if proven and seconds is None else seconds
        within = self.config.probe.timeout if short is None else min(short, self.config.probe.timeout)
        try:
            with self._watched(), self.transport.within(within):
                state = first_state(self.transport, lambda answer: self._checked(EVENTS, answer))
        except (TimedOut, BrokenConnection) as error:
            self._is_it_down(EVENTS, error)
            silent = NoState(f"GET {EVENTS}: no hub_state event in {within:g} s{BEFORE if proven else ''}")
            silent.retry = not proven
            raise silent from None
        self.silence.heard(EVENTS)
        return state

    def first_events(self, most: int, seconds: float) -> list[str]:
        """The data of the first events that come within so many seconds. Raises Unknown where leaving the stream would end the hub, or no stream opens."""
        if self.ends_when_left():
            raise Unknown(f"GET {EVENTS} was not opened: {ENDS_WHEN_LEFT}")
        heard: list[str] = []
        with (
            contextlib.suppress(TimedOut, BrokenConnection),
            self.transport.within(seconds),
            self.transport.stream("GET", EVENTS, headers={"accept": "text/event-stream"}) as stream,
        ):
            for event in events(stream.chunks()) if stream.status == 200 else ():  # noqa: PLR2004 - HTTP's own number
                heard.append(event.data)
                if len(heard) == most:
                    break
        return heard

    def ends_when_left(self) -> bool:
        """Whether the hub ends itself once a stream of ours closes: it was started so, and nobody else has one open."""
        from readiness.facts.hub.identity import ends_with_its_last_client

        try:
            return not self.health().listeners and ends_with_its_last_client(self)
        except HubDown:
            raise
        except Unknown:
            return False  # what is wrong with health is not the stream's fault

    def identity(self) -> Identity:
        """Which process answers, once an attempt. Raises BadAnswer when nothing names one, else as `answer` does."""
        from readiness.facts.hub.identity import identify

        if self._identity is None:
            self._identity = identify(self)
        return self._identity

    def looked_apart(self, seconds: float) -> HealthLooks:
        """What health answered in this process, read again until the first and the last look are `seconds` apart."""
        self.health()
        while (left := seconds - self._known.looks.span) > 0 or self._known.looks.count < _AT_LEAST:
            time.sleep(max(0.01, min(left, _PAUSE)))
            self.new_attempt()
            self.health()
        return self._known.looks

    def answers_by_turns(self, first: int) -> bool:
        """Whether the process `first`, in whose place another one answers now, answers too: nothing was restarted then."""
        for _ in range(_TURNS):
            self.new_attempt()
            with contextlib.suppress(Unknown):
                if self.identity().pid == first:
                    self.doubt(TwoHubs("two hubs answer by turns"))
                    return True
        return False

    def call_that_restarts(self, server: str) -> str:
        """A command for a shell that stops and starts an MCP server: what it is called is quoted, a token stays a variable."""
        variable = self.config.target.token_env
        token = f' -H "Authorization: Bearer ${variable}"' if variable else ""
        body = shlex.quote(json.dumps({"server_name": server}, ensure_ascii=False))
        route = shlex.quote(f"{self.transport.settings.base.rstrip('/')}/api/servers/")
        call = f"curl -fsS -o /dev/null{token} -H 'Content-Type: application/json' -d {body} {route}$verb"
        return f"for verb in stop start; do {call}; done"

    def reads_changes(self) -> bool:
        """Whether the hub was started on this host with --watch: it reads a changed configuration by itself."""
        from readiness.facts.hub.identity import watches_its_file

        with contextlib.suppress(Unknown):
            return watches_its_file(self.process())
        return False

    def version(self) -> str:
        """The version that runs: published, else of the package that the process on this host runs. Raises NotServed."""
        from readiness.facts.hub.identity import package_of

        published = self.health().version
        if published is not None:
            return published
        package = package_of(self.process())
        if package is None:
            raise NotServed("the hub publishes no version (run from source), and its process shows no package.json")
        return str(package["version"])

    def variables(self) -> frozenset[str]:
        """Names of the variables, not empty, that the process on this host was started with. Raises Unknown."""
        from readiness.facts.hub.identity import environment_of

        variables = environment_of(self.process())
        if variables is None:
            raise Unknown("this user may not read the environment of the hub's process")
        return frozenset(name for name, value in variables.items() if value)

    def process(self) -> psutil.Process:
        """The hub's process on this host. Raises Unknown where it runs elsewhere or cannot be told."""
        from readiness.facts.hub.identity import process_here

        process = process_here(self, self.identity().pid)
        if process is None:
            raise Unknown(
                "the hub's process is not on this host; look from there, or declare [expect] process as not expected"
            )
        return process

    def config_files(self) -> tuple[list[Path], list[str]]:
        """The files that it read its servers from, and why others cannot be named. Raises as `answer` does."""
        from readiness.facts.hub.paths import config_files

        return config_files(self)

    def foreign_files(self, own: Iterable[Path]) -> tuple[list[Path], list[str]]:
        """Those of these files that are none of `own`, and why others cannot be compared. Raises as `answer` does."""
        from readiness.facts.hub.paths import foreign_files

        return foreign_files(self, own)

    def call_tool(self, server: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """`POST /api/servers/tools`: the MCP result. Raises BadAnswer for an error, else as `answer` does."""
        route = "/api/servers/tools"
        asked = {"server_name": server, "tool": tool, "arguments": arguments}
        with self._watched():
            answer = self._checked(route, self.transport.post(route, json=asked))
        result = answer.json_object().get("result")
        if not isinstance(result, dict):
            raise BadAnswer(f"POST {route}: result is {shown(result)}, expected an object")
        return result

    def agent_session(self, *, tools: bool = False) -> McpProbe:
        """Open, ping and close a session where agents do: see `probe`. An endpoint that is silent is a BadAnswer."""
        from readiness.facts.http import probe_mcp

        endpoint = self.endpoint
        try:
            with self._watched():
                probed = probe_mcp(self.transport, tools=tools, timeout=self._patience(endpoint))
        except (TimedOut, BrokenConnection) as error:
            self._is_it_down(endpoint, error)
            raise BadAnswer(f"{endpoint} accepted a session and did not answer: {error}") from None
        self.silence.heard(endpoint)
        return probed

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except HubDown as error:
            if self._known.on_down:
                self._known.on_down(error)
            raise

    def _ask(self, route: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        short = self._patience(route)
        try:
            answer = self.transport.get(route, headers=headers, timeout=short)
        except TimedOut as error:
            if route == HEALTH:
                raise HubSilent(str(error)) from None
            self._is_it_down(route, error)
            if short is None:
                raise
            raise SilentBefore(f"{error}{BEFORE}") from None
        self.silence.heard(route)
        return answer

    def _is_proven_silent(self, route: str) -> bool:
        return not self._patient and self.silence.proven(route, self.config.probe.attempts)

    def _patience(self, route: str) -> float | None:
        """Seconds for one look: short where nothing came before; None: what a probe has."""
        return self.transport.short if self._is_proven_silent(route) else None

    def _is_it_down(self, route: str, silent: CouldNotLook) -> None:
        """One silent route is no dead hub: note it, and ask health. Raises HubDown if that is silent too."""
        self.silence.unheard(route)
        second = self.transport.short
        try:
            self.pulse(second)
        except (TimedOut, HubDown):
            down = HubSilent(f"{silent}; nor did {self.pulse_route} in {second:g} s")
            if self._known.on_down:
                self._known.on_down(down)
            raise down from None
        except CouldNotLook:
            return

    def _checked(self, route: str, answer: HttpAnswer) -> HttpAnswer:
        proxied = self.config.target.internal_url is None and not self.transport.loopback
        try:
            return checked(route, answer, hub=self._known.name, proxied=proxied, token_env=self.config.target.token_env)
        except BadAnswer as error:
            if route != HEALTH or answer.status not in _NOT_THERE:
                raise
            raise type(error)(f"{error}: {self._elsewhere(answer)}") from None

    def _elsewhere(self, answer: HttpAnswer) -> str:
        """Why nothing of a hub is served at an address where something answers."""
        path = urlsplit(self.transport.settings.base).path.rstrip("/")
        if any(path.endswith(end) for end in _OWN_PATHS):
            return f"the address ends in {path}, which is the hub's own path: give it without"
        if "https" in answer.text(2_000).lower() and answer.status == 400:  # noqa: PLR2004 - HTTP's own number
            return "TLS is spoken there: the address must begin with https://"
        return "something answers there, and it is no MCP Hub: look at host and port"


def config_sources(config: Config) -> tuple[Path, ...]:
    """The files that a running hub of this host says it read its servers from, each once: a release is judged without a hub.

    None where no hub is configured, it runs elsewhere or none answers within a short look. Never raises.
    """
    from readiness.facts.hub.paths import config_files

    return _at_once(config, lambda hub: tuple(config_files(hub)[0]) if hub.transport.loopback else ()) or ()


def is_running(config: Config) -> bool:
    """Whether a hub answers at its address within a short look. Never raises."""
    return bool(_at_once(config, lambda hub: hub.health().server_id == "mcp-hub"))


def _at_once(config: Config, ask: Callable[[Hub], _Answer]) -> _Answer | None:
    """What a running hub answers within a short look; None where none is configured or it does not answer. Never raises."""
    from readiness.facts.http import HttpTransport, Manners, TransportSettings, credentials, short_look

    url, seconds = config.target.facts_url, short_look(config.probe.timeout)
    if url is None or not config.target.kind.is_hub:
        return None
    try:
        transport = HttpTransport(
            TransportSettings(
                base=url,
                timeout=seconds,
                ca_file=config.target.ca_file,
                headers=credentials(config.target),
                proxy=config.target.proxy,
                manners=Manners.of(config),
            )
        )
    except Unknown:
        return None
    try:
        with transport.within(seconds):
            return ask(Hub(transport, config))
    except Unknown:
        return None
    finally:
        transport.close()
