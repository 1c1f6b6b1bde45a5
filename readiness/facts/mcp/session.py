"""Agents' sessions for plain functions: opened, used and closed from the thread of the checks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from readiness.errors import Unknown
from readiness.facts.http import BadAnswer, HttpAnswer
from readiness.facts.mcp.errors import translated_error
from readiness.facts.mcp.event_loop import Loop, first_of
from readiness.facts.mcp.http_client import EndpointAddress, SessionTraffic, Trusted, client, post
from readiness.facts.mcp.request_ids import StrayAnswers
from readiness.facts.mcp.sdk import PAGES, LiveSession

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from readiness.facts.mcp.records import AgentTool, Notice, ToolResult, Wire

_T = TypeVar("_T")
_PAGES_AHEAD: Final = 3
"""Pages or resources that a place is waited for before the first one is asked for: most lists have one."""
_TO_OPEN: Final = 3
"""Requests that opening a session takes: initialize, that it is done, and the stream."""
_LISTENING: Final = "notifications"
"""The stage of a wait in which nothing is asked."""


class AgentSession:
    """One open session, for plain functions. A call raises ProtocolError, BadAnswer, TimedOut, HubDown or CouldNotLook."""

    def __init__(self, endpoint: Endpoint, live: LiveSession) -> None:
        self.endpoint, self.live = endpoint, live
        self.wire: Wire = live.wire
        self.protocol = live.sdk.protocol_version
        self.modern = live.modern
        """Whether it speaks the era without handshake and sessions."""
        info = live.sdk.server_info
        self.server = "" if info is None else info.name[:80]
        self.closed = False

    @property
    def has_id(self) -> bool:
        """Whether the other side knows it by an id."""
        return self.live.watch.legacy or self.live.watch.session is not None

    @property
    def alive(self) -> bool:
        """Whether it can still be used: not closed, and its connection did not break."""
        return not self.closed and not self.live.watch.broken.done()

    def tools(self) -> tuple[AgentTool, ...]:
        """Every page of `tools/list`."""
        return self._run("tools/list", self.live.tools(), pages=PAGES)

    def call(self, name: str, arguments: dict[str, Any], *, seconds: float | None = None) -> ToolResult:
        """The result of one tool, also where it calls itself an error."""
        return self._run(f"tools/call {name}", self.live.call(name, arguments, seconds), seconds)

    def read(self, *uris: str) -> tuple[str, str]:
        """The first of these addresses at which a resource can be read, and its text."""
        return self._run("resources/read", self.live.read(uris), pages=len(uris))

    def notices(self, method: str, since: float) -> list[Notice]:
        """Notifications of that method that came after `since` (monotonic clock)."""
        return [notice for notice in tuple(self.live.notices) if notice.method == method and notice.at >= since]

    def wait_notice(self, method: str, since: float, seconds: float) -> Notice | None:
        """The first such notification, waited for at most `seconds`; None if none came."""
        return self._run(_LISTENING, self._noticed(method, since, seconds), seconds)

    async def _noticed(self, method: str, since: float, seconds: float) -> Notice | None:
        end = time.monotonic() + seconds
        while not (notices := self.notices(method, since)) and (left := end - time.monotonic()) > 0:
            self.live.heard.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.live.heard.wait(), left)
        return notices[0] if notices else None

    def raw(self, body: bytes, *, session: str | None = None) -> HttpAnswer:
        """POST bytes where the session's messages go, past the SDK; `session` replaces its id. The answer as it is."""
        return self._run("raw request", self._raw(body, session))

    async def _raw(self, body: bytes, session: str | None) -> HttpAnswer:
        live, watch = self.live, self.live.watch
        url, headers = live.where.url, {"accept": "application/json, text/event-stream"}
        headers["mcp-protocol-version"] = self.protocol
        if watch.legacy:
            url = watch.endpoint or url
            if session is not None:
                url = f"{url.partition('?')[0]}?sessionId={session}"
        elif session is not None or watch.session is not None:
            headers["mcp-session-id"] = session or watch.session or ""
        # a session of its own to watch: what is refused here must not look as if it had broken this one
        apart = SessionTraffic()
        async with client(live.where, apart, live.trusted) as http:
            try:
                return await first_of(post(http, url, body, headers), apart.broken, live.where.timeout)
            except Exception as error:  # noqa: BLE001 - whatever httpx2 raises becomes one sentence
                seconds = live.where.timeout
                raise translated_error(
                    error, stage="raw request", where=live.where, seconds=seconds, last=None
                ) from None
            finally:
                apart.broken.cancel()

    def close(self) -> None:
        """End it and wait for that; more than once does nothing."""
        if not self.closed:
            self.closed = True
            self.endpoint.loop.run(self.live.close(), 2 * self.live.where.timeout)
            self.endpoint.forget(self)

    def close_meanwhile(self) -> ClosingSession:
        """Begin to end it, without waiting."""
        self.closed = True
        self.endpoint.forget(self)
        return ClosingSession(self.endpoint.loop, self.live)

    def _run(self, stage: str, work: Coroutine[Any, Any, _T], seconds: float | None = None, *, pages: int = 1) -> _T:
        if not self.alive:
            work.close()
            raise BadAnswer(f"{stage}: the session has ended before")
        limit, started = self.live.where.timeout if seconds is None else seconds, time.monotonic()
        try:
            self.endpoint.wait(min(pages, _PAGES_AHEAD))
        except Unknown:
            work.close()
            raise
        try:
            answer = self.endpoint.loop.run(work, limit * pages)
        except Exception:
            self.endpoint.unanswered = self.endpoint.unanswered or stage
            raise
        finally:
            self.endpoint.answered(self.live)
        if stage != _LISTENING:  # which asks nothing of the hub
            self.endpoint.unanswered = ""
            self.endpoint.seconds[stage.partition(" ")[0]] = time.monotonic() - started
        return answer


