"""The statistics as a whole: not served, broken, slow, or those of a published version."""

from __future__ import annotations

from tests.faults.alerts.words import OUT, PUBLISHED, WELL, fault, hub
from tests.faults.hub.model import Answer, Edit, How, Site
from tests.faults.hub.words import DEGRADED, ONE_LOOK, STATS, UNKNOWN, UNPROVEN, WATCHED, status

_LOST = dict.fromkeys(PUBLISHED, UNKNOWN)
_FLAT = How(edits=(Edit(route=STATS, path="llm", value=OUT), Edit(route=STATS, path="llmCache", value=OUT)))
"""4.3.0 as it was published: a cache's hit rate, and nothing about the LLM."""
_UNDECLARED = {"telemetry": {"expected": False, "reason": "4.3.0 publishes no LLM metrics"}}
_UNWATCHED = {"llm-is-watched": DEGRADED}


def _answered(**how: object) -> How:
    return How(answers=(Answer(route=STATS, listener="internal", **how),))  # type: ignore[arg-type]


FAULTS = (
    fault(
        "stats-404",
        "The hub serves no statistics (as 4.2.1), and nobody declared so.",
        How(answers=(status(STATS, 404),)),
        expected=_LOST,
        ends=UNPROVEN,
        words=("serves no /api/filtering/stats", "llm.successRate", "circuitBreaker.state"),
        quick=True,
    ),
    fault(
        "stats-404-declared",
        "The hub serves no statistics, and the configuration says so: ten alerts fall away, and that is told.",
        How(answers=(status(STATS, 404),)),
        site=Site(config={"expect": _UNDECLARED}),
        expected=_UNWATCHED,
        ends=WELL,
        words=("nothing watches the LLM in production", "4.3.0 publishes no LLM metrics"),
        quick=True,
    ),
    fault(
        "stats-of-4.3.0",
        "The hub publishes what the released 4.3.0 does, and nobody declared that this is all.",
        _FLAT,
        expected=_LOST,
        ends=UNPROVEN,
        words=("would need llm.successRate", "would need llm.p95Latency", "would need llm.costPerDay"),
        quick=True,
    ),
    fault(
        "stats-of-4.3.0-declared",
        "The hub publishes what the released 4.3.0 does, as declared.",
        _FLAT,
        site=Site(config={"expect": _UNDECLARED}),
        expected=_UNWATCHED,
        ends=WELL,
        words=("nothing watches the LLM in production",),
    ),
    fault(
        "telemetry-declared-away-outside-production",
        "The configuration says that nothing is published, and nobody depends on this hub.",
        _FLAT,
        site=Site(config={"environment": "test", "expect": _UNDECLARED}),
    ),
    fault(
        "stats-500",
        "The statistics answer 500.",
        How(answers=(status(STATS, 500),)),
        expected=_LOST,
        ends=UNPROVEN,
        words=("answered 500",),
    ),
    fault(
        "stats-html",
        "The statistics answer a page of HTML.",
        _answered(status=200, body=b"<html>MCP Hub</html>", content_type="text/html"),
        expected=_LOST,
        ends=UNPROVEN,
        words=("text/html",),
    ),
    fault(
        "stats-a-list",
        "The statistics are a list.",
        _answered(status=200, body=b"[]"),
        expected=_LOST,
        ends=UNPROVEN,
        words=("array",),
    ),
    fault(
        "stats-slow",
        "The statistics take longer than a probe may.",
        _answered(pace="slow", seconds=9.0),
        site=ONE_LOOK,
        expected=_LOST,
        ends=UNPROVEN,
        words=("/api/filtering/stats",),
    ),
    fault(
        "stats-a-little-slow",
        "The statistics take 0.2 s.",
        How(edits=hub().edits, answers=_answered(pace="slow", seconds=0.2).answers),
    ),
    fault(
        "stats-cut",
        "The statistics break off in the middle.",
        _answered(pace="cut"),
        expected=_LOST,
        ends=UNPROVEN,
        words=("/api/filtering/stats",),
    ),
    fault(
        "llm-is-a-text",
        "`llm` and `llmCache` are texts instead of objects.",
        How(edits=(Edit(route=STATS, path="llm", value="up"), Edit(route=STATS, path="llmCache", value="on"))),
        expected=_LOST,
        ends=UNPROVEN,
        words=("not published",),
    ),
    fault(
        "traffic-undeclared",
        "Nobody counts requests, and nobody declared so: that alone is unknown.",
        hub(traffic=None),
        expected={"traffic-is-as-expected": UNKNOWN},
        ends=WATCHED,
        words=("traffic.requestsPerMinute",),
    ),
)
