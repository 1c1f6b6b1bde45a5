"""The embedded hub as one ASGI application, and the server that answers for it.

The application is its routes, the optional token, and whatever a fault puts around them.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from readiness.demo.hub.api import ApiError, BadBody, HubApi
from readiness.demo.hub.http import TooLarge, html_error, json_answer
from readiness.demo.hub.mcp import McpEndpoint
from readiness.demo.hub.transport import McpTransport

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator
    from types import FrameType

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from readiness.demo.hub.hub import EmbeddedHub
    from readiness.demo.llm.double import LlmDouble
    from readiness.demo.scratch import Scratch

HOST: Final = "127.0.0.1"
BACKLOG: Final = 256
"""Connections that wait to be accepted at most."""


def make_app(hub: EmbeddedHub) -> ASGIApp:
    """The application of `hub`; its start connects the MCP servers in the background."""
    api, transport = HubApi(hub), McpTransport(McpEndpoint(hub))

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(work()) for work in (hub.start, *hub.background)]
        yield
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        hub.log.close()

    async def bad_body(_request: Request, _error: Exception) -> Response:
        return html_error(hub, 400)

    handlers = {BadBody: bad_body} | dict.fromkeys((ApiError, TooLarge, HTTPException), api.on_error)
    beside = api.routes() if hub.kind == "mcp-hub" else _beside(hub)
    inner = Starlette(routes=[*beside, *transport.routes()], exception_handlers=handlers, lifespan=life)
    inner.router.redirect_slashes = False
    wrapped: ASGIApp = functools.partial(_guard, hub, inner)
    for wrapper in hub.http_wrappers:
        wrapped = functools.partial(wrapper, wrapped)
    return wrapped


def _beside(hub: EmbeddedHub) -> list[Route]:
    """What a bridge serves beside its endpoint, as good while its child is dead as while it lives; a plain server serves nothing."""

    async def status(_request: Request) -> Response:
        await asyncio.sleep(0)
        return json_answer({"server_instances": dict.fromkeys(list(hub.servers)[:1], "configured")})

    return [Route("/status", status, methods=["GET"])] if hub.kind == "bridge" else []


async def _guard(hub: EmbeddedHub, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Counts the requests, and refuses those without the bearer token where one is demanded."""
    if scope["type"] == "http":
        hub.traffic.count()
    if scope["type"] == "http" and hub.token is not None:
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, b"Bearer " + hub.token.encode()):
            body = {"error": "Unauthorized", "code": "AUTH_ERROR"}
            await json_answer(body, 401, {"www-authenticate": "Bearer"})(scope, receive, send)
            return
    await app(scope, receive, send)


class _Server(uvicorn.Server):
    """Says where it listens, and ends at once when it is told to: as a real hub it drops calls in flight."""

    def __init__(self, config: uvicorn.Config, port: int, scratch: Scratch, llm: LlmDouble, *, kept: bool) -> None:
        super().__init__(config)
        self._port, self._scratch, self._llm, self._kept = port, scratch, llm, kept

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        if not self._kept:  # whatever follows it lives in the same folder
            self._scratch.remove()
        os._exit(0)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._llm.start()
        if not self.started:
            raise SystemExit(1)
        # from here on a stream that breaks off is what some faults are for: uvicorn's tracebacks would bury real ones
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        line = {"url": f"http://{HOST}:{self._port}", "pid": os.getpid(), "port": self._port}
        # the parent has read the line of the first worker and may have closed the pipe before another replaces it
        with contextlib.suppress(BrokenPipeError, ValueError):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def run(hub: EmbeddedHub, llm: LlmDouble, listener: socket.socket, scratch: Scratch, *, kept: bool) -> None:
    """Answers for `hub` until its process is told to end; `kept`: its folder stays then."""
    config = uvicorn.Config(
        make_app(hub),
        interface="asgi3",
        proxy_headers=False,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=30,
    )
    _Server(config, hub.port, scratch, llm, kept=kept).run(sockets=[listener])
