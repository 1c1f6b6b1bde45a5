"""Short words that the faults are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.faults.hub.model import ALWAYS, REMOVED, Answer, Edit, Ends, Site, When

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERY: Final = "*"
HEALTH: Final = "GET /api/health"
SERVERS: Final = "GET /api/servers"
TOOLS: Final = "GET /api/tools"
STATS: Final = "GET /api/filtering/stats"
CONFIG: Final = "GET /api/config"
EVENTS: Final = "GET /api/events"
MCP: Final = "GET /mcp"
INFO: Final = "POST /api/servers/info"

FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
DEGRADED: Final = "degraded"
FLAKY: Final = "flaky"

WATCHED: Final = Ends(status="CONDITIONAL", decision="KEEP AND WATCH")
UNPROVEN: Final = Ends(status="INCOMPLETE", decision="HOLD")
STOPPED: Final = Ends(status="NOT READY", decision="HOLD")
"""Bad, and no reason to roll back."""


def rolled_back(*fired: str) -> Ends:
    """Bad, inside the deploy window, and these triggers fired."""
    return Ends(status="NOT READY", decision="ROLL BACK", fired=fired)


STARTUP: Final = rolled_back("startup-failure")
VALIDATION: Final = rolled_back("validation-failure")
SECURITY: Final = rolled_back("security")

ONE_LOOK: Final = Site(config={"probe": {"attempts": 1, "interval": 5.0, "timeout": 0.4}})
"""For hubs that are silent: without it every check would wait for the time-out again."""

HEALTH_CHECKS: Final = (
    "hub-answers",
    "hub-is-ready",
    "hub-is-the-expected-release",
    "hub-process-is-the-one-deployed",
    "mcp-servers-are-connected",
    "filtering-is-enabled",
    "llm-provider-is-active",
    "llm-cache-works",
    "tools-are-listed",
    "mcp-endpoint-answers",
    "running-config-is-the-deployed-one",
    "running-environment-has-its-keys",
    "api-matches-its-contract",
    "api-answers-fast",
    "events-stream",
    "health-answers-agree",
    "hub-stays-up",
    "mcp-servers-stay-connected",
    "no-tool-disappeared",
    "tools-are-the-accepted-ones",
    "server-names-stay-distinct",
    "tool-names-are-short-enough",
    "logs-are-clean-since-deploy",
)
SECURITY_CHECKS: Final = (
    "api-requires-authentication",
    "admin-routes-are-closed",
    "api-discloses-no-secret",
    "errors-hide-internals",
    "cors-is-restricted",
    "http-redirects-to-https",
    "agents-find-the-login",
)
NOT_ASKED_FOR: Final = ("tools-are-the-accepted-ones", "agents-find-the-login")
"""Checks that do not apply without a setting."""
OWN_DOORS: Final = ("http-redirects-to-https", *NOT_ASKED_FOR)
"""Those, and what asks the proxy alone."""
CHECKS: Final = HEALTH_CHECKS + SECURITY_CHECKS


NAMELESS: Final = {
    "hub-process-is-the-one-deployed": UNKNOWN,
    "hub-stays-up": UNKNOWN,
    "running-config-is-the-deployed-one": UNKNOWN,
    "running-environment-has-its-keys": UNKNOWN,
    "logs-are-clean-since-deploy": UNKNOWN,
}
"""What cannot be proven of a hub that does not say which process it is."""


NO_TOOLS: Final = {
    "tools-are-listed": FAILED,
    "api-matches-its-contract": FAILED,
    "no-tool-disappeared": UNKNOWN,
    "tool-names-are-short-enough": UNKNOWN,
}
"""What the API's list of tools leads to where it cannot be read."""


UNSEEN_FROM_OUTSIDE: Final = {
    "api-requires-authentication": UNKNOWN,
    "admin-routes-are-closed": UNKNOWN,
    "api-discloses-no-secret": UNKNOWN,
    "cors-is-restricted": UNKNOWN,
}
"""What cannot be proven where the public address shows nothing."""


def every(outcome: str, *, but: Mapping[str, str | None]) -> dict[str, str]:
    """Every check ends as `outcome`, except those of `but`: another outcome, or None for well."""
    named = dict.fromkeys(CHECKS, outcome) | dict(but)
    return {check: value for check, value in named.items() if value is not None}


def away(outcome: str = FAILED) -> dict[str, str]:
    """What a hub that is not there leads to: one root cause, one line; what does not ask it stays as it is."""
    return every(UNKNOWN, but={"hub-answers": outcome} | dict.fromkeys(OWN_DOORS))


def edit(route: str, path: str, value: Any, when: When = ALWAYS) -> Edit:
    """One change to a healthy answer."""
    return Edit(route=route, path=path, value=value, when=when)


def both(path: str, value: Any) -> tuple[Edit, Edit]:
    """The same change to the server records of health and of /api/servers: the hub has one truth about them."""
    return edit(HEALTH, path, value), edit(SERVERS, path, value)


def drop(route: str, path: str) -> Edit:
    """Take a key away."""
    return edit(route, path, REMOVED)


def paced(route: str, pace: Any, *, seconds: float = 0.0, when: When = ALWAYS, listener: Any = "internal") -> Answer:
    """The healthy answer, sent badly."""
    return Answer(route=route, pace=pace, seconds=seconds, when=when, listener=listener)


def says(route: str, body: bytes, *, status: int = 200, content_type: str = "application/json") -> Answer:
    """Another answer than the healthy one."""
    return Answer(route=route, status=status, body=body, content_type=content_type, listener="internal")


def status(route: str, code: int, text: str = "error", when: When = ALWAYS) -> Answer:
    """An error of the whole route, as JSON."""
    return Answer(route=route, status=code, body=b'{"error": "%s"}' % text.encode(), listener="internal", when=when)
