"""What a URL says without a request: host, port, and whether it is this machine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def is_loopback(url: str) -> bool:
    """Whether `url` names this machine without asking a resolver."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether `host` is an IP address and needs no resolver."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def target_of(url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Where an answer redirects, as a full URL; None if it does not."""
    location = headers.get("location")
    if status not in _REDIRECTS or not location:
        return None
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def same_host(one: str, other: str) -> bool:
    """Whether two URLs have one scheme, host and port."""
    try:
        first, second = urlsplit(one), urlsplit(other)
        return (first.scheme, first.hostname, _port(first)) == (second.scheme, second.hostname, _port(second))
    except ValueError:
        return False


def same_place(url: str, target: str) -> bool:
    """Whether a redirect stays on the host: same scheme and port, or http to https on the standard ports."""
    if same_host(url, target):
        return True
    try:
        first, second = urlsplit(url), urlsplit(target)
        ports = _port(first), _port(second)
    except ValueError:
        return False
    upgraded = (first.scheme, second.scheme, *ports) == ("http", "https", 80, 443)
    return first.hostname == second.hostname and upgraded


def port_of(url: str) -> int | None:
    """The port that `url` leads to, the scheme's own where it names none. Raises ValueError for one that is no number."""
    return _port(urlsplit(url))


def _port(parts: Any) -> int | None:  # noqa: ANN401 - SplitResult of str
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def bare(url: str) -> str:
    """`url` without user and password."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"
