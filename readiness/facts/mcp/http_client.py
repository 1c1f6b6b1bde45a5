"""Below the agent's session: the SDK's HTTP client, bounded, recorded, and never redirected to another host.

The SDK's errors say little of what HTTP answered; so every answer is noted here, and put into words by `errors`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
import time
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx2

from readiness.facts.http import (
    BODY_LIMIT,
    ENDLESS,
    NO_CACHE,
    VALUES,
    BadAnswer,
    BeyondLimit,
    HttpAnswer,
    NotTheHub,
    bare,
    count_values,
    events,
    same_host,
    same_place,
    trust,
)
from readiness.support import EventStreamLines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from readiness.facts.http import Manners

STREAM_LIMIT: Final = ENDLESS
"""Bytes of an event stream, which lives as long as its session and carries every answer of it."""
EVENT_LIMIT: Final = 2 * BODY_LIMIT
"""What the SDK is told to take of one event: more than we let through, because its own words for a limit say nothing of whose it is."""
_HEAD: Final = 16 * 1024
"""Bytes within which a legacy stream has to announce its endpoint."""
_BAD: Final = 400


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAddress:
    """How the endpoint is reached: `url` of /mcp, seconds for everything, the credentials, further authorities."""

    url: str
    timeout: float = 5.0
    token: str | None = dataclasses.field(default=None, repr=False)
    """For `Authorization: Bearer`."""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    """Those that carry credentials in another way."""
    ca_file: Path | None = None
    proxy: str | None = dataclasses.field(default=None, repr=False)
    """The proxy to go through, perhaps with credentials: see `proxy_for`."""
    rate: float | None = None
    """Requests a second at most, all sessions together; None: unpaced."""
    manners: Manners | None = None
    """How often it may be asked; None: as often as `rate` gives."""

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return urlsplit(bare(self.url)).netloc


class Pacer:
    """Keeps the requests of all sessions to one rate; used inside the event loop alone."""

    def __init__(self, rate: float | None) -> None:
        self._pause, self._next = 1 / rate if rate else 0.0, 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        if self._pause:
            now = time.monotonic()
            at, self._next = self._next, max(now, self._next) + self._pause
            await asyncio.sleep(max(0.0, at - now))


class SessionTraffic:
    """What HTTP answered to one session; made inside the event loop."""

    def __init__(self) -> None:
        self.last: HttpAnswer | None = None
        self.legacy = False
        self.endpoint: str | None = None
        """Where a legacy session's messages go."""
        self.session: str | None = None
        """The id of a Streamable HTTP session."""
        self.beyond: BeyondLimit | None = None
        """Why what came was not read to its end: whatever the SDK makes of that says nothing of the hub."""
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.broken.add_done_callback(lambda future: future.cancelled() or future.exception())

    def fail(self, error: BaseException) -> None:
        """End whatever waits for this session: the SDK would let it wait for ever."""
        if isinstance(error, BeyondLimit):
            self.beyond = error
        if not self.broken.done():
            self.broken.set_exception(error)

    def note(self, request: httpx2.Request, response: httpx2.Response) -> None:
        """Remember an answer; that a legacy session's POST failed is seen only here."""
        headers = {key.lower(): value for key, value in response.headers.items()}
        self.last = HttpAnswer(
            method=request.method, url=bare(str(request.url)), status=response.status_code, headers=headers
        )
        self.session = headers.get("mcp-session-id", self.session)
        if self.legacy and request.method == "POST" and response.status_code >= _BAD:
            self.fail(httpx2.HTTPStatusError("refused", request=request, response=response))


