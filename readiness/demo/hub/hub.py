"""The embedded hub itself: its state, its MCP servers and what its API says about them."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.hub.analysis import KeywordAnalyser, words
from readiness.demo.hub.events import EventStreams
from readiness.demo.hub.jsonrpc import SESSION_ERROR, RpcError
from readiness.demo.hub.managed import ManagedServer, built_in_of, now, unstartable
from readiness.demo.hub.sessions import ClientSessions
from readiness.demo.hub.telemetry import BREAKER_REST, LlmTelemetry, Traffic
from readiness.demo.hub.traits import Traits
from readiness.demo.llm.client import HttpAnalyser
from readiness.demo.servers import everything, memory
from readiness.demo.servers.toolbox import text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from readiness.demo.hub.analysis import Analyser
    from readiness.demo.hub.jsonrpc import Message
    from readiness.demo.hub.sessions import ClientSession
    from readiness.demo.servers.toolbox import McpServer, ServerTool

    Answer = dict[str, Any] | None
    Handler = Callable[[ClientSession, Message], Awaitable[Answer]]
    McpWrapper = Callable[["EmbeddedHub", Handler, ClientSession, Message], Awaitable[Answer]]
    """What a fault puts around the MCP endpoint: it gets the hub, what it wraps, and one message of a session."""

MAX_BYTES: Final = 5_000_000
"""Where the file stops growing: a demo must not fill a disk."""
INFO: Final = 30
WARNING: Final = 40
ERROR: Final = 50


class HubLogFile:
    """Appends lines; as the real hub, it empties the file when it starts."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def write(self, level: int, message: str, **more: Any) -> None:  # noqa: ANN401 - JSON values
        """Adds one line, unless the file has reached `MAX_BYTES`."""
        line = {"level": level, "time": int(time.time() * 1_000), "pid": os.getpid(), "msg": message} | more
        if self._file.tell() < MAX_BYTES:
            self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


VERSION: Final = "4.3.0"
"""The version it stands for."""
BUILT_IN: Final[dict[str, Callable[[], McpServer]]] = {"everything": everything.make, "memory": memory.make}


def read_config(file: Path) -> dict[str, Any]:
    """A hub's configuration, JSON5 as with the real one. Raises OSError, ValueError."""
    config: dict[str, Any] = json.loads(_as_json(file.read_text(encoding="utf-8")))
    return config


@functools.lru_cache(maxsize=8)
def _as_json(text: str) -> str:
    """JSON5 as JSON; remembered by its text, because reading JSON5 takes longer than all the rest of an answer."""
    import json5

    return json.dumps(json5.loads(text))


