"""Two measurements side by side: what is worse, better or the same, by how much, and how sure that is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal

from readiness.support import mann_whitney, quantile, superiority, tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.operations.baseline.file import Measurement, Series

ENOUGH: Final = 20
"""Samples that a series of answer times needs on either side; the alerts ask for as many."""
SURE: Final = 0.01
"""The p below which a shift of all answers is believed."""
SURER: Final = 0.001
"""The p below which a longer tail is believed: the quantile it is held against is itself only estimated."""
EFFECT: Final = 0.64
"""Vargha and Delaney's A from which a difference is at least of medium size; one below 0.36 is the same the other way."""
FAILED: Final = 0.05
"""The share of requests that may fail before a measurement says nothing about answer times."""
_TAIL: Final = 1.5
"""How much longer the p95 has to be before a tail is worth telling."""

Change = Literal["worse", "better", "same", "shown", "unknown"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one series is compared: a change counts when it is past `relative` and past `absolute` (in the unit).

    `timed`: independent samples, tested as such. The others are readings of one process, which depend on each other: a test
    would claim a certainty that is not there, so their medians alone are compared. None: shown, never judged.
    """

    title: str
    relative: float | None = None
    absolute: float = 0.0
    better: Literal["lower", "higher"] = "lower"
    timed: bool = False
    needs_calls: bool = False
    """Whether it says something only after `ENOUGH` LLM calls."""


RULES: Final = {
    "health.answer": Rule(title="health answers", relative=0.2, absolute=2.0, timed=True),
    "tools.answer": Rule(title="tools answer", relative=0.2, absolute=2.0, timed=True),
    "llm.success_rate": Rule(title="LLM success rate", relative=0.0, absolute=0.02, better="higher", needs_calls=True),
    "llm.p95": Rule(title="LLM p95", relative=0.2, absolute=100.0, needs_calls=True),
    "llm.p99": Rule(title="LLM p99", relative=0.2, absolute=200.0, needs_calls=True),
    "cache.hit_rate": Rule(title="cache hit rate", relative=0.0, absolute=0.1, better="higher", needs_calls=True),
    "queue.depth": Rule(title="queue", relative=0.5, absolute=10.0),
    "llm.cost": Rule(title="LLM cost", relative=0.2, absolute=1.0),
    "hub.memory": Rule(title="memory of the hub", relative=1.0, absolute=64.0 * 2**20),
    "hub.cpu": Rule(title="CPU of the hub", relative=0.5, absolute=0.25),
    "hub.files": Rule(title="open files of the hub", relative=1.0, absolute=50.0),
    "hub.connect": Rule(title="network latency"),
    "host.cpu": Rule(title="CPU of the host"),
    "host.memory": Rule(title="memory used"),
    "host.disk": Rule(title="disk used"),
}
"""Every series, in the order of the table. Memory may double: a fresh V8 grows under its first requests and stays there."""
MUST: Final = ("health.answer", "tools.answer")
"""Without these nothing was compared."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One series, before and now; `p` and `effect` only where a test was made."""

    name: str
    change: Change
    before: Series | None
    now: Series | None
    relative: float | None = None
    """The median's change, -1 upwards; None where it was 0 before or is missing."""
    p: float | None = None
    effect: float | None = None
    words: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaselineComparison:
    """All differences; `unsound` says why nothing can be concluded, and is empty where something can."""

    differences: tuple[Difference, ...]
    unsound: str = ""

    @property
    def worse(self) -> tuple[Difference, ...]:
        """What has become worse."""
        return tuple(difference for difference in self.differences if difference.change == "worse")

    @property
    def exit_code(self) -> int:
        """0 the same or better, 1 worse, 12 nothing can be concluded."""
        return 12 if self.unsound else 1 if self.worse else 0


def compare(before: Measurement, now: Measurement) -> BaselineComparison:
    """Hold `now` against `before`. Raises nothing: what cannot be compared says why."""
    differences = tuple(
        _difference(name, rule, before, now)
        for name, rule in RULES.items()
        if name in before.series or name in now.series
    )
    return BaselineComparison(
        differences=differences, unsound=_incomparable(before, now) or unsound(now) or _missing(differences)
    )


def unsound(measurement: Measurement) -> str:
    """Why a measurement says nothing about answer times; empty where it does."""
    if measurement.failed > FAILED * measurement.asked:
        return f"{measurement.failed} of {measurement.asked} requests were not answered well: mend that first (`readiness check -m health`)"
    for name in MUST:
        count = len(measurement.series[name].samples) if name in measurement.series else 0
        if count < ENOUGH:
            return f"{RULES[name].title}: {count} samples of at least {ENOUGH}; sample longer (--for) or more often (--interval)"
    return ""


def _incomparable(before: Measurement, now: Measurement) -> str:
    for key in sorted({*before.identity, *now.identity}):
        then, is_now = before.identity.get(key, ""), now.identity.get(key, "")
        if then != is_now:
            return f"the accepted baseline is of another {key} ({then or 'none'}, now {is_now or 'none'})"
    return ""


def _missing(differences: Sequence[Difference]) -> str:
    lost = [d for d in differences if d.name in MUST and d.change == "unknown"]
    return f"{RULES[lost[0].name].title}: {lost[0].words}" if lost else ""


def _difference(name: str, rule: Rule, before: Measurement, now: Measurement) -> Difference:
    then, is_now = before.series.get(name), now.series.get(name)
    if then is None or is_now is None or not then.samples or not is_now.samples:
        words = "was not measured before" if then is None or not then.samples else "is no longer published"
        return Difference(name=name, change="unknown", before=then, now=is_now, words=words)
    if (then.unit, then.of) != (is_now.unit, is_now.of):
        words = f"measured in another way: {then.of or then.unit} before, {is_now.of or is_now.unit} now"
        return Difference(name=name, change="unknown", before=then, now=is_now, words=words)
    median, median_now = quantile(then.samples, 0.5), quantile(is_now.samples, 0.5)
    relative = (median_now - median) / median if median else None
    if rule.relative is None:
        return Difference(name=name, change="shown", before=then, now=is_now, relative=relative)
    if rule.needs_calls and (few := min(_calls(before), _calls(now))) < ENOUGH:
        words = f"{few:.0f} LLM calls of at least {ENOUGH}"
        return Difference(name=name, change="unknown", before=then, now=is_now, relative=relative, words=words)
    if rule.timed:
        return _timed(name, rule, then, is_now, relative)
    change = _direction(rule, median, median_now)
    return Difference(name=name, change=change, before=then, now=is_now, relative=relative)


def _timed(name: str, rule: Rule, then: Series, now: Series, relative: float | None) -> Difference:
    p, effect = mann_whitney(then.samples, now.samples), superiority(then.samples, now.samples)
    change: Change = "same"
    if p < SURE and (effect >= EFFECT or effect <= 1 - EFFECT):
        change = _direction(rule, quantile(then.samples, 0.5), quantile(now.samples, 0.5))
    words = ""
    slow, slow_now = quantile(then.samples, 0.95), quantile(now.samples, 0.95)
    longer = slow_now > _TAIL * slow and slow_now - slow > rule.absolute
    if change != "worse" and longer and tail(then.samples, now.samples) < SURER:
        change, words = "worse", "the slowest answers are slower"
    return Difference(
        name=name, change=change, before=then, now=now, relative=relative, p=p, effect=effect, words=words
    )


def _direction(rule: Rule, before: float, now: float) -> Change:
    moved = now - before
    if abs(moved) <= max(rule.absolute, (rule.relative or 0.0) * abs(before)):
        return "same"
    return "worse" if (moved > 0) == (rule.better == "lower") else "better"


def _calls(measurement: Measurement) -> float:
    calls = measurement.series.get("llm.calls")
    return calls.samples[-1] if calls is not None and calls.samples else 0.0
