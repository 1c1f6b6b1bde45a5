"""The embedded hub as one ASGI application: routes, the optional token, and whatever a fault puts around them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from readiness.demo.hub.api import Api, ApiError, BadBody
from readiness.demo.hub.http import TooLarge, html_error, json_answer
from readiness.demo.hub.mcp import McpEndpoint
from readiness.demo.hub.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from readiness.demo.hub.hub import Hub


def make_app(hub: Hub) -> ASGIApp:
    """The application of `hub`; its start connects the MCP servers in the background."""
    api, transport = Api(hub), Transport(McpEndpoint(hub))

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
    inner = Starlette(routes=[*api.routes(), *transport.routes()], exception_handlers=handlers, lifespan=life)
    inner.router.redirect_slashes = False
    wrapped: ASGIApp = functools.partial(_guard, hub, inner)
    for wire in hub.wires:
        wrapped = functools.partial(wire, wrapped)
    return wrapped


async def _guard(hub: Hub, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
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
