"""Answers in Express's dress, and bodies of limited size: what the API and the MCP transports share."""

from __future__ import annotations

import html
import http
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from readiness.demo.hub.traits import MAX_BODY

if TYPE_CHECKING:
    from starlette.requests import Request

    from readiness.demo.hub.hub import EmbeddedHub

STACK: Final = (
    "    at MCPHub.rawRequest (/opt/mcp-hub/src/MCPHub.js:412:13)\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"
)
"""What the fault `stack-traces` adds to errors."""


class TooLarge(Exception):  # noqa: N818 - a refusal, told to the client as 413
    """A body passed `MAX_BODY`."""


async def read_body(request: Request) -> bytes:
    """The whole body; raises `TooLarge` as soon as it is known to be, whether its length was announced or not."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > MAX_BODY:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge
    return bytes(body)


def json_answer(payload: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON with the content type that Express gives it."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status, headers, media_type="application/json; charset=utf-8")


def html_error(hub: EmbeddedHub, status: int, message: str = "") -> Response:
    """Express's page for an error: `message`, or the status's own words."""
    words = html.escape(message or http.HTTPStatus(status).phrase)
    if hub.traits.stack_traces:
        words = f"Error: {words}<br>{html.escape(STACK)}"
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>{words}</pre>\n</body>\n</html>\n"
    )
    headers = {"content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff"}
    return Response(page.encode(), status, headers, media_type="text/html; charset=utf-8")


def not_found(hub: EmbeddedHub, request: Request) -> Response:
    """`Cannot GET /api/nope`, as Express says it."""
    return html_error(hub, 404, f"Cannot {request.method} {request.url.path}")
