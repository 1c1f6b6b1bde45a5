"""An agent at work: the steps of the workflow as plain questions."""

from __future__ import annotations

import collections
import dataclasses
import functools
import re
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import CouldNotLook, Unknown
from readiness.facts.deployment import claims
from readiness.facts.http import BadAnswer, HubRefusal, TimedOut, strange_connections
from readiness.facts.hub import SEPARATOR, offered_name, prefixes_of
from readiness.facts.mcp.analysis import META_TOOL, PromptAnalysis, categories_of, prompt_for, read_analysis
from readiness.facts.mcp.configured_calls import marked, offered_prefixes, server_calls, tool_name
from readiness.facts.mcp.errors import report_of
from readiness.facts.mcp.records import LIST_CHANGED
from readiness.facts.mcp.refusals import Refusals
from readiness.facts.mcp.session_pool import Opening
from readiness.facts.mcp.workflow_notes import connected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from readiness.config import ExpectedCall, ToolCall
    from readiness.facts.hub import ClientView, Hub, HubTool
    from readiness.facts.mcp.configured_calls import ServerCall
    from readiness.facts.mcp.records import AgentTool, Notice, ToolResult
    from readiness.facts.mcp.session import AgentSession
    from readiness.facts.mcp.session_pool import AgentSessions

_STEP: Final = 0.5
"""Seconds between two looks at a session that is held."""
NOTICE_SECONDS: Final = 1.0
"""How long a notification is waited for; a healthy hub sends it before its answer."""
UNLISTED: Final = "blocked by tools-list-over-mcp: "
UNANALYSED: Final = "blocked by prompt-analysis-exposes-tools: "
UNDECLARED: Final = (
    f"agents are offered no {META_TOOL}, and nothing says that they should be: declare [expect] prompt_analysis, "
    "as true or as not expected"
)
OTHERS: Final = "another session's answer"
_TEXT: Final = 120
_NAME: Final = re.compile(r"[^\s]+?__[^\s]+")
_SHOWN: Final = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """What an agent got through the clients' address; `called` is the tool it called, `wrong` why it got nothing."""

    wrong: str = ""
    tools: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """What the hub's own port offers to a new session, and this address does not."""
    called: str = ""


