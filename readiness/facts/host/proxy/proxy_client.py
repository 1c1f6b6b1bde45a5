"""The proxy as its clients meet it: what comes through `[target] url`, measured and counted."""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http import (
    BadAnswer,
    HttpAnswer,
    HttpTransport,
    TimedOut,
    TlsRefused,
    TransportSettings,
    credentials,
    events,
    probe_mcp,
)

if TYPE_CHECKING:
    from readiness.config import Config

BURST: Final = 60
"""Requests of the burst: the assessment's 10 a second with a burst of 20 turn some of them away."""
BURST_SECONDS: Final = 5.0
"""How long the burst may take at most."""
_REFUSED: Final = frozenset({403, 404})
_SERVER_ERRORS: Final = range(500, 600)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What became of the burst: statuses and how often each came, in how many seconds."""

    statuses: dict[int, int]
    seconds: float

    @property
    def sent(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())


class ProxyClient:
    """Through `url`, with the token where there is one. Raises Unknown where nothing stands between it and the hub."""

    def __init__(self, config: Config) -> None:
        target = config.target
        if not target.url:
            raise Unknown("no [target] url: what clients get through the proxy cannot be asked")
        if not target.internal_url or target.url.rstrip("/") == target.internal_url.rstrip("/"):
            raise Unknown(
                "[target] url is the hub's own address: set url to the proxy's and internal_url to the hub's, or declare "
                "[expect] proxy as not expected, with a reason"
            )
        self.url, self.config = target.url, config
        self._own: HttpTransport | None = None

    @property
    def transport(self) -> HttpTransport:
        """Unpaced: what is asked here is counted."""
        if self._own is None:
            settings = TransportSettings(
                base=self.url,
                timeout=self.config.probe.timeout,
                rate=self.config.probe.rate,
                ca_file=self.config.target.ca_file,
                proxy=self.config.target.proxy,
                headers=credentials(self.config.target),
                endpoint=self.config.target.endpoint_path,
            )
            self._own = HttpTransport(settings)
        return self._own

    def hub_through(self) -> str:
        """Why the hub is not reached through the proxy: empty if it is. Raises CouldNotLook where nothing can be said."""
        try:
            answer = self.transport.get("/api/health")
        except (HubDown, TlsRefused) as error:
            raise CouldNotLook(f"through [target] url: {error}") from None
        if answer.status in {401, 403}:
            raise Unknown(f"through [target] url: {answer.what} answered {answer.status}: set [target] token_env")
        if answer.status in _SERVER_ERRORS:
            return f"the proxy answers {answer.status} for /api/health"
        try:
            server_id = answer.json_object().get("server_id")
        except BadAnswer:
            return (
                f"/api/health through the proxy is not the hub's ({answer.status}, {answer.content_type or 'no type'})"
            )
        return "" if server_id == "mcp-hub" else "/api/health through the proxy is not the hub's"

    def mcp_through(self) -> str:
        """Why an agent gets no session through the proxy; empty if it does. Raises CouldNotLook, Unknown."""
        timeout = 2 * self.config.probe.timeout
        try:
            probe = probe_mcp(self.transport, timeout=timeout)
            if probe.transport == "streamable-http" and self._hub_serves_legacy(timeout):
                probe_mcp(self.transport, legacy=True, timeout=timeout)
        except BadAnswer as error:
            return str(error)
        except TimedOut as error:
            return f"no answer in time: {error}"
        return ""

    def _hub_serves_legacy(self, timeout: float) -> bool:
        """Whether the hub behind the proxy serves the older transport too: agents that speak nothing else have to get through as well."""
        transport = HttpTransport(
            dataclasses.replace(self.transport.settings, base=self.config.target.internal_url or self.url)
        )
        try:
            probe_mcp(transport, legacy=True, timeout=timeout)
        except Unknown:
            return False
        finally:
            transport.close()
        return True

    def first_event(self, path: str = "/api/events") -> float:
        """Seconds until the first event of a stream has come through. Raises TimedOut, CouldNotLook, Unknown."""
        started = time.monotonic()
        accepted = {"accept": "text/event-stream"}
        with (
            self.transport.within(2 * self.config.probe.timeout),
            self.transport.stream("GET", path, headers=accepted) as stream,
        ):
            if stream.status in {401, 403}:
                raise Unknown(f"GET {path} answered {stream.status}: set [target] token_env")
            if stream.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise BadAnswer(f"GET {path} answered {stream.status} through the proxy")
            for _ in events(stream.chunks()):
                return time.monotonic() - started
        raise BadAnswer(f"GET {path} ended without an event")

    def headers(self) -> HttpAnswer:
        """An answer as clients get it. Raises CouldNotLook, Unknown."""
        try:
            return self.transport.get("/api/health")
        except HubDown as error:
            raise CouldNotLook(f"through [target] url: {error}") from None

    def burst(self) -> Burst:
        """Ask for the smallest thing as fast as one client can, `BURST` times at most. Raises CouldNotLook."""
        settings = dataclasses.replace(self.transport.settings, rate=None, follow=False)
        transport = HttpTransport(settings)
        found: collections.Counter[int] = collections.Counter()
        # what the proxy answers itself never meets its limit: where the API is closed, agents' way is asked
        route = "/messages" if self.headers().status in _REFUSED else "/api/readiness-burst"
        started = time.monotonic()
        try:
            while sum(found.values()) < BURST and time.monotonic() - started < BURST_SECONDS:
                found[transport.get(route, tries=1).status] += 1
        except CouldNotLook as error:
            if not found:
                raise CouldNotLook(f"through [target] url: {error}") from None
        finally:
            transport.close()
        return Burst(statuses=dict(found), seconds=time.monotonic() - started)

    def close(self) -> None:
        """Close the connection."""
        if self._own is not None:
            self._own.close()
