"""Deployment windows: `Mon-Thu 09:00-16:00 Europe/Berlin`. Days, a time of day, a time zone; all three by name."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import zoneinfo
from typing import Any, Final

from readiness.config.kinds import Kind
from readiness.config.mistakes import Bad, SettingPlace

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WORDS: Final = "a time window like Mon-Thu 09:00-16:00 Europe/Berlin"
_FORM: Final = re.compile(r"(\S+)\s+(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})(?:\s+(\S+))?")
_DAY: Final = dt.timedelta(days=1)
MINUTES: Final = 24 * 60


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days of the week (0 is Monday), and minutes of the day; an end before its start is on the next day."""

    days: frozenset[int]
    start: int
    end: int
    zone: dt.tzinfo

    def is_open(self, now: dt.datetime) -> bool:
        """Whether `now`, a time with a zone, lies inside. The start is inside, the end is not."""
        local = now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return local.weekday() in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return local.weekday() in self.days
        return minute < self.end and (local - _DAY).weekday() in self.days


def parse(text: str) -> Window:
    """Read a window. Raises ValueError, which says what is wrong."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError("days, times and a time zone in this order")
    start, end = _minute(match[2], match[3]), _minute(match[4], match[5])
    if start in {end, MINUTES}:
        raise ValueError("an end that differs from the start, and a start before 24:00")
    try:
        zone = zoneinfo.ZoneInfo(match[6] or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"a time zone that is known here, not {match[6]}") from None
    return Window(days=_days(match[1]), start=start, end=end, zone=zone)


def _minute(hour: str, minute: str) -> int:
    found = int(hour) * 60 + int(minute)
    if int(minute) > 59 or found > MINUTES:  # noqa: PLR2004 - minutes of an hour
        raise ValueError("times from 00:00 to 24:00")
    return found


def _days(text: str) -> frozenset[int]:
    if text.lower() == "daily":
        return frozenset(range(7))
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        a, b = _day(first), _day(last if dash else first)
        numbers |= {number % 7 for number in range(a, b + 1 if b >= a else b + 8)}
    return frozenset(numbers)


def _day(name: str) -> int:
    for number, known in enumerate(DAYS):
        if name[:3].lower() == known.lower() and name.isalpha():
            return number
    raise ValueError(f"days among {', '.join(DAYS)} or daily, not {name or 'nothing'}")


def window(*, empty: bool = False) -> Kind:
    """A deployment window, kept as it was written; what cannot be read is a mistake. `empty`: none may be given too."""

    def read(value: Any, _place: SettingPlace) -> str:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, str):
            raise Bad(WORDS)
        if empty and not value:
            return value
        try:
            parse(value)
        except ValueError as error:
            raise Bad(f"{WORDS}: {error}") from None
        return value

    return Kind(WORDS, read)
