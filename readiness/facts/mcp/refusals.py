"""Requests that break the protocol on purpose, and what a hub answered to each. None of them can change anything."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from readiness.facts.http import BadAnswer, HttpAnswer, ended_session, negotiated_version
from readiness.facts.mcp.records import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.config import Config, ToolCall
    from readiness.facts.hub import Hub
    from readiness.facts.mcp.records import AgentTool
    from readiness.facts.mcp.session import AgentSession

_T = TypeVar("_T")
NO_TOOL: Final = "readiness__no_such_tool"
NO_VERSION: Final = "1999-01-01"
"""A revision of MCP that there never was."""
STRANGER: Final = "00000000-0000-4000-8000-000000000000"
"""A session id that no hub gave out."""
BELOW, ABOVE = 60 * 1024, 200 * 1024
"""Bytes of an argument on either side of the 100 KB above which a hub answers 413."""
_OK: Final = range(200, 300)
_REFUSED: Final = range(400, 500)
_UNKNOWN: Final = 404
"""What the protocol asks for where a session is not known: only at that does an agent open another."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefusal:
    """What was asked, whether it was refused in order, and how it was answered."""

    asked: str
    refused: bool
    how: str
    odd: bool = False
    """Refused, and not in the way the protocol asks for."""

    def __str__(self) -> str:
        return f"{self.asked}: {self.how}"


class WorkingAgent(Protocol):
    """What of an agent is needed to send its malformed requests; `agent.Agent` has it all."""

    config: Config
    hub: Hub

    def session(self) -> AgentSession:
        """The session of the run."""

    def tools(self) -> tuple[AgentTool, ...]:
        """What the session lists now."""

    def offers(self) -> tuple[AgentTool, ...]:
        """The same, for what rests on a list."""

    def wrong(self, step: Callable[[], object]) -> str:
        """Why a step is answered wrongly, in a sentence; empty if it is right."""

    def name_of(self, call: ToolCall) -> str:
        """The tool of a configured call as the hub offers it to agents now."""

    def wrong_call(self, call: ToolCall) -> str:
        """Why a configured call does not give its answer, in a sentence; empty if it does."""


