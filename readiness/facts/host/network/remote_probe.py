"""The view from this run: whether the hub's own port answers a client that is not on its host."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import ipaddress
import json
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REMOTE: Final = frozenset({"ssh", "safe-ssh", "paramiko", "ansible", "salt", "winrm"})
"""Backends whose hosts are other machines; a container's address is reachable from its own machine only."""
SECONDS: Final = 2.0
LIMIT: Final = 256 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RemoteView:
    """The host `spec` as seen from this run, where that is on another host; `addresses` asks for the host's own."""

    spec: str
    addresses: Callable[[], Iterable[str]]

    def reached(self, port: int) -> list[str]:
        """The host's addresses at which its hub answers this run; none where the run is on the host itself."""
        if not is_elsewhere(self.spec):
            return []
        return answered(dict.fromkeys([urlsplit(self.spec).hostname or "", *self.addresses()]), port)


def is_elsewhere(spec: str) -> bool:
    """Whether this run looks at the host from another one."""
    parts = urlsplit(spec)
    return parts.scheme in REMOTE and not _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    """Whether `host` is this machine, by its loopback or one of its own addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or str(address) in own_addresses()


def own_addresses() -> frozenset[str]:
    """The addresses of this machine."""
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    addresses = (one.address for many in psutil.net_if_addrs().values() for one in many if one.family in families)
    return frozenset(address.partition("%")[0] for address in addresses)


def answered(addresses: Iterable[str], port: int) -> list[str]:
    """Those of `addresses` at which a hub answers on `port`; this machine's own are left out."""
    return [address for address in addresses if not _is_here(address) and _is_hub(address, port)]


def _is_hub(address: str, port: int) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    try:
        connection.request("GET", "/api/health", headers={"connection": "close"})
        document = json.loads(connection.getresponse().read(LIMIT))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        with contextlib.suppress(OSError):
            connection.close()
    return isinstance(document, dict) and document.get("server_id") == "mcp-hub"
