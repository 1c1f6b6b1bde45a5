"""The conversation that a message belongs to: one a hub and environment, so that an alarm, what follows and its end stand together.

A chat or a webhook reads the key in the message; a service that has a key of its own for this gets it there.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.config import Config

_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    # `map` resolves the incident of the same key when the good news comes
    "pagerduty": {"dedup": "{thread}", "action": "map"},
    "opsgenie": {"alias": "{thread}"},
    **{scheme: {":thread": "{thread}"} for scheme in ("json", "jsons", "xml", "xmls", "form", "forms")},
}
"""By the scheme of an address: what its service calls the key, and what it needs besides."""


def hub_of(config: Config) -> str:
    """The environment and the hub of `config`, in words: what a message is about."""
    target = config.target
    where = str(target.url or target.internal_url or target.release or "the hub")
    with contextlib.suppress(ValueError):
        parts = urlsplit(where)
        where = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.netloc else where
    return f"{config.environment} {where}"


def thread_of(config: Config) -> str:
    """The key of all messages about the hub of `config`."""
    return hashlib.sha256(hub_of(config).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def threaded(url: str, thread: str) -> str:
    """`url` with the key where its service takes one; what the address names already stays."""
    keys = _KEYS.get(url.partition("://")[0].lower())
    if keys is None:
        return url
    parts = urlsplit(url)
    known = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    more = [
        f"{quote(name, safe='')}={quote(value.format(thread=thread), safe='')}"
        for name, value in keys.items()
        if name not in known
    ]
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, *more)))))
