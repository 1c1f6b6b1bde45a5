"""The hub as an MCP server: what each method answers, whatever transport brought it."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.hub.analysis import AnalysisError
from readiness.demo.hub.hub import ERROR
from readiness.demo.hub.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Message,
    RpcError,
    failure,
    result,
)
from readiness.demo.hub.traits import HANG
from readiness.demo.llm.client import KeyMissingError
from readiness.demo.servers.toolbox import META_TOOL, text
from readiness.facts.hub import offered_name, safe_prefixes

if TYPE_CHECKING:
    from readiness.demo.hub.hub import EmbeddedHub, Handler
    from readiness.demo.hub.managed import ManagedServer
    from readiness.demo.hub.sessions import ClientSession
    from readiness.demo.servers.toolbox import ServerTool

PROTOCOLS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Protocol revisions it speaks, oldest first; a client that asks for another is offered the last."""
_BEGIN: Final = 40
"""Looks in which a server of another kind than a hub gets its tools, a twentieth of a second each."""
MAX_PROMPT: Final = 20_000
"""Characters of a prompt that are analysed."""
META: Final = {
    "name": META_TOOL,
    "description": "Analyze a prompt and expose the tools it needs to this session.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "description": "What you want to do"},
            "context": {"type": "string", "description": "What else is known"},
        },
        "required": ["prompt"],
    },
    "annotations": {"readOnlyHint": True, "destructiveHint": False},
}


