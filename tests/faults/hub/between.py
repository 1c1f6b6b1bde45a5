"""Faults of what stands in between: proxies that are dead, busy, or lead elsewhere."""

from __future__ import annotations

from tests.faults.hub.model import Answer, Fault, How
from tests.faults.hub.security import LEAKED
from tests.faults.hub.words import (
    EVERY,
    FAILED,
    HEALTH,
    ONE_LOOK,
    SERVERS,
    STARTUP,
    STOPPED,
    UNKNOWN,
    UNPROVEN,
    UNSEEN_FROM_OUTSIDE,
    WATCHED,
    away,
    paced,
)


def _added(route: str, name: str, value: str) -> Answer:
    """The healthy answer, with a header that only the proxy adds."""
    return Answer(route=route, headers=((name, value),), listener="public")


FAULTS = (
    Fault(
        name="proxy-is-dead",
        sentence="The proxy is dead, the hub behind it is well.",
        how=How(dead_proxy=True),
        ends=UNPROVEN,
        words=("refused",),
        expected=UNSEEN_FROM_OUTSIDE,
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
        expected=UNSEEN_FROM_OUTSIDE,
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
    Fault(
        name="proxy-is-silent",
        sentence="The proxy accepts and never answers, the hub behind it is well.",
        how=How(answers=(paced(EVERY, "silent", listener="public"),)),
        site=ONE_LOOK,
        expected=UNSEEN_FROM_OUTSIDE,
        ends=UNPROVEN,
        words=("no complete answer", "as before"),
    ),
    Fault(
        name="proxy-allows-every-origin",
        sentence="The hub names no origin; the proxy adds Access-Control-Allow-Origin: *.",
        how=How(answers=(_added(HEALTH, "Access-Control-Allow-Origin", "*"),)),
        expected={"cors-is-restricted": FAILED},
        ends=WATCHED,
        words=("[target] url allows any origin",),
    ),
    Fault(
        name="proxy-reflects-the-origin",
        sentence="The proxy allows whatever origin asks.",
        how=How(answers=(_added(HEALTH, "Access-Control-Allow-Origin", "{origin}"),)),
        expected={"cors-is-restricted": FAILED},
        ends=WATCHED,
        words=("[target] url allows any origin",),
    ),
    Fault(
        name="proxy-adds-a-key",
        sentence="The proxy shows the key that it forwards with: no release of the hub would cure that.",
        how=How(answers=(_added(SERVERS, "X-Upstream-Key", LEAKED),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=STOPPED,
        words=("/api/servers", "through [target] url"),
    ),
    Fault(
        name="proxy-allows-its-own-dashboard",
        sentence="The proxy lets one origin in: its own.",
        how=How(answers=(_added(HEALTH, "Access-Control-Allow-Origin", "https://dashboard.example.com"),)),
    ),
)