class Refusals:
    """The malformed requests of one agent."""

    def __init__(self, agent: WorkingAgent) -> None:
        self._agent = agent

    def unknown_tool(self) -> RequestRefusal:
        """A call of a tool that does not exist. Raises TimedOut and its like."""
        asked = f"a call of {NO_TOOL}"
        try:
            result = self._agent.session().call(NO_TOOL, {})
        except ProtocolError as error:
            return RequestRefusal(asked=asked, refused=True, how=f"error {error.code}")
        if result.is_error:
            how = f"a result that calls itself an error: {result.text[:80]}"
            return RequestRefusal(asked=asked, refused=True, how=how, odd=True)
        return RequestRefusal(asked=asked, refused=False, how=f"answered as if it existed: {result.text[:80]!r}")

    def wrong_arguments(self) -> RequestRefusal | None:
        """A configured call with arguments of the wrong types; None where no tool that works demands any."""
        session = self._agent.session()
        offered = {tool.name: tool.schema for tool in self._agent.offers()}
        calls = self._agent.config.expect.tool_calls
        call = next((one for one in calls if offered.get(self._agent.name_of(one), {}).get("required")), None)
        if call is None or self._agent.wrong_call(call):
            return None
        name = self._agent.name_of(call)
        wanted = offered[name].get("properties")
        bad: dict[str, Any] = {key: _wrong(value) for key, value in wanted.items()} if isinstance(wanted, dict) else {}
        asked = f"{name} with arguments of wrong types"
        try:
            result = session.call(name, bad)
        except ProtocolError as error:
            return RequestRefusal(asked=asked, refused=True, how=f"error {error.code}")
        how = "an error result" if result.is_error else f"answered {result.text[:80]!r}"
        return RequestRefusal(asked=asked, refused=result.is_error, how=how)

    def malformed(self) -> RequestRefusal:
        """A body that is cut off in the middle of its JSON."""
        return _refusal(
            "a body that is no JSON", self._agent.session().raw(b'{"jsonrpc": "2.0", "id": "readiness", "me')
        )

    def strange_session(self) -> RequestRefusal | None:
        """A list for a session that was never opened; None where there are no sessions, or initialize gave no id."""
        session = self._agent.session()
        if session.modern or not session.has_id or not self._has_sessions():
            return None
        body = json.dumps({"jsonrpc": "2.0", "id": "readiness", "method": "tools/list", "params": {}}).encode()
        answer = session.raw(body, session=STRANGER)
        return _of_a_session("a request for a session that does not exist", answer, session)

    def ended_session(self) -> RequestRefusal | None:
        """A list for a session that was deleted before; None where initialize gives no id, or an agent cannot end a session."""
        session = self._agent.session()
        has_id = session.modern or session.has_id  # agents of the eras before are served beside those of today
        if session.wire != "streamable-http" or not has_id or not self._has_sessions():
            return None
        answer = self._of_older_agents(lambda: ended_session(self._agent.hub.transport))
        return None if answer is None else _of_a_session("a request for a session that was deleted", answer, session)

    def _of_older_agents(self, ask: Callable[[], _T]) -> _T | None:
        """What is asked as agents with a handshake ask; None of a server that knows only those without."""
        try:
            return ask()
        except BadAnswer:
            if self._agent.session().modern:
                return None
            raise

    def _has_sessions(self) -> bool:
        config = self._agent.config
        return "sessions" not in config.target.kind.lacks and config.claim("sessions").expected is not False

    def strange_version(self) -> RequestRefusal | None:
        """An initialize in a revision of MCP that there never was; None where the protocol has no handshake.

        Over Streamable HTTP alone: another stream of the older transport could break this session where streams are mixed up.
        """
        if self._agent.session().wire != "streamable-http":
            return None
        agreed = self._of_older_agents(lambda: negotiated_version(self._agent.hub.transport, NO_VERSION))
        how = "refused" if agreed is None else f"agreed to {agreed[:40]}"
        return RequestRefusal(asked=f"an initialize in MCP {NO_VERSION}", refused=agreed != NO_VERSION, how=how)

    def oversized(self, size: int) -> RequestRefusal:
        """A call with an argument of `size` bytes: right is whatever answer that is not a fault of the server's."""
        arguments = {"message": "x" * size}
        message = {"jsonrpc": "2.0", "id": f"readiness-{size}", "method": "tools/call"}
        body = json.dumps(message | {"params": {"name": NO_TOOL, "arguments": arguments}}).encode()
        answer = self._agent.session().raw(body)
        fine = answer.status in _OK or answer.status in _REFUSED
        return RequestRefusal(asked=f"an argument of {size // 1024} KB", refused=fine, how=f"answered {answer.status}")

    def every(self) -> list[RequestRefusal]:
        """All of them but the unknown tool, those that are gentle first. Raises TimedOut and its like."""
        gentle = (self.wrong_arguments(), self.strange_version(), self.oversized(BELOW))
        sessions = (self.strange_session(), self.ended_session())
        return [one for one in (*gentle, *sessions, self.malformed(), self.oversized(ABOVE)) if one is not None]

    def still_works(self) -> str:
        """Why the session no longer works after all this; empty if it does."""
        return self._agent.wrong(self._agent.tools)


def _wrong(schema: object) -> Any:  # noqa: ANN401 - a JSON value
    """A value of another type than `schema` wants."""
    wanted = schema.get("type") if isinstance(schema, dict) else None
    return "readiness" if wanted in {"object", "array", "number", "integer", "boolean"} else {"readiness": [1]}


def _refusal(asked: str, answer: HttpAnswer) -> RequestRefusal:
    if answer.status in _REFUSED:
        return RequestRefusal(asked=asked, refused=True, how=str(answer.status))
    if answer.status in _OK and _is_error(answer):
        return RequestRefusal(asked=asked, refused=True, how=f"{answer.status} with an error inside")
    odd = answer.status not in _OK
    return RequestRefusal(asked=asked, refused=odd, how=f"answered {answer.status}", odd=odd)


def _of_a_session(asked: str, answer: HttpAnswer, session: AgentSession) -> RequestRefusal:
    """As any refusal; over Streamable HTTP another status than 404 leaves agents without a session for good."""
    refusal = _refusal(asked, answer)
    if session.wire != "streamable-http" or not refusal.refused or answer.status == _UNKNOWN:
        return refusal
    return dataclasses.replace(refusal, how=f"{refusal.how}, where only a 404 lets an agent open another", odd=True)


def _is_error(answer: HttpAnswer) -> bool:
    try:
        return "error" in answer.json_object()
    except BadAnswer:
        return False
