"""How much memory a run takes on targets that answer as much as they can: each stays under 300 MB.

Run: python benchmarks/memory.py [NAME …]
"""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 300
"""Megabytes."""
SECONDS: Final = 240
MB: Final = 1 << 20
_TOOL: Final = {"name": "t", "inputSchema": {"type": "object"}}


def _filled(start: bytes, part: bytes, end: bytes, size: int = 8 * MB - 64) -> bytes:
    return start + part * ((size - len(start) - len(end)) // len(part)) + end


def _tools(params: dict[str, Any], count: int, schema: object) -> dict[str, Any]:
    page = int(params.get("cursor") or 0)
    tools = [{"name": f"t{page}-{number}", "inputSchema": {"type": "object", "x": schema}} for number in range(count)]
    return {"tools": tools, "nextCursor": str(page + 1)}


BODIES: Final[dict[str, Callable[[], tuple[bytes, str]]]] = {
    "empty objects": lambda: (_filled(b'{"status": "ok", "x": [', b"{},", b"{}]}"), ""),
    "small lists": lambda: (_filled(b'{"status": "ok", "servers": [', b"[],", b"[]]}"), ""),
    "servers": lambda: (_filled(b'{"servers": [', b'{"name":"a","status":"connected"},', b"{}]}"), ""),
    "keys": lambda: (b"{" + b",".join(b'"%d":0' % number for number in range(700_000)) + b"}", ""),
    "depth": lambda: (b"[" * (8 * MB - 64), ""),
    "numbers": lambda: (_filled(b"[", b"1e9,", b"1]"), ""),
    "one number": lambda: (b"9" * (8 * MB - 64), ""),
    "a long text": lambda: (_filled(b'{"status": "', b"x", b'"}'), ""),
    "escapes": lambda: (_filled(b'{"status": "', b"\\u00e9", b'"}'), ""),
    "astral": lambda: (_filled(b'{"status": "', "\U0001f600".encode(), b'"}'), ""),
    "lines": lambda: (b"a 1\n" * (2 * MB - 64), ""),
    "metrics": lambda: (b"".join(b'm{l="%d"} 1\n' % number for number in range(450_000)), ""),
    "gzip of zeros": lambda: (gzip.compress(b"\0" * (512 * MB), 1), "gzip"),
    "gzip of objects": lambda: (gzip.compress(_filled(b'{"x": [', b"{},", b"{}]}"), 1), "gzip"),
    "deflate of spaces": lambda: (zlib.compress(b" " * (256 * MB), 1), "deflate"),
    "html": lambda: (_filled(b"<html>", b"<a href=x>", b"</html>"), ""),
}
"""Given to every request."""
TOOLS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "pages without end": lambda params: _tools(params, 1, 0),
    "pages of 150 tools": lambda params: _tools(params, 150, {"a": "b"}),
    "pages of large schemas": lambda params: _tools(params, 4, "x" * (2 * MB - 1024)),
    "pages of many objects": lambda params: _tools(params, 4, [{}] * 600_000),
    "one page of 20,000 tools": lambda _: {"tools": [{**_TOOL, "name": f"t{n}"} for n in range(20_000)]},
    "one page of objects": lambda _: {"tools": [{**_TOOL, "x": [{}] * 2_500_000}]},
}
"""The pages of `tools/list`; the rest is answered as it should be."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = ""
    body = (b"", "")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Answer one connection; whoever leaves early is not worth a word."""
        with contextlib.suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        if self.name in BODIES:
            self._send(*self.body)
        elif self.name == "a stream without end":
            self._endless(b"data: " + b"x" * 65_000 + b"\n\n")
        elif self.name == "a body without end":
            self._endless(b"x" * 65_536)
        else:
            self._send(b'{"status": "ok", "state": "ready", "servers": []}', "")

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.name not in TOOLS:
            self.do_GET()
            return
        with contextlib.suppress(ValueError):
            asked = json.loads(request)
            self._answer(asked.get("method"), asked)
            return
        self._send(b"{}", "")

    def _answer(self, method: str, asked: dict[str, Any]) -> None:
        if method == "initialize":
            version = asked["params"].get("protocolVersion", "2025-06-18")
            result = {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "x", "version": "1"},
            }
        elif method == "tools/list":
            result = TOOLS[self.name](asked.get("params") or {})
        elif "id" not in asked:
            self._send(b"", "", status=202)
            return
        else:
            result = {}
        self._send(
            json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": result}, separators=(",", ":")).encode(), ""
        )

    def _send(self, body: bytes, encoding: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def _endless(self, part: bytes) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(8_192):
                self.wfile.write(part)


NAMES: Final = (*BODIES, *TOOLS, "a stream without end", "a body without end")


def taken(name: str) -> tuple[float, int, float]:
    """Megabytes that a run against the target `name` takes at most, its exit status and its seconds."""
    # in a process of its own: what a child takes at most begins with what its parent takes
    with subprocess.Popen([sys.executable, __file__, "--serve", name], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            return _measured(url, 'kind = "mcp"\nendpoint = "/mcp"' if name in TOOLS else "")
        finally:
            server.kill()


def _measured(url: str, kind: str) -> tuple[float, int, float]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "readiness.toml").write_text(
            f'environment = "local"\n[target]\nurl = "{url}"\n{kind}\n[probe]\nattempts = 2\ninterval = 0.1\n',
            encoding="utf-8",
        )
        began = time.monotonic()
        with Path(folder, "out").open("wb") as out:
            argv = [sys.executable, "-P", "-m", "readiness", "check", "-m", "health or alerts or e2e"]
            child = subprocess.Popen(argv, cwd=folder, stdout=out, stderr=out)
            killer = threading.Timer(SECONDS, child.kill)
            killer.start()
            _, status, used = os.wait4(child.pid, 0)
            killer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        return used.ru_maxrss / 1024, child.returncode, time.monotonic() - began


def serve(name: str) -> None:
    """Be the target `name`: say the port, and answer until killed."""
    body = BODIES[name]() if name in BODIES else (b"", "")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"name": name, "body": body})
    )
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


def main(names: list[str]) -> int:
    """Print what each target costs; 1 where one costs too much."""
    if names[:1] == ["--serve"]:
        serve(names[1])
    worst = 0.0
    for name in names or NAMES:
        megabytes, status, seconds = taken(name)
        worst = max(worst, megabytes)
        sys.stdout.write(f"{name:<28} {megabytes:6.0f} MB  exit {status:>3}  {seconds:5.1f} s\n")
        sys.stdout.flush()
    sys.stdout.write(f"{'the most':<28} {worst:6.0f} MB of {MOST}\n")
    return int(worst > MOST)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
