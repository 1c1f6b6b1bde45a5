"""Counters as differences: how many calls there were in a window, and how many of them were bad.

The window begins at the last read that was stored of the same process, else at its start, so that an old incident does not
condemn today. A read younger than `REST` begins no window: a run that is repeated at once must see what the first one saw.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.facts.telemetry.metrics import BY_NAME, ROUTE
from readiness.facts.telemetry.units import digits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.facts.telemetry.metrics import Reading
    from readiness.facts.telemetry.stored_counters import StoredCounters

REST: Final = 900.0
"""Seconds that a stored read has to lie back before a window may begin at it."""
_ROUNDED: Final = 0.005
"""How far a published share may lie from what the counters say: rounded to whole percents."""
_UNDERWAY: Final = 5
"""Calls that may be counted as begun and not yet as ended."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a hub counted since its process started; `whole` False: `bad` is computed from a rounded share."""

    total: float
    bad: float
    whole: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of what happened in a window was bad.

    `trouble`: why it is unknown; `doubt`: why a few good ones prove nothing (a restart that nobody declared).
    """

    what: str
    n: int = 0
    bad: float = 0.0
    since: str = ""
    trouble: str = ""
    doubt: str = ""

    @property
    def good(self) -> float:
        """The share that was good, 0 to 1; 1 where nothing happened."""
        return 1.0 - self.bad / self.n if self.n else 1.0

    def at_best(self, samples: int) -> float:
        """The share that is reached if everything that is missing to `samples` turns out good, 0 to 1."""
        return 1.0 - self.bad / max(self.n, samples, 1)


def llm_calls(values: Mapping[str, Reading]) -> Counted | str:
    """The LLM calls since the process started, or why they cannot be counted."""
    return _counted(values, ("llm.calls", "llm.successes", "llm.failures", "llm.success_rate"))


def cache_lookups(values: Mapping[str, Reading]) -> Counted | str:
    """The lookups in the LLM cache since the process started (a miss is bad), or why they cannot be counted."""
    return _counted(values, (None, "cache.hits", "cache.misses", "cache.hit_rate"))


def trips(values: Mapping[str, Reading]) -> Counted | str:
    """How often the circuit breaker opened since the process started, or why that cannot be told."""
    reading = values["breaker.trips"]
    number = reading.number
    return reading.reason if number is None else Counted(total=number, bad=number)


KINDS: Final = {
    "llm": ("LLM calls", llm_calls),
    "cache": ("cache lookups", cache_lookups),
    "trips": ("times the breaker opened", trips),
}
"""What is counted: its name in sentences, and how it is read."""


def _counted(values: Mapping[str, Reading], names: tuple[str | None, str, str, str]) -> Counted | str:
    readings = [values[name] if name else None for name in names]
    wrong = next((r.reason for r in readings if r is not None and r.trouble in {"malformed", "disputed"}), "")
    total, good, bad = (reading.number if reading is not None else None for reading in readings[:3])
    if wrong or (wrong := _contradiction(names, total, good, bad)):
        return wrong
    if good is not None and bad is not None:
        total = good + bad
    elif good is not None and total is not None:
        bad = total - good
    if total == 0:
        return Counted(total=0, bad=0)
    if total is None:
        return _uncounted(readings, names)
    rated = readings[3]
    rate = None if rated is None else rated.number
    if rated is None or rate is None:
        return _uncounted(readings, names) if bad is None else Counted(total=total, bad=bad)
    return _from_share(total, rate, rated) if bad is None else _checked(total, bad, rate, rated)


def _contradiction(names: Sequence[str | None], total: float | None, good: float | None, bad: float | None) -> str:
    """Why the counts cannot all be right, or an empty text; calls that have not ended are neither good nor bad."""
    ended = (good or 0.0) + (bad or 0.0)
    if total is None or (good is None and bad is None):
        return ""
    if ended <= total and (good is None or bad is None or total <= ended + _UNDERWAY):
        return ""
    parts = [f"{name} {value:g}" for name, value in zip(names[1:], (good, bad), strict=False) if value is not None]
    return f"{names[0]} is {total:g}, but {' and '.join(parts)}: which holds is unknown"


def _checked(total: float, bad: float, rate: float, rated: Reading) -> Counted | str:
    """The counts, if the published share agrees with them."""
    if abs(rate - (1 - bad / total)) > _ROUNDED + 1 / total:
        return f"{rated.source} says {rate:.4g}, the counters say {1 - bad / total:.4g}: which holds is unknown"
    return Counted(total=total, bad=bad)


def _uncounted(readings: Sequence[Reading | None], names: Sequence[str | None]) -> str:
    """Why there is no count: there is no share, or nobody says of how many it is one."""
    rate = readings[3]
    if rate is not None and rate.number is None:
        return rate.reason
    needed = " and ".join(BY_NAME[name].sources[0].path for name in (names[:1] if names[0] else names[1:3]) if name)
    of = f"{rate.source} is the share of" if rate is not None else "there were"
    what = "calls" if names[0] else "lookups"
    return f"not published: how many {what} {of}; {ROUTE} would need {needed}"


def _from_share(total: float, rate: float, rated: Reading) -> Counted:
    """What failed, computed from a share: a whole number where its decimals leave no choice."""
    half = 0.5 * 10 ** -digits(rated.raw)
    bad = round((1 - rate) * total)
    if total * half < 1 / 2 and abs((1 - rate) - bad / total) <= half + 1e-9:
        return Counted(total=total, bad=float(bad))
    return Counted(total=total, bad=(1 - rate) * total, whole=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """What a window is computed from: `at` is now, seconds since the epoch, `reads` what was stored of this process.

    `lost` says why stored reads that there were are missing, `doubt` why counters may have been reset.
    """

    at: float
    reads: tuple[StoredCounters, ...] = ()
    lost: str = ""
    doubt: str = ""


def window(kind: str, now: Counted | str, seen: Standpoint) -> Share:
    """What happened since the last stored read of the same process, else since its start.

    Where stored reads were lost: every window lies inside the process's life, so what never went wrong there went wrong in
    none; anything else is unknown.
    """
    what = KINDS[kind][0]
    if isinstance(now, str):
        return Share(what=what, trouble=now)
    known = sorted((read for read in seen.reads if kind in read.counters), key=lambda read: read.at)
    for read in known:
        if backwards := _backwards(what, read, now, kind):
            return Share(what=what, trouble=backwards)
    base = next((read for read in reversed(known) if seen.at - read.at >= REST), None)
    if base is None and seen.lost and now.bad:
        words = f"{now.bad:g} of {now.total:g} {what} were bad since the start, and when is unknown: {seen.lost}"
        return Share(what=what, trouble=words)
    if base is None or not now.whole:
        since = "since the hub's process started"
        return Share(what=what, n=int(now.total), bad=now.bad, since=since, doubt=seen.doubt)
    total, bad = base.counters[kind]
    n = int(now.total - total)
    worse = min(float(n), max(0.0, now.bad - bad))
    return Share(what=what, n=n, bad=worse, since=_since(base, seen.at), doubt=seen.doubt)


def _backwards(what: str, read: StoredCounters, now: Counted, kind: str) -> str:
    total, bad = read.counters[kind]
    underway = read.underway if now.whole else now.total
    if now.total < total or now.bad < bad - underway - 1e-9:
        then, is_now = f"{bad:g} of {total:g}", f"{now.bad:g} of {now.total:g}"
        return f"the {what} went backwards in the same process: {then} were bad at an earlier run, {is_now} are now"
    return ""


def _since(read: StoredCounters, at: float) -> str:
    minutes = int((at - read.at) // 60)
    return f"since the run {minutes} min ago" if minutes < 120 else f"since the run {minutes // 60} h ago"  # noqa: PLR2004 - two hours
