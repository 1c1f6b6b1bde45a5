"""Faults of what stands in between: proxies that are dead, busy, or lead elsewhere."""

from __future__ import annotations

from tests.faults.model import Answer, Fault, How
from tests.faults.words import (
    EVERY,
    STARTUP,
    UNKNOWN,
    UNPROVEN,
    away,
    paced,
)

FAULTS = (
    Fault(
        name="proxy-is-dead",
        sentence="The proxy is dead, the hub behind it is well.",
        how=How(dead_proxy=True),
        ends=UNPROVEN,
        words=("refused",),
        expected={"api-requires-authentication": UNKNOWN, "admin-routes-are-closed": UNKNOWN},
    ),
    Fault(
        name="limited-on-the-way",
        sentence="A proxy in between answers 503 to everything: too many requests.",
        how=How(answers=(Answer(route=EVERY, status=503, headers=(("Server", "nginx"),), listener="internal"),)),
        expected=away(UNKNOWN),
        ends=UNPROVEN,
        words=("limited on the way",),
    ),
    Fault(
        name="another-protocol",
        sentence="Something that does not speak HTTP took the port.",
        how=How(answers=(paced(EVERY, "not-http"),)),
        expected=away(),
        ends=STARTUP,
        words=("does not answer in HTTP",),
    ),
    Fault(
        name="bad-gateway",
        sentence="The proxy answers 502 to everyone, the hub behind it is well.",
        how=How(
            answers=(
                Answer(route=EVERY, status=502, body=b"<h1>502</h1>", content_type="text/html", listener="public"),
            )
        ),
        expected={"api-requires-authentication": UNKNOWN, "admin-routes-are-closed": UNKNOWN},
        ends=UNPROVEN,
        words=("502",),
    ),
    Fault(
        name="public-address-of-something-else",
        sentence="The public address knows no such routes: it leads elsewhere.",
        how=How(answers=(Answer(route=EVERY, status=404, body=b"not found", listener="public"),)),
        expected={"api-requires-authentication": UNKNOWN},
        ends=UNPROVEN,
        words=("404",),
    ),
)
