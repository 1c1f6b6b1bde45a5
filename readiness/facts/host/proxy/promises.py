"""What nginx's configuration does for the hub: which servers lead to it, over TLS or not, rate limits, streaming."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final

from readiness.facts.host.proxy import routes

if TYPE_CHECKING:
    from readiness.facts.host.proxy.nginx import Directive, Nginx
    from readiness.facts.host.proxy.routes import Route

PATHS: Final = ("/api/health", "/api/events", "/mcp", "/messages")
"""What agents and operators need: the POST to `/messages` belongs to the transport that hubs serve."""
STREAMS: Final = ("/api/events", "/mcp")
_ADDRESS_KEYS: Final = frozenset(
    {"$binary_remote_addr", "$remote_addr", "$proxy_protocol_addr", "$http_x_forwarded_for"}
)
_HEADERS: Final = "add_header"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of requests that counts at a path. `rate` in requests a second and `key`: None where its zone is not defined."""

    zone: str
    place: str
    rate: float | None
    key: str | None

    @property
    def per_address(self) -> bool:
        """Whether it is counted for each client by itself."""
        return self.key in _ADDRESS_KEYS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A server of nginx that leads to the hub: how it answers each path."""

    server: Directive
    routes: dict[str, Route]
    leads: dict[str, list[tuple[str, int]]]

    @property
    def place(self) -> str:
        """Where it stands."""
        return self.server.place

    @property
    def plain_ports(self) -> list[int]:
        """Ports on which it speaks without TLS."""
        return [port for port, tls in routes.listens(self.server) if not tls]

    @property
    def secure_ports(self) -> list[int]:
        """Ports on which it speaks TLS."""
        return [port for port, tls in routes.listens(self.server) if tls]


class Proxy:
    """One host's nginx, as far as the hub is concerned. `port`: the hub's; None: any target counts. Raises Unknown."""

    def __init__(self, nginx: Nginx, port: int | None) -> None:
        self.nginx, self.port = nginx, port

    @functools.cached_property
    def fronts(self) -> tuple[Front, ...]:
        """The servers that lead to the hub."""
        served = []
        for server in self.nginx.servers():
            mine = {path: routes.route(self.nginx, server, path) for path in PATHS}
            leads = {path: routes.addresses(self.nginx, one.target) if one.target else [] for path, one in mine.items()}
            if any(self._is_hub(pairs) for pairs in leads.values()):
                served.append(Front(server=server, routes=mine, leads=leads))
        return tuple(served)

    def _is_hub(self, pairs: list[tuple[str, int]]) -> bool:
        return bool(pairs) if self.port is None else any(port == self.port for _, port in pairs)

    def elsewhere(self, front: Front) -> dict[str, str]:
        """Paths that this front does not lead to the hub, with where they go instead."""
        targets = {}
        for path, pairs in front.leads.items():
            if not self._is_hub(pairs):
                addresses = ", ".join(f"{host}:{port}" for host, port in pairs) or "nowhere"
                targets[path] = f"{addresses} ({front.routes[path].place})"
        return targets

    def limits(self, front: Front, path: str) -> list[Limit]:
        """The limits of requests that count at `path`."""
        return [self._limit(one) for one in front.routes[path].values("limit_req")]

    def unused_zones(self) -> list[str]:
        """Zones that are defined and never used, with their place."""
        used = {self._limit(one).zone for one in self.nginx.tree.deep("limit_req")}
        return [f"{name} ({place})" for name, (_, _, place) in self._zones.items() if name not in used]

    def _limit(self, one: Directive) -> Limit:
        zone = next((arg.removeprefix("zone=") for arg in one.args if arg.startswith("zone=")), "")
        key, rate, _ = self._zones.get(zone, (None, None, ""))
        return Limit(zone=zone, place=one.place, rate=rate, key=key)

    @functools.cached_property
    def _zones(self) -> dict[str, tuple[str | None, float | None, str]]:
        """Name of a zone to its key, its rate and its place."""
        zones = {}
        for one in self.nginx.tree.deep("limit_req_zone"):
            named = {key: value for key, _, value in (arg.partition("=") for arg in one.args[1:])}
            name = named.get("zone", "").partition(":")[0]
            zones[name] = (one.args[0] if one.args else None, routes.rate(named.get("rate", "")), one.place)
        return zones

    def buffers(self, front: Front, path: str) -> str:
        """What keeps events from flowing at `path`, in words; empty if nothing does."""
        route = front.routes[path]
        buffering = route.value("proxy_buffering")
        if buffering is None or buffering.args[:1] != ("off",):
            return f"{path} is buffered ({buffering.place if buffering else route.place}: no `proxy_buffering off`)"
        version = route.value("proxy_http_version")
        if version is None or version.args[:1] != ("1.1",):
            return f"{path} is fetched with HTTP/1.0 ({route.place}: no `proxy_http_version 1.1`)"
        return ""

    def read_timeout(self, front: Front, path: str) -> float:
        """Seconds without an event after which nginx cuts a stream; 60 unless configured."""
        directive = front.routes[path].value("proxy_read_timeout")
        timeout = routes.seconds(" ".join(directive.args)) if directive is not None else None
        return 60.0 if timeout is None else timeout

    def old_protocols(self, front: Front) -> str:
        """Protocols before TLS 1.2 that a front allows, with the place; empty if none. nginx allows none by itself since 1.23.4."""
        directive = front.routes[PATHS[0]].value("ssl_protocols")
        old = (
            []
            if directive is None
            else [name for name in directive.args if name in {"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"}]
        )
        return f"{', '.join(old)} ({directive.place})" if directive is not None and old else ""

    def headers(self, front: Front, path: str) -> dict[str, str]:
        """The headers that a front adds at `path`, by name in lower case."""
        return {one.args[0].lower(): one.args[1] for one in front.routes[path].values(_HEADERS) if len(one.args) > 1}

    def redirects(self) -> list[str]:
        """Places of servers that send plain HTTP on to https."""
        redirecting = []
        for server in self.nginx.servers():
            plain = [port for port, tls in routes.listens(server) if not tls]
            returned = [*server.deep("return"), *server.deep("rewrite")]
            if plain and any(arg.startswith("https://") for one in returned for arg in one.args):
                redirecting.append(server.place)
        return redirecting