class McpEndpoint:
    """Answers agents' messages; sessions never see each other's tools."""

    def __init__(self, hub: EmbeddedHub) -> None:
        self.hub = hub
        self.sessions = hub.sessions
        self._handle: Handler = self._plain
        for wrapper in hub.mcp_wrappers:
            self._handle = functools.partial(wrapper, hub, self._handle)

    async def handle(self, session: ClientSession, message: Message) -> dict[str, Any] | None:
        """The answer to a request; None to a notification or to a client's own answer."""
        return await self._handle(session, message)

    async def _plain(self, session: ClientSession, message: Message) -> dict[str, Any] | None:
        if not message.is_request:
            return None
        try:
            return result(message.id, await self._answer(session, message))
        except RpcError as error:
            return failure(message.id, error)
        except Exception as error:  # noqa: BLE001 - an agent gets an answer and the log the reason, whatever broke
            self.hub.log.write(ERROR, "MCP_REQUEST_FAILED", error=repr(error)[:500])
            return failure(message.id, RpcError(INTERNAL_ERROR, "Internal error"))

    async def _answer(self, session: ClientSession, message: Message) -> dict[str, Any]:
        params, method = message.params, message.method
        if method == "initialize":
            await self._begun()
            return self._initialize(session, params)
        if method in {"ping", "logging/setLevel"}:
            return {}
        if not session.initialized:
            raise RpcError(INVALID_REQUEST, "Invalid request: the session is not initialized")
        if method == "tools/list":
            return {"tools": self.listed(session)}
        if method == "tools/call":
            return await self._call(session, params)
        return self._other(str(method), params)

    async def _begun(self) -> None:
        """Wait for its tools, as a server of another kind does before it listens at all."""
        for _ in range(_BEGIN):
            if self.hub.kind == "mcp-hub" or self.hub.state != "starting":
                return
            await asyncio.sleep(0.05)

    def _other(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Resources and prompts, which every session sees alike."""
        match method:
            case "resources/list":
                return {"resources": self._offered("resources")}
            case "resources/templates/list":
                return {"resourceTemplates": self._offered("templates")}
            case "resources/read":
                return self._read(str(params.get("uri")))
            case "prompts/list":
                return {"prompts": self._prompts()}
            case "prompts/get":
                managed, name = self._split(str(params.get("name")))
                return managed.server.get_prompt(name, _object(params))
            case _:
                raise RpcError(METHOD_NOT_FOUND, "Method not found")

    def _initialize(self, session: ClientSession, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("protocolVersion")
        if not isinstance(wanted, str):
            raise RpcError(INVALID_PARAMS, "Invalid params: protocolVersion is missing")
        session.protocol = wanted if wanted in PROTOCOLS else PROTOCOLS[-1]
        session.initialized = True
        changing = {"listChanged": True}
        return {
            "protocolVersion": session.protocol,
            "capabilities": {"tools": changing, "resources": changing, "prompts": changing},
            "serverInfo": {"name": "mcp-hub-internal-endpoint", "version": "1.0.0"}
            if self.hub.kind == "mcp-hub"
            else {"name": f"readiness-demo-{self.hub.kind}", "version": self.hub.version},
        }

    # --- tools ---

    @property
    def prompt_based(self) -> bool:
        """Whether sessions start with the meta tool alone."""
        filtering = self.hub.filtering
        return bool(filtering.get("enabled")) and filtering.get("mode") == "prompt-based"

    def visible(self, session: ClientSession) -> dict[str, tuple[str, ServerTool]]:
        """The tools that a session may call, by `server__tool`."""
        every = [(server, tool) for server, tool in self.hub.tools()]
        if self.hub.kind != "mcp-hub":
            return self._of_one_server(every)
        if self.prompt_based:
            exposed = set(session.exposed)
            if self.hub.traits.shared_sessions:
                exposed = set().union(*(one.exposed for one in self.sessions.by_id.values()))
            every = [(server, tool) for server, tool in every if exposed & set(tool.categories)]
        prefixes = safe_prefixes(self._live())
        named = {offered_name(server, tool.name, prefixes): (server, tool) for server, tool in every}
        return {
            name: server_and_tool for name, server_and_tool in named.items() if name not in self.hub.traits.hidden_tools
        }

    def _of_one_server(self, every: list[tuple[str, ServerTool]]) -> dict[str, tuple[str, ServerTool]]:
        """The tools of the first server, by their own names. A bridge whose child is gone answers as mcp-proxy of PyPI does: RpcError 0."""
        child = next(iter(self.hub.servers), "")
        is_dead = bool(self.hub.traits.dead_servers) or len(self._live()) < len(self.hub.servers)
        if self.hub.kind == "bridge" and is_dead:
            raise RpcError(0, "")
        hidden = self.hub.traits.hidden_tools
        return {
            tool.name: (server, tool)
            for server, tool in every
            if server == child and offered_name(server, tool.name, safe_prefixes(self._live())) not in hidden
        }

    def listed(self, session: ClientSession) -> list[dict[str, Any]]:
        """`tools/list`: the meta tool in prompt-based filtering, then what is visible."""
        shown = [tool.to_json() | {"name": name} for name, (_, tool) in self.visible(session).items()]
        return [META, *shown] if self.prompt_based else shown

    async def _call(self, session: ClientSession, params: dict[str, Any]) -> dict[str, Any]:
        name, arguments = str(params.get("name")), _object(params)
        if name == META_TOOL and self.prompt_based:
            return await self._analyse(session, arguments)
        server_and_tool = self.visible(session).get(name)
        if server_and_tool is None:
            if self.hub.traits.unknown_tool_succeeds:
                return text("done")
            if self.hub.traits.unknown_tool_hangs:
                await asyncio.sleep(HANG)
            raise RpcError(INVALID_PARAMS, f"Unknown tool: {name[:200]}")
        server, tool = server_and_tool
        return self.hub.call(server, tool.name, arguments)

    async def _analyse(self, session: ClientSession, arguments: dict[str, Any]) -> dict[str, Any]:
        prompt = arguments.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise RpcError(INVALID_PARAMS, f"Invalid arguments for {META_TOOL}: prompt is missing or empty")
        try:
            analysis = await self.hub.telemetry.analyse(prompt[:MAX_PROMPT], self.hub.vocabulary())
        except AnalysisError as error:
            # a key that is missing is silent in 4.3.0: an error in the text, and no isError
            return text(json.dumps({"error": str(error)}), error=not isinstance(error, KeyMissingError))
        traits = self.hub.traits
        before = set(session.exposed)
        if not traits.exposes_nothing:
            session.exposed |= set(analysis.categories)
        if session.exposed != before and not traits.list_change_silent:
            session.notify("notifications/tools/list_changed")
        return text(json.dumps(analysis.to_json()))

    # --- resources and prompts ---

    def _live(self) -> dict[str, ManagedServer]:
        return {name: managed for name, managed in self.hub.servers.items() if managed.status == "connected"}

    def _offered(self, kind: str) -> list[dict[str, Any]]:
        return [one for managed in self._live().values() for one in getattr(managed.server, kind)]

    def _prompts(self) -> list[dict[str, Any]]:
        live, prefixes = self._live(), safe_prefixes(self._live())
        return [
            one | {"name": offered_name(name, one["name"], prefixes)}
            for name, managed in live.items()
            for one in managed.server.prompts
        ]

    def _read(self, uri: str) -> dict[str, Any]:
        for managed in self._live().values():
            if managed.server.read(uri) is not None:
                return managed.server.read_resource(uri)
        raise RpcError(INVALID_PARAMS, f"Unknown resource: {uri[:200]}")

    def _split(self, name: str) -> tuple[ManagedServer, str]:
        live, prefixes = self._live(), safe_prefixes(self._live())
        for server, managed in live.items():
            for prompt in managed.server.prompts:
                if offered_name(server, prompt["name"], prefixes) == name:
                    return managed, prompt["name"]
        raise RpcError(INVALID_PARAMS, f"Unknown prompt: {name[:200]}")


def _object(params: dict[str, Any]) -> dict[str, Any]:
    """The `arguments` of a call; raises `RpcError` -32602 where they are something else than an object."""
    arguments = params.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise RpcError(INVALID_PARAMS, "Invalid params: arguments is no object")
    return arguments
