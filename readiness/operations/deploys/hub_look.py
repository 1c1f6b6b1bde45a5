"""One short look at the hub from outside a run: whether it answers, and which process and version that is."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from readiness.config import SILENT_SECONDS
from readiness.errors import HubDown, Unknown
from readiness.support import process_identity

if TYPE_CHECKING:
    from readiness.config import Config
    from readiness.facts.hub import Hub

SECONDS: Final = 2.0
"""Seconds that each request of a look may take."""
_PATIENCE: Final = 0.4
"""The share of `[probe] timeout` that each request may take: of a slow hub's as of a fast one's."""
_SAME: Final = 2.0
"""Seconds that two sayings of when a process started may differ."""
_PORTS: Final = {"http": 80, "https": 443}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look showed. `started` in seconds since the epoch; None wherever nothing says."""

    answers: bool
    pid: int | None = None
    started: float | None = None
    age: float | None = None
    """Seconds since then."""
    start: str | None = None
    """The start as this host's kernel counts it, where the process is on it: `started` moves when the clock is set."""
    version: str | None = None
    state: str | None = None
    silent: bool = False
    """It takes connections and does not answer: hung, or frozen by somebody."""
    accepts: bool = False
    """It takes connections, and could not be asked for another reason."""
    trouble: str = ""
    """Why it could not be seen, or not in full."""

    @property
    def listens(self) -> bool:
        """Whether something takes connections, whatever it answers."""
        return self.answers or self.silent or self.accepts

    @property
    def process(self) -> str:
        """The process in words."""
        return f"process {self.pid}" if self.pid is not None else "a process that cannot be told"

    def is_other_than(self, before: Seen) -> bool | None:
        """Whether another process answers than `before`; None where that cannot be told."""
        if self.pid is None or before.pid is None:
            return None
        # a pid may come again; its start does not
        return self.pid != before.pid or not same_start(self, before)


class Begun(Protocol):
    """What says when a process began, in two ways; None wherever nothing says."""

    @property
    def start(self) -> str | None:
        """In the kernel's units since the boot."""

    @property
    def started(self) -> float | None:
        """In seconds since the epoch."""


def same_start(one: Begun, other: Begun) -> bool:
    """Whether both began at the same moment, as far as can be told: by the kernel's count, which no clock moves, else by time."""
    if one.start is not None and other.start is not None:
        return one.start == other.start
    return one.started is None or other.started is None or abs(one.started - other.started) <= _SAME


def startup_seconds(config: Config, seen: Seen) -> float:
    """How long to wait for a hub that was `seen`: one that says that it starts gets what its version needs."""
    starts = seen.state in {"starting", "restarting"}
    budget = config.probe.startup(seen.version or config.target.version, connecting=starts)
    return budget if seen.answers else min(budget, SILENT_SECONDS)


def look(config: Config, seconds: float = SECONDS) -> Seen:
    """Look once. Raises nothing: what could not be seen is said in `trouble`."""
    from readiness.facts.http import HttpTransport, Manners, TransportSettings, credentials
    from readiness.facts.targets import target_of

    target, seconds = config.target, max(seconds, config.probe.timeout * _PATIENCE)
    if target.facts_url is None:
        return Seen(answers=False, trouble="neither [target] url nor internal_url says where the hub is")
    try:
        headers = credentials(target)
    except Unknown as error:
        return Seen(answers=False, accepts=_accepts(target.facts_url, seconds), trouble=str(error))
    transport = HttpTransport(
        TransportSettings(
            base=target.facts_url,
            timeout=seconds,
            ca_file=target.ca_file,
            headers=headers,
            endpoint=target.endpoint_path,
            manners=Manners.of(config),
            proxy=target.proxy,
        )
    )
    try:
        return _seen(target_of(transport, config))
    except HubDown as error:
        return Seen(answers=False, silent=_accepts(target.facts_url, seconds), trouble=str(error))
    except Unknown as error:
        return Seen(answers=False, accepts=_accepts(target.facts_url, seconds), trouble=str(error))
    finally:
        transport.close()


def clearly_not_silent(config: Config, seconds: float = SECONDS) -> bool:
    """Whether it refuses connections, or says anything at all to a request: told by a bare socket, while a hub is down.

    False proves nothing: then it is to be looked at in full.
    """
    try:
        parts = urlsplit(config.target.facts_url or "")
        if parts.scheme != "http" or parts.hostname is None:
            return False
        where = (parts.hostname, parts.port or _PORTS["http"])
        with socket.create_connection(where, timeout=seconds) as connection:
            route = config.target.kind.health or config.target.endpoint_path
            connection.sendall(f"GET {route} HTTP/1.0\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n\r\n".encode())
            return bool(connection.recv(1))
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False


def _seen(hub: Hub) -> Seen:
    health, pid, started, age, start, version, trouble = hub.health(), None, None, None, None, None, []
    try:
        identity = hub.identity()
        pid, started, age = identity.pid, identity.started, identity.age
        start = process_identity.start_of(pid) if identity.here else None
    except HubDown:
        raise
    except Unknown as error:
        trouble.append(str(error))
    try:
        version = hub.version()
    except HubDown:
        raise
    except Unknown as error:
        trouble.append(str(error))
    return Seen(
        answers=True,
        pid=pid,
        started=started,
        age=age,
        start=start,
        version=version,
        state=str(health.state),
        trouble="; ".join(trouble),
    )


def _accepts(url: str, seconds: float) -> bool:
    with contextlib.suppress(OSError, ValueError):
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 80)
        with socket.create_connection((parts.hostname or "", port), timeout=seconds):
            return True
    return False
