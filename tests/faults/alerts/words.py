"""Short words that the alerts' faults are written in."""

from __future__ import annotations

from typing import Any, Final

from tests.faults.alerts.model import AlertFault
from tests.faults.hub.model import REMOVED, Edit, Ends, How, Site
from tests.faults.hub.words import STATS, rolled_back

OUT: Final = REMOVED
"""As a value: the hub does not publish it."""
PUBLISHED: Final = (
    "llm-success-rate",
    "llm-p95-latency",
    "llm-p99-latency",
    "cache-hit-rate",
    "queue-depth",
    "circuit-breaker-is-closed",
    "breaker-failures",
    "llm-cost",
    "traffic-is-as-expected",
)
"""Checks that need what the hub publishes."""
CHECKS: Final = (*PUBLISHED, "llm-is-watched", "recent-deployments-succeeded", "availability-meets-its-objective")

SUCCESS: Final = rolled_back("success-rate")
LATENCY: Final = rolled_back("latency")
BREAKER: Final = rolled_back("circuit-breaker")
WELL: Final = Ends(status="READY", decision="KEEP")

_LLM: Final[dict[str, Any]] = {
    "enabled": True,
    "provider": "openai",
    "totalCalls": 100,
    "successfulCalls": 99,
    "failedCalls": 1,
    "successRate": 0.99,
    "p95Latency": 900.5,
    "p99Latency": 1500,
    "queueDepth": 0,
    "circuitBreakerState": "closed",
    "circuitBreakerTrips": 0,
    "failures": 0,
    "costPerDay": 12.5,
}
_CACHE: Final[dict[str, Any]] = {"enabled": True, "size": 10, "hits": 90, "misses": 10, "hitRate": 0.9}
IDLE: Final[dict[str, Any]] = {
    "totalCalls": 0,
    "successfulCalls": 0,
    "failedCalls": 0,
    "successRate": None,
    "p95Latency": None,
    "p99Latency": None,
    "costPerDay": 0,
}
NO_LOOKUPS: Final[dict[str, Any]] = {"hits": 0, "misses": 0, "hitRate": None, "size": 0}


def hub(llm: dict[str, Any] | None = None, cache: dict[str, Any] | None = None, **stats: Any) -> How:
    """A hub that publishes the usual telemetry with these changes; `OUT` takes a key away, `stats` stand at the top."""
    top = {"llm": _merged(_LLM, llm), "llmCache": _merged(_CACHE, cache), "llmCacheHitRate": OUT, "llmCacheSize": OUT}
    top |= {"traffic": {"requestsPerMinute": 42}} | stats
    return How(edits=tuple(Edit(route=STATS, path=path, value=value) for path, value in top.items()))


def counted(good: int, bad: int, **more: Any) -> How:
    """A hub that counted so many calls that succeeded and failed."""
    total = good + bad
    rate = round(good / total, 4) if total else None
    calls = {"totalCalls": total, "successfulCalls": good, "failedCalls": bad, "successRate": rate}
    return hub(calls | more)


def fault(name: str, sentence: str, how: How | None = None, **more: Any) -> AlertFault:
    """One fault; without `expected` a near miss."""
    return AlertFault(name=name, sentence=sentence, how=how or hub(), **more)


def deployed(minutes: float | None) -> Site:
    """The deploy was recorded so long ago; None: never."""
    return Site(deployed_minutes_ago=minutes)


def _merged(base: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (base | (changes or {})).items() if value is not OUT}
