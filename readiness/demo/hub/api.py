"""The REST routes of the embedded hub, as recorded from 4.3.0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from readiness.demo.hub.events import TooManyStreams
from readiness.demo.hub.http import STACK, TooLarge, html_error, json_answer, not_found, read_body
from readiness.demo.hub.jsonrpc import RpcError
from readiness.demo.hub.managed import now

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from readiness.demo.hub.hub import EmbeddedHub

PAGE = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>MCP Hub</title></head><body></body></html>\n'
)
"""What every path outside /api answers in 4.3.0, with status 200."""


class ApiError(Exception):
    """An error of the API: status, text, code and data of its JSON."""

    def __init__(self, status: int, message: str, code: str | int, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.data = status, message, code, data


class HubApi:
    """The routes under /api, and what answers where there is none."""

    def __init__(self, hub: EmbeddedHub) -> None:
        self.hub = hub

    def routes(self) -> list[Route]:
        """For the application."""
        get: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/api/health": self.plain(self.hub.health),
            "/api/servers": self.plain(lambda: {"servers": self.hub.records(), "timestamp": now()}),
            "/api/tools": self.plain(self.tools),
            "/api/filtering/stats": self.plain(self.hub.stats),
            "/api/config": self.plain(self.hub.config),
            "/api/workspaces": self.plain(lambda: {"workspaces": self.hub.workspaces(), "timestamp": now()}),
            "/api/marketplace": self.plain(self.marketplace),
            "/api/refresh": self.refresh,
            "/api/events": self.events,
        }
        post: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/api/servers/info": self.info,
            "/api/servers/tools": self.call,
            "/api/servers/stop": self.stop,
            "/api/servers/start": self.start,
            "/api/servers/refresh": self.refresh_one,
            "/api/restart": self.restart,
            "/api/config": self.save_config,
        }
        return [
            *(Route(path, handler, methods=["GET"]) for path, handler in get.items()),
            *(Route(path, handler, methods=["POST"]) for path, handler in post.items()),
        ]

    def answer(self, request: Request, payload: dict[str, Any], status: int = 200) -> Response:
        """JSON, after every edit that a fault makes to it."""
        for edit in self.hub.edits:
            payload = edit(request.url.path, payload)
        return json_answer(payload, status)

    def plain(self, make: Callable[[], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
        """A route that needs nothing of the request."""

        async def route(request: Request) -> Response:
            return self.answer(request, make())

        return route

    # --- errors ---

    async def on_error(self, request: Request, error: Exception) -> Response:
        """Every refusal and every miss in the form that the real hub gives it."""
        if isinstance(error, ApiError):
            body = {"error": error.message, "code": error.code, "data": error.data, "timestamp": now()}
            if self.hub.traits.stack_traces:
                body["stack"] = f"Error: {error.message}\n{STACK}"
            return self.answer(request, body, error.status)
        if isinstance(error, TooLarge):
            return html_error(self.hub, 413)
        missing = isinstance(error, HTTPException) and error.status_code in {404, 405}
        if not missing:
            return html_error(self.hub, 500)
        reads = request.method in {"GET", "HEAD"}
        inside = request.url.path == "/api" or request.url.path.startswith("/api/")
        if inside or not reads:
            return not_found(self.hub, request)
        return Response(PAGE.encode(), 200, media_type="text/html; charset=utf-8")

    async def body(self, request: Request, *needed: tuple[str, str]) -> dict[str, Any]:
        """The JSON object of the body; raises `ApiError` 400 for the first missing field."""
        try:
            data = json.loads(await read_body(request) or b"{}")
        except (ValueError, RecursionError) as error:
            raise BadBody from error
        if not isinstance(data, dict):
            raise BadBody
        for field, message in needed:
            if not isinstance(data.get(field), str) or not data[field]:
                raise ApiError(400, f"Missing {message}", "VALIDATION_ERROR", {"field": field})
        return data

    async def named(self, request: Request) -> str:
        """The server that the body names; raises `ApiError`."""
        name = str((await self.body(request, ("server_name", "server name")))["server_name"])
        if name not in self.hub.servers:
            raise ApiError(500, "Server not found", "SERVER_ERROR", {"server": name[:200]})
        return name

    # --- reading ---

    def tools(self) -> dict[str, Any]:
        """`GET /api/tools`."""
        return {
            "tools": [
                {
                    "server": server,
                    "serverDisplayName": server,
                    "name": tool.name,
                    "description": tool.description,
                    "enabled": True,
                    "categories": list(tool.categories),
                }
                for server, tool in self.hub.tools()
            ],
            "timestamp": now(),
        }

    def marketplace(self) -> dict[str, Any]:
        """`GET /api/marketplace`: an embedded hub is always offline."""
        data = {"url": "https://registry.invalid/registry.json", "error": "Failed to execute curl command"}
        raise ApiError(500, "Failed to fetch marketplace registry", "MARKETPLACE_ERROR", data)

    async def events(self, request: Request) -> Response:  # noqa: ARG002 - a route's signature
        """`GET /api/events`: a batch of log lines, the hub's state, the workspaces; then whatever happens."""
        try:
            stream = self.hub.events.add()
        except TooManyStreams:
            raise ApiError(503, "Too many event streams", "SSE_ERROR", {"limit": self.hub.events.limit}) from None
        stream.muted = self.hub.traits.events_silent
        opened = {"type": "debug", "message": "SSE client connected", "data": {}, "timestamp": now()}
        stream.send("log", {"type": "batch", "count": 1, "events": [opened], "timestamp": now()})
        stream.send("hub_state", self.hub.hub_state())
        changed = {"type": "workspaces_updated", "workspaces": self.hub.workspaces(), "timestamp": now()}
        stream.send("subscription_event", changed)
        return self.hub.events.respond(stream)

    async def info(self, request: Request) -> Response:
        """`POST /api/servers/info`."""
        name = await self.named(request)
        return self.answer(request, {"server": self.hub.record(name), "timestamp": now()})

    # --- acting ---

    async def call(self, request: Request) -> Response:
        """`POST /api/servers/tools`: a real call."""
        data = await self.body(request, ("server_name", "server name"), ("tool", "tool name"))
        name, tool, arguments = data["server_name"], data["tool"], data.get("arguments") or {}
        where = {"server": name[:200], "tool": tool[:200]}
        if name not in self.hub.servers:
            raise ApiError(500, "Server not found", "SERVER_ERROR", where | {"operation": "tool_call"})
        managed = self.hub.servers[name]
        if managed.status != "connected":
            raise ApiError(500, "Server not initialized", "TOOL_ERROR", where)
        if tool not in managed.server.tools:
            available = {"availableTools": list(managed.server.tools)}
            raise ApiError(500, "Tool not found", "TOOL_ERROR", where | available)
        if not isinstance(arguments, dict):
            raise ApiError(500, "MCP error -32603: arguments is no object", -32603, where)
        try:
            result = self.hub.call(name, tool, arguments)
        except RpcError as error:
            raise ApiError(500, error.message, "TOOL_ERROR", where) from error
        return self.answer(request, {"result": result, "timestamp": now()})

    async def stop(self, request: Request) -> Response:
        """`POST /api/servers/stop`."""
        name = await self.named(request)
        self.hub.servers[name].disconnect()
        return self._changed(request, name)

    async def start(self, request: Request) -> Response:
        """`POST /api/servers/start`; it also brings back a server that was killed."""
        name = await self.named(request)
        self.hub.traits.dead_servers -= {name}
        self.hub.servers[name].connect()
        return self._changed(request, name)

    def _changed(self, request: Request, name: str) -> Response:
        self.hub.tools_changed()
        return self.answer(request, {"status": "ok", "server": self.hub.record(name), "timestamp": now()})

    async def refresh(self, request: Request) -> Response:
        """`GET /api/refresh`: changes state although it is a GET: the lists are announced anew."""
        self.hub.tools_changed()
        return self.answer(request, {"status": "ok", "servers": self.hub.records(), "timestamp": now()})

    async def refresh_one(self, request: Request) -> Response:
        """`POST /api/servers/refresh`."""
        return self._changed(request, await self.named(request))

    async def restart(self, request: Request) -> Response:
        """`POST /api/restart`: answers when the servers are connected again."""
        await self.hub.restart()
        return self.answer(request, {"status": "ok", "timestamp": now()})

    async def save_config(self, request: Request) -> Response:
        """`POST /api/config`: closed here, and nothing is ever written; the fault `open-admin` shows 4.3.0's open door."""
        if not self.hub.traits.open_admin:
            raise ApiError(403, "Forbidden", "FORBIDDEN", {})
        data = await self.body(request)
        if not isinstance(data.get("config"), dict):
            raise ApiError(400, "Missing configuration", "VALIDATION_ERROR", {"field": "config"})
        raise ApiError(501, "The embedded hub keeps its configuration", "NOT_IMPLEMENTED", {})


class BadBody(Exception):  # noqa: N818 - a refusal, told to the client as Express's 400
    """A body that is no JSON object."""
