"""The kinds of value a setting may have, single ones and those that hold others.

Each says in words what is valid, and reads one value or says what is wrong. Every wrong part of a list or a table becomes
a mistake of its own.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import math
import re
import zoneinfo
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.config.mistakes import Bad, SettingPlace, did_you_mean, render, shown, token_like

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TEXT: Final = 2_000
"""Characters of a text setting; longer is a mistake, not a setting."""
MAX_PLACES: Final = 30
"""Decimal places of a number; more would only make exact fractions slow."""

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,99})\}")


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """`words` say what is valid; `read` returns the value to keep, or raises Bad."""

    words: str
    read: Callable[[Any, SettingPlace], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One key of a table: its kind, what it means (for the documentation), whether it must be there."""

    kind: Kind
    meaning: str
    required: bool = False


Schema = Mapping[str, Setting]


def boolean() -> Kind:
    """A boolean: `true` or `false`."""
    words = "true or false"

    def read(value: Any, _place: SettingPlace) -> bool:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, bool):
            raise Bad(words)
        return value

    return Kind(words, read)


def text(words: str = "a text", *, pattern: str | None = None, empty: bool = False) -> Kind:
    """A text on one line; `pattern` must match all of it."""
    rule = re.compile(pattern) if pattern else None

    def read(value: Any, _place: SettingPlace) -> str:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, str):
            raise Bad(words)
        if not value.strip() and not (empty and not value):
            raise Bad(f"{words}, not empty")
        if len(value) > MAX_TEXT or not all(c.isprintable() for c in value):
            raise Bad(f"{words}: one line of at most {MAX_TEXT} printable characters")
        if rule and not rule.fullmatch(value):
            raise Bad(words)
        return value

    return Kind(words, read)


def path() -> Kind:
    """A path; it is not looked up here."""
    return text("a path")


def choice(*options: str) -> Kind:
    """One of a few words."""
    words = "one of " + ", ".join(f'"{option}"' for option in options)

    def read(value: Any, _place: SettingPlace) -> str:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, str):
            raise Bad(words)
        if value not in options:
            raise Bad(words, hint=did_you_mean(value, options))
        return value

    return Kind(words, read)


def integer(least: int, most: int) -> Kind:
    """A whole number from `least` to `most`."""
    words = f"a whole number from {least} to {most}"

    def read(value: Any, _place: SettingPlace) -> int:  # noqa: ANN401 - whatever the file holds
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Bad(words)
        return value

    return Kind(words, read)


def exact(least: int, most: int, *, above: bool = False) -> Kind:
    """A number from `least` (or `above` it) to `most`, kept as the exact fraction its decimals say."""
    words = f"a number {'above' if above else 'from'} {least} {'and up ' if above else ''}to {most}"

    def read(value: Any, _place: SettingPlace) -> Fraction:  # noqa: ANN401 - whatever the file holds
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise Bad(words)
        number = Decimal(str(value)) if isinstance(value, float) else value
        if isinstance(number, Decimal):
            if not number.is_finite():
                raise Bad(f"{words}, and finite")
            if int(number.as_tuple().exponent) < -MAX_PLACES:
                raise Bad(f"{words}, with at most {MAX_PLACES} decimal places")
        if not least <= number <= most or (above and number == least):
            raise Bad(words)
        return Fraction(number)

    return Kind(words, read)


def number(least: int, most: int, *, above: bool = False) -> Kind:
    """As `exact`, kept as a float."""
    inner = exact(least, most, above=above)
    return Kind(inner.words, lambda value, place: float(inner.read(value, place)))


def day() -> Kind:
    """A TOML date, without quotes and without a time."""
    words = "a date like 2026-01-31, without quotes"

    def read(value: Any, _place: SettingPlace) -> dt.date:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
            raise Bad(words)
        return value

    return Kind(words, read)


def url(*schemes: str) -> Kind:
    """An address with a host, without credentials, query or fragment; a trailing slash is dropped."""
    starts = " or ".join(f"{scheme}://" for scheme in schemes)
    words = f"an address that starts with {starts}, without credentials or query"
    return Kind(words, lambda value, _place: read_url(value, schemes, words))


def variable() -> Kind:
    """The *name* of an environment variable; what looks like the secret itself is refused and never shown."""
    words = "the name of an environment variable"

    def read(value: Any, _place: SettingPlace) -> str:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, str) or not _VARIABLE.fullmatch(value) or token_like(value):
            hint = "write the variable's name here and the secret in the environment"
            raise Bad(words, hint=hint, hide=isinstance(value, str))
        return value

    return Kind(words, read)


def reference() -> Kind:
    """A `${VAR}` reference; anything literal is refused and never shown."""
    words = 'a reference like "${SLACK_URL}"'

    def read(value: Any, _place: SettingPlace) -> str:  # noqa: ANN401 - whatever the file holds
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if not match or token_like(match[1]):
            raise Bad(words, hint="keep the address itself in the environment: it is a secret", hide=True)
        return str(value)

    return Kind(words, read)


def list_of(item: Kind, *, least: int = 0, unique: bool = False) -> Kind:
    """A list, kept as a tuple; every wrong item is a mistake of its own."""
    words = f"a list, each {item.words}" + (", not empty" if least else "")

    def read(value: Any, place: SettingPlace) -> tuple[Any, ...]:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, list):
            raise Bad(words, hint='write ["…"]' if isinstance(value, str) else "")
        if len(value) < least:
            raise Bad(words)
        items = tuple(read_items(item, value, place))
        if unique and len(set(items)) < len(items):
            raise Bad(f"{words}, none twice")
        return items

    return Kind(words, read)


