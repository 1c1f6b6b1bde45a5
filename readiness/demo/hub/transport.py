"""MCP over HTTP, both ways: the legacy HTTP+SSE transport and Streamable HTTP, side by side on `/mcp`.

A `GET /mcp` that names a session is Streamable HTTP's stream; one that names none opens a legacy session.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from readiness.demo.hub.events import EventStreams, TooManyStreams
from readiness.demo.hub.http import html_error, json_answer, not_found, read_body
from readiness.demo.hub.jsonrpc import INVALID_REQUEST, SESSION_ERROR, RpcError, failure, parse, result
from readiness.demo.hub.mcp import PROTOCOLS
from readiness.demo.hub.sessions import MAX_SESSIONS, ClientSession
from readiness.demo.llm.client import LOOPBACK

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from readiness.demo.hub.jsonrpc import Message
    from readiness.demo.hub.mcp import McpEndpoint

SESSION_HEADER: Final = "mcp-session-id"
FOREIGN: Final = "Forbidden: the Origin is no page of this machine"


def _refuse(status: int, code: int, message: str) -> Response:
    return json_answer(failure(None, RpcError(code, message)), status)


class McpTransport:
    """The routes of both transports."""

    def __init__(self, endpoint: McpEndpoint) -> None:
        self.endpoint, self.hub, self.sessions = endpoint, endpoint.hub, endpoint.sessions
        self.streams = EventStreams(MAX_SESSIONS)

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/mcp", self.mcp, methods=["GET", "POST", "DELETE"]),
            Route("/messages", self.messages, methods=["POST"]),
        ]

    async def mcp(self, request: Request) -> Response:
        """`/mcp`, whatever the method."""
        streamable = request.method != "GET" or SESSION_HEADER in request.headers
        if (refusal := self._refusal(request, streamable=streamable)) is not None:
            return refusal
        if self.hub.traits.mcp_silent:
            await self._silence(request)
        if not streamable:
            return self._open_legacy()
        if request.method == "POST":
            return await self._post(request)
        session = self._named(request)
        if not isinstance(session, ClientSession):
            return session
        if request.method == "DELETE":
            if not self.hub.traits.deleted_sessions_live:
                self._close(session)
            return json_answer({}, 200)
        return self._open_stream(session)

    def _refusal(self, request: Request, *, streamable: bool) -> Response | None:
        """The refusal of a transport that is not served; None where it is."""
        traits = self.hub.traits
        if traits.mcp_missing or (streamable and traits.legacy_only):
            return not_found(self.hub, request)
        if not streamable and traits.streamable_only:
            return _refuse(405, SESSION_ERROR, "Method not allowed")
        return _refuse(403, INVALID_REQUEST, FOREIGN) if _strange(request) else None

    def _malformed(self, error: RpcError) -> Response:
        """The answer to what is no message: 400 with the error's code, unless a fault knows otherwise."""
        match self.hub.traits.malformed:
            case "accept":
                return json_answer(result(None, {}))
            case "fail":
                return html_error(self.hub, 500)
            case "die":
                self.hub.die()
        return json_answer(failure(None, error), 400)

    def _known(self, identifier: str, request: Request) -> ClientSession | None:
        """The session of that id; None where there is none, or a fault has it on another connection alone."""
        session, most = self.sessions.get(identifier) or self._anyones(), self.hub.traits.known_connections
        if session is None or most is None or request.client in session.connections:
            return session
        if len(session.connections) >= most:
            return None
        session.connections.add(request.client)
        return session

    def _anyones(self) -> ClientSession | None:
        """The session that answers for an id that does not exist: None, or the newest one under the fault for it."""
        return [None, *self.sessions.by_id.values()][-1] if self.hub.traits.any_session else None

    @staticmethod
    async def _silence(request: Request) -> None:
        """Accepts and never answers: returns only when the client has given up."""
        kind = ""
        while kind != "http.disconnect":
            kind = (await request.receive())["type"]

    # --- legacy HTTP+SSE ---

    def _open_legacy(self) -> Response:
        try:
            session = self.sessions.create(legacy=True)
        except RpcError as error:
            return _refuse(503, error.code, error.message)
        try:
            session.stream = self.streams.add()
        except TooManyStreams:
            self.sessions.close(session)
            return _refuse(503, SESSION_ERROR, "Too many streams")
        session.stream.send("endpoint", f"{self.hub.traits.messages_host}/messages?sessionId={session.id}")
        return self.streams.respond(session.stream, after=lambda: self._close(session))

    async def messages(self, request: Request) -> Response:
        """`POST /messages?sessionId=`: 202, and the answer comes on the session's stream."""
        if self.hub.traits.messages_missing or self.hub.traits.mcp_missing:
            return not_found(self.hub, request)
        if self.hub.traits.mcp_silent:
            await self._silence(request)
        if _strange(request):
            return _refuse(403, INVALID_REQUEST, FOREIGN)
        identifier = request.query_params.get("sessionId", "")
        if not identifier:
            return _refuse(400, SESSION_ERROR, "Missing sessionId parameter")
        session = self._known(identifier, request)
        if session is None or not session.legacy:
            return _refuse(404, SESSION_ERROR, f"Session not found: {identifier[:100]}")
        try:
            message = parse(await read_body(request))
        except RpcError as error:
            return self._malformed(error)
        answer = await self.endpoint.handle(session, message)
        if answer is not None:
            session.send(answer)
        return _accepted()

    # --- Streamable HTTP ---

    def _named(self, request: Request) -> ClientSession | Response:
        """The session that the request names, or the refusal."""
        identifier = request.headers.get(SESSION_HEADER, "")
        if not identifier:
            return _refuse(400, INVALID_REQUEST, "Bad Request: Mcp-Session-Id header is required")
        session = self._known(identifier, request)
        if session is None or session.legacy:
            return _refuse(404, SESSION_ERROR, "Session not found")
        version = request.headers.get("mcp-protocol-version")
        if version is not None and version not in PROTOCOLS:
            return _refuse(400, INVALID_REQUEST, f"Bad Request: unsupported protocol version {version[:40]}")
        return session

    async def _post(self, request: Request) -> Response:
        try:
            message = parse(await read_body(request))
        except RpcError as error:
            return self._malformed(error)
        if SESSION_HEADER not in request.headers and message.method in {"initialize", "ping"}:
            return await self._first(message)
        session = self._named(request)
        if not isinstance(session, ClientSession):
            return session
        answer = await self.endpoint.handle(session, message)
        if answer is None:
            return _accepted()
        accepts = request.headers.get("accept", "")
        pending = session.take_pending() if "text/event-stream" in accepts else []
        if pending or ("text/event-stream" in accepts and "json" not in accepts and "*/*" not in accepts):
            return self._as_stream([*pending, answer])
        return json_answer(answer)

    async def _first(self, message: Message) -> Response:
        """A request that needs no session: `ping`, or the `initialize` that makes one."""
        if message.method == "ping":
            answer = await self.endpoint.handle(ClientSession(), message)
            return json_answer(answer) if answer else _accepted()
        try:
            session = self.sessions.create()
        except RpcError as error:
            return json_answer(failure(message.id, error), 503)
        answer = await self.endpoint.handle(session, message)
        if answer is None or "error" in answer:
            self.sessions.close(session)
            return json_answer(answer or {}, 400)
        return json_answer(answer, headers={SESSION_HEADER: session.id})

    def _as_stream(self, messages: list[dict[str, Any]]) -> Response:
        try:
            stream = self.streams.add()
        except TooManyStreams:
            return _refuse(503, SESSION_ERROR, "Too many streams")
        for message in messages:
            stream.send("message", json.dumps(message, ensure_ascii=False))
        stream.close()
        return self.streams.respond(stream)

    def _open_stream(self, session: ClientSession) -> Response:
        """Streamable HTTP's stream of a session: one at a time."""
        if session.stream is not None and session.stream.open:
            return _refuse(409, SESSION_ERROR, "Conflict: only one stream is allowed per session")
        try:
            session.stream = self.streams.add()
        except TooManyStreams:
            return _refuse(503, SESSION_ERROR, "Too many streams")
        for message in session.take_pending():
            session.send(message)
        return self.streams.respond(session.stream, headers={SESSION_HEADER: session.id})

    def _close(self, session: ClientSession) -> None:
        """Ends a session; with the fault for it, the whole hub stands still as 4.3.0 does under load."""
        self.sessions.close(session)
        for react in self.hub.on_close:
            react()
        if self.hub.traits.close_stall:
            time.sleep(self.hub.traits.close_stall)  # blocks the loop on purpose


def _strange(request: Request) -> bool:
    """Whether a page of another site sent it, which a name that was rebound to this machine makes possible."""
    origin = request.headers.get("origin")
    return origin is not None and urllib.parse.urlsplit(origin).hostname not in LOOPBACK


def _accepted() -> Response:
    from starlette.responses import Response as Plain

    return Plain(b"Accepted", 202)
