"""The agent's session: what an agent's own SDK sees of the hub, over whichever transport and protocol era it serves.

Streamable HTTP is tried first, without a handshake (2026-07-28) and with one; where it is not served, the legacy
HTTP+SSE transport. Importing this module loads the official SDK, which takes over half a second: import it late.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time
import types
from typing import TYPE_CHECKING, Any, Final, TypeVar

import mcp
import mcp_types
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import sse_within_origin
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from readiness.facts.http import LIST_LIMIT, BadAnswer, BeyondLimit, weight_of
from readiness.facts.mcp.errors import translated_error
from readiness.facts.mcp.event_loop import first_of
from readiness.facts.mcp.http_client import EVENT_LIMIT, EndpointAddress, SessionTraffic, Trusted, client
from readiness.facts.mcp.records import AgentTool, Notice, ProtocolError, ToolResult, Wire
from readiness.facts.mcp.request_ids import RequestIds, StrayAnswers, Streams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    import httpx2
    from mcp.shared._httpx_utils import McpHttpClientFactory

_T = TypeVar("_T")

PAGES: Final = 100
"""Pages of a list that are followed at most."""
TOOLS: Final = 20_000
"""Tools that are kept of a list at most."""
NOTICES: Final = 1_000
"""Notifications that are kept of one session."""
GONE: Final = 404
"""What a hub answers to a Streamable HTTP session that it does not know."""
_NOT_HERE: Final = frozenset({400, 404, 405, 406, 415, 501})
"""What a hub without Streamable HTTP answers to `POST /mcp`."""
_ME: Final = mcp_types.Implementation(name="mcp-hub-readiness", version="1")


def _with_larger_events(original: Any) -> Any:  # noqa: ANN401 - a context manager of the SDK's
    """The SDK's HTTP+SSE client, with our limit for one event: it has no parameter for that, and a list of 320 tools is larger than its 1 MB."""
    inner = original.__wrapped__
    own = inner.__globals__ | {"sse_within_origin": functools.partial(sse_within_origin, max_event_size=EVENT_LIMIT)}
    copy = types.FunctionType(inner.__code__, own, inner.__name__, inner.__defaults__, inner.__closure__)
    copy.__kwdefaults__ = inner.__kwdefaults__
    return contextlib.asynccontextmanager(copy)


_sse_client: Final = _with_larger_events(sse_client)


