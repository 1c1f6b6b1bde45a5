"""A whole hub in one thread: the inner port, the proxy with TLS in front of it, and the port that redirects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

from tests.faults.hub.api import Api, as_json
from tests.faults.hub.certificates import server_context
from tests.faults.hub.mcp import McpEnd
from tests.faults.hub.processes import Processes
from tests.faults.hub.wire import Line, Request, Response, read_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from tests.faults.hub.model import Answer, How

ADMIN: Final = frozenset(
    {
        "POST /api/config",
        "POST /api/restart",
        "POST /api/hard-restart",
        "POST /api/servers/start",
        "POST /api/servers/stop",
        "GET /api/refresh",
        "POST /api/refresh",
        "GET /api/logs",
    }
)
"""Routes that a proxy keeps closed, whoever asks."""
START_SECONDS: Final = 30.0


class FaultyHub:
    """A context manager: three listeners on loopback, served by one thread until it is left."""

    def __init__(self, how: How, *, token: str, release: Path, environment: Mapping[str, str]) -> None:
        """`environment` is what the hub's process was started with."""
        self.how, self.token = how, token
        self.requests: list[str] = []
        """`listener METHOD target` of every request, in order: what a failing test wants to see."""
        self._hits: dict[int, int] = {}
        self._served = 0
        self._loop = asyncio.new_event_loop()
        self._servers: dict[str, asyncio.Server] = {}
        self._sockets = {name: _listening() for name in ("internal", "public", "plain")}
        self._ports: dict[str, int] = {name: sock.getsockname()[1] for name, sock in self._sockets.items()}
        self._processes = Processes(how, self._sockets["internal"], environment)
        self._api = Api(how, release=release, port=self._ports["internal"], processes=self._processes)
        self._mcp = McpEnd(how)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faulty-hub", daemon=True)

    @property
    def pid(self) -> int:
        """The process that holds the port."""
        return self._processes.pid("same")

    @property
    def internal_url(self) -> str:
        """The hub's own port."""
        return f"http://127.0.0.1:{self._ports['internal']}"

    @property
    def url(self) -> str:
        """What clients use: TLS, a token, closed admin routes."""
        return f"https://127.0.0.1:{self._ports['public']}"

    @property
    def plain_url(self) -> str:
        """The address that must redirect to `url`."""
        return f"http://127.0.0.1:{self._ports['plain']}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise RuntimeError("the faulty hub did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._processes.end_all()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda _loop, _context: None)  # a client that breaks off is no news
        self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        for server in self._servers.values():
            server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for sock in self._sockets.values():
            sock.close()
        self._loop.close()

    async def _open(self) -> None:
        closed = {"internal": self.how.dead, "public": self.how.dead_proxy, "plain": self.how.redirects == "dead"}
        for name, sock in self._sockets.items():
            if closed[name]:
                sock.close()
                continue
            context = server_context(self.how.tls) if name == "public" else None
            self._servers[name] = await asyncio.start_server(self._handler(name), sock=sock, ssl=context)

    def _handler(self, listener: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = Line(reader, writer)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while (request := await read_request(reader)) is not None:
                    self.requests.append(f"{listener} {request.method} {request.target}")
                    if not await self._serve(listener, request, line):
                        break
            writer.close()

        return handle

    async def _serve(self, listener: str, request: Request, line: Line) -> bool:
        if listener == "plain":
            return await line.send(self._redirect(request))
        if listener == "public" and (refusal := self._refusal(request)) is not None:
            return await self._answer(listener, request, line, refusal)
        if self._is_down():
            gateway = as_json(502, {"error": "Bad Gateway"})
            return await line.send(gateway, "whole" if listener == "public" else "reset")
        return await self._answer(listener, request, line, None)

    async def _answer(self, listener: str, request: Request, line: Line, refusal: Response | None) -> bool:
        fault = self._fault(listener, request)
        if fault is not None and (refusal is None or fault.listener == listener):
            response = _altered(refusal or self._api.response(request), fault, request)
            return await line.send(response, fault.pace, fault.seconds, fault.raw)
        if refusal is not None:
            return await line.send(refusal)
        if request.route == "GET /api/events":
            await self._events(line)
            return False
        going_on = await self._mcp.serve(request, line)
        return going_on if going_on is not None else await line.send(self._api.response(request))

    def _is_down(self) -> bool:
        self._served += 1
        down = self.how.dies_after is not None and self._served > self.how.dies_after
        if down and "internal" in self._servers:
            self._servers.pop("internal").close()
            self._processes.end_all()
        return down or self.how.dead

    def _redirect(self, request: Request) -> Response:
        if self.how.redirects == "plain":
            return self._api.response(request)
        if self.how.redirects == "nowhere":
            return as_json(404, {"error": "Not Found"})
        return Response(status=301, headers=[("Location", self.url + request.target)])

    def _refusal(self, request: Request) -> Response | None:
        authorised = request.headers.get("authorization") == f"Bearer {self.token}"
        if request.route in ADMIN and not self.how.admin_open:
            return as_json(403, {"error": "Forbidden", "code": "FORBIDDEN"})
        if self.how.authentication and not authorised and not (request.route in ADMIN and self.how.admin_open):
            return as_json(401, {"error": "Unauthorized", "code": "UNAUTHORIZED"})
        return None

    def _fault(self, listener: str, request: Request) -> Answer | None:
        for index, answer in enumerate(self.how.answers):
            if answer.route not in {"*", request.route} or answer.listener not in {"both", listener}:
                continue
            self._hits[index] = self._hits.get(index, 0) + 1
            if answer.when.hits(self._hits[index]):
                return answer
        return None

    async def _events(self, line: Line) -> None:
        if self.how.events == "never":
            await line.wait_for_end()
            return
        await line.start_stream()
        if self.how.stream:
            await line.chunk(self.how.stream.replace(b"{state}", self._api.hub_state().encode()))
            await line.wait_for_end()
            return
        await line.event("log", json.dumps([{"type": "info", "message": "SSE client connected"}]))
        if self.how.events != "without-state":
            await line.event("hub_state", self._api.hub_state())
        await line.event("subscription_event", json.dumps({"type": "workspaces_updated"}))
        await line.wait_for_end()


def _listening() -> socket.socket:
    # the protocol is named, or asyncio leaves Nagle's algorithm on: 40 ms an event
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.listen(128)
    return sock


def _altered(response: Response, answer: Answer, request: Request) -> Response:
    if answer.status is not None:
        response.status = answer.status
    if answer.body is not None:
        response.body = answer.body
    if answer.content_type is not None:
        response.content_type = answer.content_type
    origin = request.headers.get("origin", "null")
    response.headers += [(name, value.replace("{origin}", origin)) for name, value in answer.headers]
    return response
