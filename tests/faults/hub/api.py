"""The hub's HTTP API: healthy answers with a fault's edits applied."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from tests.faults.hub import healthy
from tests.faults.hub.edits import apply
from tests.faults.hub.wire import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.hub.model import How
    from tests.faults.hub.processes import Processes

NOT_FOUND = '<!DOCTYPE html>\n<html lang="en"><body>\n<pre>Cannot {route}</pre>\n{traces}</body></html>\n'
HTML = "text/html; charset=utf-8"


class Api:
    """What the hub says, and which of its processes says it."""

    def __init__(self, how: How, *, release: Path, port: int, processes: Processes) -> None:
        self.how, self.release, self.port, self.processes = how, release, port, processes
        self.started = dt.datetime.now(dt.UTC)
        self._asked: dict[str, int] = {}

    def response(self, request: Request, *, edited: bool = True) -> Response:
        """The answer to `request`; `edited` False: as a healthy hub gives it."""
        value = self._value(request)
        if value is None:
            return _unknown_path(request, self.how.traces)
        status, answer = value
        route = request.route.replace("HEAD ", "GET ")
        number = self._asked[route] = self._asked.get(route, 0) + 1
        for edit in self.how.edits if edited else ():
            if edit.route == route and edit.when.hits(number):
                answer = apply(answer, edit.path, edit.value)
        response = as_json(status, answer)
        response.no_body = request.method == "HEAD"
        return response

    def _value(self, request: Request) -> tuple[int, Any] | None:
        records = healthy.servers(self.started, self._config_file)
        tools = healthy.tools(records)
        config = {"config": healthy.deployed_config()}
        values: dict[str, Callable[[], tuple[int, Any]]] = {
            "GET /api/health": lambda: (200, self._health()),
            "GET /api/servers": lambda: (200, {"servers": records, "timestamp": healthy.stamp()}),
            "GET /api/tools": lambda: (200, {"tools": tools, "timestamp": healthy.stamp()}),
            "GET /api/filtering/stats": lambda: (200, healthy.filtering(len(tools))),
            "GET /api/config": lambda: (200, healthy.body("GET /api/config") | config),
            "GET /api/workspaces": lambda: (200, self._workspaces()),
            "GET /api/marketplace": lambda: (500, healthy.body("GET /api/marketplace")),
            "POST /api/config": lambda: _refused("Missing config", "config"),
            "POST /api/servers/info": lambda: _server_info(request.body, records),
            "POST /api/servers/tools": lambda: _tool_call(request.body, records),
        }
        make = values.get(request.route.replace("HEAD ", "GET "))
        return None if make is None else make()

    @property
    def _config_file(self) -> str:
        return str(self.release / "config" / "mcp-hub.json")

    @property
    def pid(self) -> int:
        """The process that answers now: another one once the first was replaced."""
        asked = self._asked.get("GET /api/health", 0)
        if self.how.replaced_after is None or asked < self.how.replaced_after:
            return self.processes.pid("same")
        self.processes.end("same")
        return self.processes.pid("other")

    def _shared_file(self) -> dict[str, Any]:
        pid = self.pid if self.how.workspace_pid == "same" else self.processes.pid(self.how.workspace_pid)
        place = {"config": self._config_file, "cwd": str(self.release), "port": self.port}
        return {"started": self.started, "pid": pid} | place

    def _health(self) -> dict[str, Any]:
        return healthy.health(**self._shared_file())

    def _workspaces(self) -> dict[str, Any]:
        return {"workspaces": healthy.workspaces(**self._shared_file())["allActive"], "timestamp": healthy.stamp()}

    def hub_state(self) -> str:
        """The data of the first `hub_state` event."""
        if self.how.events == "garbage":
            return "{not json"
        pid = self.processes.pid("other") if self.how.events == "other-pid" else self.pid
        state = {"state": "ready", "server_id": "mcp-hub", "version": healthy.VERSION, "pid": pid}
        return json.dumps(state | {"port": self.port, "timestamp": healthy.stamp()})


def as_json(status: int, value: Any) -> Response:
    """A JSON answer; NaN and lone surrogates are written as they are."""
    return Response(status=status, body=json.dumps(value).encode(), headers=[("X-Powered-By", "Express")])


def _unknown_path(request: Request, traces: str) -> Response:
    if request.path.startswith("/api") or request.method != "GET":
        return Response(
            status=404, body=NOT_FOUND.format(route=request.route, traces=traces).encode(), content_type=HTML
        )
    return Response(body=b"<!DOCTYPE html>\n<title>MCP Hub</title>\n", content_type=HTML)


def _refused(text: str, field: str) -> tuple[int, Any]:
    return 400, {"error": text, "code": "VALIDATION_ERROR", "data": {"field": field}, "timestamp": healthy.stamp()}


def _asked_for(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _server_info(body: bytes, records: list[dict[str, Any]]) -> tuple[int, Any]:
    name = _asked_for(body).get("server_name")
    if not name:
        return _refused("Missing server name", "server_name")
    for record in records:
        if record["name"] == name:
            return 200, {"server": record, "timestamp": healthy.stamp()}
    error = {"error": "Server not found", "code": "SERVER_ERROR", "data": {"server": name}}
    return 500, error | {"timestamp": healthy.stamp()}


def _tool_call(body: bytes, records: list[dict[str, Any]]) -> tuple[int, Any]:
    asked = _asked_for(body)
    if not asked.get("server_name"):
        return _refused("Missing server name", "server_name")
    known = {tool["name"] for record in records for tool in record["capabilities"]["tools"]}
    if asked.get("tool") not in known:
        error = {"error": "Tool not found", "code": "TOOL_ERROR", "data": {"tool": asked.get("tool")}}
        return 500, error | {"timestamp": healthy.stamp()}
    text = f"Echo: {asked.get('arguments', {}).get('message', '')}"
    return 200, {"result": {"content": [{"type": "text", "text": text}]}, "timestamp": healthy.stamp()}
