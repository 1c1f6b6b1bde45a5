"""What the live view and its plain text say: values with units, limits, states, trends. Plain text in, plain text out."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from readiness.findings import Finding, Limits
    from readiness.operations.watch.look import WatchLook
    from readiness.operations.watch.row import WatchRow


BARS: Final = "▁▂▃▄▅▆▇█"
ASCII_BARS: Final = "_.-=+*#@"
"""For terminals whose encoding has no blocks."""
WINDOW: Final = 60
"""Looks that a trend shows."""
STATES: Final = {
    "passed": "ok",
    "flaky": "flaky",
    "degraded": "warning",
    "failed": "ALARM",
    "unknown": "unknown",
    "waived": "waived",
    "not_applicable": "n/a",
}
"""An outcome as the view says it."""
SHOWN: Final = {"passed": "ok", "degraded": "past warning", "failed": "past limit", "unknown": "unknown"}
"""The same of a row that is not judged here."""
ALARMS: Final = ("failed", "degraded", "unknown")
"""Outcomes that are told as alerts, in this order."""
_MINUTE: Final = 60
_HOUR: Final = 3600


class Trends:
    """The last values of every row, by name; a look without a value leaves a gap."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._values: dict[str, collections.deque[float | None]] = {}

    def take(self, look: WatchLook) -> None:
        """Remember a look."""
        answer = look.answer_ms
        for name, number in [("answer", answer), *((row.name, row.number) for row in (*look.metrics, *look.host))]:
            self._values.setdefault(name, collections.deque(maxlen=self._window)).append(number)

    def of(self, name: str) -> Sequence[float | None]:
        """The last values of a row, the newest last."""
        return tuple(self._values.get(name, ()))


def sparkline(values: Iterable[float | None], bars: str = BARS) -> str:
    """A trend in one line: the lowest value is the lowest bar, the highest the highest; a gap is a blank.

    Values that do not change are a line at the bottom; there is nothing between them to show.
    """
    listed = list(values)
    numbers = [value for value in listed if value is not None]
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    span = high - low
    top = len(bars) - 1
    return "".join(
        " " if value is None else bars[min(top, int((value - low) / span * top + 0.5)) if span > 0 else 0]
        for value in listed
    )


def value(row: WatchRow) -> str:
    """A row's value with its unit; a dash without one."""
    if row.value is None:
        return "-"
    if isinstance(row.value, str):
        return row.value
    return shown(row.value, row.unit, is_share=row.is_share)


def shown(number: float, unit: str, *, is_share: bool) -> str:
    """A number with its unit; a share in per cent."""
    if is_share:
        return f"{number * 100:.4g} %"
    if unit == "bytes":
        return f"{number / 2**20:.4g} MiB" if number < 2**30 else f"{number / 2**30:.4g} GiB"
    text = f"{number:.0f}" if abs(number) >= 1000 else f"{number:.4g}"  # noqa: PLR2004 - where an exponent would begin
    return f"{text} {unit}".strip()


def state(row: WatchRow) -> str:
    """How a row stands: what is only shown against its limits raises no alarm."""
    return (STATES if row.is_judged else SHOWN).get(row.outcome, "")


def limits(row: WatchRow) -> str:
    """A row's limits: `≤ 2000, 5000 ms` are the warning and the critical one."""
    return bounds(row.limits, is_share=row.is_share)


def bounds(limits_shown: Limits | None, *, is_share: bool = False) -> str:
    """Limits in words; empty without any."""
    if limits_shown is None or (limits_shown.warning is None and limits_shown.critical is None):
        return ""
    sign = "≤" if limits_shown.better == "lower" else "≥"
    scale = 100 if is_share else 1
    numbers = [f"{limit * scale:.6g}" for limit in (limits_shown.warning, limits_shown.critical) if limit is not None]
    return f"{sign} {', '.join(numbers)} {'%' if is_share else limits_shown.unit}".rstrip()


def alerts(look: WatchLook) -> list[Finding]:
    """What is not as it should be, the worst first; what another finding blocks is left out, its root is there."""
    unwell = [row.finding for row in look.judgement.rows if row.finding.outcome.value in ALARMS]
    roots = [finding for finding in unwell if not finding.blocked_by]
    return sorted(roots, key=lambda finding: ALARMS.index(finding.outcome.value))


def counts(look: WatchLook) -> str:
    """`9 ok, 1 warning, 2 unknown`: how many checks stand where."""
    numbers: dict[str, int] = dict.fromkeys(STATES.values(), 0)
    for row in look.judgement.rows:
        numbers[STATES[row.finding.outcome.value]] += 1
    return ", ".join(f"{number} {word}" for word, number in numbers.items() if number) or "nothing is watched"


def up(seconds: float | None) -> str:
    """How long something has been up."""
    if seconds is None:
        return "-"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.0f} h"


def connected(look: WatchLook) -> str:
    """`2 of 3 servers up`; of a kind that reports none, that."""
    if not look.server_count and look.has_no_servers:
        return "no servers reported"
    return f"{look.servers_up} of {look.server_count} servers up"


def line_of(look: WatchLook) -> str:
    """One look in one line, for a log."""
    hub = look.trouble or f"{look.state or 'no state'}, answers in {_milliseconds(look.answer_ms)}, {connected(look)}"
    return f"{look.judgement.status.value}{'' if look.proven else ' (not settled)'}: {hub}; {counts(look)}"


def _milliseconds(number: float | None) -> str:
    return "-" if number is None else f"{number:.3g} ms"


def changes(before: Mapping[str, str], look: WatchLook) -> tuple[dict[str, str], list[str]]:
    """The outcome of every check now, and a line for each that is another than `before`."""
    now = {row.check.id: row.finding.outcome.value for row in look.judgement.rows}
    lines = []
    for row in look.judgement.rows:
        outcome = now[row.check.id]
        was = before.get(row.check.id, "passed")
        if outcome != was and not row.finding.blocked_by and outcome != "not_applicable":
            reason = f": {row.finding.reason}" if row.finding.reason else ""
            lines.append(f"{STATES[outcome]} {row.check.id}{reason}" + (f" (was {STATES[was]})" if before else ""))
    return now, lines


def plain_lines(look: WatchLook) -> Iterator[str]:
    """One look for a reader without a terminal: everything the view shows, a fact a line."""
    yield line_of(look)
    yield look.judgement.because
    for finding in alerts(look):
        pending = f" ({look.pending[finding.check]})" if finding.check in look.pending else ""
        yield f"  {STATES[finding.outcome.value]} {finding.check}: {finding.reason}{pending}"
    for row in (*look.metrics, *look.host):
        if row.value is not None:
            remarks = [part for part in (state(row), limits(row)) if part]
            yield ", ".join([f"  {row.title}: {value(row)}", *remarks])
    for server in look.servers:
        yield f"  server {server.name}: {server.status}, up {up(server.uptime)}, {server.tools} tools"
