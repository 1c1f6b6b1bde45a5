"""Every other limit, at it and just past it: latency, cache, queue, breaker, cost and traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faults.alerts.words import BREAKER, LATENCY, OUT, WELL, fault, hub
from tests.faults.hub.model import Site
from tests.faults.hub.words import DEGRADED, FAILED, STOPPED, UNKNOWN, UNPROVEN, WATCHED

if TYPE_CHECKING:
    from tests.faults.alerts.model import AlertFault
    from tests.faults.hub.model import Ends, How


def _at(  # noqa: PLR0913, PLR0917 - a row of the tables below
    check: str, name: str, sentence: str, how: How, outcome: str = "", ends: Ends = WELL, *, words: tuple[str, ...] = ()
) -> AlertFault:
    quick = name in {"p95-5001", "cache-59", "queue-51", "breaker-open", "breaker-half-open", "cost-100.01"}
    expected = {check: outcome} if outcome else {}
    return fault(name, sentence, how, expected=expected, ends=ends, words=words if outcome else (), quick=quick)


def _p95(value: Any, outcome: str = "", ends: Ends = WELL, *, name: str = "", **more: Any) -> AlertFault:
    shown = name or f"p95-{value}"
    sentence = f"The p95 of the LLM's latency is published as {value!r}, in milliseconds."
    words = (f"{value:g}",) if isinstance(value, int) and value >= 0 else ("llm.p95Latency",)
    return _at("llm-p95-latency", shown, sentence, hub({"p95Latency": value} | more), outcome, ends, words=words)


def _p99(value: Any, outcome: str = "", ends: Ends = WELL) -> AlertFault:
    sentence = f"The p99 of the LLM's latency is {value} ms."
    return _at(
        "llm-p99-latency", f"p99-{value}", sentence, hub({"p99Latency": value}), outcome, ends, words=(str(value),)
    )


def _cache(hits: int, misses: int, outcome: str = "", ends: Ends = WELL, *, size: int = 10) -> AlertFault:
    rate = round(hits / (hits + misses), 4)
    how = hub(cache={"hits": hits, "misses": misses, "hitRate": rate, "size": size})
    sentence = f"The cache answered {hits} of {hits + misses} lookups, and holds {size} entries."
    words = (f"{rate:g}",) if hits + misses >= 20 else (f"{max(0, misses - size)} of {hits + misses}",)
    name = f"cache-{hits}" if hits + misses == 100 else f"cache-{hits}-of-{hits + misses}-holding-{size}"
    return _at("cache-hit-rate", name, sentence, how, outcome, ends, words=words)


def _queue(depth: Any, outcome: str = "", ends: Ends = WELL) -> AlertFault:
    sentence = f"{depth} calls wait for the LLM."
    words = (str(depth),)
    return _at("queue-depth", f"queue-{depth}", sentence, hub({"queueDepth": depth}), outcome, ends, words=words)


def _breaker(state: Any, outcome: str = "", ends: Ends = WELL, *, name: str = "", word: str = "") -> AlertFault:
    sentence = (
        f"The circuit breaker's state is published as {state!r}." if state is not OUT else "No state is published."
    )
    how = hub({"circuitBreakerState": state})
    check, shown = "circuit-breaker-is-closed", f"breaker-{name or state}"
    return _at(check, shown, sentence, how, outcome, ends, words=(word or str(state).lower(),))


def _cost(dollars: float, outcome: str = "", ends: Ends = WELL) -> AlertFault:
    how = hub({"costPerDay": dollars})
    return _at(
        "llm-cost", f"cost-{dollars}", f"The LLM costs {dollars} $ a day.", how, outcome, ends, words=(f"{dollars}",)
    )


def _traffic(number: int, outcome: str = "", ends: Ends = WELL) -> AlertFault:
    how = hub(traffic={"requestsPerMinute": number})
    sentence = f"The hub gets {number} requests a minute."
    check = "traffic-is-as-expected"
    return _at(check, f"traffic-{number}", sentence, how, outcome, ends, words=(str(number),))


FAULTS = (
    _p95(2000),
    _p95(2001, DEGRADED, WATCHED, p99Latency=3000),
    _p95(5000, DEGRADED, WATCHED, p99Latency=5000),
    _p95(5001, FAILED, LATENCY, p99Latency=5000),
    _p95("1.9s", name="p95-in-seconds"),
    _p95(-1, UNKNOWN, UNPROVEN, name="p95-negative"),
    _p95("fast", UNKNOWN, UNPROVEN, name="p95-a-word"),
    _p95(None, UNKNOWN, UNPROVEN, name="p95-null"),
    _p95(OUT, UNKNOWN, UNPROVEN, name="p95-absent"),
    _p99(5000),
    _p99(5001, FAILED, WATCHED),
    fault(
        "p95-of-seven-calls",
        "Seven calls were made, and their p95 is far too slow: too few to prove it.",
        hub({"totalCalls": 7, "successfulCalls": 7, "failedCalls": 0, "successRate": 1, "p95Latency": 9000}),
        expected={"llm-p95-latency": UNKNOWN},
        ends=UNPROVEN,
        words=("9000 ms of only 7 calls",),
    ),
    _cache(80, 20),
    _cache(79, 21, DEGRADED),
    _cache(60, 40, DEGRADED),
    _cache(59, 41, FAILED, WATCHED),
    _cache(0, 1, UNKNOWN, WATCHED, size=0),
    _cache(0, 9, FAILED, WATCHED, size=0),
    _cache(0, 9, size=9),
    _cache(0, 19, FAILED, WATCHED, size=10),
    fault(
        "cache-without-counts",
        "Only a hit rate is published, as 4.3.0 does: of how many lookups is unknown.",
        hub(cache={"hits": OUT, "misses": OUT}),
        expected={"cache-hit-rate": UNKNOWN},
        ends=WATCHED,
        words=("llmCache.hits and llmCache.misses",),
    ),
    fault(
        "cache-in-two-places",
        "`llmCache.hitRate` and `llmCacheHitRate` contradict each other.",
        hub(llmCacheHitRate=0.3),
        expected={"cache-hit-rate": UNKNOWN},
        ends=WATCHED,
        words=("llmCache.hitRate says 0.9, llmCacheHitRate says 0.3",),
        quick=True,
    ),
    _queue(10),
    _queue(11, DEGRADED),
    _queue(50, DEGRADED),
    _queue(51, FAILED, WATCHED),
    _queue(2.5, UNKNOWN, WATCHED),
    fault(
        "queue-elsewhere", "The queue's depth stands in `queue.depth`.", hub({"queueDepth": OUT}, queue={"depth": 10})
    ),
    fault(
        "queue-elsewhere-51",
        "The queue's depth stands in `queue.depth`, and is too large.",
        hub({"queueDepth": OUT}, queue={"depth": 51}),
        expected={"queue-depth": FAILED},
        ends=WATCHED,
        words=("51",),
    ),
    _breaker("half-open", DEGRADED, WATCHED),
    _breaker("HALF_OPEN", DEGRADED, WATCHED, word="half-open"),
    _breaker("open", FAILED, BREAKER),
    _breaker("OPEN", FAILED, BREAKER, name="open-in-capitals"),
    _breaker("Closed"),
    _breaker("tripped", UNKNOWN, UNPROVEN),
    _breaker(0, UNKNOWN, UNPROVEN, name="a-number", word="0 is none of closed"),
    _breaker(None, UNKNOWN, UNPROVEN, name="null", word="null"),
    _breaker(OUT, UNKNOWN, UNPROVEN, name="absent", word="circuitBreaker.state"),
    fault(
        "breaker-elsewhere",
        "The breaker's state stands in `circuitBreaker.state`, and is open.",
        hub({"circuitBreakerState": OUT}, circuitBreaker={"state": "open"}),
        expected={"circuit-breaker-is-closed": FAILED},
        ends=BREAKER,
        words=("open",),
    ),
    fault(
        "breaker-in-two-places",
        "One place says that the breaker is closed, another one that it is open.",
        hub(circuitBreaker={"state": "open"}),
        expected={"circuit-breaker-is-closed": UNKNOWN},
        ends=UNPROVEN,
        words=("llm.circuitBreakerState says closed", "circuitBreaker.state says open"),
    ),
    _at("breaker-failures", "breaker-2-failures", "Two calls in a row have failed.", hub({"failures": 2})),
    _at(
        *("breaker-failures", "breaker-3-failures", "Three calls in a row have failed.", hub({"failures": 3})),
        *(FAILED, WATCHED),
        words=("3",),
    ),
    _cost(100),
    _cost(100.01, FAILED, WATCHED),
    fault("cost-as-text", 'The cost is published as the text "$12.50".', hub({"costPerDay": "$12.50"})),
    _traffic(1000),
    _traffic(1001, FAILED, WATCHED),
    fault(
        "three-high-failures",
        "The queue, the cost and the slowest calls are all past their limits.",
        hub({"queueDepth": 60, "costPerDay": 500, "p99Latency": 9000}),
        expected={"queue-depth": FAILED, "llm-cost": FAILED, "llm-p99-latency": FAILED},
        ends=STOPPED,
        words=("60", "500", "9000"),
    ),
    fault(
        "limits-of-ones-own",
        "The success rate is held against limits of this deployment's own, which it keeps.",
        hub({"successRate": 0.85, "successfulCalls": 85, "failedCalls": 15}),
        site=Site(config={"limits": {"llm-success-rate": {"warning": 0.85, "critical": 0.8, "rollback": 0.5}}}),
    ),
    fault(
        "limits-in-percent",
        "The limits are written as 95 and 90 instead of 0.95 and 0.90.",
        site=Site(config={"limits": {"llm-success-rate": {"warning": 95, "critical": 90, "rollback": 80}}}),
        expected={"llm-success-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("write 0.95 for 95 %",),
    ),
)