class _Body(httpx2.AsyncByteStream):
    """A body within its limits. Of an event stream: read as WHATWG does, and a legacy one's first event is told."""

    def __init__(
        self, inner: httpx2.AsyncByteStream, watch: SessionTraffic, *, is_stream: bool, head_of: str | None
    ) -> None:
        self._inner, self._watch, self._head_of = inner, watch, head_of
        self._lines = EventStreamLines() if is_stream else None
        self._head = b""
        self._last = b""
        self._event = 0
        """Bytes since the last event's end."""
        self._values = 0
        """What stands between commas and brackets, since then or in the body."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > ENDLESS and self._lines is None:
                self._refuse(BadAnswer(f"the body is larger than {ENDLESS // 1024} KB, and goes on"))
            if size > STREAM_LIMIT:
                self._refuse(BeyondLimit("all that came on one stream", STREAM_LIMIT))
            text = chunk if self._lines is None else self._whole_events(self._lines.feed(chunk))
            self._values += count_values(text)
            if self._values > VALUES:
                self._refuse(BeyondLimit(f"an answer has more than the {VALUES} values that are read of it"))
            if self._head_of is not None:
                self._look(text, self._head_of)
            if self._lines is not None or size <= BODY_LIMIT:
                yield text
        if self._lines is None and size > BODY_LIMIT:
            self._refuse(BeyondLimit("the body", BODY_LIMIT))
        if self._head_of is not None:
            self._watch.fail(BadAnswer(f"GET {urlsplit(self._head_of).path}: the stream ended"))

    def _whole_events(self, text: bytes) -> bytes:
        """`text`, unless an event is too large: Raises BeyondLimit."""
        end = (self._last + text).rfind(b"\n\n")
        if end >= 0:  # an event that is whole counted while it came; what follows it begins anew
            self._values = 0
        self._event = len(self._last + text) - end - 2 if end >= 0 else self._event + len(text)
        self._last = text[-1:] or self._last
        if self._event > BODY_LIMIT:
            self._refuse(BeyondLimit("an answer on the event stream", BODY_LIMIT))
        return text

    def _refuse(self, error: BadAnswer | BeyondLimit) -> NoReturn:
        self._watch.fail(error)
        raise error

    def _look(self, chunk: bytes, base: str) -> None:
        if self._watch.endpoint is not None or len(self._head) > _HEAD:
            return
        self._head += chunk
        first = next(iter(events([self._head])), None)
        if first is None:
            return
        announced = urljoin(base, first.data.strip()) if first.name == "endpoint" else None
        path = urlsplit(base).path
        if announced is None:
            self._watch.fail(BadAnswer(f"GET {path} opened a stream that announces no endpoint"))
        elif not same_host(base, announced):
            host = urlsplit(bare(announced)).netloc[:80]
            text = f"GET {path} announces an endpoint on another host, {host}, which is not spoken to"
            self._watch.fail(BadAnswer(text))
        else:
            self._watch.endpoint = announced

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncBaseTransport):
    """Sends requests to one host only, and bounds what comes back."""

    def __init__(self, where: EndpointAddress, watch: SessionTraffic, trusted: Trusted) -> None:
        self._where, self._watch, self._pacer = where, watch, trusted.pacer
        verify = trusted.context
        self._inner = httpx2.AsyncHTTPTransport(verify=verify, trust_env=False, proxy=where.proxy)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request. Raises BadAnswer for another host, and what httpx2 raises."""
        url = str(request.url)
        if not same_place(self._where.url, url):
            raise BadAnswer(f"the session is led to another host, {request.url.host[:80]}, which is not spoken to")
        await self._pacer.turn()
        manners = self._where.manners
        if manners is not None:
            manners.sent()
        response = await self._inner.handle_async_request(request)
        self._watch.note(request, response)
        if manners is not None and (
            refusal := manners.refusal(f"{request.method} {request.url.path}", response.status_code, response.headers)
        ):
            await response.aclose()
            self._watch.fail(refusal)
            raise refusal
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        stream = response.stream
        if encoding not in {"", "identity"} or not isinstance(stream, httpx2.AsyncByteStream):
            await response.aclose()
            raise NotTheHub(
                f"{request.method} {request.url.path} answered in the encoding {encoding[:20]!r}, an encoding that was not asked for: "
                "something in front compresses; turn that off for /mcp and /messages"
            )
        is_stream = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        head_of = url if is_stream and self._watch.legacy and request.method == "GET" else None
        response.stream = _Body(stream, self._watch, is_stream=is_stream, head_of=head_of)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class Trusted:
    """What all sessions of one endpoint share: whom they trust, and their pace. Raises CouldNotLook for a bad ca_file."""

    def __init__(self, where: EndpointAddress) -> None:
        # for plain http nobody need be trusted: reading the authorities takes 20 to 30 ms
        secure = where.url.startswith("https:")
        self.context = trust(where.ca_file) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.pacer = Pacer(where.rate)


def client(where: EndpointAddress, watch: SessionTraffic, trusted: Trusted) -> httpx2.AsyncClient:
    """A client for one session: no proxy but the one that is named, no compression, bounded from outside."""
    headers = {"accept-encoding": "identity", "user-agent": "mcp-hub-readiness", **NO_CACHE}
    if where.token:
        headers["authorization"] = f"Bearer {where.token}"
    headers |= where.headers
    return httpx2.AsyncClient(
        transport=_Bounded(where, watch, trusted),
        headers=headers,
        trust_env=False,
        # no read time-out: an open stream is silent as long as there is nothing to say
        timeout=httpx2.Timeout(where.timeout, read=None),
    )


async def post(http: httpx2.AsyncClient, url: str, body: bytes, headers: dict[str, str]) -> HttpAnswer:
    """POST bytes as they are, and read the whole answer, or of an event stream only its head."""
    request = http.build_request("POST", url, content=body, headers={"content-type": "application/json", **headers})
    response = await http.send(request, stream=True)
    try:
        kept = {key.lower(): value for key, value in response.headers.items()}
        content = b""
        if not kept.get("content-type", "").lower().startswith("text/event-stream"):
            content = await response.aread()
        else:
            with contextlib.suppress(httpx2.StreamError):
                async for chunk in response.aiter_raw():
                    content += chunk
                    break
    finally:
        await response.aclose()
    return HttpAnswer(method="POST", url=bare(url), status=response.status_code, headers=kept, body=content)
