"""`python hub.py FOLDER`: a hub in miniature, in a process of its own, broken as FOLDER/how.json says.

Standard library only: it starts in a tenth of a second. What it does under SIGKILL nobody has to pretend.
"""

from __future__ import annotations

import datetime as dt
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("server.py")
NAMES = ("everything", "memory")
SLOW = 1.5
"""Seconds that the tool `slow` takes."""
FAILURES = 3
"""Failed analyses that open the breaker."""
CHUNK = 256 * 1024
"""Bytes that are kept at once: so much is given back to the system when it is."""
REST = 0.3
"""Seconds that it rests."""


class Hub:
    """Its servers, its breaker, its memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.how: dict[str, Any] = json.loads((folder / "how.json").read_text())
        starts = folder / "starts"
        with starts.open("a") as file:
            file.write(f"{os.getpid()}\n")
        self.number = len(starts.read_text().splitlines())
        self.born = time.time()
        self.servers: dict[str, subprocess.Popen[str]] = {}
        self.since: dict[str, float] = {}
        self.lock = threading.Lock()
        self.failures, self.opened = 0, 0.0
        self.hoard: list[bytes] = []
        for name in NAMES:
            if not (self.number > 1 and name == self.how.get("missing")):
                self.spawn(name)

    def spawn(self, name: str) -> None:
        """Start one of its servers."""
        command = [sys.executable, "-S", "-E", str(SERVER), name]
        pipe = subprocess.PIPE
        self.servers[name] = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.since[name] = time.monotonic() - 0.01

    def watch(self) -> None:
        """Do to the rest what a server's end does to it."""
        while True:
            time.sleep(0.02)
            dead = [name for name, process in self.servers.items() if process.poll() is not None]
            if not dead:
                continue
            what = self.how.get("server_crash")
            if what == "ends the hub":
                os._exit(0)
            if what == "ends the others":
                self.how["server_crash"] = ""
                for process in self.servers.values():
                    process.kill()
            if what == "starts it again":
                time.sleep(0.3)
                self.spawn(dead[0])

    def call(self, name: str, tool: str) -> str:
        """One call of one server, through its process. Raises OSError where that is gone."""
        if tool == "slow":
            time.sleep(SLOW)
        if self.llm_is_down and self.how.get("llm") == "takes the tools along":
            raise OSError("upstream timed out")
        process = self.servers[name]
        if process.poll() is not None or process.stdin is None or process.stdout is None:
            raise OSError("Not connected")
        with self.lock:
            process.stdin.write(f"{tool}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

    def record(self, name: str) -> dict[str, Any]:
        """One server's record; as in real hubs one that is dead stays connected, with an uptime of 0."""
        process = self.servers.get(name)
        gone = process is None or process.poll() is not None
        hidden = self.how.get("server_crash") == "shows nothing"
        uptime = 0.0 if gone and not hidden else time.monotonic() - self.since.get(name, 0)
        tools = [{"name": tool, "inputSchema": {"type": "object"}} for tool in ("say", "slow")]
        return {
            "name": name, "displayName": name, "status": "disconnected" if process is None else "connected",
            "uptime": uptime, "error": None, "config_source": str(self.folder / "hub.json"),
            "capabilities": {"tools": tools if process else [], "resources": [], "prompts": []},
        }  # fmt: skip

    def health(self) -> dict[str, Any]:
        """What `/api/health` answers."""
        port = self.how["port"]
        started = dt.datetime.fromtimestamp(self.born, dt.UTC).isoformat()
        entry = {"pid": os.getpid(), "port": port, "startTime": started}
        return {
            "status": "ok", "state": "ready", "server_id": "mcp-hub", "version": "4.3.0",
            "servers": [self.record(name) for name in NAMES],
            "workspaces": {"current": str(port), "allActive": {str(port): entry}},
        }  # fmt: skip

    def hoards(self) -> None:
        """Keep memory by the clock, MB a second: for ever, until there is enough, or giving it back again and again."""
        rate, enough = float(self.how.get("keeps", 0)), self.how.get("enough")
        started = time.monotonic()
        while rate:
            time.sleep(0.02)
            wanted = rate * (time.monotonic() - started)
            if enough and wanted >= enough:
                if not self.how.get("gives_back"):
                    return
                self.hoard.clear()
                started, wanted = time.monotonic(), 0.0
            while len(self.hoard) * CHUNK < wanted * 1e6:
                self.hoard.append(b"x" * CHUNK)

    # --- its LLM ---

    @property
    def llm_is_down(self) -> bool:
        """Whether the file that stands for the outage is there."""
        return (self.folder / "llm-is-down").exists()

    def analysis(self) -> dict[str, Any]:
        """What the meta tool answers."""
        how = self.how.get("llm")
        if self.breaker() == "open":
            return {"error": "circuit breaker is open"}
        if not self.llm_is_down:
            if self.failures and how == "never closes":
                return {"error": "circuit breaker is open"}
            self.failures = 0
            return {"categories": ["say"], "confidence": 0.9}
        if how == "ends the hub":
            os._exit(0)
        if how == "does not need it":
            return {"categories": ["say"], "confidence": 0.5}
        self.failures, self.opened = self.failures + 1, time.monotonic()
        return {"error": "connection refused"}

    def breaker(self) -> str:
        """Closed, open, half-open."""
        if self.failures < FAILURES or self.how.get("llm") == "stays closed":
            return "closed"
        resting = time.monotonic() - self.opened < REST or self.how.get("llm") == "never closes"
        return "open" if resting else "half-open"

    def stats(self) -> dict[str, Any]:
        """What `/api/filtering/stats` answers."""
        if self.how.get("llm") == "publishes nothing":
            return {"enabled": True}
        return {"enabled": True, "llm": {"circuitBreakerState": self.breaker()}}


class Routes(http.server.BaseHTTPRequestHandler):
    """The API, as far as drills ask."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, value: object, status: int = 200) -> None:
        """JSON."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Read."""
        hub = self.hub
        tools = [{"server": n, "name": t} for n in NAMES if n in hub.servers for t in ("say", "slow")]
        values = {
            "/api/health": hub.health,
            "/api/servers": lambda: {"servers": [hub.record(name) for name in NAMES]},
            "/api/tools": lambda: {"tools": tools},
            "/api/filtering/stats": hub.stats,
        }
        if self.path == "/api/events":
            return self._events()
        make = values.get(self.path)
        return self.answer({"error": "no"}, 404) if make is None else self.answer(make())

    def _events(self) -> None:
        state = json.dumps(
            {"state": "ready", "pid": self.hub.how.get("says_pid", os.getpid()), "port": self.hub.how["port"]}
        )
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(f"event: hub_state\ndata: {state}\n\n".encode())
        self.close_connection = True

    def do_POST(self) -> None:
        """Call, stop, start, and one MCP endpoint."""
        data = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self.path == "/mcp":
            return self._mcp(data)
        name = data.get("server_name", "")
        if self.path == "/api/servers/tools":
            try:
                return self.answer(
                    {"result": {"content": [{"type": "text", "text": self.hub.call(name, data["tool"])}]}}
                )
            except OSError as error:
                return self.answer({"error": str(error), "code": "TOOL_ERROR"}, 500)
        if self.path == "/api/servers/stop":
            self.hub.servers[name].kill()
        elif self.hub.how.get("server_crash") == "cannot be mended":
            return self.answer({"error": "spawn failed", "code": "SERVER_ERROR"}, 500)
        else:
            self.hub.spawn(name)
        return self.answer({"status": "ok"})

    def _mcp(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            return self.answer({}, 202)
        result: dict[str, Any] = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "serverInfo": {"name": "hub", "version": "1"},
        }
        if message["method"] == "tools/call":
            result = {"content": [{"type": "text", "text": json.dumps(self.hub.analysis())}]}
        return self.answer({"jsonrpc": "2.0", "id": message["id"], "result": result})


class Listener(http.server.ThreadingHTTPServer):
    """Ends with its process, whatever its threads do."""

    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """A client that left is none."""


def main(folder: Path) -> int:
    """Serve until it is told to end."""
    hub = Hub(folder)
    if hub.number > 1:
        time.sleep(hub.how.get("start_seconds", 0))
    Routes.hub = hub
    threading.Thread(target=hub.watch, daemon=True).start()
    threading.Thread(target=hub.hoards, daemon=True).start()
    listener = Listener(("127.0.0.1", hub.how["port"]), Routes)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def told(_number: int, _frame: object) -> None:
        if hub.how.get("sigterm") == "finishes":
            threading.Thread(target=lambda: (time.sleep(SLOW + 0.5), os._exit(0))).start()
        else:
            os._exit(hub.how.get("exit", 0))

    signal.signal(signal.SIGTERM, signal.SIG_IGN if hub.how.get("sigterm") == "ignored" else told)
    listener.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
