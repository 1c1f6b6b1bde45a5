"""A server with a known truth for load tests: how long each answer takes, and what is wrong with it, is in the path."""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import threading
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


class Target(http.server.ThreadingHTTPServer):
    """Counts what it was asked, and can stand still for a while."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, *, streamable: bool = False, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.streamable, self.tls = streamable, tls
        self.frozen_until = 0.0
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.sessions: dict[str, queue.Queue[str | None]] = {}
        self.opened = self.closed = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Where it speaks TLS, shake hands in the thread of the connection."""
        if self.tls is not None:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def freeze(self, seconds: float) -> None:
        """Answer nobody for so long."""
        self.frozen_until = time.monotonic() + seconds

    def handle_error(self, *_: Any) -> None:
        """Clients hang up: that is part of the game."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Target

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        """What the path says: /ok, /delay/MS, /status/N, /big, /drip, /hang, /bye, /away."""
        self._known()
        kind, _, value = self.path.strip("/").partition("/")
        if kind == "mcp":
            self._stream()
        elif kind == "delay":
            time.sleep(float(value) / 1000)
            self._answer()
        elif kind == "status":
            self._answer(int(value), b"" if value == "204" else b"{}")
        elif kind == "big":
            self._answer(body=b"x" * 300_000)
        elif kind == "drip":
            self._drip()
        elif kind == "hang":
            time.sleep(5)
        elif kind == "away":
            self.send_response(302)
            self.send_header("Location", f"http://{value}" if value else "/ok")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(close=kind == "bye")

    def do_HEAD(self) -> None:
        """The head of a good answer."""
        self._known()
        self.send_response(200)
        self.send_header("Content-Length", "12")
        self.end_headers()

    def _known(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        time.sleep(max(0.0, self.server.frozen_until - time.monotonic()))

    def _answer(self, status: int = 200, body: bytes = b'{"ok": true}', *, close: bool = False, kind: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind or "application/json")
        self.send_header("Content-Length", str(len(body)))
        if close:
            # it hangs up without a word of warning, as servers do with connections that idle
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def _stream(self) -> None:
        """The legacy transport: a stream that first announces where to post."""
        self.server.opened += 1
        name = f"s{self.server.opened}"
        waiting = self.server.sessions[name] = queue.Queue()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(f"event: endpoint\ndata: /messages?sessionId={name}\n\n".encode())
        try:
            while (text := waiting.get()) is not None:
                self.wfile.write(f"event: message\r\ndata: {text}\r\n\r\n".encode())
        except OSError:
            pass
        self.close_connection = True

    def do_DELETE(self) -> None:
        """The end of a Streamable HTTP session."""
        self.server.closed += 1
        self._answer()

    def do_POST(self) -> None:
        """MCP, over either transport; anything else is answered as GET is."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._known()
        parts = urllib.parse.urlsplit(self.path)
        if parts.path == "/messages":
            session = urllib.parse.parse_qs(parts.query)["sessionId"][0]
            self._answer(202, b"Accepted", kind="text/plain")
            reply = answer_to(json.loads(body))
            if reply is not None:
                self.server.sessions[session].put(json.dumps(reply))
        elif parts.path == "/mcp" and self.server.streamable:
            self._streamable(json.loads(body))
        else:
            self._answer(404 if parts.path == "/mcp" else 200)

    def _streamable(self, message: dict[str, Any]) -> None:
        reply = answer_to(message)
        if message["method"] == "initialize":
            self.server.opened += 1
        if reply is None:
            self._answer(202, b"")
        elif message["method"] == "tools/call":
            self._answer(body=f"event: message\ndata: {json.dumps(reply)}\n\n".encode(), kind="text/event-stream")
        else:
            self._answer(body=json.dumps(reply).encode())


def answer_to(message: dict[str, Any]) -> dict[str, Any] | None:
    """The answer to an MCP request: the tools are `echo`, `wrong` (isError) and anything else (a JSON-RPC error)."""
    if "id" not in message:
        return None
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "initialize":
        return reply | {"result": {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "t"}}}
    params = message["params"]
    text = [{"type": "text", "text": f"Echo: {params['arguments'].get('message')}"}]
    if params["name"] == "echo":
        return reply | {"result": {"content": text}}
    if params["name"] == "wrong":
        return reply | {"result": {"content": text, "isError": True}}
    return reply | {"error": {"code": -32602, "message": "no such tool"}}


@contextlib.contextmanager
def target(**options: Any) -> Iterator[Target]:
    """A running one."""
    with Target(**options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            for waiting in server.sessions.values():
                waiting.put(None)
            server.shutdown()
            thread.join(5)
