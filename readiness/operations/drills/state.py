"""How a hub is at one moment, and what is different at another: a drill is over when the hub is as it was."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import time
from typing import TYPE_CHECKING, Final

from readiness.config import SILENT_SECONDS
from readiness.errors import Unknown
from readiness.facts.http import HttpTransport, Manners, TransportSettings, credentials
from readiness.facts.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config import Config

READY: Final = frozenset({"ready", "restarted"})
LOOKS: Final = 5
"""Times that health is timed; their median counts."""
_SLOWER: Final = 3.0
_SLACK: Final = 0.05
"""Three times as slow and 50 ms slower: less is noise of a machine that was just busy with a start."""
_STEP: Final = 0.1
_SELDOM: Final = 0.25
CALM_SECONDS: Final = 20.0
"""How long a hub that is back gets to be as fast as before."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """A hub that answers: its process, state, servers (name to uptime; the connected ones) and tools."""

    pid: int
    state: str
    servers: dict[str, float]
    tools: frozenset[tuple[str, str]]

    def lacks(self, before: Now) -> list[str]:
        """What it had before and has not, in words; empty where it is as it was."""
        found = [] if self.state in READY else [f"its state is {self.state!r}"]
        found += [f"server {name} is not connected" for name in sorted(before.servers.keys() - self.servers.keys())]
        gone = sorted(f"{s}/{t}" for s, t in before.tools - self.tools if s in self.servers)
        return found + ([f"{len(gone)} tools are gone: {', '.join(gone[:3])}"] if gone else [])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """What came of waiting for a hub: `seconds` until it was as before, None if it was not in time.

    `pid` answers now, None if nothing does; `why` says what is missing.
    """

    seconds: float | None
    pid: int | None = None
    why: str = ""


class Watch:
    """Looks at the hub over connections of its own: what a drill takes away on purpose is no news for the run."""

    def __init__(self, config: Config) -> None:
        """Raises Unknown where no address or token is configured."""
        self.config = config
        self._headers = credentials(config.target)
        version = config.target.version
        self.budget = config.probe.startup(version, connecting=version is not None)
        """Seconds that a start may take."""

    @contextlib.contextmanager
    def hub(self, seconds: float | None = None) -> Iterator[Hub]:
        """A fresh view of the hub, over a new connection; each request ends after `seconds` (default: a probe's)."""
        target = self.config.target
        if target.facts_url is None:
            raise Unknown("neither [target] url nor internal_url says where the hub is")
        timeout = self.config.probe.timeout if seconds is None else seconds
        settings = TransportSettings(
            base=target.facts_url,
            timeout=timeout,
            ca_file=target.ca_file,
            headers=self._headers,
            proxy=target.proxy,
            manners=Manners.of(self.config),
        )
        transport = HttpTransport(settings)
        try:
            yield Hub(transport, self.config)
        finally:
            transport.close()

    def now(self) -> Now:
        """The hub as it is. Raises Unknown, or one of its kinds, where it does not answer well."""
        with self.hub() as hub:
            pid, health = hub.identity().pid, hub.health()
            return Now(
                pid=pid,
                state=str(health.state),
                servers={
                    s.name: 1.0 if s.uptime is None else s.uptime for s in health.servers if s.status == "connected"
                },
                tools=frozenset((tool.server, tool.name) for tool in hub.tools()),
            )

    def seconds(self) -> float:
        """The median time that health takes. Raises Unknown."""
        with self.hub() as hub:
            hub.time("/api/health")  # the connection's own time is not the hub's
            return statistics.median(hub.time("/api/health") for _ in range(LOOKS))

    def well(self) -> Now:
        """The hub as it is, where it is well and its servers have run for a moment. Raises Unknown where it is not."""
        until = time.monotonic() + 2 * self.config.probe.timeout
        while True:
            try:
                moment = self.now()
            except Unknown as error:
                raise Unknown(f"not drilled: the hub does not answer before it: {error}") from None
            dead = sorted(name for name, uptime in moment.servers.items() if uptime <= 0)
            if moment.state in READY and not dead:
                return moment
            if time.monotonic() > until:
                break
            time.sleep(_STEP)
        wrong = f"its state is {moment.state!r}" if moment.state not in READY else f"{', '.join(dead)}: uptime 0"
        raise Unknown(f"not drilled: the hub is not well before it: {wrong}")

    def back(self, before: Now, seconds: float, *, other: bool) -> Back:
        """Wait up to `seconds` until the hub is as `before`; `other`: only a process that is not the one before counts."""
        started = time.monotonic()
        pid, why = None, "nothing answers"
        while True:
            try:
                now = self.now()
            except Unknown as error:
                pid, why = None, str(error)
            else:
                lacks = now.lacks(before)
                pid, why = now.pid, "; ".join(lacks)
                if other and now.pid == before.pid:
                    why = f"process {before.pid} still answers"
                elif not lacks:
                    return Back(seconds=time.monotonic() - started, pid=pid)
            if time.monotonic() - started >= seconds:
                return Back(seconds=None, pid=pid, why=why)
            if pid is None and time.monotonic() - started >= SILENT_SECONDS:
                return Back(seconds=None, pid=pid, why=why)
            # a hub that starts is not asked so often that it is busy with that
            time.sleep(_STEP if pid is None else _SELDOM)

    def calm(self, before: Now, speed: float) -> str:
        """Wait until every server has an uptime and health is as fast as `speed`; what still is not so, or nothing."""
        until = time.monotonic() + CALM_SECONDS
        while True:
            why = self._unrest(before, speed)
            if not why or time.monotonic() > until:
                return why
            time.sleep(_STEP)

    def _unrest(self, before: Now, speed: float) -> str:
        try:
            now, took = self.now(), self.seconds()
        except Unknown as error:
            return str(error)
        lacks = now.lacks(before)
        lacks += [f"server {name} has an uptime of 0" for name in before.servers if not now.servers.get(name, 1)]
        if took > max(_SLOWER * speed, speed + _SLACK):
            lacks.append(f"health takes {took * 1000:.0f} ms, {speed * 1000:.0f} ms before")
        return "; ".join(lacks)
