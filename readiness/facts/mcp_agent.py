"""An agent at work: the sessions of a run, and the steps of the workflow as plain questions.

One session is reused for the whole run, because closing one freezes real hubs; what was closed is followed by a wait
until health answers as fast as before, before anything else is judged.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import HubDown, Unknown
from readiness.facts import mcp_analysis, mcp_before, mcp_lists, mcp_pace
from readiness.facts.answer import BadAnswer, Broken, TimedOut
from readiness.facts.http import token_of
from readiness.facts.hub import SECOND_LOOK
from readiness.facts.mcp_analysis import META_TOOL, Analysis
from readiness.facts.mcp_calls import marked, server_calls, tool_name
from readiness.facts.mcp_records import LIST_CHANGED
from readiness.facts.mcp_refusals import Refusals
from readiness.facts.rpc import ENDPOINT
from readiness.facts.silence import SHORT
from readiness.facts.status import HEALTH
from readiness.facts.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.config.model import Config, ToolCall
    from readiness.facts.hub import Hub
    from readiness.facts.mcp_pace import Pace, Stall
    from readiness.facts.mcp_records import AgentTool, Called, Notice
    from readiness.facts.mcp_session import Endpoint, Session

BLOCKED: Final = "blocked by mcp-session-initialises: "
MOST: Final = 50
"""Sessions at once at most: many more corrupt a real hub's state file."""
NOTICE_SECONDS: Final = 1.0
"""How long a notification is waited for; a healthy hub sends it before its answer."""
STALLS: Final = 3
"""Sessions that are closed at most to measure what closing one does."""
CLEAR: Final = 0.5
"""Seconds of standing still that are no other program's doing."""
OTHERS: Final = "another session's answer"
_TEXT: Final = 120


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Sessions opened at once, and why not all of them are."""

    sessions: list[Session]
    trouble: str = ""


class Sessions:
    """What one process of a run keeps of its sessions, from check to check."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.main: Session | None = None
        self.other: Session | None = None
        self.trouble = ""
        """Why the last attempt to open a session failed."""
        self.usual: Pace | None = None
        """How fast health was before the first session."""
        self.first: dict[Session, frozenset[str]] = {}
        """What each session listed before its first analysis."""
        self.categories: dict[Session, frozenset[str]] = {}
        self.analysis: Analysis | None = None
        self.since: float | None = None
        """When the first session was opened, seconds since the epoch."""
        self._endpoint: Endpoint | None = None

    def endpoint(self, hub: Hub, timeout: float) -> Endpoint:
        """Where sessions are opened; made at the first of them, which loads the SDK. Raises Unknown without a token."""
        from readiness.facts.mcp_session import Endpoint
        from readiness.facts.mcp_wire import Where

        if self._endpoint is None:
            self.usual = mcp_pace.pace(hub)
            self.since = time.time()
            target, probe = self.config.target, self.config.probe
            base = hub.transport.settings.base
            own = base == target.internal_url or is_loopback(base)
            where = Where(
                url=base.rstrip("/") + ENDPOINT,
                timeout=probe.timeout,
                token=token_of(target.token_env),
                ca_file=target.ca_file,
                rate=None if own else probe.rate,
            )
            self._endpoint = Endpoint(where, lambda answer: hub.transport.on_answer and hub.transport.on_answer(answer))
        self._endpoint.patience = timeout
        return self._endpoint

    @property
    def open(self) -> tuple[Session, ...]:
        """Every open session."""
        return () if self._endpoint is None else self._endpoint.sessions

    def close(self) -> None:
        """Close every session and the thread that served them."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None


class Agent:
    """One check's view of the workflow."""

    def __init__(self, sessions: Sessions, hub: Hub) -> None:
        self.hub, self.config, self._kept = hub, sessions.config, sessions
        self.refusals = Refusals(self)

    def new_attempt(self) -> None:
        """Another attempt opens and analyses anew."""
        self.hub.new_attempt()
        self._kept.trouble = ""
        self._kept.analysis = None

    # --- sessions -------------------------------------------------------------------------------------------------

    def wrong(self, step: Callable[[], object]) -> str:
        """Why a step of the workflow is answered wrongly or not at all, in a sentence; empty if it is right.

        Raises HubDown where the hub is down, and CouldNotLook or Unknown where the runner may be at fault.
        """
        try:
            step()
        except HubDown as error:
            self._is_it_down()
            return f"{error}, while {HEALTH} answers"
        except (TimedOut, Broken) as error:
            self.hub.silence.unheard(ENDPOINT)
            self._is_it_down()
            return str(error)
        except BadAnswer as error:
            return str(error)
        self.hub.silence.heard(ENDPOINT)
        return ""

    def _is_it_down(self) -> None:
        """Raise HubDown if health is silent too."""
        with self.hub.transport.within(SECOND_LOOK):
            self.hub.raw(HEALTH)

    def open(self, number: int = 1) -> list[Session | Unknown]:
        """New sessions, all at once; for each that could not be opened, why."""
        timeout = self.config.probe.timeout
        short = min(SHORT, timeout) if self.hub.silence.proven(ENDPOINT, self.config.probe.attempts) else timeout
        return self._kept.endpoint(self.hub, short).open_many(min(number, MOST))

    def opened(self) -> Session:
        """The session that is reused for the run, opened if it is not there. Raises BadAnswer and Unknown's kinds."""
        kept = self._kept
        if kept.main is None or not kept.main.alive:
            found = self.open()[0]
            if isinstance(found, Unknown):
                kept.trouble = str(found)
                raise found
            kept.main, kept.trouble, kept.analysis = found, "", None
        return kept.main

    def session(self) -> Session:
        """The same, for what rests on it. Raises Unknown, "blocked by", where it could not be opened."""
        if self._kept.trouble:
            raise Unknown(BLOCKED + self._kept.trouble)
        trouble = self.wrong(self.opened)
        if trouble or self._kept.main is None:
            raise Unknown(BLOCKED + trouble)
        return self._kept.main

    def other(self) -> Session:
        """Another agent's session, kept as well. Raises as `session` does."""
        self.session()
        if self._kept.other is None or not self._kept.other.alive:
            found = self.open()[0]
            if isinstance(found, Unknown):
                raise BadAnswer(f"no second session: {found}")
            self._kept.other = found
        return self._kept.other

    def closed(self, *sessions: Session) -> float | None:
        """Close sessions one by one, and wait after each until health is as fast as before the first of all.

        The seconds of its last answer where it did not become so; None where it did. Raises HubDown.
        """
        slow = None
        for session in sessions:
            session.close()
            # waited for in full once: a hub that stays slow must not cost that time again and again
            patience = mcp_pace.PATIENCE if slow is None else SECOND_LOOK
            slow = mcp_pace.settled(self.hub, self._kept.usual, patience) if self._kept.usual else None
        return slow

    def closed_all(self) -> float | None:
        """Close every session of this process; else as `closed`."""
        return self.closed(*self._kept.open)

    def connected(self) -> list[str]:
        """Servers that are connected, and whose process lives, now."""
        return mcp_before.connected(self.hub)

    @property
    def usual(self) -> float:
        """Seconds that health took before the first session."""
        return 0.0 if self._kept.usual is None else self._kept.usual.middle

    def at_once(self, wanted: float | None) -> int:
        """How many sessions are opened at once: as configured, never more than a hub can bear."""
        return max(1, min(int(wanted or 1), MOST))

    def open_together(self, number: int) -> Opened:
        """New sessions, all at once. Raises HubDown, and CouldNotLook or Unknown where the runner may be at fault."""
        self.session()
        found = self.open(number)
        failed = [one for one in found if isinstance(one, Unknown)]
        opened = Opened(
            sessions=[one for one in found if not isinstance(one, Unknown)], trouble=str(failed[0]) if failed else ""
        )
        if failed:
            try:
                self.wrong(functools.partial(_raise, failed[0]))
            except Unknown:
                self.closed(*opened.sessions)
                raise
        return opened

    def stall(self, fine: float | None) -> Stall:
        """How long health stands still while a session closes: where that is past `fine` (ms), the least of three.

        What another program does to this machine does not come back each time; what the hub does, does.
        """
        found: list[Stall] = []
        while len(found) < STALLS:
            session = self.other()
            self._kept.other = None
            found.append(mcp_pace.stall(self.hub, session.close_meanwhile()))
            if self._kept.usual is not None:
                mcp_pace.settled(self.hub, self._kept.usual)
            if fine is None or found[-1].seconds * 1000 <= fine or found[-1].seconds > CLEAR:
                break
        return min(found, key=lambda one: one.seconds)

    # --- lists ----------------------------------------------------------------------------------------------------

    def tools(self, session: Session | None = None) -> tuple[AgentTool, ...]:
        """What a session lists now. Raises BadAnswer and Unknown's kinds."""
        session = session or self.session()
        listed = session.tools()
        self._kept.first.setdefault(session, frozenset(tool.name for tool in listed))
        return listed

    def names(self, session: Session | None = None) -> frozenset[str]:
        """The names of `tools`."""
        return frozenset(tool.name for tool in self.tools(session))

    def exposed(self, session: Session) -> frozenset[str]:
        """What a session is offered beyond what it was at first."""
        return self.names(session) - self._kept.first[session]

    def wrong_list(self, tools: tuple[AgentTool, ...]) -> list[str]:
        """Whatever is wrong with names and schemas, as sentences."""
        return mcp_lists.wrong_names(tools) + mcp_lists.wrong_schemas(tools)

    def not_offered(self, tools: tuple[AgentTool, ...]) -> list[str]:
        """Tools that the hub lists over HTTP and not to this agent; none where it filters what agents see."""
        if META_TOOL in {tool.name for tool in tools} or self._filters():
            return []
        connected = {server.name for server in self.hub.health().servers if server.status == "connected"}
        return mcp_lists.missing(tools, self.hub.server_tools(), connected)

    def _filters(self) -> bool:
        try:
            return self.hub.filtering_stats().get("enabled") is not False
        except Unknown:
            return self.config.claim("filtering").expected is not False

    # --- prompt analysis ------------------------------------------------------------------------------------------

    def analysis(self) -> Analysis:
        """The analysis of a prompt that names the configured tools, asked once in the run's session."""
        if self._kept.analysis is None:
            session = self.session()
            self._kept.analysis = self.analyse(session, [tool_name(call) for call in self._calls()])
        return self._kept.analysis

    def _calls(self) -> tuple[ToolCall, ...]:
        return self.config.expect.tool_calls

    def analyse(self, session: Session, tools: list[str]) -> Analysis:
        """Let the hub analyse a prompt that names `tools`, or those that the hub lists first."""
        self.names(session)
        named = tools or [f"{tool.server}__{tool.name}" for tool in self.hub.tools()[:3]]
        asked = time.monotonic()
        trouble, categories = mcp_analysis.read(
            session.call(META_TOOL, {"prompt": mcp_analysis.prompt_for(named)}, seconds=2 * self.config.probe.timeout)
        )
        if trouble:
            return Analysis(asked=asked, trouble=trouble)
        said = self._kept.categories.get(session, frozenset()) | set(categories)
        self._kept.categories[session] = said
        exposed = self.exposed(session)
        known = mcp_analysis.categories_of(self.hub)
        promised = None if known is None else frozenset(name for name, own in known.items() if own & set(categories))
        strange = frozenset(name for name in exposed if known and name in known and not known[name] & said)
        return Analysis(asked=asked, categories=categories, exposed=exposed, promised=promised, strange=strange)

    def notice(self, analysis: Analysis) -> Notice | None:
        """The notification of a changed list that came after an analysis; None if none came in time."""
        return self.session().wait_notice(LIST_CHANGED, analysis.asked, NOTICE_SECONDS)

    # --- calls ----------------------------------------------------------------------------------------------------

    def offered(self, session: Session, name: str) -> bool:
        """Whether a session may call a tool, if need be after an analysis that names it."""
        if name in self.names(session):
            return True
        if META_TOOL not in self.names(session):
            return False
        if session is self._kept.main and self._kept.analysis is None:
            self.analysis()
        if name not in self.names(session):
            self.analyse(session, [name])
        return name in self.names(session)

    def _demand(self, session: Session, name: str) -> None:
        """Raise BadAnswer for a tool that is not offered, and Unknown where that is the analysis' fault."""
        if self.offered(session, name):
            return
        analysis = self._kept.analysis
        if analysis is not None and not analysis.exposed:
            raise Unknown(f"blocked by prompt-analysis-exposes-tools: without it {name} is not offered")
        raise BadAnswer(f"{name} is not offered to the agent")

    def wrong_call(self, call: ToolCall) -> str:
        """Why a configured call does not give its answer, in a sentence; empty if it does."""
        results: list[Called] = []
        name = tool_name(call)

        def step() -> None:
            session = self.session()
            self._demand(session, name)
            results.append(session.call(name, dict(call.arguments)))

        if wrong := self.wrong(step):
            return wrong
        if results[0].is_error:
            return f"{name} answered an error: {results[0].text[:_TEXT]}"
        if call.contains not in results[0].text:
            return f"{name} answered {results[0].text[:_TEXT]!r}, expected {call.contains[:_TEXT]!r} in it"
        return ""

    def enough_without(self, server: str) -> bool:
        """Whether as many servers as the configuration demands answer their calls although `server` does not."""
        least, calls = self.config.expect.min_servers, server_calls(self.config)
        servers = dict.fromkeys(one.server for one in calls)
        if least is None or least >= len(servers):
            return False
        working = 0
        for name in servers:
            own = [one.call for one in calls if one.server == name and one.call is not None]
            working += name != server and bool(own) and not any(self.wrong_call(call) for call in own)
        return working >= least

    def mixed_up(self, sessions: list[Session]) -> list[str]:
        """Let every session call at once, each with a token of its own; what none or another one got, as sentences.

        Only lists are asked for where no configured call echoes what it is told, or it is not offered. Raises Unknown
        where the call gives no answer to one agent alone either.
        """
        asked = [(one, marked(self.config)) for one in sessions]
        calls = [
            (session, tool_name(one.call), one.arguments)
            for session, one in asked
            if one is not None and self.offered(session, tool_name(one.call))
        ]
        if len(calls) < len(sessions):
            return [why for one in sessions if (why := self.wrong(functools.partial(self.tools, one)))]
        tokens = [one.token for _, one in asked if one is not None]
        results = sessions[0].endpoint.together(calls)
        found = [why for number, result in enumerate(results) if (why := _mixed(number, result, tokens))]
        if found and not any(OTHERS in why for why in found) and (alone := self._wrong_alone()):
            raise Unknown(f"blocked by tool-call-returns-its-result: {alone}")
        return found

    def _wrong_alone(self) -> str:
        """Why the call that echoes is wrong even without others; empty if it is right."""
        one = marked(self.config)
        return "" if one is None else self.wrong_call(one.call)


def _raise(error: Unknown) -> None:
    raise error


def _mixed(number: int, result: Called | Unknown, tokens: list[str]) -> str:
    """What is wrong with the answer to session `number`'s own call, in a sentence; empty if nothing is."""
    own, who = tokens[number], f"session {number + 1}"
    if isinstance(result, Unknown):
        return f"{who} got no answer: {result}"
    if any(token in result.text for token in tokens if token != own):
        return f"{who} got {OTHERS}"
    if result.is_error or own not in result.text:
        return f"{who} got {result.text[:_TEXT]!r}, not the answer to its own call"
    return ""
