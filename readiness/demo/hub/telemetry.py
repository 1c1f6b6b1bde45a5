"""What the embedded hub knows about its LLM: calls, latencies, cost, breaker, and the cache in front of it."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.hub.analysis import AnalysisError, CategoryAnalysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.demo.hub.analysis import Analyser

CACHE_SIZE: Final = 256
"""Prompts whose analysis is kept."""
KEPT_LATENCIES: Final = 1_000
"""Latest calls that the percentiles are taken over."""
BREAKER_LIMIT: Final = 5
"""Failures in a row that open the circuit breaker."""
BREAKER_REST: Final = 2.0
"""Seconds an open breaker waits before it lets one call try again, unless told otherwise; real hubs wait about 30."""


MINUTE: Final = 60
"""Seconds that traffic is counted over."""


class Traffic:
    """Counts the requests of the last minute, in steps of a second."""

    def __init__(self) -> None:
        self._counted: collections.deque[list[int]] = collections.deque(maxlen=MINUTE)

    def count(self) -> None:
        """One more request, now."""
        now = int(time.monotonic())
        if not self._counted or self._counted[-1][0] != now:
            self._counted.append([now, 0])
        self._counted[-1][1] += 1

    @property
    def per_minute(self) -> int:
        """Requests of the last 60 s."""
        since = time.monotonic() - MINUTE
        return sum(number for second, number in self._counted if second > since)


def percentile(sample: list[float], share: float) -> float | None:
    """The value that `share` of the sample does not exceed (nearest rank); None without a sample."""
    if not sample:
        return None
    return round(sorted(sample)[min(len(sample) - 1, int(share * len(sample)))], 3)


class LlmTelemetry:
    """Asks the analyser, through cache and breaker, and counts."""

    def __init__(
        self, analyser: Analyser, *, provider: str, model: str, enabled: bool, rest: float = BREAKER_REST
    ) -> None:
        self.analyser, self.provider, self.model, self.enabled = analyser, provider, model, enabled
        self.calls = self.successes = self.failures = self.hits = self.misses = self.queue = 0
        self.latencies: collections.deque[float] = collections.deque(maxlen=KEPT_LATENCIES)
        self.cache: collections.OrderedDict[str, CategoryAnalysis] = collections.OrderedDict()
        self.cost = 0.0
        self.breaker = "closed"
        self.rest, self._opened = rest, 0.0

    async def analyse(self, prompt: str, vocabulary: Mapping[str, frozenset[str]]) -> CategoryAnalysis:
        """The analyser's answer, or the cache's; raises `AnalysisError` when switched off, broken or resting."""
        if not self.enabled:
            raise AnalysisError("LLM categorization is not enabled")
        # with other tools there, the same prompt is another question
        question = "\0".join((prompt, *sorted(vocabulary)))
        if question in self.cache:
            self.hits += 1
            self.cache.move_to_end(question)
            return self.cache[question]
        self.misses += 1
        if self.breaker == "open":
            if time.monotonic() - self._opened < self.rest:
                raise AnalysisError("Circuit breaker is open")
            self.breaker = "half-open"
        analysis = await self._ask(prompt, vocabulary)
        self.cache[question] = analysis
        while len(self.cache) > CACHE_SIZE:
            self.cache.popitem(last=False)
        return analysis

    async def _ask(self, prompt: str, vocabulary: Mapping[str, frozenset[str]]) -> CategoryAnalysis:
        self.calls += 1
        self.queue += 1
        started = time.perf_counter()
        try:
            analysis = await self.analyser.analyse(prompt, vocabulary)
        except AnalysisError:
            self.failures += 1
            if self.failures >= BREAKER_LIMIT or self.breaker == "half-open":
                self.breaker, self._opened = "open", time.monotonic()
            raise
        finally:
            self.queue -= 1
            self.latencies.append((time.perf_counter() - started) * 1_000)
        self.successes += 1
        self.failures, self.breaker = 0, "closed"
        return analysis

    def pretend(self, *, calls: int = 200, successes: int = 199, milliseconds: float = 350.0) -> None:
        """Sets the counters as after so many calls: what a fault shows instead of what happened."""
        self.calls, self.successes = calls, successes
        self.latencies.extend([milliseconds] * calls)
        self.hits, self.misses = 9 * calls, calls

    def open_breaker(self) -> None:
        """Opens the circuit breaker as `BREAKER_LIMIT` failures in a row do, and for good: it is what a fault shows."""
        self.breaker, self.failures, self._opened = "open", BREAKER_LIMIT, float("inf")

    @property
    def hit_rate(self) -> float | None:
        """Share of lookups the cache answered, 0 to 1; None before the first."""
        looked = self.hits + self.misses
        return round(self.hits / looked, 4) if looked else None

    def llm(self) -> dict[str, Any]:
        """The `llm` part of the filtering statistics: latencies in ms, cost in dollars, rates from 0 to 1.

        Before the first call a rate and a percentile are null: nothing was measured, and 0 would be a claim.
        """
        sample = list(self.latencies)
        return {
            "enabled": self.enabled,
            "provider": self.provider,
            "model": self.model,
            "totalCalls": self.calls,
            "successfulCalls": self.successes,
            "failedCalls": self.calls - self.successes,
            "successRate": round(self.successes / self.calls, 4) if self.calls else None,
            "averageLatency": round(sum(sample) / len(sample), 3) if sample else None,
            "p95Latency": percentile(sample, 0.95),
            "p99Latency": percentile(sample, 0.99),
            "queueDepth": self.queue,
            "circuitBreakerState": self.breaker,
            "failures": self.failures,
            "costPerDay": round(self.cost, 2),
        }

    def llm_cache(self) -> dict[str, Any]:
        """The `llmCache` part of the filtering statistics."""
        counts = {"size": len(self.cache), "maxSize": CACHE_SIZE, "hits": self.hits, "misses": self.misses}
        return {"hitRate": self.hit_rate} | counts
