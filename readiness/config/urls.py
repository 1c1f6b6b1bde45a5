"""Read addresses: with a host, without anything secret or surprising in them."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.config.mistakes import Bad

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_URL: Final = 500
"""Characters of an address."""

_HOST: Final = re.compile(r"(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?")


def read_url(value: Any, schemes: Sequence[str], words: str) -> str:  # noqa: ANN401 - whatever the file holds
    """`value` as an address without trailing slash; raises Bad for anything else."""
    if not isinstance(value, str) or not value or len(value) > MAX_URL:
        raise Bad(words)
    if not value.isprintable() or re.search(r"[\s\\]", value):
        raise Bad(f"{words}, without spaces or backslashes")
    try:
        parts = urlsplit(value)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise Bad(words) from None
    if "@" in parts.netloc:
        raise Bad(words, hint="a credential in an address is a literal secret: name its variable in token_env")
    if parts.scheme not in schemes:
        near = f"{schemes[-1]}://{value}"
        bare = "://" not in value and _HOST.match(value.partition("/")[0].partition(":")[0])
        raise Bad(words, hint=f'did you mean "{near}"?' if bare and not parts.query else "")
    if not _is_host(host, bracketed="[" in parts.netloc) or port == 0:
        raise Bad(f"{words}, with a host")
    if "?" in value or "#" in value:
        raise Bad(words)
    return value.rstrip("/")


def _is_host(host: str, *, bracketed: bool) -> bool:
    if not bracketed:
        return _HOST.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def is_loopback(url: str | None) -> bool:
    """Whether an address names this machine's loopback: localhost, 127.0.0.0/8, ::1. Names are not resolved."""
    host = (urlsplit(url).hostname or "").rstrip(".") if url else ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
