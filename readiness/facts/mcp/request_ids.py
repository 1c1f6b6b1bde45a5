"""Ids of requests that no other session uses, so that an answer on the wrong stream is seen: the SDK drops it without a word.

The SDK counts each session's requests from 0. On their way out they get a number of the session's own, and their answers get the SDK's
back. What answers a request that this session never made is a stray.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, Self

import mcp_types

if TYPE_CHECKING:
    from mcp.shared.message import SessionMessage

OWN: Final = "readiness"
"""How the ids of requests begin that are sent past the SDK."""
_BITS: Final = 18
"""Random bits of a session's own number."""
_REQUESTS: Final = 1 << 12
"""Requests of one session before its numbers begin anew; with the bits above, an id is a number that every server can keep."""
_MOST: Final = 20
_ANSWERS: Final = (mcp_types.JSONRPCResponse, mcp_types.JSONRPCError)


class StrayAnswers:
    """Answers that sessions of one endpoint got to requests that they never made."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self._sessions: dict[int, int] = {}

    def new_session(self) -> int:
        """The number that a new session's ids begin with."""
        base = secrets.randbits(_BITS) * _REQUESTS
        while base in self._sessions:
            base = secrets.randbits(_BITS) * _REQUESTS
        self._sessions[base] = len(self._sessions) + 1
        return base

    def note(self, base: int, number: object) -> None:
        """Note an answer to request `number` that the session of `base` got."""
        whose = self._sessions.get(number - number % _REQUESTS) if isinstance(number, int) else None
        asked = f"request {str(number)[:40]}, which it never made" if whose is None else f"a request of session {whose}"
        if len(self.sentences) < _MOST:
            self.sentences.append(f"session {self._sessions[base]} was sent the answer to {asked}")


class RequestIds:
    """The ids of one session, on their way out and back."""

    def __init__(self, strays: StrayAnswers) -> None:
        self._strays, self._base = strays, strays.new_session()
        self._asked: dict[int, Any] = {}
        self._next = 0

    def outgoing(self, item: SessionMessage) -> SessionMessage:
        """A message as it is sent: requests, and what cancels them, by this session's own numbers."""
        message = item.message
        if isinstance(message, mcp_types.JSONRPCRequest):
            number = self._base + self._next
            self._next = (self._next + 1) % _REQUESTS
            self._asked[number] = message.id
            item.message = message.model_copy(update={"id": number})
        elif isinstance(message, mcp_types.JSONRPCNotification) and "requestId" in (message.params or {}):
            params = dict(message.params or {})
            ours = next((one for one, own in reversed(self._asked.items()) if own == params["requestId"]), None)
            if ours is not None:
                item.message = message.model_copy(update={"params": params | {"requestId": ours}})
        return item

    def incoming(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        """A message as the SDK expects it; an answer that this session did not ask for is noted."""
        if isinstance(item, Exception) or not isinstance(item.message, _ANSWERS):
            return item
        number = item.message.id
        if isinstance(number, str) and number.isdecimal():
            number = int(number)  # some servers make a text of it, and the SDK takes that too
        if isinstance(number, int) and number in self._asked:
            item.message = item.message.model_copy(update={"id": self._asked[number]})
        elif number is not None and not str(number).startswith(OWN):
            self._strays.note(self._base, number)
        return item


class Streams:
    """A transport of the SDK's, with these ids on its wire."""

    def __init__(self, transport: Any, ids: RequestIds) -> None:  # noqa: ANN401 - the SDK's own protocol is private
        self._transport, self._ids = transport, ids

    async def __aenter__(self) -> tuple[_Reading, _Writing]:
        read, write, *_ = await self._transport.__aenter__()
        return _Reading(read, self._ids), _Writing(write, self._ids)

    async def __aexit__(self, *error: object) -> bool | None:
        ended: bool | None = await self._transport.__aexit__(*error)
        return ended


class _Stream:
    """One of a transport's two streams, as the SDK uses it."""

    def __init__(self, inner: Any, ids: RequestIds) -> None:  # noqa: ANN401 - see above
        self._inner, self._ids = inner, ids

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - see above
        return getattr(self._inner, name)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._inner.__aexit__(*error)


class _Writing(_Stream):
    async def send(self, item: SessionMessage) -> None:
        await self._inner.send(self._ids.outgoing(item))


class _Reading(_Stream):
    async def receive(self) -> SessionMessage | Exception:
        return self._ids.incoming(await self._inner.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._ids.incoming(await self._inner.__anext__())