def read_items(item: Kind, values: list[Any], place: SettingPlace) -> list[Any]:
    """The items that are valid; the others become mistakes."""
    kept = []
    for index, value in enumerate(values):
        try:
            kept.append(item.read(value, place.at(index)))
        except Bad as bad:
            place.at(index).wrong(value, bad)
    return kept


def argv(*, least: int = 0) -> Kind:
    """A command as a list of words; a shell string is refused."""
    words = 'a command as a list of words like ["npm", "test"]'
    inner = list_of(text("a text", empty=True), least=least)

    def read(value: Any, place: SettingPlace) -> tuple[str, ...]:  # noqa: ANN401 - whatever the file holds
        if isinstance(value, str):
            first = (value.split() or [""])[0]
            hint = "a shell string is refused: nothing here is run by a shell"
            raise Bad(words, hint=hint, show=shown(first) if first == value else f"{shown(first)} and more words")
        if not isinstance(value, list) or len(value) < least or (value and value[0] == ""):
            raise Bad(words)
        return tuple(inner.read(value, place))

    return Kind(words, read)


def table(schema: Schema) -> Kind:
    """A table with just the keys of `schema`."""
    words = "a table with " + ", ".join(schema)
    return Kind(words, lambda value, place: read_table(schema, value, place, words))


def read_table(schema: Schema, value: Any, place: SettingPlace, words: str = "a table") -> dict[str, Any]:  # noqa: ANN401
    """The valid keys of a table; unknown, missing and wrong ones become mistakes."""
    if not isinstance(value, dict):
        raise Bad(words)
    kept: dict[str, Any] = {}
    for name, inner in value.items():
        if name not in schema:
            place.unknown_key(name, schema)
            continue
        try:
            kept[name] = schema[name].kind.read(inner, place.at(name))
        except Bad as bad:
            place.at(name).wrong(inner, bad)
    for name, key in schema.items():
        if key.required and name not in value:
            place.missing(name, key.kind.words)
    return kept


def free_table() -> Kind:
    """A table with any keys, kept as what JSON can say: no dates, no infinities."""

    def read(value: Any, _place: SettingPlace) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, dict):
            raise Bad("a table")
        return {name: _plain_json(inner) for name, inner in value.items()}

    return Kind("a table", read)


def _plain_json(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, dict):
        return {name: _plain_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain_json(inner) for inner in value]
    if isinstance(value, Decimal):
        if not math.isfinite(value) or not math.isfinite(float(value)):
            raise Bad("a table with finite numbers: it is sent as JSON")
        return float(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Bad("a table with numbers of at most 64 bits")
    if isinstance(value, (dt.date, dt.time)):
        raise Bad("a table without dates: it is sent as JSON", hint="put the date in quotes")
    return value


def mapping(names: Kind, values: Kind) -> Kind:
    """A table with free keys of one kind and values of another."""
    words = f"a table: each key {names.words}, each value {values.words}"

    def read(value: Any, place: SettingPlace) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, dict):
            raise Bad(words)
        kept = {}
        for name, inner in value.items():
            try:
                names.read(name, place.at(name))
            except Bad as bad:
                place.book.add(place.at(name).path, _bad_key(place.at(name), bad))
                continue
            try:
                kept[name] = values.read(inner, place.at(name))
            except Bad as bad:
                place.at(name).wrong(inner, bad)
        return kept

    return Kind(words, read)


def _bad_key(place: SettingPlace, bad: Bad) -> str:
    hint = f"; {bad.hint}" if bad.hint else ""
    return f"{render(place.path)}: expected as a key {bad.wanted}{hint}"


MAX_URL: Final = 500
"""Characters of an address."""

_HOST: Final = re.compile(r"(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?")


def read_url(value: Any, schemes: Sequence[str], words: str) -> str:  # noqa: ANN401 - whatever the file holds
    """`value` as an address without trailing slash; raises Bad for anything else."""
    if not isinstance(value, str) or not value or len(value) > MAX_URL:
        raise Bad(words)
    if not value.isprintable() or re.search(r"[\s\\]", value):
        raise Bad(f"{words}, without spaces or backslashes")
    try:
        parts = urlsplit(value)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise Bad(words) from None
    if "@" in parts.netloc:
        raise Bad(words, hint="a credential in an address is a literal secret: name its variable in token_env")
    if parts.scheme not in schemes:
        near = f"{schemes[-1]}://{value}"
        bare = "://" not in value and _HOST.match(value.partition("/")[0].partition(":")[0])
        raise Bad(words, hint=f'did you mean "{near}"?' if bare and not parts.query else "")
    if not _is_host(host, bracketed="[" in parts.netloc) or port == 0:
        raise Bad(f"{words}, with a host")
    if "?" in value or "#" in value:
        raise Bad(words)
    return value.rstrip("/")


def _is_host(host: str, *, bracketed: bool) -> bool:
    if not bracketed:
        return _HOST.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def is_loopback(url: str | None) -> bool:
    """Whether an address names this machine's loopback: localhost, 127.0.0.0/8, ::1. Names are not resolved."""
    host = (urlsplit(url).hostname or "").rstrip(".") if url else ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


def parse_window(text: str) -> Window:
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
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > MINUTES:  # noqa: PLR2004 - minutes of an hour
        raise ValueError("times from 00:00 to 24:00")
    return minutes


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
            parse_window(value)
        except ValueError as error:
            raise Bad(f"{WORDS}: {error}") from None
        return value

    return Kind(WORDS, read)