class ClosingSession:
    """A session that is being closed."""

    def __init__(self, loop: Loop, live: LiveSession) -> None:
        self._live, self.done = live, False
        """Whether it has ended, for this side."""
        loop.run(self._begin(), 1.0)

    async def _begin(self) -> None:
        self._task = asyncio.create_task(self._live.close())
        self._task.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self.done = True


class Endpoint:
    """Where agents connect: opens sessions, and closes them all at its own end."""

    def __init__(self, where: EndpointAddress, on_answer: Callable[[HttpAnswer], None] | None = None) -> None:
        """`where.url` is that of /mcp; `on_answer` hears of the last answer of every call.

        Raises CouldNotLook for a ca_file that cannot be used.
        """
        self.where, self.on_answer = where, on_answer
        self.loop = Loop()
        self.patience = where.timeout
        """Seconds that opening a session may take."""
        self.seconds: dict[str, float] = {}
        """How long each kind of request took the last time, all its pages together: initialize, tools/list, tools/call …"""
        self.unanswered = ""
        """The first request since the last answer that got none: where the hub is gone, what it did not outlive."""
        self._trusted = Trusted(where)
        self.strays = StrayAnswers()
        self._open: list[AgentSession] = []

    def open(self) -> AgentSession:
        """A new session. Raises BadAnswer, TimedOut, HubDown, CouldNotLook, or Unknown for refused credentials."""
        opened = self.open_many(1)[0]
        if isinstance(opened, AgentSession):
            return opened
        raise opened

    def open_many(self, number: int) -> list[AgentSession | Unknown]:
        """That many new sessions at once; for each that could not be opened, why."""
        lives: list[LiveSession] = []
        self.wait(_TO_OPEN * number)
        try:
            opened = self.loop.run(self._opened(number, lives), self.where.timeout + 2)
        finally:
            self.answered(*lives)
        sessions = [AgentSession(self, one) if isinstance(one, LiveSession) else one for one in opened]
        self._open += [one for one in sessions if isinstance(one, AgentSession)]
        return sessions

    async def _opened(self, number: int, lives: list[LiveSession]) -> list[LiveSession | Unknown]:
        async def one() -> LiveSession | Unknown:
            live, started = LiveSession(self.where, self._trusted, self.strays), time.monotonic()
            lives.append(live)
            try:
                await live.opened(self.patience)
            except Unknown as error:
                return error
            self.seconds["initialize"] = time.monotonic() - started
            return live

        return list(await asyncio.gather(*(one() for _ in range(number))))

    def together(self, calls: Sequence[tuple[AgentSession, str, dict[str, Any]]]) -> list[ToolResult | Unknown]:
        """All calls at the same time, one a session: each one's result, or why there is none."""

        async def one(session: AgentSession, name: str, arguments: dict[str, Any]) -> ToolResult | Unknown:
            try:
                return await session.live.call(name, arguments)
            except Unknown as error:
                return error

        async def every() -> list[ToolResult | Unknown]:
            return list(await asyncio.gather(*(one(*call) for call in calls)))

        self.wait(len(calls))
        return self.loop.run(every(), self.where.timeout + 2)

    def wait(self, requests: int) -> None:
        """Wait until the target bears so many requests more: inside a call that would count as its slowness. Raises RateLimited."""
        if self.where.manners is not None:
            self.where.manners.wait(requests)

    @property
    def sessions(self) -> tuple[AgentSession, ...]:
        """Those that are open."""
        return tuple(self._open)

    def answered(self, *lives: LiveSession) -> None:
        """Call `on_answer` with the last HTTP answer of the sessions."""
        for live in lives:
            if self.on_answer is not None and live.watch.last is not None:
                self.on_answer(live.watch.last)

    def forget(self, session: AgentSession) -> None:
        """Forget a session that was closed."""
        if session in self._open:
            self._open.remove(session)

    def close(self) -> None:
        """Close every session, one by one, then the loop."""
        for session in self.sessions:
            with contextlib.suppress(Unknown):
                session.close()
        self.loop.close()
