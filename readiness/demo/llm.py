"""The LLM provider's double: lists its models to whoever shows the sample's key, as OpenAI's API does."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket

MODELS: Final = ("gpt-4o", "gpt-4o-mini")
PATH: Final = "/v1"
HEAD_LIMIT: Final = 8 * 1024
"""Bytes of a request's head at most."""
SECONDS: Final = 5.0
"""How long a client may take to send it."""


async def serve(listener: socket.socket, key: str) -> asyncio.Server:
    """Answer on `listener` for as long as the loop runs; `key` is the only one that is valid."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a client that leaves, dawdles or talks nonsense gets no answer, and nobody else notices
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(head.decode("latin-1"), key))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(on_client, sock=listener, limit=HEAD_LIMIT)


def _answer(head: str, key: str) -> bytes:
    request, *lines = head.split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if not hmac.compare_digest(fields.get("authorization", "").encode(), f"Bearer {key}".encode()):
        return _response("401 Unauthorized", {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})
    if request.split(" ")[:2] != ["GET", f"{PATH}/models"]:
        return _response("404 Not Found", {"error": {"message": "Unknown request URL", "code": "unknown_url"}})
    models = [{"id": name, "object": "model", "created": 0, "owned_by": "nobody"} for name in MODELS]
    return _response("200 OK", {"object": "list", "data": models})


def _response(status: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
