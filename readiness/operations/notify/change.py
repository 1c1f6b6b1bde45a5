"""What a run that is one of many has to tell: what changed, what still fails after hours, and that it is over.

Pure but for `read` and `write`. A run that is as the last one was says nothing. What people know is written down only
when a message reached them: until then every run tries again.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.findings import Severity
from readiness.operations.notify.events import ROLLBACK_KINDS, Event
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from pathlib import Path

HOUR: Final = 3600.0
TURNS: Final = 4
"""Turns from well to not well or back within an hour, from which on the hub is said to come and go: two whole rounds."""
STEADY: Final = 1800.0
"""Seconds without a turn after which it is steady again."""
_AGAIN: Final = 3000.0
"""Seconds in which a message that reached some and not others is tried again: within the hour that those are remembered."""
_MAX_BYTES: Final = 256 * 1024
_NAMES: Final = 6

What = Literal["new", "changed", "still", "over", "unsteady"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KnownTrouble:
    """What people were told last: the trouble that they believe to be there."""

    status: str
    severity: str
    checks: tuple[str, ...] = ()
    security: bool = False
    since: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobMemory:
    """What one job remembers between its runs; times in seconds since the epoch."""

    trouble: bool = False
    """Whether the last run was one to tell of."""
    turned: float = 0.0
    """When that began."""
    turns: tuple[float, ...] = ()
    """When it turned, within the last hour."""
    unsteady: bool = False
    known: KnownTrouble | None = None
    """None: people believe that all is well."""
    told: float = 0.0
    """When a message last reached somebody."""
    trying: str = ""
    """What the message that did not reach everybody was about."""
    occasion: str = ""
    """By which it is known to those who have it already."""
    until: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDecision:
    """A decision: the message, if any, why, and what is to be remembered where it arrived, partly or not at all."""

    what: What | None
    event: Event | None
    arrived: JobMemory
    partly: JobMemory
    lost: JobMemory
    repeated: bool = False
    """Whether it was tried before, and those who have it will not get it twice."""


def decide(  # noqa: PLR0913 - a run that ended, one keyword each
    standing: JobMemory, event: Event | None, *, where: str, status: str, run: str, now: float, repeat: float
) -> ChangeDecision:
    """What to tell of the run `run` that ended at `now` with `status`, a verdict's word; again after `repeat` seconds.

    `where` names the hub.
    `event` is what that run alone would tell, None where it is no trouble; a recovery is told by what people know.
    """
    alarm = None if event is None or event.kind == "changed" else event
    standing = _turned(standing, now, trouble=alarm is not None)
    what = _what(standing, alarm, status, now, repeat)
    if what is None:
        quiet = dataclasses.replace(standing, trying="", occasion="", until=0.0)
        return ChangeDecision(what=None, event=None, arrived=quiet, partly=quiet, lost=quiet)
    topic = "\0".join((what, status, *(() if alarm is None else (alarm.severity.value, *alarm.checks))))
    again = standing.trying == topic and now < standing.until
    occasion, until = (standing.occasion, standing.until) if again else (f"{run}\0{what}", now + _AGAIN)
    after = _known(standing, what, alarm, status, now)
    return ChangeDecision(
        what=what,
        event=dataclasses.replace(_message(standing, what, alarm, (where, status), now, repeat), occasion=occasion),
        arrived=after,
        partly=dataclasses.replace(standing, trying=topic, occasion=occasion, until=until),
        lost=standing,
        repeated=again,
    )


def _turned(standing: JobMemory, now: float, *, trouble: bool) -> JobMemory:
    turns = tuple(t for t in standing.turns if now - HOUR < t <= now)
    if trouble != standing.trouble:
        standing = dataclasses.replace(standing, trouble=trouble, turned=now)
        turns = (*turns, now)
    unsteady = standing.unsteady and now - standing.turned < STEADY
    if standing.unsteady and not unsteady:
        turns = ()  # they were told of
    return dataclasses.replace(standing, turns=turns, unsteady=unsteady)


def _what(standing: JobMemory, alarm: Event | None, status: str, now: float, repeat: float) -> What | None:
    known = standing.known
    if alarm is not None and alarm.kind in ROLLBACK_KINDS and _differs(known, alarm, status):
        return "changed" if known else "new"  # nothing about a rollback waits
    if standing.unsteady or len(standing.turns) >= TURNS:
        return None if standing.unsteady else "unsteady"
    if alarm is None or known is None:
        return "over" if alarm is None and known else "new" if alarm else None
    if _differs(known, alarm, status):
        return "changed"
    return "still" if now - standing.told >= repeat else None


def _differs(known: KnownTrouble | None, alarm: Event, status: str) -> bool:
    """Whether it is another trouble than the one that people know: what is merely mended in part is not."""
    if known is None:
        return True
    worse = Severity(alarm.severity).weight > Severity(known.severity).weight
    return status != known.status or worse or not set(alarm.checks) <= set(known.checks)


def _known(standing: JobMemory, what: What, alarm: Event | None, status: str, now: float) -> JobMemory:
    """What is remembered once `what` arrived."""
    known = standing.known
    if alarm is not None:
        since = known.since if known else standing.turned
        known = KnownTrouble(
            status=status, severity=alarm.severity.value, checks=alarm.checks, security=alarm.security, since=since
        )
    elif what == "over":
        known = None
    if what == "unsteady":
        known = known or KnownTrouble(status="", severity=Severity.MEDIUM.value, since=standing.turned)
        known = dataclasses.replace(known, status="")  # whatever it settles at is news
    return dataclasses.replace(
        standing, known=known, told=now, unsteady=what == "unsteady", trying="", occasion="", until=0.0
    )


def _message(  # noqa: PLR0913, PLR0917 - all that a message is made of, private
    standing: JobMemory, what: What, alarm: Event | None, is_now: tuple[str, str], now: float, repeat: float
) -> Event:
    known = standing.known
    if alarm is None or what == "unsteady":
        return _without_alarm(standing, what, alarm, is_now, now)
    pace = f"told again only on a change, and every {span(repeat)} while it lasts"
    if what == "still" and known is not None:
        title = f"still {alarm.title} (for {span(now - known.since)})"
        return dataclasses.replace(alarm, title=title, lines=(*alarm.lines, pace))
    if what == "changed" and known is not None:
        return dataclasses.replace(alarm, lines=(*_difference(known, alarm, is_now[1]), *alarm.lines, pace))
    return dataclasses.replace(alarm, lines=(*alarm.lines, pace))


def _without_alarm(standing: JobMemory, what: What, alarm: Event | None, is_now: tuple[str, str], now: float) -> Event:
    known, (where, status) = standing.known, is_now
    severity = Severity(known.severity) if known else Severity.MEDIUM
    if alarm is not None:
        severity = max(severity, alarm.severity, key=lambda one: one.weight)
    if what == "unsteady":
        lines: tuple[str, ...] = (
            f"it turned {len(standing.turns)} times within the hour, and is {status} now",
            f"nothing more is told until it has stayed as it is for {span(STEADY)}",
        )
        return Event(
            kind="alarm", severity=severity, title=f"{where} comes and goes", lines=lines,
            checks=() if alarm is None else alarm.checks, security=bool(alarm and alarm.security),
        )  # fmt: skip
    lasted = span(now - known.since) if known and known.since else "some time"
    names = known.checks if known else ()
    mended = ", ".join(names[:_NAMES]) + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")
    lines = (f"over: {mended}",) if mended else ()
    well = "READY again" if status == "READY" else f"{status}: nothing fails any more"
    # whoever was woken hears that it is over
    return Event(
        kind="changed", severity=severity, title=f"{where} is {well}, after {lasted}", lines=lines, checks=names,
        security=bool(known and known.security), ends_alarm=True,
    )  # fmt: skip


def _difference(known: KnownTrouble, alarm: Event, status: str) -> tuple[str, ...]:
    new = [name for name in alarm.checks if name not in known.checks]
    gone = [name for name in known.checks if name not in alarm.checks]
    parts = []
    if known.status and known.status != status:
        parts.append(f"was {known.status}, is {status}")
    for word, names in (("new", new), ("no longer", gone)):
        if names:
            parts.append(f"{word}: {', '.join(names[:_NAMES])}{' …' if len(names) > _NAMES else ''}")
    return (" · ".join(parts),) if parts else ()


def span(seconds: float) -> str:
    """A time that lasted, as people say it: two units at most."""
    minutes = max(round(seconds / 60), 0)
    for size, unit, below in ((1440, "d", 60), (60, "h", 1)):
        if minutes >= size:
            rest = minutes % size // below
            return f"{minutes // size} {unit}" + (f" {rest} {'h' if unit == 'd' else 'min'}" if rest else "")
    return f"{minutes} min" if minutes else f"{max(seconds, 0):.0f} s"


def read(path: Path) -> JobMemory:
    """What lies in `path`; nothing known where that is nothing or damaged, so that people are rather told twice."""
    try:
        data = json.loads(file_reading.content_or_none(path, _MAX_BYTES) or b"{}")
        known = data.pop("known", None)
        memory = JobMemory(
            **_typed(JobMemory, data), known=None if known is None else KnownTrouble(**_typed(KnownTrouble, known))
        )
        if memory.known is not None:
            Severity(memory.known.severity)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return JobMemory()
    return memory


def _typed(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    """The fields of `kind` in `data`, lists as tuples. Raises ValueError or TypeError where one is of another type."""
    found = {}
    for field in dataclasses.fields(kind):
        if field.name not in data:
            continue
        value = tuple(data[field.name]) if isinstance(data[field.name], list) else data[field.name]
        declared = str(field.type)
        entries = value if isinstance(value, tuple) else (value,)
        fine: Any = {"bool": bool, "str": str, "float": (int, float)}[
            declared.removeprefix("tuple[").removesuffix(", ...]")
        ]
        if declared.startswith("tuple") != isinstance(value, tuple) or not all(isinstance(e, fine) for e in entries):
            raise ValueError(f"{field.name} is no {declared}")
        if any(isinstance(entry, float) and not math.isfinite(entry) for entry in entries):
            raise ValueError(f"{field.name} is no time")
        found[field.name] = value
    return found


def write(path: Path, standing: JobMemory) -> None:
    """Replace `path`. Raises ReadinessError where it cannot be written."""
    file_writing.make_folder(path.parent)
    file_writing.replace_file(path, json.dumps(dataclasses.asdict(standing), indent=1, ensure_ascii=True) + "\n")
