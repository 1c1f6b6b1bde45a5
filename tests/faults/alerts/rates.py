"""Success rates: in every form a hub may write them, and of too few calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.faults.alerts.words import IDLE, NO_LOOKUPS, OUT, PUBLISHED, SUCCESS, WELL, counted, fault, hub
from tests.faults.hub.words import DEGRADED, FAILED, STOPPED, UNKNOWN, UNPROVEN, WATCHED

if TYPE_CHECKING:
    from tests.faults.alerts.model import AlertFault
    from tests.faults.hub.model import Ends, How

_ENDS: Final[dict[int, tuple[str, Ends, tuple[str, ...]]]] = {
    79: (FAILED, SUCCESS, ("0.79",)),
    80: (FAILED, STOPPED, ("0.8,",)),
    81: (FAILED, STOPPED, ("0.81",)),
    89: (FAILED, STOPPED, ("0.89",)),
    90: (DEGRADED, WATCHED, ("0.9 ", "warning")),
    91: (DEGRADED, WATCHED, ("0.91", "warning")),
    94: (DEGRADED, WATCHED, ("0.94",)),
    95: ("", WELL, ()),
    96: ("", WELL, ()),
}
_NO_COUNTS: Final = {"successfulCalls": OUT, "failedCalls": OUT}


def _forms(percent: int) -> dict[str, tuple[str, How]]:
    share = percent / 100
    return {
        "number": (f"the number {share}", hub(_NO_COUNTS | {"successRate": share})),
        "text": (f'the text "{share}"', hub(_NO_COUNTS | {"successRate": f"{share}"})),
        "percent-text": (f'the text "{percent}%"', hub(_NO_COUNTS | {"successRate": f"{percent}%"})),
        "percent-number": (
            f"a number of percent, {percent}, where percent is what the place holds",
            hub(_NO_COUNTS | {"successRate": OUT, "successRatePercent": percent}),
        ),
        "counters": ("counters alone", counted(percent, 100 - percent, successRate=OUT)),
    }


def _rate(percent: int, form: str) -> AlertFault:
    told, how = _forms(percent)[form]
    outcome, ends, words = _ENDS[percent]
    return fault(
        f"success-{percent}-as-{form}",
        f"{percent} of 100 LLM calls succeed, published as {told}.",
        how,
        expected={"llm-success-rate": outcome} if outcome else {},
        ends=ends,
        words=words,
        quick=(percent, form) in {(79, "percent-text"), (81, "number"), (89, "counters"), (95, "text")},
    )


def _unusable(name: str, value: Any, word: str) -> AlertFault:
    published = "nothing" if value is OUT else repr(value)
    return fault(
        f"success-rate-{name}",
        f"The success rate of 100 calls is published as {published}, and nothing is counted beside it.",
        hub(_NO_COUNTS | {"successRate": value}),
        expected={"llm-success-rate": UNKNOWN},
        ends=UNPROVEN,
        words=(word,),
        quick=name in {"absent", "malformed-ratio"},
    )


def _few(good: int, bad: int, outcome: str = "", ends: Ends = WELL, words: tuple[str, ...] = ()) -> AlertFault:
    number = good + bad
    note = f"little traffic: {number} LLM calls"
    return fault(
        f"{good}-good-and-{bad}-bad",
        f"The hub has made {number} LLM calls, {bad} of which failed.",
        counted(good, bad),
        expected={"llm-success-rate": outcome} if outcome else {},
        ends=ends,
        words=words,
        notes=() if outcome or number >= 20 else (note,),
        quick=(good, bad) in {(0, 7), (19, 0), (16, 4)},
    )


FAULTS = (
    *(_rate(percent, form) for percent in (79, 81, 89, 91, 94, 96) for form in _forms(percent)),
    *(_rate(percent, "counters") for percent in (80, 90, 95)),
    _rate(95, "text"),
    _unusable("absent", OUT, "not published"),
    _unusable("null", None, "successRate is null"),
    _unusable("na", "N/A", "'N/A'"),
    _unusable("empty", "", "has no value"),
    _unusable("nan-text", "NaN", "malformed"),
    _unusable("malformed-ratio", 1.5, "outside 0 to 1"),
    _unusable("malformed-percent", 98.7, "outside 0 to 1"),
    _unusable("malformed-percent-text", "187%", "outside 0 to 1"),
    _unusable("negative", -1, "outside 0 to 1"),
    _unusable("true", value=True, word="malformed"),
    _unusable("a-list", [0.99], "malformed"),
    _unusable("exponent", "1e400", "malformed"),
    _unusable("in-milliseconds", "0.99ms", "another unit"),
    fault(
        "success-rate-nan",
        "The statistics hold NaN, which no JSON may: nothing of them is believed.",
        hub({"successRate": float("nan")}),
        expected=dict.fromkeys(PUBLISHED, UNKNOWN),
        ends=UNPROVEN,
        words=("NaN",),
    ),
    fault(
        "rate-without-counter",
        "A success rate is published, and not of how many calls.",
        hub({"totalCalls": OUT} | {"successfulCalls": OUT, "failedCalls": OUT}),
        expected={"llm-success-rate": UNKNOWN, "llm-p95-latency": UNKNOWN, "llm-p99-latency": UNKNOWN},
        ends=UNPROVEN,
        words=("how many calls llm.successRate is the share of", "llm.totalCalls"),
    ),
    fault(
        "rate-against-counters",
        "The published success rate and the counters contradict each other.",
        hub({"successRate": 0.99, "successfulCalls": 50, "failedCalls": 50}),
        expected={"llm-success-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("llm.successRate says 0.99", "counters say 0.5"),
        quick=True,
    ),
    fault(
        "rate-in-two-places",
        "Two places publish two success rates.",
        hub({"successRatePercent": 70}),
        expected={"llm-success-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("llm.successRate says 0.99", "llm.successRatePercent says 0.7"),
    ),
    fault(
        "counters-that-do-not-add-up",
        "More calls succeeded and failed than were made.",
        hub({"totalCalls": 50}),
        expected={"llm-success-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("llm.calls is 50",),
    ),
    fault("rounded-alike", "Two places publish the same rate, one of them rounded.", hub({"successRatePercent": 99.0})),
    fault("calls-underway", "Three calls have begun and not yet ended.", hub({"totalCalls": 103, "queueDepth": 3})),
    fault(
        "idle",
        "Nobody has asked the LLM anything yet: no rate, no percentiles.",
        hub(IDLE, NO_LOOKUPS),
        notes=("little traffic: 0 LLM calls", "little traffic: 0 cache lookups"),
        quick=True,
    ),
    fault(
        "idle-with-zeros",
        "Nobody has asked the LLM anything yet, and every rate is published as 0.",
        hub(IDLE | {"successRate": 0, "p95Latency": 0, "p99Latency": 0}, NO_LOOKUPS | {"hitRate": 0}),
        notes=("little traffic: 0 LLM calls",),
        quick=True,
    ),
    _few(1, 0),
    _few(0, 1, UNKNOWN, UNPROVEN, ("1 of 1 LLM calls", "too few")),
    _few(17, 2, UNKNOWN, UNPROVEN, ("2 of 19", "too few")),
    _few(0, 2, UNKNOWN, UNPROVEN, ("2 of 2", "too few")),
    _few(2, 3, FAILED, STOPPED, ("3 of 5", "0.85")),
    _few(0, 7, FAILED, STOPPED, ("7 of 7", "0.65")),
    _few(19, 0),
    _few(18, 1, UNKNOWN, UNPROVEN, ("1 of 19",)),
    _few(20, 0),
    _few(19, 1),
    _few(18, 2, DEGRADED, WATCHED, ("0.9 ",)),
    _few(17, 3, FAILED, STOPPED, ("0.85",)),
    _few(16, 4, FAILED, STOPPED, ("0.8,",)),
    _few(15, 5, FAILED, SUCCESS, ("0.75",)),
)
