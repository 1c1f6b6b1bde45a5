"""The named faults of the agent's path, which the hub's HTTP API does not show, and those of its LLM."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.faults import http_wrappers, mcp_wrappers
from readiness.demo.faults.fault import Fault, nothing, row
from readiness.demo.hub.traits import MAX_BODY
from readiness.demo.llm_control import SLOW
from readiness.demo.servers.toolbox import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.demo.hub.hub import EmbeddedHub, McpWrapper

    Hook = Callable[[EmbeddedHub, float], None]

VICTIM: Final = "memory"
MEGABYTE: Final = 1 << 20
MOST_MEMORY: Final = 300
"""Megabytes that the fault of memory keeps at most."""
STRANGE_SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "strnig"}}}
NO_SCHEMA: Final = {"type": "strnig", "properties": "none"}


def _trait(**values: Any) -> Hook:  # noqa: ANN401 - fields of Traits
    def hook(hub: EmbeddedHub, _seconds: float) -> None:
        for name, value in values.items():
            setattr(hub.traits, name, value)

    return hook


def _wrapped(wrapper: McpWrapper) -> Hook:
    return lambda hub, _seconds: hub.mcp_wrappers.append(wrapper)


def _fresh(make: Callable[[], McpWrapper]) -> Hook:
    """For wires that count: each hub has its own."""
    return lambda hub, _seconds: hub.mcp_wrappers.append(make())


def _timed(make: Callable[[float], McpWrapper]) -> Hook:
    return lambda hub, seconds: hub.mcp_wrappers.append(make(seconds))


def _tools(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Hook:
    return _wrapped(mcp_wrappers.changed("list", lambda result: result | {"tools": change(result["tools"])}))


def _one_schema(schema: dict[str, Any]) -> Hook:
    return _tools(lambda tools: [*tools[:-1], tools[-1] | {"inputSchema": schema}] if tools else tools)


def _analysis(**values: Any) -> Hook:  # noqa: ANN401 - JSON
    def change(result: dict[str, Any]) -> dict[str, Any]:
        analysis = json.loads(result["content"][0]["text"])
        return result if "error" in analysis else text(json.dumps(analysis | values))

    return _wrapped(mcp_wrappers.changed("analyse", change))


def _kill_victim(hub: EmbeddedHub) -> None:
    hub.traits.dead_servers |= {VICTIM}


def _other_id(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"id": 987_654_321}


def _content_for_errors(result: dict[str, Any]) -> dict[str, Any]:
    return text("done") if mcp_wrappers.refused_arguments({"result": result}) else result


def _limit_sessions(hub: EmbeddedHub, _seconds: float) -> None:
    hub.sessions.limit = 2


def _forget_silent(hub: EmbeddedHub, seconds: float) -> None:
    hub.mcp_wrappers.append(mcp_wrappers.forgetting(seconds))


def _grow(hub: EmbeddedHub, seconds: float) -> None:
    kept: list[bytearray] = []

    async def keep() -> None:
        while len(kept) < MOST_MEMORY:
            # written to, so that the kernel has to give real pages
            kept.append(bytearray(b"x" * MEGABYTE))
            await asyncio.sleep(seconds)

    hub.background.append(keep)


def _oversized_kills(hub: EmbeddedHub, _seconds: float) -> None:
    async def wrapper(
        app: http_wrappers.App, scope: http_wrappers.Scope, receive: http_wrappers.Receive, send: http_wrappers.Send
    ) -> None:
        announced = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if scope["type"] == "http" and announced.isdigit() and int(announced) > MAX_BODY:
            hub.die()
        await app(scope, receive, send)

    hub.http_wrappers.append(wrapper)


def _slower_after_close(hub: EmbeddedHub, seconds: float) -> None:
    def begin() -> None:
        hub.traits.delay = seconds

    hub.on_close.append(begin)

    async def wrapper(
        app: http_wrappers.App, scope: http_wrappers.Scope, receive: http_wrappers.Receive, send: http_wrappers.Send
    ) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(hub.traits.delay)
        await app(scope, receive, send)

    hub.http_wrappers.append(wrapper)


def _llm(name: str, state: str, sentence: str, seconds: float | None = None) -> Fault:
    return dataclasses.replace(row(name, sentence, nothing, seconds), llm=state)


_REPLACED: Final = row(
    "replaced-in-the-workflow",
    "Answers the second call of a tool; then its process ends, and a healthy one follows.",
    _fresh(lambda: mcp_wrappers.counted("call", 2, mcp_wrappers.dies_soon)),
    life="kept",
)
TABLE: Final = (
    # the session
    row(
        "mcp-initialize-fails",
        "Refuses every MCP session.",
        _wrapped(mcp_wrappers.refusing("initialize", "No session")),
    ),
    row(
        "mcp-initialize-hangs",
        "Accepts MCP sessions and never says hello.",
        _wrapped(mcp_wrappers.hanging("initialize")),
    ),
    row("mcp-initialize-slow", "Says hello SECONDS late.", _timed(lambda s: mcp_wrappers.late("initialize", s)), 1.5),
    row(
        "mcp-slow", "Answers agents SECONDS late, and others at once.", _timed(lambda s: mcp_wrappers.late("*", s)), 0.1
    ),
    row(
        "unknown-protocol-version",
        "Says hello in a revision of MCP that nobody knows.",
        _wrapped(mcp_wrappers.changed("initialize", lambda result: result | {"protocolVersion": "2099-01-01"})),
    ),
    row("streamable-only", "Speaks MCP over Streamable HTTP only.", _trait(streamable_only=True)),
    row(
        "legacy-other-host",
        "Speaks MCP over HTTP+SSE only, and sends its clients to another host.",
        _trait(legacy_only=True, messages_host="http://hub.invalid:9"),
    ),
    row("third-session-refused", "Has room for two MCP sessions.", _limit_sessions),
    row("stream-stolen", "Sends what belongs to a session to the newest one.", _wrapped(mcp_wrappers.stealing)),
    row("wrong-session-accepted", "Serves MCP sessions that do not exist.", _trait(any_session=True)),
    row("deleted-sessions-live", "Serves an MCP session that was deleted.", _trait(deleted_sessions_live=True)),
    row("any-protocol-version", "Agrees to any revision of MCP.", _wrapped(mcp_wrappers.agreeing_to_anything)),
    row(
        "second-replica",
        "Knows an MCP session on its first connections alone, as two processes behind one address that share none.",
        _trait(known_connections=6),
    ),
    row("slower-after-close", "Answers all SECONDS late once an MCP session has closed.", _slower_after_close, 0.3),
    # the list
    row(
        "mcp-list-fails", "Lists its tools over HTTP, not over MCP.", _wrapped(mcp_wrappers.refusing("list", "No list"))
    ),
    row("mcp-list-hangs", "Never answers an agent who wants the list.", _wrapped(mcp_wrappers.hanging("list"))),
    row("mcp-list-empty", "Its list is empty over MCP.", _tools(lambda _tools: [])),
    row("mcp-duplicate-tools", "Lists every tool twice over MCP.", _tools(lambda tools: tools * 2)),
    row("mcp-tool-missing", "Hides one tool from agents.", _trait(hidden_tools=frozenset({"everything__add"}))),
    row("invalid-input-schema", "One tool's input schema is no JSON Schema.", _one_schema(STRANGE_SCHEMA)),
    row("broken-input-schema", "One tool's input schema is nothing that a client can read.", _one_schema(NO_SCHEMA)),
    row("list-never-ends", "Every page names another.", _fresh(lambda: mcp_wrappers.endless_pages(repeated=False))),
    row("list-repeats-itself", "Every page names the same.", _fresh(lambda: mcp_wrappers.endless_pages(repeated=True))),
    row("list-shrinks", "Every second list over MCP lacks a tool.", _fresh(mcp_wrappers.shrinking)),
    row("list-in-pages", "Lists two tools a page, as a hub may.", _wrapped(mcp_wrappers.paged)),
    # the analysis
    row("meta-tool-missing", "Hides its meta tool.", _tools(lambda tools: [t for t in tools if "__" in t["name"][4:]])),
    row("analysis-hangs", "Never answers a prompt.", _wrapped(mcp_wrappers.hanging("analyse"))),
    row(
        "analysis-is-prose",
        "Answers prompts in prose.",
        _wrapped(mcp_wrappers.changed("analyse", lambda _r: text("Sure!"))),
    ),
    row("analysis-unsure", "Is hardly confident of its analyses.", _analysis(confidence=0.05)),
    row("analysis-names-nothing", "Its analyses name a category that there is not.", _analysis(categories=["moon"])),
    row("exposes-too-much", "Every prompt exposes every tool.", _wrapped(mcp_wrappers.exposing_all)),
    row(
        "exposes-too-little",
        "A prompt exposes all tools but the one it is about.",
        _trait(hidden_tools=frozenset({"everything__echo", "memory__read_graph"})),
    ),
    row("notifies-too-early", "Tells of a new list SECONDS before it is.", _timed(mcp_wrappers.notifying_early), 0.5),
    # the call
    row(
        "mcp-calls-fail",
        "Calls work over HTTP, not over MCP.",
        _wrapped(mcp_wrappers.refusing("call", "Not connected")),
    ),
    row("mcp-calls-hang", "Never answers an agent's call.", _wrapped(mcp_wrappers.hanging("call"))),
    row(
        "mcp-calls-late", "Answers an agent's call after SECONDS.", _timed(lambda s: mcp_wrappers.late("call", s)), 7.0
    ),
    row(
        "mcp-calls-answer-wrongly",
        "An agent's call answers something else.",
        _wrapped(mcp_wrappers.changed("call", lambda _result: text("42"))),
    ),
    row(
        "mcp-error-results",
        "An agent's call ends as the tool's own error.",
        _wrapped(mcp_wrappers.changed("call", lambda _result: text("Operation failed", error=True))),
    ),
    row("mcp-wrong-ids", "Answers an agent's call under another id.", _wrapped(mcp_wrappers.otherwise(_other_id))),
    row("silent-session-expires", "Forgets an MCP session that asks nothing for SECONDS.", _forget_silent, 1.0),
    row("calls-cross-sessions", "With two sessions, answers go to the other.", _wrapped(mcp_wrappers.crossing)),
    row("answers-to-all", "Sends the answer to a call to every session.", _wrapped(mcp_wrappers.broadcasting)),
    row(
        "server-killed-at-a-call",
        "One of its servers dies at the first call of a tool.",
        _fresh(lambda: mcp_wrappers.counted("call", 1, _kill_victim, first=True)),
    ),
    # bad input
    row(
        "wrong-arguments-accepted",
        "Answers calls whose arguments break the tool's schema.",
        _wrapped(mcp_wrappers.changed("call", _content_for_errors)),
    ),
    row("wrong-arguments-kill", "Ends when arguments break a schema.", _wrapped(mcp_wrappers.kills_for_arguments)),
    row("oversized-kills", "Ends when a body is too large.", _oversized_kills),
    row("malformed-accepted", "Answers 200 to what is no JSON.", _trait(malformed="accept")),
    row("malformed-fails", "Answers 500 to what is no JSON.", _trait(malformed="fail")),
    row("malformed-kills", "Ends when a message is no JSON.", _trait(malformed="die")),
    row("unknown-tool-hangs", "Never answers the call of an unknown tool.", _trait(unknown_tool_hangs=True)),
    # its process
    dataclasses.replace(_REPLACED, once=True),
    row("memory-grows", "Keeps another megabyte every SECONDS, up to 300.", _grow, 0.05),
    # its LLM
    _llm("llm-down", "refused", "Its LLM refuses connections."),
    _llm("llm-hangs", "slow", "Its LLM answers SECONDS late.", SLOW),
    _llm("llm-dawdles", "slow", "Its LLM answers SECONDS late, and in time.", 0.3),
    _llm("llm-rate-limited", "429", "Its LLM answers 429."),
    _llm("llm-unauthorized", "401", "Its LLM answers 401."),
    _llm("llm-internal-errors", "500", "Its LLM answers 500."),
    _llm("llm-nonsense", "nonsense", "Its LLM answers prose where JSON was asked for."),
    _llm("llm-disconnects", "disconnecting", "Its LLM hangs up on every request."),
    row("llm-failure-kills", "Ends at the first failure of its LLM.", _wrapped(mcp_wrappers.kills_for_llm)),
)
