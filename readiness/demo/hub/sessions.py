"""Agents' sessions: each sees its own tools; bounded in number and in idle time."""

from __future__ import annotations

import dataclasses
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.hub.jsonrpc import SESSION_ERROR, RpcError, notification

if TYPE_CHECKING:
    from readiness.demo.hub.events import EventStream

MAX_SESSIONS: Final = 64
"""Sessions that may be open at once."""
IDLE_SECONDS: Final = 600.0
"""After so long without a request a session without an open stream is closed."""
MAX_PENDING: Final = 64
"""Notifications kept for a session that has no stream to send them on."""


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class ClientSession:
    """One agent: who it is, and which categories of tools it was shown."""

    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    legacy: bool = False
    initialized: bool = False
    protocol: str = ""
    exposed: set[str] = dataclasses.field(default_factory=set)
    stream: EventStream | None = None
    pending: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    connections: set[object] = dataclasses.field(default_factory=set)
    """Those that it was named on, where a fault counts them."""
    used: float = dataclasses.field(default_factory=time.monotonic)

    def notify(self, method: str) -> None:
        """Sends a notification on the session's stream, or keeps it for the next answer that is a stream."""
        self.send(notification(method))

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message on the session's stream, or keeps it."""
        if self.stream is not None and self.stream.open:
            from json import dumps

            self.stream.send("message", dumps(message, ensure_ascii=False))
        elif len(self.pending) < MAX_PENDING and message not in self.pending:
            self.pending.append(message)

    def take_pending(self) -> list[dict[str, Any]]:
        """What was kept; it is kept no longer."""
        kept, self.pending = self.pending, []
        return kept


class ClientSessions:
    """All open sessions by their id."""

    def __init__(self, limit: int = MAX_SESSIONS, idle: float = IDLE_SECONDS) -> None:
        self.limit, self.idle = limit, idle
        self.by_id: dict[str, ClientSession] = {}

    def create(self, *, legacy: bool = False) -> ClientSession:
        """A new session; raises `RpcError` when as many as allowed are open and none of them is idle."""
        self.sweep()
        if len(self.by_id) >= self.limit:
            raise RpcError(SESSION_ERROR, f"Too many sessions: {self.limit} are open")
        session = ClientSession(legacy=legacy)
        self.by_id[session.id] = session
        return session

    def get(self, identifier: str) -> ClientSession | None:
        """The session of that id, if it is open; it counts as used now."""
        self.sweep()
        session = self.by_id.get(identifier)
        if session is not None:
            session.used = time.monotonic()
        return session

    def close(self, session: ClientSession) -> None:
        """Forgets the session and ends its stream."""
        self.by_id.pop(session.id, None)
        if session.stream is not None:
            session.stream.close()

    def sweep(self) -> None:
        """Closes sessions that were idle for too long and have no reader."""
        limit = time.monotonic() - self.idle
        for session in list(self.by_id.values()):
            if session.used < limit and (session.stream is None or not session.stream.open):
                self.close(session)

    def tools_changed(self) -> None:
        """Tells every session that has been shown tools that the list is another one."""
        for session in self.by_id.values():
            if session.exposed:
                session.notify("notifications/tools/list_changed")
