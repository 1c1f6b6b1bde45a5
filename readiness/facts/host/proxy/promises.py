"""What nginx's configuration does for the hub: which servers lead to it, over TLS or not, rate limits, streaming."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from typing import TYPE_CHECKING, Final

from readiness.facts.host.proxy import routes
from readiness.facts.host.proxy.routes import VARIABLE

if TYPE_CHECKING:
    from readiness.facts.host.proxy.nginx import Directive, Nginx
    from readiness.facts.host.proxy.routes import Listener, Route

PATHS: Final = ("/api/health", "/api/events", "/mcp", "/messages")
"""What agents and operators need: the POST to `/messages` belongs to the transport that hubs serve."""
STREAMS: Final = ("/api/events", "/mcp")
_ADDRESSES: Final = frozenset({"binary_remote_addr", "remote_addr", "realip_remote_addr", "proxy_protocol_addr"})
"""Variables of a client's address."""
_CHOSEN: Final = (
    "http_",
    "arg_",
    "cookie_",
    "sent_http_",
    "request_id",
    "request_uri",
    "args",
    "query_string",
    "connection",
    "msec",
    "remote_port",
)
"""Variables, or what they begin with, that a client chooses or that differ from request to request."""
_SETTINGS: Final = frozenset({"hostnames", "volatile", "include", "ranges", "proxy", "proxy_recursive", "delete"})
"""What stands in a `map` or `geo` and is no value."""
_OLD: Final = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"})
_MAX_DEPTH: Final = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of requests that counts at a path. `rate` in requests a second: None where its zone is not defined.

    `counts` says by what: "address" (each client by itself), "chosen" (by what the client says), "shared" (all together), "nobody" (its key
    is empty, or it only writes to the log), "unclear".
    """

    zone: str
    place: str
    rate: float | None
    key: str | None
    counts: str = "unclear"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlainDoor:
    """A way to the hub without TLS: its port, its place, a path that is passed on, and the server's name, empty for any."""

    port: int
    place: str
    name: str
    path: str

    @property
    def proof(self) -> str:
        """The command that shows it, for who replaces HOST by the host's address."""
        named = f" -H 'Host: {self.name}'" if self.name else ""
        return f"curl -i{named} http://HOST:{self.port}{self.path}"


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

    listeners: tuple[Listener, ...]

    @property
    def secure_ports(self) -> list[int]:
        """Ports on which clients may speak TLS with it."""
        return [one.port for one in self.listeners if one.tls]