class LiveSession:
    """One session inside the event loop: a task of its own opens it, waits, and closes it again."""

    def __init__(self, where: EndpointAddress, trusted: Trusted, strays: StrayAnswers) -> None:
        self.where, self.trusted = where, trusted
        self._ids = RequestIds(strays)
        self.watch = SessionTraffic()
        self.notices: list[Notice] = []
        self.heard = asyncio.Event()
        self.wire: Wire = "streamable-http"
        self.http: httpx2.AsyncClient | None = None
        self.client: mcp.Client | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()
        self._task = asyncio.create_task(self._own())

    async def opened(self, seconds: float) -> None:
        """Wait until it is open. Raises Unknown's kinds, and leaves nothing behind then."""
        try:
            await self.bounded("initialise", asyncio.shield(self._ready), seconds)
        except BaseException:
            await self.close()
            raise

    async def _own(self) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                self.client = await self._connected(stack)
                listening = self._listening(self.client)
                self._ready.set_result(None)
                await self._end.wait()
                if listening is not None:
                    listening.cancel()
                    await asyncio.wait({listening}, timeout=1)
        except BaseException as error:  # whoever waits has to hear of it, also of a cancellation
            if not self._ready.done():
                self._ready.set_exception(error if isinstance(error, Exception) else ConnectionError("closed"))
                self._ready.exception()
            else:
                self.watch.fail(ConnectionError("the session ended"))
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _connected(self, stack: contextlib.AsyncExitStack) -> mcp.Client:
        self.http = await stack.enter_async_context(client(self.where, self.watch, self.trusted))
        streamable = streamable_http_client(self.where.url, http_client=self.http, max_sse_event_size=EVENT_LIMIT)
        try:
            return await stack.enter_async_context(self._client(streamable, "auto"))
        except Exception:
            last = self.watch.last
            if last is None or last.status not in _NOT_HERE:
                raise
        return await self._legacy(stack)

    async def _legacy(self, stack: contextlib.AsyncExitStack) -> mcp.Client:
        self.watch.legacy, self.wire = True, "http+sse"
        factory: McpHttpClientFactory = lambda headers=None, timeout=None, auth=None: client(  # noqa: E731, ARG005 - the SDK's protocol
            self.where, self.watch, self.trusted
        )
        over_sse = _sse_client(self.where.url, httpx_client_factory=factory)
        return await stack.enter_async_context(self._client(over_sse, "legacy"))

    def _client(self, transport: Any, mode: str) -> mcp.Client:  # noqa: ANN401 - the SDK's own protocol is private
        return mcp.Client(
            Streams(transport, self._ids), mode=mode, cache=None, client_info=_ME, message_handler=self._hear
        )

    async def _hear(self, message: object) -> None:
        if isinstance(message, Exception):
            self.watch.fail(message)
        elif len(self.notices) < NOTICES:
            self.notices.append(Notice(method=str(getattr(message, "method", "")), at=time.monotonic()))
            self.heard.set()

    def _listening(self, connected: mcp.Client) -> asyncio.Task[None] | None:
        """Since 2026-07-28 a client hears of changes only where it asks for them."""
        if connected.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return None
        return asyncio.create_task(self._listen(connected))

    @staticmethod
    async def _listen(connected: mcp.Client) -> None:
        with contextlib.suppress(Exception):  # a hub that offers none sends none: the check that waits for one says so
            async with connected.listen(tools_list_changed=True) as events:
                async for _ in events:
                    pass

    async def bounded(self, stage: str, work: Awaitable[_T], seconds: float | None = None) -> _T:
        """The result of `work` within `seconds`. Raises Unknown's kinds, with a sentence that names the stage."""
        limit = self.where.timeout if seconds is None else seconds
        try:
            return await first_of(work, self.watch.broken, limit)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises becomes one sentence
            last = self.watch.last
            if last is not None and last.status == GONE and self.watch.session is not None:
                # the hub no longer knows this session (it was restarted): the next step opens another
                self.watch.fail(ConnectionError("the session is gone"))
            cause = self.watch.beyond or error
            raise translated_error(cause, stage=stage, where=self.where, seconds=limit, last=last) from None

    async def close(self) -> None:
        """End the session in order, and with force where that takes too long."""
        self._end.set()
        if not self._ready.done():
            self._task.cancel()
        for patience in (self.where.timeout, 1.0):
            await asyncio.wait({self._task}, timeout=patience)
            if self._task.done():
                break
            self._task.cancel()
        if not self.watch.broken.done():
            self.watch.broken.cancel()

    @property
    def sdk(self) -> mcp.Client:
        """The SDK's client of an open session."""
        if self.client is None:
            raise BadAnswer("the session is not open")
        return self.client

    @property
    def modern(self) -> bool:
        """Whether it speaks the era without handshake and sessions."""
        return self.sdk.protocol_version in MODERN_PROTOCOL_VERSIONS

    async def tools(self) -> tuple[AgentTool, ...]:
        """Every page of `tools/list`."""
        listed: list[AgentTool] = []
        cursor, seen, names, weight = None, set[str](), set[str](), 0
        for _ in range(PAGES):
            page = await self.bounded("tools/list", self.sdk.list_tools(cursor=cursor))
            known = len(names)
            names |= {tool.name for tool in page.tools}
            listed += [AgentTool(name=tool.name, schema=tool.input_schema) for tool in page.tools]
            weight += sum(weight_of(tool.input_schema) for tool in page.tools)
            cursor = page.next_cursor
            del page
            if weight > LIST_LIMIT:
                listed.clear()  # whoever keeps the error keeps this frame
                raise BeyondLimit("all schemas of tools/list", LIST_LIMIT)
            if len(listed) > TOOLS:
                raise BeyondLimit(f"tools/list: more than the {TOOLS} tools that are read of it")
            if cursor is None:
                return tuple(listed)
            if cursor in seen:
                raise BadAnswer("tools/list: its pages go round in a circle")
            seen.add(cursor)
        if len(names) > known:
            raise BeyondLimit(f"tools/list: more than the {PAGES} pages that are read of it")
        raise BadAnswer(
            f"tools/list: no end after {PAGES} pages, and the last one holds no tool that was not listed before"
        )

    async def read(self, uris: Sequence[str]) -> tuple[str, str]:
        """The first of these addresses at which a resource can be read, and its text; bytes are told by their size. Raises what the last one raised."""
        for uri in uris:
            try:
                result = await self.bounded(f"resources/read {uri}", self.sdk.read_resource(uri))
            except ProtocolError:
                if uri == uris[-1]:
                    raise
                continue
            parts = [getattr(one, "text", None) or getattr(one, "blob", "") for one in result.contents]
            return uri, "\n".join(map(str, parts))
        raise BadAnswer("resources/read: no address")

    async def call(self, name: str, arguments: dict[str, Any], seconds: float | None = None) -> ToolResult:
        """The result of one tool, also where it calls itself an error."""
        started = time.monotonic()
        result = await self.bounded(f"tools/call {name}", self.sdk.call_tool(name, arguments), seconds)
        texts = [str(text) for part in result.content if (text := getattr(part, "text", None)) is not None]
        if not texts and result.structured_content is not None:
            texts = [json.dumps(result.structured_content, default=str)]
        return ToolResult(text="\n".join(texts), is_error=bool(result.is_error), seconds=time.monotonic() - started)
