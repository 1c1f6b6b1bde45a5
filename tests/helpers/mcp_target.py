"""An MCP endpoint of any kind on loopback, as small as agents allow: what it serves beside it, and what is wrong with it, is data."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import threading
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ECHO: Final[dict[str, Any]] = {
    "name": "echo",
    "description": "Says what it is told",
    "inputSchema": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
    "annotations": {"readOnlyHint": True},
}
NOW: Final[dict[str, Any]] = {
    "name": "now",
    "description": "Says the time",
    "inputSchema": {"type": "object", "properties": {}},
    "annotations": {"readOnlyHint": True},
}
PROTOCOLS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
Answer = tuple[int, Any]
"""A status, and a body that is sent as JSON (text as it is)."""


@dataclasses.dataclass(kw_only=True)
class McpTarget:
    """What the endpoint is; change it while it runs."""

    name: str = "billing"
    version: str | None = "3.1.4"
    endpoint: str = "/mcp"
    tools: list[dict[str, Any]] = dataclasses.field(default_factory=lambda: [ECHO, NOW])
    routes: dict[str, Answer] = dataclasses.field(default_factory=dict)
    """GETs beside the endpoint."""
    credentials: dict[str, str] = dataclasses.field(default_factory=dict)
    """Headers without which the endpoint answers 401."""
    has_sessions: bool = True
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    """Of every answer."""
    refuse: Callable[[str, str, Mapping[str, str]], tuple[int, dict[str, str], str] | None] | None = None
    """Asked first: method, path and headers; what it returns is the answer: status, headers, body."""
    call: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None
    """The result or error of tools/call in place of the well ones, as members of the JSON-RPC answer."""
    listing: Callable[[], dict[str, Any]] | None = None
    """The same for tools/list."""
    asked: list[tuple[str, str, dict[str, str]]] = dataclasses.field(default_factory=list)
    """Every request: method, path, headers."""
    sessions: set[str] = dataclasses.field(default_factory=set)
    url: str = ""

    def paths(self) -> set[str]:
        """The paths that were asked."""
        return {path for _, path, _ in self.asked}


@contextlib.contextmanager
def serve(target: McpTarget | None = None, **given: Any) -> Iterator[McpTarget]:
    """`target`, or one with these fields, while it answers on a free port of loopback."""
    target = target or McpTarget(**given)
    handler = type("Handler", (_Handler,), {"target": target})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    target.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: clients break connections on purpose."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: McpTarget

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _send(self, status: int, body: object = None, headers: Mapping[str, str] | None = None) -> None:
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        self.send_response(status)
        for name, value in {"content-type": kind, **self.target.headers, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _answered_before(self) -> bool:
        """Whether the request needs no further answer: refused, or without credentials."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.partition("?")[0]
        self.target.asked.append((self.command, path, headers))
        if self.target.refuse and (refusal := self.target.refuse(self.command, path, headers)):
            self._send(refusal[0], refusal[2], refusal[1])
            return True
        wanted = {name.lower(): value for name, value in self.target.credentials.items()}
        if path == self.target.endpoint and any(headers.get(name) != value for name, value in wanted.items()):
            self._send(401, {"error": "unauthorized"}, {"www-authenticate": 'Bearer realm="mcp"'})
            return True
        return False

    def do_GET(self) -> None:
        if self._answered_before():
            return
        path = self.path.partition("?")[0]
        if path == self.target.endpoint:
            self._send(405, {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "no stream"}})
        elif path in self.target.routes:
            self._send(*self.target.routes[path])
        else:
            self._send(404, "Not Found")

    def do_DELETE(self) -> None:
        if not self._answered_before():
            self.target.sessions.discard(self.headers.get("mcp-session-id", ""))
            self._send(200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self._answered_before():
            return
        if self.path != self.target.endpoint:
            self._send(404, "Not Found")
            return
        try:
            message = json.loads(body)
        except ValueError:
            self._send(400, _error(None, -32700, "Parse error"))
            return
        self._speak(message)

    def _speak(self, message: dict[str, Any]) -> None:
        method, number, params = message.get("method"), message.get("id"), message.get("params") or {}
        session, headers = self.headers.get("mcp-session-id"), dict[str, str]()
        if method == "server/discover":
            self._send(400, _error(number, -32601, "Method not found"))
            return
        if self.target.has_sessions and method == "initialize":
            session = uuid.uuid4().hex
            self.target.sessions.add(session)
            headers["mcp-session-id"] = session
        elif self.target.has_sessions and session not in self.target.sessions:
            self._send(404, _error(number, -32001, "Session not found"))
            return
        if number is None:
            self._send(202)
            return
        self._send(200, {"jsonrpc": "2.0", "id": number, **_answer(self.target, str(method), params)}, headers)


def _error(number: object, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text}}


def _answer(target: McpTarget, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The result or the error, as members of the JSON-RPC answer."""
    if method == "initialize":
        wanted = params.get("protocolVersion")
        info = {"name": target.name} | ({"version": target.version} if target.version is not None else {})
        protocol = wanted if wanted in PROTOCOLS else PROTOCOLS[0]
        return {"result": {"protocolVersion": protocol, "capabilities": {"tools": {}}, "serverInfo": info}}
    if method == "ping":
        return {"result": {}}
    if method == "tools/list":
        return target.listing() if target.listing else {"result": {"tools": target.tools}}
    if method == "tools/call":
        name, arguments = params.get("name"), params.get("arguments") or {}
        if target.call:
            return target.call(str(name), arguments)
        return _called(target, str(name), arguments)
    return {"error": {"code": -32601, "message": "Method not found"}}


def _called(target: McpTarget, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    tool = next((tool for tool in target.tools if tool["name"] == name), None)
    if tool is None:
        return {"error": {"code": -32602, "message": f"Unknown tool: {name}"}}
    if name.endswith("echo"):
        if not isinstance(arguments.get("message"), str):
            return {"error": {"code": -32602, "message": "Invalid arguments"}}
        return {"result": {"content": [{"type": "text", "text": f"Echo: {arguments['message']}"}]}}
    return {"result": {"content": [{"type": "text", "text": "12:00"}]}}