class Agent(Opening):
    """One check's view of the workflow."""

    def __init__(self, sessions: AgentSessions, hub: Hub) -> None:
        super().__init__(sessions, hub)
        self.refusals = Refusals(self)

    def connected(self) -> list[str]:
        """Servers that are connected, and whose process lives, now."""
        return connected(self.hub)

    def took(self, method: str) -> str:
        """How long a request of that kind took the last time, in words; empty where none was made here."""
        return self._kept.took(method)

    @property
    def last_deed(self) -> str:
        """The request of this run that a hub which is gone did not outlive, in words; empty where none went unanswered."""
        stage = self._kept.unanswered
        return f"what this run did last, and got no answer to: {stage}" if stage else ""

    @staticmethod
    def report_of(wrong: str, asked: str) -> str:
        """What to do about an error inside the target itself, see `errors.report_of`."""
        return report_of(wrong, asked)

    # --- lists ----------------------------------------------------------------------------------------------------

    def tools(self, session: AgentSession | None = None) -> tuple[AgentTool, ...]:
        """What a session lists now. Raises BadAnswer and Unknown's kinds."""
        session = session or self.session()
        listed = session.tools()
        self._kept.first.setdefault(session, frozenset(tool.name for tool in listed))
        return listed

    def listed(self) -> tuple[AgentTool, ...]:
        """`tools`, for the check that proves just that: where it fails, no later check waits for the list again."""
        try:
            tools = self.tools()
        except Unknown as error:
            self._kept.unlisted = str(error)
            raise
        self._kept.unlisted = ""
        return tools

    def offers(self, session: AgentSession | None = None) -> tuple[AgentTool, ...]:
        """`tools`, for what rests on a list. Raises Unknown, "blocked by", where the check of the list got none."""
        if self._kept.unlisted:
            raise Unknown(UNLISTED + self._kept.unlisted)
        return self.tools(session)

    def names(self, session: AgentSession | None = None) -> frozenset[str]:
        """The names of `offers`."""
        return frozenset(tool.name for tool in self.offers(session))

    def exposed(self, session: AgentSession) -> frozenset[str]:
        """Tools that a session is offered now and was not at first."""
        return self.names(session) - self._kept.first[session]

    def wrong_list(self, tools: tuple[AgentTool, ...]) -> list[str]:
        """Whatever is wrong with names and schemas, and what a second look no longer finds, as sentences."""
        again = {tool.name for tool in self.tools()}
        gone = [tool.name for tool in tools if tool.name not in again]
        shrunk = [f"listed, and a moment later no more: {shown(gone)}"] if gone else []
        return shrunk + wrong_names(tools, is_hub=self.hub.kind.is_hub) + wrong_schemas(tools)

    def not_offered(self, tools: tuple[AgentTool, ...]) -> list[str]:
        """Tools that the hub lists over HTTP and not to this agent; none where it filters what agents see."""
        if "hub_api" in self.hub.kind.lacks or META_TOOL in {tool.name for tool in tools} or self._filters():
            return []
        return missing(tools, self.hub.server_tools(), prefixes_of(self.hub.health().servers))

    def _filters(self) -> bool:
        try:
            return self.hub.filtering_stats().get("enabled") is not False
        except Unknown:
            return self.config.claim("filtering").expected is not False

    # --- a session that is held -----------------------------------------------------------------------------------

    def held(self, seconds: float) -> str:
        """Why a new session that asked nothing for `seconds` cannot be used then, in a sentence; empty where it can."""
        return self.wrong(lambda: self._hold(seconds))

    def _hold(self, seconds: float) -> None:
        session = self.open()[0]
        if isinstance(session, Unknown):
            raise Unknown(f"no session could be opened, so none was held: {session}")
        begun = time.monotonic()
        try:
            while session.alive and (left := begun + seconds - time.monotonic()) > 0:
                time.sleep(min(left, _STEP))
            if not session.alive:
                raise BadAnswer(f"a session that asked nothing was cut after {time.monotonic() - begun:.0f} s")
            session.tools()
        finally:
            session.close()

    # --- prompt analysis ------------------------------------------------------------------------------------------

    def analysis(self) -> PromptAnalysis:
        """The analysis of a prompt that names the configured tools, asked once in the run's session."""
        if self._kept.analysis is None:
            session = self.session()
            if META_TOOL not in self.names(session) and not self._analyses():
                raise Unknown(UNDECLARED)
            self._kept.analysis = self.analyse(session, [self.name_of(call) for call in self._calls()])
        return self._kept.analysis

    def _analyses(self) -> bool:
        """Whether anything says that agents get their tools by an analysis: what is declared or deployed, or the hub itself."""
        declared = self.config.claim("prompt_analysis").expected
        if declared is None and (deployed := claims(self.config).get("prompt_analysis")):
            declared = deployed.expected
        if declared is not None:
            return declared
        try:
            stats = self.hub.filtering_stats()
        except Unknown:
            return False
        return stats.get("enabled") is True and stats.get("mode") == "prompt-based"

    def _calls(self) -> tuple[ToolCall, ...]:
        return self.config.expect.tool_calls

    def analyse(self, session: AgentSession, tools: list[str]) -> PromptAnalysis:
        """Let the hub analyse a prompt that names `tools`, or those that the hub lists first."""
        self.names(session)
        prefixes = offered_prefixes(self.hub)
        named = tools or [offered_name(tool.server, tool.name, prefixes) for tool in self.hub.tools()[:3]]
        asked = time.monotonic()
        self._kept.asked.setdefault(session, asked)
        trouble, categories = read_analysis(self._asked(session, named))
        if trouble:
            return PromptAnalysis(asked=asked, trouble=trouble)
        announced = self._kept.categories.get(session, frozenset()) | set(categories)
        self._kept.categories[session] = announced
        exposed = self.exposed(session)
        known = categories_of(self.hub)
        promised = None if known is None else frozenset(name for name, own in known.items() if own & set(categories))
        strange = frozenset(name for name in exposed if known and name in known and not known[name] & announced)
        return PromptAnalysis(asked=asked, categories=categories, exposed=exposed, promised=promised, strange=strange)

    def _asked(self, session: AgentSession, tools: list[str]) -> ToolResult:
        """The answer to a prompt. After `[probe] attempts` prompts without an answer, the next ones get a short timeout."""
        kept, probe = self._kept, self.config.probe
        patience = 2 * probe.timeout
        if kept.hung >= probe.attempts:
            patience = self.hub.transport.short
        try:
            result = session.call(
                META_TOOL, {"prompt": prompt_for(tools, offered_prefixes(self.hub))}, seconds=patience
            )
        except TimedOut:
            kept.hung += 1
            raise
        kept.hung = 0
        return result

    def notice(self, analysis: PromptAnalysis) -> Notice | None:
        """The notification of a changed list that came after the session's first analysis; None if none came in time."""
        session = self.session()
        return session.wait_notice(LIST_CHANGED, self._kept.asked.get(session, analysis.asked), NOTICE_SECONDS)

    # --- calls ----------------------------------------------------------------------------------------------------

    def name_of(self, call: ToolCall) -> str:
        """The tool of a configured call as the hub offers it to agents now."""
        return tool_name(call, self.hub)

    def offered(self, session: AgentSession, name: str) -> bool:
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

    def _demand(self, session: AgentSession, name: str) -> None:
        """Raise BadAnswer for a tool that is not offered, and Unknown where that is the analysis' fault."""
        before = self._kept.hung
        try:
            if self.offered(session, name):
                return
        except TimedOut as error:
            if self._kept.hung > before:
                raise Unknown(f"{UNANALYSED}{error}") from None
            raise
        analysis = self._kept.analysis
        if analysis is not None and not analysis.exposed:
            raise Unknown(f"{UNANALYSED}without it {name} is not offered")
        raise HubRefusal(f"{name} is not offered to the agent")

    def wrong_asked(self, one: ServerCall) -> str:
        """Why what is configured of a server does not give its answer, in a sentence; empty if it does, or if nothing is configured."""
        if one.other is not None:
            return self.wrong_other(one.other)
        return "" if one.call is None else self.wrong_call(one.call)

    def wrong_call(self, call: ToolCall) -> str:
        """Why a configured call does not give its answer, in a sentence; empty if it does."""
        results: list[ToolResult] = []
        name = self.name_of(call)

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
        self._kept.worked.add(name)
        return ""

    def wrong_other(self, other: ExpectedCall) -> str:
        """Why a server of which no tool is called is not well: it is not connected, or its resource cannot be read; empty if it is well."""
        if other.server and "server_status" not in self.hub.kind.lacks and other.server not in self.connected():
            return f"{other.server} is not connected"
        if not other.resource:
            return ""
        read: list[tuple[str, str]] = []
        # the real hub puts the server's name in front of its resources as of its tools, others leave them as they are
        prefixes = offered_prefixes(self.hub) if self.hub.kind.is_hub else None
        own = (other.resource,)
        names = own if prefixes is None else (offered_name(other.server, other.resource, prefixes), *own)
        if wrong := self.wrong(lambda: read.append(self.session().read(*names))):
            return wrong
        uri, text = read[0]
        if other.contains not in text or not text:
            return (
                f"{uri} holds {text[:_TEXT]!r}, expected {other.contains[:_TEXT]!r} in it"
                if text
                else f"{uri} is empty"
            )
        return ""

    def way_in(self, front: ClientView) -> WayIn:
        """One session and one call through the clients' address. Raises CouldNotLook or Unknown where nothing can be said."""
        call = next((one.call for one in server_calls(self.config) if one.call is not None), None)
        name = "" if call is None else self.name_of(call)
        self.hub.health()  # asked itself first: from here on the check fires no rollback
        visit = front.visit(name, {} if call is None else dict(call.arguments))
        self._settled()
        if isinstance(visit, str):
            return WayIn(wrong=visit)
        first = frozenset() if self._kept.main is None else self._kept.first.get(self._kept.main, frozenset())
        gone = tuple(sorted(first - set(visit.tools)))
        if visit.result is None or call is None:
            return WayIn(tools=visit.tools, gone=gone)
        text = "\n".join(_texts(visit.result))
        if visit.result.get("isError") is True or call.contains not in text:
            return WayIn(
                wrong=f"through [target] url: {name} answered {text[:_TEXT]!r}", tools=visit.tools, called=name
            )
        return WayIn(tools=visit.tools, gone=gone, called=name)

    def strange_connections(self, front: ClientView | None, number: int) -> list[str] | None:
        """What those of `number` new connections answered that do not know a session, through the clients' address; None where none has an id."""
        is_modern = self.session().modern  # agents of the eras before are served beside those of today, or not at all
        try:
            return strange_connections(self.hub.transport if front is None else front.transport, number)
        except CouldNotLook as error:
            if is_modern and isinstance(error, BadAnswer):
                return None
            if front is None:
                raise
            self._is_it_down()
            raise Unknown(f"blocked by agents-get-in-through-the-public-address: {error}") from None

    def enough_without(self, server: str) -> bool:
        """Whether as many servers as the configuration demands answer their calls although `server` does not."""
        least, calls = self.config.expect.min_servers, server_calls(self.config)
        servers = dict.fromkeys(one.server for one in calls)
        if least is None or least >= len(servers):
            return False
        working = 0
        for name in servers:
            own = [one for one in calls if one.server == name and (one.call or one.other)]
            working += name != server and bool(own) and not any(self.wrong_asked(one) for one in own)
        return working >= least

    def mixed_up(self, sessions: list[AgentSession]) -> list[str]:
        """Let every session call at once, each with a token of its own; what none or another one got, as sentences.

        Only lists are asked for where no configured call echoes what it is told, or it is not offered. Raises Unknown
        where the call gives no answer to one agent alone either.
        """
        asked = [(one, marked(self.config)) for one in sessions]
        calls = [
            (session, self.name_of(one.call), one.arguments)
            for session, one in asked
            if one is not None and self.offered(session, self.name_of(one.call))
        ]
        if len(calls) < len(sessions):
            return [why for one in sessions if (why := self.wrong(functools.partial(self.tools, one)))]
        tokens = [one.token for _, one in asked if one is not None]
        results = sessions[0].endpoint.together(calls)
        problems = [why for number, result in enumerate(results) if (why := _mixed(number, result, tokens))]
        if problems and not any(OTHERS in why for why in problems) and (alone := self._wrong_alone()):
            raise Unknown(f"blocked by tool-call-returns-its-result: {alone}")
        return problems

    def crosstalk(self) -> list[str]:
        """What proves that agents get what is another's, as sentences. Raises Unknown where too little could be looked at."""
        proofs: list[str] = []
        try:
            self._look_for_crosstalk(proofs)
        except Unknown:
            if not proofs and not self._kept.strays:
                raise
        return list(dict.fromkeys([*proofs, *self._kept.strays]))

    def _look_for_crosstalk(self, proofs: list[str]) -> None:
        mine, other = self.session(), self.other()
        leaked = sorted(self.names(other) & self.exposed(mine))
        if leaked:
            proofs.append(f"another session is offered what this one was shown: {', '.join(leaked[:5])}")
            return
        mixed = self.mixed_up([mine, other])
        proofs += [why for why in mixed if OTHERS in why]
        # what else came on a stream came before the answer to a later request
        for session in (mine, other):
            self.tools(session)
        if mixed and not proofs and not self._kept.strays:
            raise Unknown(f"whose answers they get could not be seen: {'; '.join(mixed[:3])}")

    def _wrong_alone(self) -> str:
        """Why the call that echoes is wrong even without others; empty if it is, or was before they came, right."""
        one = marked(self.config)
        return "" if one is None or self.name_of(one.call) in self._kept.worked else self.wrong_call(one.call)


