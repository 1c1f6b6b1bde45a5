"""Faults of the agent's path: wrappers around the MCP endpoint that spoil what it answers, whatever transport brings it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.hub.jsonrpc import INTERNAL_ERROR, RpcError, failure
from readiness.demo.hub.traits import HANG
from readiness.demo.servers.toolbox import META_TOOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.demo.hub.hub import Answer, EmbeddedHub, Handler, McpWrapper
    from readiness.demo.hub.jsonrpc import Message
    from readiness.demo.hub.sessions import ClientSession

SOON: Final = 0.02
"""Seconds between an answer and the end of the process that gave it: the answer still gets out."""
PAGE: Final = 2
"""Tools a page, where the list comes in pages."""


def kind(message: Message) -> str:
    """What an agent wants: initialize, list, analyse, call, or the method's own name."""
    match message.method:
        case "tools/list":
            return "list"
        case "tools/call":
            return "analyse" if message.params.get("name") == META_TOOL else "call"
        case method:
            return str(method)


def refusing(what: str, reason: str) -> McpWrapper:
    """Answers with an internal error."""

    async def wrapper(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
        if kind(message) == what and message.is_request:
            return failure(message.id, RpcError(INTERNAL_ERROR, reason))
        return await inner(session, message)

    return wrapper


async def agreeing_to_anything(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """Says hello in whatever revision of MCP the client names."""
    answer = await inner(session, message)
    if answer is not None and kind(message) == "initialize" and "result" in answer:
        answer["result"]["protocolVersion"] = str(message.params.get("protocolVersion"))
    return answer


def late(what: str, seconds: float) -> McpWrapper:
    """Answers, `seconds` late."""

    async def wrapper(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
        if what in {kind(message), "*"}:
            await asyncio.sleep(seconds)
        return await inner(session, message)

    return wrapper


def forgetting(seconds: float) -> McpWrapper:
    """Knows no session any more that has asked nothing for `seconds` since it was opened."""
    opened: dict[int, float] = {}
    asked: set[int] = set()

    async def wrapper(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
        now = asyncio.get_running_loop().time()
        since = opened.setdefault(id(session), now)
        if message.is_request and kind(message) in {"list", "call"} and id(session) not in asked:
            if now - since > seconds:
                return failure(message.id, RpcError(INTERNAL_ERROR, "Session expired"))
            asked.add(id(session))
        return await inner(session, message)

    return wrapper


def hanging(what: str) -> McpWrapper:
    """Never answers."""
    return late(what, HANG)


def changed(what: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> McpWrapper:
    """Passes each result of one kind through `change`."""

    async def wrapper(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
        answer = await inner(session, message)
        if kind(message) != what or answer is None or "result" not in answer:
            return answer
        return answer | {"result": change(answer["result"])}

    return wrapper


def otherwise(change: Callable[[dict[str, Any]], dict[str, Any]]) -> McpWrapper:
    """Passes each whole answer to a tool's call through `change`."""

    async def wrapper(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
        answer = await inner(session, message)
        return change(answer) if kind(message) == "call" and answer is not None else answer

    return wrapper


def counted(what: str, number: int, then: Callable[[EmbeddedHub], None], *, first: bool = False) -> McpWrapper:
    """Does something at the `number`-th message of one kind: after its answer, or before it with `first`."""
    seen = 0

    async def wrapper(hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
        nonlocal seen
        seen += kind(message) == what
        due = kind(message) == what and seen == number
        if due and first:
            then(hub)
        answer = await inner(session, message)
        if due and not first:
            then(hub)
        return answer

    return wrapper


def dies_soon(hub: EmbeddedHub) -> None:
    """The process ends once the answer is out."""
    asyncio.get_running_loop().call_later(SOON, hub.die)


def refused_arguments(answer: dict[str, Any]) -> bool:
    """Whether an answer says that a tool's arguments break its schema."""
    result = answer.get("result", {})
    return bool(result.get("isError")) and "Invalid arguments" in str(result.get("content"))


async def kills_for_arguments(hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """The process ends when a tool's arguments break its schema."""
    answer = await inner(session, message)
    if answer is not None and refused_arguments(answer):
        hub.die()
    return answer


async def kills_for_llm(hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """The process ends at the first failure of its LLM."""
    before = hub.telemetry.failures
    answer = await inner(session, message)
    if hub.telemetry.failures > before:
        hub.die()
    return answer


async def crossing(hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """While another session has a stream, the answer to a call goes there."""
    answer = await inner(session, message)
    others = [one for one in hub.sessions.by_id.values() if one is not session and one.stream and one.stream.open]
    if kind(message) != "call" or answer is None or not others:
        return answer
    others[-1].send(answer)
    return None


async def broadcasting(hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """Every session's stream gets the answers to all calls, as a bridge without sessions of its own does it."""
    answer = await inner(session, message)
    if kind(message) == "call" and answer is not None:
        for one in hub.sessions.by_id.values():
            if one is not session and one.stream is not None and one.stream.open:
                one.send(answer)
    return answer


async def stealing(hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """The newest session's stream takes the place of every other one's."""
    streams = [one.stream for one in hub.sessions.by_id.values() if one.stream is not None and one.stream.open]
    for one in hub.sessions.by_id.values():
        if one.stream is not None:
            one.stream = streams[-1] if streams else one.stream
    return await inner(session, message)


async def exposing_all(hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """Every analysis exposes every category, whatever it says."""
    answer = await inner(session, message)
    if kind(message) == "analyse":
        session.exposed |= set(hub.vocabulary())
    return answer


def notifying_early(seconds: float) -> McpWrapper:
    """Tells of a new list `seconds` before there is one."""

    async def wrapper(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
        before = set(session.exposed)
        answer = await inner(session, message)
        if kind(message) == "analyse" and session.exposed != before:
            after, session.exposed = session.exposed, before
            asyncio.get_running_loop().call_later(seconds, setattr, session, "exposed", after)
        return answer

    return wrapper


async def paged(_hub: EmbeddedHub, inner: Handler, session: ClientSession, message: Message) -> Answer:
    """Lists two tools a page, as a hub may."""
    answer = await inner(session, message)
    if kind(message) != "list" or answer is None or "result" not in answer:
        return answer
    cursor = str(message.params.get("cursor", "0"))
    begin = int(cursor) if cursor.isdecimal() else 0
    tools = answer["result"]["tools"]
    more = {"nextCursor": str(begin + PAGE)} if begin + PAGE < len(tools) else {}
    return answer | {"result": {"tools": tools[begin : begin + PAGE]} | more}


def shrinking() -> McpWrapper:
    """Every second list lacks its last tool."""
    asked = 0

    def change(result: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return result if asked % 2 else result | {"tools": result["tools"][:-1]}

    return changed("list", change)


def endless_pages(*, repeated: bool) -> McpWrapper:
    """Every page of the list names another one: always a new cursor, or always the same."""
    page = 0

    def change(result: dict[str, Any]) -> dict[str, Any]:
        nonlocal page
        page += 1
        return result | {"nextCursor": "again" if repeated else f"page-{page}"}

    return changed("list", change)
