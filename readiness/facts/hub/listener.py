"""Which process of this host holds the socket that the hub answers on; for hubs that do not name themselves.

The owner of a socket may be a mere forwarder (an SSH tunnel, a container's port, a proxy), so it counts only where a
second word says that it is the hub: `[target] pid`, the hub's own claim, or the package that it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.facts.http.status import HEALTH
from readiness.facts.http.urls import is_address, port_of

if TYPE_CHECKING:
    from collections.abc import Collection

    import psutil

    from readiness.facts.hub.hub import Hub

PACKAGE: Final = "mcp-hub"
"""The name in a hub's package.json."""
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never bound


def listener(hub: Hub) -> tuple[psutil.Process | None, str]:
    """The hub's process as its socket shows it, or None and why nothing is shown. Raises as the hub's health does."""
    base = hub.transport.settings.base
    if not hub.transport.loopback:
        return None, "the hub is not asked on its own host, so no socket names its process"
    if base.startswith("https:") or hub.answer(HEALTH).from_proxy:
        return None, "something in front of the hub holds the socket: set [target] internal_url"
    owners, why = _owners(base)
    if not owners:
        return None, why
    return _hub_among(hub, owners, port_of(base))


def _owners(base: str) -> tuple[Collection[int], str]:
    """The processes that listen where `base` leads, or none and why. Of one socket that is shared, one is named."""
    import psutil

    port, host = port_of(base), urlsplit(base).hostname or ""
    try:
        found = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    except (psutil.Error, OSError):
        return (), "this user may not look at the host's sockets"
    here = [(getattr(c.laddr, "ip", ""), c.pid) for c in found if getattr(c.laddr, "port", None) == port]
    own = {host} if is_address(host) else {"127.0.0.1", "::1"}
    # where both listen, the nearer address gets the connection
    sockets = [pid for ip, pid in here if ip in own] or [pid for ip, pid in here if ip in _ANY]
    pids = {pid for pid in sockets if pid is not None}
    if not sockets:
        return (), f"no process of this host is seen to listen on port {port}"
    if None in sockets:
        return (), f"the process that listens on port {port} is another user's: run as that user"
    if len(pids) > 1:
        return (), f"several processes listen on port {port}"
    return pids, ""


def _hub_among(hub: Hub, owners: Collection[int], port: int | None) -> tuple[psutil.Process | None, str]:
    from readiness.facts.hub.identity import package_of, process_here

    # a socket that was inherited has more owners than the system names: whoever is named as the hub is asked first
    for pid in (hub.config.target.pid, hub.health().workspace(port).get("pid")):
        process = process_here(hub, pid) if isinstance(pid, int) and pid > 0 else None
        if process is not None:
            return process, ""
    for pid in owners:
        process = process_here(hub, pid)
        package = package_of(process) if process else None
        if package is not None and package.get("name") == PACKAGE:
            return process, ""
    return (
        None,
        f"process {next(iter(owners))} listens on port {port}, and nothing shows that it is the hub: set [target] pid",
    )
