"""MCP tool calls under load: a few long-lived sessions for all calls, as real agents have them.

Streamable HTTP where the hub serves `POST /mcp`, else the legacy HTTP+SSE transport. A session is dear to a hub (closing
one can freeze it for 0.2 s), so there are three, opened before the schedule and closed one by one after it. A session
that is lost stays lost: calls go to the others, and fail where none is left.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

import gevent
import gevent.event

from readiness.loadgen import samples
from readiness.loadgen.wire import Connection, Failed, ParsedAnswer, Peer
from readiness.support import EventStreamLines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.loadgen.plan import PlannedCall

SESSIONS: Final = 3
"""Sessions of one process; hub.md's limit for a hub that is judged."""
REST: Final = 0.5
"""Seconds between two sessions' ends."""
_VERSION: Final = "2025-03-26"
_LEGACY: Final = "2024-11-05"
_ACCEPT: Final = "Accept: application/json, text/event-stream\r\n"
_FIRST: Final = 100_000_000
"""Ids have nine digits, so that a prepared request keeps its length."""
_EVENT: Final = 8 * 1024 * 1024
_OK: Final = range(200, 300)


class Events:
    """Server-sent events, taken apart as they come: `take` is called with each event's name and data."""

    def __init__(self, take: Callable[[str, str], None], limit: int = _EVENT) -> None:
        self._take, self._limit, self._rest = take, limit, b""
        self._plain = EventStreamLines()
        self._name, self._data, self._size = "message", list[str](), 0

    def feed(self, data: bytes) -> None:
        """More of the stream. Raises Failed for a line or an event without end."""
        *lines, self._rest = (self._rest + self._plain.feed(data)).split(b"\n")
        if len(self._rest) > self._limit:
            raise Failed(samples.TOO_LARGE)
        for line in lines:
            self._line(line.decode("utf-8", "replace"))

    def _line(self, line: str) -> None:
        if not line:
            if self._data:
                self._take(self._name, "\n".join(self._data))
            self._name, self._data, self._size = "message", [], 0
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._size += len(value)
            if self._size > self._limit:
                raise Failed(samples.TOO_LARGE)
            self._data.append(value)


class _Stream(ParsedAnswer):
    """An answer whose body is read as it comes and not kept."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        super().__init__(0, headers=True)
        self._give = take

    def _on_body(self, data: bytearray) -> None:
        self._give(bytes(data))


def judge(message: object, contains: str | None) -> int:
    """What an answer to a tool call is worth: 0, or `WRONG` for an error that came dressed as HTTP 200."""
    result = message.get("result") if isinstance(message, dict) else None
    if not isinstance(result, dict) or result.get("isError") or "content" not in result:
        return samples.WRONG
    if contains is None:
        return 0
    content = result["content"] if isinstance(result["content"], list) else []
    texts = [str(item.get("text", "")) for item in content if isinstance(item, dict)]
    return 0 if contains in "\n".join(texts) else samples.WRONG


def _rpc(number: int | None, method: str, params: Mapping[str, Any]) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message if number is None else message | {"id": number}).encode()


def _hello(version: str) -> dict[str, Any]:
    who = {"name": "readiness-load", "version": "1"}
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": who}


class Streamable:
    """A session over Streamable HTTP: the answer stands in the response, as JSON or as an event."""

    def __init__(self, peer: Peer, path: str, identity: str) -> None:
        self._peer, self._path, self.alive = peer, path, True
        self._extra = _ACCEPT + f"MCP-Protocol-Version: {_VERSION}\r\n"
        if identity:
            self._extra += f"Mcp-Session-Id: {identity}\r\n"

    def call(self, number: int, body: bytes, connection: Connection) -> tuple[int, object]:
        """Send a request and return status and answer. Raises Failed."""
        answer = ParsedAnswer(self._peer.limit, headers=True)
        connection.exchange(self._peer.request("POST", self._path, body, self._extra), answer, safe=False)
        return answer.get_code(), message_of(answer, number) if answer.get_code() in _OK else None

    def close(self) -> None:
        """Tell the server that the session is over."""
        ended = Connection(self._peer)
        farewell = self._peer.request("DELETE", self._path, None, self._extra)
        with gevent.Timeout(2, exception=False), contextlib.suppress(Failed):
            ended.exchange(farewell, ParsedAnswer(65536), safe=False)
        ended.close()


def message_of(answer: ParsedAnswer, number: int) -> object:
    """The JSON-RPC answer to request `number` in an HTTP answer; None where there is none."""
    messages: list[object] = []
    kind = (answer.headers or {}).get("content-type", "")

    def take(_: str, data: str) -> None:
        try:
            message = json.loads(data)
        except ValueError:
            return
        if isinstance(message, dict) and message.get("id") == number:
            messages.append(message)

    if kind.startswith("text/event-stream"):
        Events(take).feed(answer.body + b"\n\n")
    else:
        take("message", answer.body.decode("utf-8", "replace"))
    return messages[0] if messages else None


class Legacy:
    """A session over HTTP+SSE: requests are posted, answers come on one stream that a greenlet reads."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self._endpoint, self.alive = peer, "", True
        self._waiting: dict[int, gevent.event.AsyncResult] = {}
        self._ready = gevent.event.Event()
        self._events = Events(self._take)
        self._sock: Any = None

    def open(self, path: str, timeout: float) -> None:
        """Open the stream and wait for the announced endpoint. Raises Failed."""
        self._sock = self._peer.connect()
        self._sock.sendall(self._peer.request("GET", path, None, "Accept: text/event-stream\r\n"))
        gevent.spawn(self._read)
        if not self._ready.wait(timeout) or not self.alive:
            self.close()
            raise Failed(samples.TIMED_OUT if self.alive else samples.LOST)

    def _read(self) -> None:
        stream = _Stream(self._events.feed)
        try:
            while not stream.done:
                block = self._sock.recv(65536)
                if not block:
                    break
                stream.feed(block)
                if stream.get_code() not in _OK:
                    break
        except (OSError, Failed, ValueError, AttributeError):
            # a lost stream, or one that is no HTTP: both end the session, below
            pass
        finally:
            self.alive = False
            self._ready.set()
            for waiting in list(self._waiting.values()):
                waiting.set_exception(Failed(samples.LOST))

    def _take(self, name: str, data: str) -> None:
        if name == "endpoint":
            target = urllib.parse.urlsplit(urllib.parse.urljoin(f"{self._peer.origin[0]}://x/", data.strip()))
            # a hub behind a prefix may or may not know of it; `request` puts it in front
            path = target.path.removeprefix(self._peer.prefix) + (f"?{target.query}" if target.query else "")
            # whatever host it names: what is posted goes to the peer, in one line
            if path.isascii() and path.isprintable() and " " not in path:
                self._endpoint = path
                self._ready.set()
            return
        try:
            message = json.loads(data)
        except ValueError:
            return
        number = message.get("id") if isinstance(message, dict) else None
        waiting = self._waiting.get(number) if isinstance(number, int) else None
        if waiting is not None:
            waiting.set(message)

    def call(self, number: int, body: bytes, connection: Connection) -> tuple[int, object]:
        """Post a request and wait for its answer on the stream; status and answer. Raises Failed."""
        waiting = self._waiting[number] = gevent.event.AsyncResult()
        until = time.perf_counter() + self._peer.timeout
        try:
            answer = ParsedAnswer(self._peer.limit)
            connection.exchange(self._peer.request("POST", self._endpoint, body, _ACCEPT), answer, safe=False)
            if answer.get_code() not in _OK:
                return answer.get_code(), None
            return answer.get_code(), waiting.get(timeout=max(0.001, until - time.perf_counter()))
        except gevent.Timeout:
            raise Failed(samples.TIMED_OUT) from None
        finally:
            del self._waiting[number]

    def tell(self, body: bytes, connection: Connection) -> None:
        """Post a notification. Raises Failed."""
        connection.exchange(self._peer.request("POST", self._endpoint, body, _ACCEPT), ParsedAnswer(65536), safe=False)

    def close(self) -> None:
        """Hang up, which ends the session."""
        if self._sock is not None:
            self._sock.close()