class Proxy:
    """One host's nginx, as far as the hub is concerned. Raises Unknown where there is none to read.

    `port` is the hub's; None: any target counts. `clients` are the ports that clients of this machine are given on loopback; whatever
    else listens there is no way in for them.
    """

    def __init__(self, nginx: Nginx, port: int | None, clients: frozenset[int] = frozenset()) -> None:
        self.nginx, self.port, self.clients = nginx, port, clients

    @functools.cached_property
    def fronts(self) -> tuple[Front, ...]:
        """The servers that lead to the hub and that clients can reach."""
        return tuple(front for server in self.nginx.servers() if (front := self._front(server)) is not None)

    def _listeners(self, server: Directive) -> tuple[Listener, ...]:
        """Where clients come in, TLS first."""
        usable = [one for one in routes.listens(server) if not one.is_local or one.port in self.clients]
        return tuple(sorted(usable, key=lambda one: not one.tls))

    def _front(self, server: Directive) -> Front | None:
        listeners = self._listeners(server)
        for listener in listeners[:1]:
            mine = {path: routes.route(self.nginx, server, path, listener=listener) for path in PATHS}
            leads = {path: routes.addresses(self.nginx, one.target) if one.target else [] for path, one in mine.items()}
            if any(self._is_hub(pairs) for pairs in leads.values()):
                return Front(server=server, routes=mine, leads=leads, listeners=listeners)
        return None

    @functools.cached_property
    def doubts(self) -> tuple[str, ...]:
        """What of the configuration was not read or not understood: nothing that it seems to lack is then proven. Empty if nothing."""
        doubts = list(self.nginx.unread)
        for server in self.nginx.servers():
            ways = [
                routes.route(self.nginx, server, path, listener=one) for one in routes.listens(server) for path in PATHS
            ]
            doubts += [way.unclear for way in ways if way.unclear and not way.closed]
        return tuple(dict.fromkeys(doubts))

    def plain_doors(self) -> list[PlainDoor]:
        """Ports without TLS through which clients get to the hub: only those of which there is no doubt."""
        doors = []
        for server in self.nginx.servers():
            for listener in self._listeners(server):
                if listener.tls:
                    continue
                ways = [routes.route(self.nginx, server, path, listener=listener) for path in PATHS]
                open_ones = [
                    way
                    for way in ways
                    if way.target
                    and not way.unclear
                    and not way.moved_if
                    and self._is_hub(routes.addresses(self.nginx, way.target))
                ]
                if open_ones:
                    names = [name for one in server.all("server_name") for name in one.args if name[0] not in "*~_."]
                    doors.append(
                        PlainDoor(
                            port=listener.port,
                            place=open_ones[0].place,
                            name=names[0] if names else "",
                            path=open_ones[0].path,
                        )
                    )
        return doors

    def _is_hub(self, pairs: list[tuple[str, int]]) -> bool:
        return bool(pairs) if self.port is None else any(port == self.port for _, port in pairs)

    def elsewhere(self) -> dict[str, str]:
        """Paths that a front of clients does not pass on to the hub, with what becomes of them instead."""
        others = {}
        for front in self.fronts:
            for path, pairs in front.leads.items():
                if not self._is_hub(pairs):
                    addresses = ", ".join(f"{host}:{port}" for host, port in pairs)
                    way = front.routes[path]
                    others[path] = (
                        f"{addresses} ({way.place})"
                        if addresses
                        else way.closed or way.unclear or f"nowhere ({way.place})"
                    )
        return others

    def refuses(self, path: str) -> bool:
        """Whether nginx itself answers `path` wherever clients come in, without a doubt."""
        ways = [front.routes[path] for front in self.fronts]
        return bool(ways) and all(way.closed and not way.unclear for way in ways)

    def serves(self, front: Front, path: str) -> bool:
        """Whether a front passes `path` on to the hub: what it refuses needs neither a limit nor a stream."""
        return self._is_hub(front.leads[path])

    def limits(self, front: Front, path: str) -> list[Limit]:
        """The limits of requests that count at `path`."""
        watching = front.routes[path].value("limit_req_dry_run")
        limits = [self._limit(one) for one in front.routes[path].values("limit_req")]
        if watching is None or watching.args[:1] != ("on",):
            return limits
        return [dataclasses.replace(one, counts="nobody", key=f"limit_req_dry_run, {watching.place}") for one in limits]

    def unused_zones(self) -> list[str]:
        """Zones that are defined and never used, with their place."""
        used = {self._limit(one).zone for one in self.nginx.tree.deep("limit_req")}
        return [f"{name} ({place})" for name, (_, _, place) in self._zones.items() if name not in used]

    def _limit(self, one: Directive) -> Limit:
        zone = next((arg.removeprefix("zone=") for arg in one.args if arg.startswith("zone=")), "")
        key, rate, _ = self._zones.get(zone, (None, None, ""))
        return Limit(zone=zone, place=one.place, rate=rate, key=key, counts=self._counts(key or ""))

    def _counts(self, key: str, depth: int = 0) -> str:
        """By what a key counts; what `map` and `geo` make of a variable is followed to the value that most clients get."""
        if not key:
            return "nobody"
        names = [match[1] or match[2] for match in VARIABLE.finditer(key)]
        if any(name.startswith(_CHOSEN) for name in names):
            return "chosen"
        if _ADDRESSES & set(names):
            return "chosen" if self._address_is_chosen(set(names)) else "address"
        for name in names if depth < _MAX_DEPTH else ():
            made = [one for one in self.nginx.tree.deep("map", "geo") if one.args[-1:] == (f"${name}",)]
            if made:
                return self._made(made[-1], depth)
        return "unclear" if depth >= _MAX_DEPTH else "shared"

    def _made(self, made: Directive, depth: int) -> str:
        """By what counts that which a `map` or `geo` makes: for strangers, who get no exception."""
        values = {one.name: one.args[0] if one.args else "" for one in made.inside}
        usual = values.get("default", "")
        source = made.args[0] if len(made.args) > 1 else ""
        for inner in self.nginx.tree.deep("map", "geo"):
            if source and inner.args[-1:] == (source,):
                # `map $trusted $key { 0 $binary_remote_addr; 1 ""; }`: strangers get what belongs to the inner one's usual value
                given = {one.name: one.args[0] if one.args else "" for one in inner.inside}.get("default", "")
                usual = values.get(given, usual)
        # a client that chooses the source picks any of the values: the worst of them counts
        if any(found[1] or found[2] for found in VARIABLE.finditer(source)) and source.lstrip("$").startswith(_CHOSEN):
            every = {self._counts(value, depth + 1) for name, value in values.items() if name not in _SETTINGS}
            every |= {"chosen" for value in values.values() if _captured(made, value)}
            if every - {"address"}:
                return "chosen" if every & {"chosen", "nobody"} else "unclear"
        return self._counts(usual, depth + 1)

    def _address_is_chosen(self, names: set[str]) -> bool:
        """Whether a header that anybody may send replaces the client's address."""
        header = next((one.args[0].lower() for one in self.nginx.tree.deep("real_ip_header") if one.args), "x-real-ip")
        trusted = [arg for one in self.nginx.tree.deep("set_real_ip_from") for arg in one.args]
        return bool(
            {"binary_remote_addr", "remote_addr"} & names and _is_everybody(trusted) and header != "proxy_protocol"
        )

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

    def old_protocols(self) -> str:
        """Protocols before TLS 1.2 that the configuration allows where clients come in, with the place; empty if none.

        The server that is the default of a port decides for all of it. nginx allows none by itself since 1.23.4.
        """
        ports = {port for front in self.fronts for port in front.secure_ports}
        deciding: dict[int, Directive] = {}
        for server in self.nginx.servers():
            for one in routes.listens(server):
                if one.tls and one.port in ports and (one.is_default or one.port not in deciding):
                    deciding[one.port] = server
        http = self.nginx.http()
        for server in deciding.values():
            around = (server, *([] if http is None else [http]))
            directive = next((found[-1] for block in around if (found := list(block.all("ssl_protocols")))), None)
            old = [] if directive is None else [name for name in directive.args if name in _OLD]
            if directive is not None and old:
                return f"{', '.join(old)} ({directive.place})"
        return ""


def _captured(made: Directive, value: str) -> bool:
    """Whether a value of a `map` is a part of its source, by a group of an expression: what the client says, again."""
    groups = {name for one in made.inside for name in re.findall(r"\(\?P?<([A-Za-z_]\w*)>", one.name)}
    names = {match[1] or match[2] for match in VARIABLE.finditer(value)}
    return any(name.isdigit() or name in groups for name in names)


def _is_everybody(trusted: list[str]) -> bool:
    """Whether networks, taken together, hold every address of a family: two halves are everybody too."""
    for version in (4, 6):
        networks = []
        for text in trusted:
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                continue  # a name, or `unix:`
            if network.version == version:
                networks.append(network)
        if any(one.prefixlen == 0 for one in ipaddress.collapse_addresses(networks)):  # type: ignore[type-var]
            return True
    return False