def _texts(result: Mapping[str, Any]) -> list[str]:
    """The texts of a raw result of a call."""
    parts = result.get("content")
    return (
        [str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part]
        if isinstance(parts, list)
        else []
    )


def _mixed(number: int, result: ToolResult | Unknown, tokens: list[str]) -> str:
    """What is wrong with the answer to session `number`'s own call, in a sentence; empty if nothing is."""
    own, who = tokens[number], f"session {number + 1}"
    if isinstance(result, Unknown):
        return f"{who} got no answer: {result}"
    if any(token in result.text for token in tokens if token != own):
        return f"{who} got {OTHERS}"
    if result.is_error or own not in result.text:
        return f"{who} got {result.text[:_TEXT]!r}, not the answer to its own call"
    return ""


def wrong_names(tools: Sequence[AgentTool], *, is_hub: bool = True) -> list[str]:
    """Names that stand twice or, of an MCP Hub, do not say their server, as sentences."""
    times = collections.Counter(tool.name for tool in tools)
    repeated = [f"{name[:80]} is listed {number} times" for name, number in times.items() if number > 1]
    if not is_hub:
        return repeated
    return repeated + [f"{name[:80]!r} is no server{SEPARATOR}tool" for name in times if not _NAME.fullmatch(name)]


def wrong_schemas(tools: Iterable[AgentTool]) -> list[str]:
    """Input schemas that an agent cannot use, as sentences."""
    return [f"{tool.name[:80]}: {why}" for tool in tools if (why := _wrong_schema(tool.schema))]


def _wrong_schema(schema: Mapping[str, Any]) -> str:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    if schema.get("type") != "object":
        return "its input schema describes no object"
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path))
        return f"its input schema is no JSON Schema: {error.message[:100]}{f' at {where}' if where else ''}"
    except RecursionError:
        return "its input schema is nested beyond all reason"
    return ""


def missing(listed: Iterable[AgentTool], over_http: Iterable[HubTool], prefixes: Mapping[str, str]) -> list[str]:
    """Tools of connected servers that the API lists and a session does not, by their agents' names.

    `prefixes`: what stands in front of each connected server's tools.
    """
    names = {tool.name for tool in listed}
    wanted = [offered_name(tool.server, tool.name, prefixes) for tool in over_http if tool.server in prefixes]
    return [name for name in wanted if name not in names]


def shown(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(name[:80] for name in every[:_SHOWN]) + more
