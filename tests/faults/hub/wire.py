"""HTTP/1.1 with raw control: requests are read properly, answers are written as badly as asked."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import re
import socket
import struct
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY: Final = 1_000_000
"""Bytes of a request's body that are read."""
ENDLESS_CHUNK: Final = b" " * 65_536
DRIP_SECONDS: Final = 0.05


@dataclasses.dataclass(slots=True, kw_only=True)
class Request:
    """One request as it came in."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's first value by name."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def route(self) -> str:
        """`METHOD path`."""
        return f"{self.method} {self.path}"


@dataclasses.dataclass(slots=True, kw_only=True)
class Response:
    """What to send; `headers` may repeat."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    close: bool = False
    no_body: bool = False

    def head(self, length: int | None) -> bytes:
        """Status line and headers; `length` None: chunked."""
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Unknown"
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {self.status} {phrase}", f"Content-Type: {self.content_type}", framing]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += ["Connection: close"] if self.close else []
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    length = min(int(headers.get("content-length", "0") or "0"), MAX_BODY)
    body = await reader.readexactly(length) if length else b""
    return Request(method=method, target=rest.rpartition(" ")[0], headers=headers, body=body)


def filled(raw: bytes, body: bytes) -> bytes:
    """`raw` with the healthy body put in: `{body}`, its `{length}` (in `{hex}` too), its `{half}`, and it packed as `{gzip}`, `{deflate}` or `{chunk}`."""
    packed = gzip.compress(body)
    values = {
        b"{body}": body,
        b"{length}": b"%d" % len(body),
        b"{hex}": b"%x" % len(body),
        b"{half}": body[: len(body) // 2],
        b"{gzip}": packed,
        b"{cut-gzip}": packed[:-12],
        b"{gzip-nothing}": gzip.compress(b""),
        b"{deflate}": zlib.compress(body),
        b"{bare-deflate}": zlib.compress(body)[2:-4],
        b"{chunk}": b"%x\r\n%s\r\n" % (len(body), body),
    }
    return re.sub(rb"\{[a-z-]+\}", lambda place: values[place.group()], raw)


class Line:
    """One connection's writing side, with every way to misbehave."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, response: Response, pace: str = "whole", seconds: float = 0.0, raw: bytes = b"") -> bool:
        """Send `response` in the manner of `pace`, or what `raw` makes of it; whether the connection may go on."""
        if raw:
            self.writer.write(filled(raw, response.body))
            await self.writer.drain()
            return False
        manner = {
            "silent": self.wait_for_end,
            "reset": self._reset,
            "close": self._nothing,
            "cut": self._cut,
            "drip-headers": self._drip_head,
            "drip-body": self._drip_body,
            "endless": self._endless,
            "not-http": self._greet,
            "bytes": self._bytes,
            "interim": self._interim,
            "reset-body": self._reset_body,
        }.get(pace)
        if manner is not None:
            await manner(response)
            return False
        if pace == "slow":
            await asyncio.sleep(seconds)
        await self._whole(response, pace)
        return not response.close

    async def _whole(self, response: Response, pace: str) -> None:
        body = response.body
        if pace == "gzip":
            body = gzip.compress(body)
            response.headers.append(("Content-Encoding", "gzip"))
        sent = b"" if response.no_body else body
        if pace == "chunked":
            middle = len(body) // 2
            parts = [part for part in (body[:middle], body[middle:]) if part]
            sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        self.writer.write(response.head(None if pace == "chunked" else len(body)) + sent)
        await self.writer.drain()

    async def wait_for_end(self, _: Response | None = None) -> None:
        """Say nothing until the other side goes."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(4_096):
                pass

    async def _reset(self, _: Response) -> None:
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _nothing(self, _: Response) -> None:
        return

    async def _greet(self, _: Response) -> None:
        self.writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await self.writer.drain()

    async def _bytes(self, response: Response) -> None:
        await self._drip(response.head(len(response.body)) + response.body, 0.0)

    async def _cut(self, response: Response) -> None:
        self.writer.write(response.head(len(response.body)) + response.body[: len(response.body) // 2])
        await self.writer.drain()

    async def _drip_head(self, response: Response) -> None:
        await self._drip(response.head(len(response.body)))
        await self.wait_for_end()

    async def _drip_body(self, response: Response) -> None:
        self.writer.write(response.head(len(response.body)))
        await self._drip(response.body)
        await self.wait_for_end()

    async def _drip(self, data: bytes, pause: float = DRIP_SECONDS) -> None:
        for index in range(len(data)):
            self.writer.write(data[index : index + 1])
            await self.writer.drain()
            await asyncio.sleep(pause)

    async def _endless(self, response: Response) -> None:
        self.writer.write(response.head(None) + b'1\r\n"\r\n')
        while True:
            self.writer.write(b"%x\r\n%s\r\n" % (len(ENDLESS_CHUNK), ENDLESS_CHUNK))
            await self.writer.drain()

    async def _interim(self, _: Response) -> None:
        while True:
            self.writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
            await self.writer.drain()
            await asyncio.sleep(0.01)

    async def _reset_body(self, response: Response) -> None:
        await self._cut(response)
        await asyncio.sleep(0.02)
        await self._reset(response)

    async def start_stream(self) -> None:
        """Begin an endless `text/event-stream`."""
        response = Response(content_type="text/event-stream", headers=[("Cache-Control", "no-cache")])
        self.writer.write(response.head(None))
        await self.writer.drain()

    async def event(self, name: str, data: str) -> None:
        """One server-sent event."""
        await self.chunk(f"event: {name}\ndata: {data}\n\n".encode())

    async def chunk(self, text: bytes) -> None:
        """A piece of the stream, as it is."""
        self.writer.write(b"%x\r\n%s\r\n" % (len(text), text))
        await self.writer.drain()
