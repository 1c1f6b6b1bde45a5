"""What a hub publishes about its LLM, cache, queue and traffic: each number with its unit and the place it came from.

Versions differ in names, places and units. Each metric declares where it may stand; what stands nowhere is absent, what
does not fit its unit is malformed, and places that contradict each other prove nothing. Nothing is ever made up.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.facts.telemetry.units import Malformed, Unit, is_nothing, quantity, shown, unit_name

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUTE: Final = "/api/filtering/stats"

Trouble = Literal["", "absent", "empty", "malformed", "disputed"]
"""Why a reading has no value: no place has it; a place says null or N/A; it does not fit its unit; places disagree."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricSource:
    """A place in the statistics; `unit` is that of plain numbers there, `by` the versions that were seen to use it."""

    path: str
    unit: Unit
    by: str = "later hubs"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One published quantity; `check` is the id of the check that compares it with limits. `slack`: how far places may differ."""

    name: str
    title: str
    sources: tuple[MetricSource, ...]
    check: str | None = None
    slack: float = 0.0

    @property
    def unit(self) -> str:
        """The unit of its readings; empty for shares (0 to 1), counts and states."""
        return unit_name(self.sources[0].unit)

    @property
    def is_share(self) -> bool:
        """Whether its readings are shares from 0 to 1."""
        return self.sources[0].unit in {"share", "percent"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One metric as a hub publishes it: a value with its unit and place, or a sentence that says why there is none."""

    metric: str
    unit: str
    value: float | str | None = None
    source: str = ""
    raw: object = None
    """What stands there, as it was written."""
    trouble: Trouble = ""
    reason: str = ""

    @property
    def number(self) -> float | None:
        """The value of a metric that is a number; None without one."""
        return self.value if isinstance(self.value, float) else None


def _metric(  # noqa: PLR0913 - a row of the table below
    name: str,
    title: str,
    unit: Unit,
    *paths: str,
    check: str | None = None,
    slack: float = 0.0,
    by: Mapping[str, str] = {},
) -> Metric:
    sources = tuple(
        MetricSource(
            path=path.rstrip("%"), unit="percent" if path.endswith("%") else unit, by=by.get(path, "later hubs")
        )
        for path in paths
    )
    return Metric(name=name, title=title, sources=sources, check=check, slack=slack)


_HALF_A_PERCENT: Final = 0.005
"""How far two shares may differ and still be the same one, rounded to whole percents."""

METRICS: Final = (
    _metric(
        *("llm.success_rate", "LLM success rate", "share"),
        *("llm.successRate", "llm.successRatePercent%", "llmSuccessRate"),
        check="llm-success-rate",
        slack=_HALF_A_PERCENT,
    ),
    _metric("llm.calls", "LLM calls", "count", "llm.totalCalls", "llm.calls", "llm.totalRequests"),
    _metric("llm.successes", "LLM calls that succeeded", "count", "llm.successfulCalls", "llm.successes"),
    _metric("llm.failures", "LLM calls that failed", "count", "llm.failedCalls", "llm.errors"),
    _metric("llm.p95", "LLM p95", "ms", "llm.p95Latency", "llm.latency.p95", check="llm-p95-latency", slack=1.0),
    _metric("llm.p99", "LLM p99", "ms", "llm.p99Latency", "llm.latency.p99", check="llm-p99-latency", slack=1.0),
    _metric(
        *("cache.hit_rate", "cache hit rate", "share", "llmCache.hitRate", "llmCacheHitRate"),
        check="cache-hit-rate",
        slack=_HALF_A_PERCENT,
        by={"llmCacheHitRate": "4.3.0"},
    ),
    _metric("cache.hits", "cache hits", "count", "llmCache.hits", "llmCacheHits"),
    _metric("cache.misses", "cache misses", "count", "llmCache.misses", "llmCacheMisses"),
    _metric("cache.entries", "cache entries", "count", "llmCache.size", "llmCacheSize", by={"llmCacheSize": "4.3.0"}),
    _metric("queue.depth", "queue", "count", "llm.queueDepth", "queue.depth", check="queue-depth"),
    _metric(
        *("breaker.state", "circuit breaker", "state", "llm.circuitBreakerState", "circuitBreaker.state"),
        check="circuit-breaker-is-closed",
    ),
    _metric(
        *("breaker.failures", "failures in a row", "count", "llm.failures", "circuitBreaker.failures"),
        check="breaker-failures",
    ),
    _metric("breaker.trips", "times it opened", "count", "llm.circuitBreakerTrips", "circuitBreaker.trips"),
    _metric("llm.cost", "LLM cost", "$/day", "llm.costPerDay", "llm.cost.perDay", check="llm-cost", slack=0.01),
    _metric(
        *("traffic", "requests", "/min", "traffic.requestsPerMinute", "requestsPerMinute"),
        check="traffic-is-as-expected",
        slack=1.0,
    ),
)
"""Every metric, in the order of a page that shows them."""
BY_NAME: Final = {metric.name: metric for metric in METRICS}


def readings(stats: Mapping[str, Any]) -> dict[str, Reading]:
    """Read every metric out of an answer of `GET /api/filtering/stats`, by name. Raises nothing."""
    return {metric.name: reading(metric, stats) for metric in METRICS}


def unread(reason: str) -> dict[str, Reading]:
    """Readings without a value, for statistics that are not served for `reason`; each says what would be needed."""
    return {m.name: _without(m, "absent", f"not published: {reason}, which would need {_wanted(m)}") for m in METRICS}


def reading(metric: Metric, stats: Mapping[str, Any]) -> Reading:
    """Read one metric: every place that has it must be well-formed, and all of them must agree. Raises nothing."""
    there = [(source, value) for source in metric.sources for value in _at(stats, source.path)]
    values: list[tuple[MetricSource, object, float | str]] = []
    for source, value in there:
        if is_nothing(value):
            continue
        try:
            values.append((source, value, quantity(value, source.unit)))
        except Malformed as error:
            return _without(metric, "malformed", f"malformed: {source.path}: {error}", source.path, value)
    if not values:
        return _missing(metric, there)
    first, raw, value = values[0]
    for other, _, differing in values[1:]:
        if not _agree(value, differing, metric.slack):
            words = f"{first.path} says {_plain(value)}, {other.path} says {_plain(differing)}: which holds is unknown"
            return _without(metric, "disputed", words, first.path, raw)
    return Reading(metric=metric.name, unit=metric.unit, value=value, source=first.path, raw=raw)


def _missing(metric: Metric, there: list[tuple[MetricSource, object]]) -> Reading:
    if there:
        source, value = there[0]
        return _without(
            metric, "empty", f"{source.path} is {shown(value)}: the hub has no value yet", source.path, value
        )
    return _without(metric, "absent", f"not published: {ROUTE} would need {_wanted(metric)}")


def _wanted(metric: Metric) -> str:
    return " or ".join(source.path for source in metric.sources)


def _without(metric: Metric, trouble: Trouble, reason: str, source: str = "", raw: object = None) -> Reading:
    return Reading(metric=metric.name, unit=metric.unit, source=source, raw=raw, trouble=trouble, reason=reason)


def _at(stats: Mapping[str, Any], path: str) -> list[object]:
    """What stands at a dotted path, in a list; an empty one where nothing does."""
    value: object = stats
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return []
        value = value[key]
    return [value]


def _agree(one: float | str, other: float | str, slack: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= slack + 1e-9
    return one == other


def _plain(value: float | str) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value