class SessionPool:
    """The few sessions of this process; calls go round among those that live."""

    def __init__(self, peer: Peer, path: str, timeout: float) -> None:
        self._peer, self._path, self._timeout = peer, path, timeout
        self._all: list[Streamable | Legacy] = []
        self._numbers = itertools.count(_FIRST)

    def open(self) -> str:
        """Open them; what went wrong, in words, or nothing."""
        connection, why = Connection(self._peer), f"not within {self._timeout * 2:g} s"
        with gevent.Timeout(self._timeout * 2, exception=False):
            why = self._open_all(connection)
        connection.close()
        return f"only {len(self._all)} of {SESSIONS} MCP sessions could be opened: {why}" if why else ""

    def _open_all(self, connection: Connection) -> str:
        try:
            for _ in range(SESSIONS):
                self._all.append(self._streamable(connection) or self._legacy(connection))
        except Failed as failed:
            return str(failed)
        return ""

    def _streamable(self, connection: Connection) -> Streamable | None:
        if self._all and isinstance(self._all[0], Legacy):
            return None
        number, answer = next(self._numbers), ParsedAnswer(self._peer.limit, headers=True)
        body = _rpc(number, "initialize", _hello(_VERSION))
        connection.exchange(self._peer.request("POST", self._path, body, _ACCEPT), answer, safe=False)
        message = message_of(answer, number) if answer.get_code() in _OK else None
        if not isinstance(message, dict) or "result" not in message:
            return None
        session = Streamable(self._peer, self._path, (answer.headers or {}).get("mcp-session-id", ""))
        session.call(0, _rpc(None, "notifications/initialized", {}), connection)
        return session

    def _legacy(self, connection: Connection) -> Legacy:
        session, number = Legacy(self._peer), next(self._numbers)
        session.open(self._path, self._timeout)
        _, message = session.call(number, _rpc(number, "initialize", _hello(_LEGACY)), connection)
        if not isinstance(message, dict) or "result" not in message:
            session.close()
            raise Failed(samples.WRONG)
        session.tell(_rpc(None, "notifications/initialized", {}), connection)
        return session

    def call(self, call: PlannedCall, connection: Connection) -> tuple[int, int]:
        """One tool call: HTTP's status and the error, 0 for a good answer. Raises Failed."""
        number = next(self._numbers)
        living = [session for session in self._all if session.alive]
        if not living:
            raise Failed(samples.NO_CONNECTION)
        body = _rpc(number, "tools/call", {"name": call.tool, "arguments": call.arguments})
        status, message = living[number % len(living)].call(number, body, connection)
        return status, judge(message, call.contains) if status in _OK else samples.STATUS

    def close(self, *, patient: bool) -> None:
        """End them one by one; `patient` leaves the hub time between two of them."""
        for index, session in enumerate(self._all):
            if patient and index:
                gevent.sleep(REST)
            session.close()
        self._all = []
