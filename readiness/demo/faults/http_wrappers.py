"""Faults of the answers over HTTP: ASGI wrappers that answer in the application's place or spoil what it answers."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]
    HttpWrapper = Callable[[App, Scope, Receive, Send], Awaitable[None]]

JSON: Final = b"application/json; charset=utf-8"
HTML: Final = b"text/html; charset=utf-8"
MAX_ENDLESS: Final = 1 << 30
"""Bytes after which even the endless body ends."""


async def _send(send: Send, status: int, kind: bytes, body: bytes, *more: tuple[bytes, bytes]) -> None:
    length = str(len(body)).encode()
    headers = [(b"content-type", kind), (b"content-length", length), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def always(status: int, body: bytes | dict[str, Any], *more: tuple[bytes, bytes]) -> HttpWrapper:
    """Answers every request the same: JSON for a dict, else HTML."""
    kind, raw = (JSON, json.dumps(body).encode()) if isinstance(body, dict) else (HTML, body)

    async def wrapper(app: App, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        await _send(send, status, kind, raw, *more)

    return wrapper


def delayed(seconds: float) -> HttpWrapper:
    """Answers everything, `seconds` late."""

    async def wrapper(app: App, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(seconds)
        await app(scope, receive, send)

    return wrapper


def every_other(odd: HttpWrapper) -> HttpWrapper:
    """Hands every second request to another wrapper, beginning with the first."""
    count = 0

    async def wrapper(app: App, scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        count += scope["type"] == "http"
        if scope["type"] == "http" and count % 2:
            await odd(app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return wrapper


def after(seconds: float, late: HttpWrapper) -> HttpWrapper:
    """Answers as it should for `seconds`, then through another wrapper."""
    until = time.monotonic() + seconds

    async def wrapper(app: App, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and time.monotonic() > until:
            await late(app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return wrapper


async def silent(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts and never answers."""
    if scope["type"] != "http":
        await app(scope, receive, send)
        return
    kind = ""
    while kind != "http.disconnect":
        kind = (await receive())["type"]


async def endless(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends a body of JSON that does not end."""
    if scope["type"] != "http":
        await app(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON)]})
    chunk, sent = b'{"a":"' + b"a" * 65_530, 0
    while sent < MAX_ENDLESS:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        sent += len(chunk)
        chunk = b"a" * 65_536
        await asyncio.sleep(0.001)
    await send({"type": "http.response.body", "body": b""})


async def redirected(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Redirects every path to itself."""
    if scope["type"] != "http":
        await app(scope, receive, send)
        return
    await _send(send, 302, HTML, b"", (b"location", scope["path"].encode()))


async def any_origin(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Lets scripts of every web site read the answers."""

    async def marked(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            opened = [(b"access-control-allow-origin", b"*"), (b"access-control-allow-headers", b"*")]
            message["headers"] = [*message["headers"], *opened]
        await send(message)

    await app(scope, receive, marked)


def rewritten(change: Callable[[bytes], bytes], *, short: bool = False) -> HttpWrapper:
    """Passes each JSON body under /api through `change`; `short` announces more than is then sent."""

    async def wrapper(app: App, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api"):
            await app(scope, receive, send)
            return
        start: MutableMapping[str, Any] = {}

        async def spoiled(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                if JSON not in dict(message["headers"]).values():
                    await send(message)
                return
            if JSON not in dict(start["headers"]).values():
                await send(message)
                return
            body = change(message.get("body", b""))
            length = len(message.get("body", b"")) if short else len(body)
            kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", str(length).encode())]})
            await send({"type": "http.response.body", "body": body, "more_body": short})

        await app(scope, receive, spoiled)

    return wrapper
