"""Looks at embedded hubs that are served in the test's own process, which is quicker than a process for each fault."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import httpx
import uvicorn

from readiness.demo.faults.table import FAULTS
from readiness.demo.hub.hub import EmbeddedHub
from readiness.demo.hub.server import make_app
from readiness.demo.launcher import HOST, LLM_PATH
from readiness.demo.llm.double import LlmDouble
from readiness.demo.llm_control import LlmControl
from readiness.demo.scratch import Scratch

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Iterator

SECONDS = 0.3
"""For the faults that wait or last; their real defaults are seconds."""
META = "hub__analyze_prompt"
HELLO: dict[str, Any] = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "0"},
}


class Probe:
    """Looks at one hub as a client would; each method is one look.

    `patience` in seconds: short for a hub that is expected never to answer, long for one that should. `died`: the hub
    wanted to end its process, which here is the test's.
    """

    def __init__(
        self,
        hub: EmbeddedHub,
        server: uvicorn.Server,
        died: threading.Event,
        loop: asyncio.AbstractEventLoop,
        patience: float,
    ) -> None:
        self.hub, self.server, self.died, self.loop, self.patience = hub, server, died, loop, patience
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{hub.port}", timeout=5, verify=False)

    @property
    def control(self) -> LlmControl:
        """What breaks and mends the LLM of this hub."""
        return LlmControl(self.hub.release.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.http.close()
        self.server.should_exit = True

    def get(self, path: str = "/api/health") -> httpx.Response:
        """Any path, health by default."""
        return self.http.get(path)

    def json(self, path: str = "/api/health") -> dict[str, Any]:
        """Its JSON, decoded as strictly as Python does."""
        return dict(json.loads(self.get(path).content))

    def settled(self) -> dict[str, Any]:
        """Health once every server has found its place."""
        end = time.monotonic() + self.patience
        while (health := self.json())["state"] == "starting" and time.monotonic() < end:
            time.sleep(0.02)
        return health

    def stats(self) -> dict[str, Any]:
        """The filtering statistics of a hub that has settled."""
        self.settled()
        return self.json("/api/filtering/stats")

    def status(self, name: str = "memory") -> str:
        """One server's status."""
        found = {server["name"]: str(server["status"]) for server in self.settled()["servers"]}
        return found.get(name, "absent")

    def tools(self) -> list[str]:
        """The names that the API lists."""
        self.settled()
        return [tool["name"] for tool in self.json("/api/tools")["tools"]]

    def call(self, server: str = "memory", tool: str = "read_graph", **arguments: object) -> httpx.Response:
        """A real call of a tool over the API."""
        self.settled()
        return self.http.post("/api/servers/tools", json={"server_name": server, "tool": tool, "arguments": arguments})

    def times_out(self) -> bool:
        """Whether health is not answered in time."""
        try:
            self.http.get("/api/health", timeout=self.patience)
        except httpx.ReadTimeout:
            return True
        return False

    def fails(self, kind: type[Exception]) -> bool:
        """Whether reading health as JSON raises that kind of error."""
        try:
            self.settled()
        except kind:
            return True
        return False

    # --- MCP ---

    def rpc(self, method: str, session: dict[str, str] | None = None, **params: object) -> httpx.Response:
        """One request over Streamable HTTP."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        accept = {"accept": "application/json, text/event-stream"}
        return self.http.post("/mcp", json=body, headers=accept | (session or {}))

    def session(self) -> dict[str, str]:
        """The header of a new session."""
        self.settled()
        return {"mcp-session-id": self.rpc("initialize", **HELLO).headers["mcp-session-id"]}

    def analyse(self, session: dict[str, str]) -> str:
        """What came back for a prompt, notification included where there is one."""
        return self.rpc("tools/call", session, name=META, arguments={"prompt": "echo a message"}).text

    def mcp_times_out(self) -> bool:
        """Whether MCP is not answered in time, although health is."""
        try:
            self.http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, timeout=self.patience)
        except httpx.ReadTimeout:
            return self.get().status_code == 200
        return False

    def listed(self, session: dict[str, str]) -> set[str]:
        """The tools that a session is shown."""
        return {tool["name"] for tool in self.rpc("tools/list", session).json()["result"]["tools"]}

    def others_see(self) -> bool:
        """Whether one session's analysis shows in another."""
        one, two = self.session(), self.session()
        self.analyse(one)
        return len(self.listed(two)) > 1

    def exposes_nothing(self) -> bool:
        """Whether an analysis changes nothing."""
        session = self.session()
        return "categories" in self.analyse(session) and self.listed(session) == {META}

    def unknown_tool_result(self) -> bool:
        """Whether a tool that does not exist has a result."""
        return "result" in self.rpc("tools/call", self.session(), name="nope__nope").json()

    def closing_stalls(self) -> bool:
        """Whether closing a session holds up the next answer."""
        session, started = self.session(), time.monotonic()
        self.http.delete("/mcp", headers=session)
        self.get()
        return time.monotonic() - started > SECONDS * 0.9

    def first_events(self) -> int:
        """How many events come within a moment."""
        count = 0
        try:
            with self.http.stream("GET", "/api/events", timeout=self.patience) as stream:
                for line in stream.iter_lines():
                    count += line.startswith("event:")
                    if count == 3:
                        break
        except httpx.ReadTimeout:
            pass
        return count

    def endless(self) -> bool:
        """Whether health goes on after half a megabyte."""
        with self.http.stream("GET", "/api/health") as stream:
            total = 0
            for chunk in stream.iter_bytes():
                total += len(chunk)
                if total > 500_000:
                    return True
        return False


@contextlib.contextmanager
def serving() -> Iterator[Callable[[str | None], Probe]]:
    """Gives a function that serves a hub with a fault, or a healthy one for None; one event loop for all of them."""
    loop = asyncio.new_event_loop()
    running: list[concurrent.futures.Future[None]] = []
    folders: list[Scratch] = []
    doubles: list[LlmDouble] = []
    sockets: list[socket.socket] = []
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    # what broken hubs make uvicorn say is no news here
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

    def start(name: str | None) -> Probe:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind((HOST, 0))
        provider = socket.create_server((HOST, 0))
        scratch = Scratch.create(llm=f"http://{HOST}:{provider.getsockname()[1]}{LLM_PATH}")
        folders.append(scratch)
        port, environment = listener.getsockname()[1], scratch.environment()
        hub = EmbeddedHub(scratch.config_file, scratch.state_dir, port=port, environment=environment)
        died = threading.Event()
        hub.die = died.set
        llm = LlmDouble(provider, scratch.sample.key, scratch.root)
        if name is not None:
            FAULTS[name].hook(hub, SECONDS)
            llm.begin_with(FAULTS[name].llm or "up", SECONDS)
        doubles.append(llm)
        sockets.append(provider)
        asyncio.run_coroutine_threadsafe(llm.start(), loop).result(5)
        config = uvicorn.Config(
            make_app(hub),
            interface="asgi3",
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        running.append(asyncio.run_coroutine_threadsafe(server.serve(sockets=[listener]), loop))
        end = time.monotonic() + 5
        while not server.started and time.monotonic() < end:
            time.sleep(0.002)
        return Probe(hub, server, died, loop, 0.4 if name else 5)

    yield start
    for serving in running:
        serving.result(10)
    for llm in doubles:
        asyncio.run_coroutine_threadsafe(llm.stop(), loop).result(5)
    for provider in sockets:
        provider.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    for scratch in folders:
        scratch.remove()
