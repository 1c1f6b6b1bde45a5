"""A small server with a known truth, for the real generator: it delays, freezes, fails and refuses as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What it does, in seconds after the first request; `freeze` and `fails` are (from, to)."""

    delay: float = 0.0
    freeze: tuple[float, float] = (0.0, 0.0)
    fails: tuple[float, float] = (0.0, 0.0)
    body: bytes = b'{"status": "ok"}'


@contextlib.contextmanager
def serving(truth: Truth) -> Iterator[str]:
    """Its address, for as long as the block lasts."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    address, first = list[str](), list[float]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                first.append(time.monotonic())
                at = first[-1] - first[0]
                frozen = truth.freeze[1] - at if truth.freeze[0] <= at < truth.freeze[1] else 0.0
                await asyncio.sleep(truth.delay + frozen)
                status = b"500 Internal Server Error" if truth.fails[0] <= at < truth.fails[1] else b"200 OK"
                head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                writer.write(head % (status, len(truth.body)) + truth.body)
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        address.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        ready.set()

    loop.create_task(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        assert ready.wait(5)
        yield address[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
