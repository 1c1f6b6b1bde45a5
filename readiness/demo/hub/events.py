"""Streams of server-sent events: bounded queues, so that a reader who sleeps costs the hub nothing."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

MAX_STREAMS: Final = 50
"""Open streams of one kind. A real hub damages its state file at about 200, so nobody should need more."""
MAX_QUEUED: Final = 256
"""Events that wait for one reader; a reader further behind is cut off."""
KEEP_ALIVE: Final = 15.0
"""Seconds of silence after which a comment is sent, so that a dead peer is noticed."""


class TooManyStreams(Exception):  # noqa: N818 - a refusal, told to the client as 503
    """`MAX_STREAMS` are open."""


class EventStream:
    """One reader's queue; None in it ends the stream."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUED + 1)
        self.open = True
        self.muted = False
        """Open, and never sent anything: a fault."""

    def send(self, event: str, data: dict[str, Any] | str) -> None:
        """Queues one event; a full queue closes the stream."""
        if not self.open or self.muted:
            return
        body = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        if self._queue.qsize() >= MAX_QUEUED:
            self.close()
        else:
            self._queue.put_nowait(f"event: {event}\ndata: {body}\n\n".encode())

    def close(self) -> None:
        """Ends the stream after what is queued."""
        if self.open:
            self.open = False
            self._queue.put_nowait(None)

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes for the reader, with comments in times of silence."""
        while True:
            try:
                item = await asyncio.wait_for(self._queue.get(), KEEP_ALIVE)
            except TimeoutError:
                item = b": keep-alive\n\n"
            if item is None:
                return
            yield item


class _EventResponse(StreamingResponse):
    """Tells when it is over, however it ends, even if its reader left before the first byte."""

    def __init__(self, content: AsyncIterator[bytes], gone: Callable[[], None], headers: dict[str, str]) -> None:
        super().__init__(content, headers=headers, media_type="text/event-stream")
        self._gone = gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._gone()


class EventStreams:
    """All open streams of one kind."""

    def __init__(self, limit: int = MAX_STREAMS) -> None:
        self.limit = limit
        self.open: set[EventStream] = set()

    def add(self) -> EventStream:
        """A new stream; raises `TooManyStreams`."""
        if len(self.open) >= self.limit:
            raise TooManyStreams
        stream = EventStream()
        self.open.add(stream)
        return stream

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Queues one event for every reader."""
        for stream in self.open:
            stream.send(event, data)

    def respond(
        self, stream: EventStream, headers: dict[str, str] | None = None, after: Callable[[], None] | None = None
    ) -> StreamingResponse:
        """The response that carries `stream`; `after` runs once its reader is gone."""

        def gone() -> None:
            stream.open = False
            self.open.discard(stream)
            if after is not None:
                after()

        fixed = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
        return _EventResponse(stream.read(), gone, fixed | (headers or {}))