class EmbeddedHub:
    """Everything the routes and the MCP endpoint share."""

    def __init__(  # noqa: PLR0913 - what a process is started with, once
        self,
        config_file: Path,
        state_dir: Path,
        *,
        port: int = 0,
        token: str | None = None,
        environment: Mapping[str, str] = os.environ,
        breaker_rest: float = BREAKER_REST,
        version: str = VERSION,
        kind: str = "mcp-hub",
    ) -> None:
        """`kind`: what it is to those who connect; as `mcp` or `bridge` it serves one server's tools, by their own names, and no API."""
        self.config_file, self.state_dir, self.port, self.token = config_file, state_dir, port, token
        self.environment = environment
        self.release = config_file.parent.parent
        self.version = version
        self.server_id = "mcp-hub"
        self.kind = kind
        self.pid = os.getpid()
        self.started = now()
        self.state = "starting"
        self.final_state = "ready"
        self.traits = Traits()
        self.traffic = Traffic()
        self.edits: list[Callable[[str, dict[str, Any]], dict[str, Any]]] = []
        self.http_wrappers: list[Any] = []
        self.mcp_wrappers: list[McpWrapper] = []
        self.die: Callable[[], None] = functools.partial(os._exit, 0)
        self.on_close: list[Callable[[], None]] = []
        self.sessions = ClientSessions()
        self.background: list[Callable[[], Awaitable[None]]] = []
        self.events = EventStreams()
        self.log = HubLogFile(state_dir / "logs" / "mcp-hub.log")
        config = read_config(config_file)
        editors = config.get("servers")
        table = config.get("mcpServers", {}) if editors in (None, False, 0, "") else editors
        llm = config.get("toolFiltering", {}).get("llmCategorization", {})
        self.filtering = dict(config.get("toolFiltering", {})) if kind == "mcp-hub" else {}
        self.telemetry = LlmTelemetry(
            _analyser(llm, environment),
            provider=llm.get("provider", ""),
            model=llm.get("model", ""),
            enabled=bool(llm.get("enabled")),
            rest=breaker_rest,
        )
        self.servers: dict[str, ManagedServer] = {}
        for name, definition in table.items():
            if built_in := built_in_of(name, definition, BUILT_IN):
                self.add_server(name, built_in)
        self.unstartable = {name: why for name in self.servers if (why := unstartable(table[name], BUILT_IN))}

    def add_server(self, name: str, kind: str) -> None:
        """One more server, a built-in one of that kind."""
        self.servers[name] = ManagedServer(server=BUILT_IN[kind](), name=name, config_source=str(self.config_file))

    # --- its life ---

    async def start(self) -> None:
        """Connects every server that a fault leaves to be connected; then it is ready."""
        self.log.write(INFO, "HTTP_SERVER_STARTED", port=self.port)
        self.log.write(ERROR, "Failed to initialize marketplace registry", code="MARKETPLACE_INIT_ERROR")
        self.write_workspaces()
        await self._connect_all()

    async def restart(self) -> None:
        """What `POST /api/restart` does: the same process, its servers connected anew; the state stays `restarted`."""
        self.set_state("restarting")
        for managed in self.servers.values():
            managed.disconnect()
        self.final_state = "restarted"
        self.traits.dead_servers = frozenset()
        await self._connect_all()

    async def _connect_all(self) -> None:
        for managed in self.servers.values():
            managed.status = "connecting" if managed.status == "disconnected" and not managed.error else managed.status
        await asyncio.sleep(self.traits.connect_seconds)
        if self.traits.never_ready:
            return
        for name, managed in self.servers.items():
            if managed.status == "connecting" and name in self.unstartable:
                managed.disconnect(self.unstartable[name])
                self.log.write(ERROR, f"'{name}' MCP server: {self.unstartable[name]}", code="SERVER_ERROR")
            elif managed.status == "connecting":
                managed.connect()
                self.log.write(INFO, f"'{name}' MCP server connected")
        self.set_state(self.final_state)
        self.tools_changed()

    def set_state(self, state: str) -> None:
        """Changes the state and tells the readers of `/api/events`."""
        self.state = state
        self.events.send("hub_state", self.hub_state())

    def tools_changed(self) -> None:
        """Tells agents and the readers of `/api/events` that the list of tools is another one."""
        self.sessions.tools_changed()
        changed = {"type": "tool_list_changed", "timestamp": now()}
        self.events.send("subscription_event", changed)

    # --- what it says about itself ---

    def hub_state(self) -> dict[str, Any]:
        """The `hub_state` event: the process that answers, whatever the workspaces say."""
        return {
            "state": self.state,
            "server_id": self.server_id,
            "version": self.version,
            "pid": os.getpid(),
            "port": self.port,
            "timestamp": now(),
        }

    def workspaces(self) -> dict[str, Any]:
        """`allActive`, by port."""
        return {
            str(self.port): {
                "cwd": str(self.release),
                "config_files": [str(self.config_file)],
                "pid": self.pid,
                "port": self.port,
                "startTime": self.started,
                "state": "active",
                "activeConnections": len(self.events.open),
                "shutdownStartedAt": None,
                "shutdownDelay": None,
            }
        }

    def write_workspaces(self) -> None:
        """Writes `workspaces.json` into the state folder, as the real hub does."""
        target = self.state_dir / "workspaces.json"
        target.write_text(json.dumps(self.workspaces(), indent=2), encoding="utf-8")

    def record(self, name: str) -> dict[str, Any]:
        """One server's record; one that was killed looks connected, its uptime apart."""
        record = self.servers[name].record()
        return record | {"uptime": 0} if name in self.traits.dead_servers else record

    def records(self) -> list[dict[str, Any]]:
        """Every server's record."""
        return [self.record(name) for name in self.servers]

    def health(self) -> dict[str, Any]:
        """`GET /api/health`: `status` is always ok, as in the real hub; readiness is `state`."""
        records = self.records()
        kinds = ("tools", "resources", "resourceTemplates", "prompts")
        counts = {kind: sum(len(record["capabilities"][kind]) for record in records) for kind in kinds}
        counts["tools"] += int(self.filtering.get("enabled", False))
        clients = len(self.sessions.by_id)
        return {
            "status": "ok",
            "state": self.state,
            "server_id": self.server_id,
            "version": self.version,
            "activeClients": clients,
            "timestamp": now(),
            "servers": records,
            "connections": {"totalConnections": len(self.events.open), "connections": []},
            "mcpEndpoint": {
                "activeClients": clients,
                "registeredCapabilities": counts,
                "totalCapabilities": sum(counts.values()),
            },
            "workspaces": {"current": str(self.port), "allActive": self.workspaces()},
        }

    # --- tools ---

    def tools(self) -> list[tuple[str, ServerTool]]:
        """Every tool of every connected server, with the server's name."""
        live = ((name, managed) for name, managed in self.servers.items() if managed.status == "connected")
        return [(name, tool) for name, managed in live for tool in managed.server.tools.values()]

    def vocabulary(self) -> dict[str, frozenset[str]]:
        """By category, the words that its tools are described with: what a prompt is held against."""
        by_category: dict[str, frozenset[str]] = {}
        for _, tool in self.tools():
            for category in tool.categories:
                by_category[category] = by_category.get(category, frozenset()) | words(
                    f"{category} {tool.name} {tool.description}"
                )
        return by_category

    def call(self, server: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One tool's result; raises `RpcError` where the server is dead or has no such tool."""
        if server in self.traits.dead_servers:
            raise RpcError(SESSION_ERROR, "Not connected")
        if self.traits.tools_fail:
            return text("Error: Operation failed", error=True)
        if self.traits.tool_answer is not None:
            return text(self.traits.tool_answer)
        return self.servers[server].server.call(tool, arguments)

    def stats(self) -> dict[str, Any]:
        """`GET /api/filtering/stats`: 4.3.0's flat numbers, and the telemetry that the assessment expects."""
        total = len(self.tools())
        cached = self.telemetry.hit_rate or 0
        return {
            "enabled": bool(self.filtering.get("enabled", False)),
            "mode": self.filtering.get("mode", "static"),
            "totalTools": total,
            "filteredTools": 0,
            "exposedTools": total,
            "filterRate": 0,
            "serverFilterMode": None,
            "allowedServers": [],
            "allowedCategories": [],
            "categoryCacheSize": total,
            "cacheHitRate": 0,
            "llmCacheSize": len(self.telemetry.cache),
            "llmCacheHitRate": cached,
            "llm": self.telemetry.llm(),
            "llmCache": self.telemetry.llm_cache(),
            "traffic": {"requestsPerMinute": self.traffic.per_minute},
            "timestamp": now(),
        }

    def config(self) -> dict[str, Any]:
        """`GET /api/config`: the file as it is on disk now, and a hash of its key names only."""
        config = read_config(self.config_file)
        if self.traits.literal_key:
            config["toolFiltering"]["llmCategorization"]["apiKey"] = self.environment.get("OPENAI_API_KEY", "")
        names = json.dumps(sorted(_keys(config)))
        return {"config": config, "version": hashlib.sha256(names.encode()).hexdigest()[:16], "timestamp": now()}


def _analyser(llm: Mapping[str, Any], environment: Mapping[str, str]) -> Analyser:
    """The analyser that the configuration asks for; without a `baseURL` it is one that needs no network."""
    if not (base := llm.get("baseURL")):
        return KeywordAnalyser()
    given = str(llm.get("apiKey") or "")
    reference = re.fullmatch(r"\$\{(?:env:)?(\w+)\}", given)
    key = environment.get(reference[1]) if reference else given
    return HttpAnalyser(str(base), key or None, str(llm.get("model", "")))


def _keys(value: Any, at: str = "") -> list[str]:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        return [at]
    return [at, *(key for name in value for key in _keys(value[name], f"{at}.{name}"))]
