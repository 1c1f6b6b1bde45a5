"""The kinds of value a setting may have: each says in words what is valid, and reads one value or says what is wrong."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from readiness.config.literals import token_like
from readiness.config.mistakes import Bad, Place, did_you_mean
from readiness.config.urls import read_url

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
    read: Callable[[Any, Place], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: its kind, what it means (for the documentation), whether it must be there."""

    kind: Kind
    meaning: str
    required: bool = False


Schema = Mapping[str, Key]


def boolean() -> Kind:
    """A boolean: `true` or `false`."""
    words = "true or false"

    def read(value: Any, _place: Place) -> bool:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, bool):
            raise Bad(words)
        return value

    return Kind(words, read)


def text(words: str = "a text", *, pattern: str | None = None, empty: bool = False) -> Kind:
    """A text on one line; `pattern` must match all of it."""
    rule = re.compile(pattern) if pattern else None

    def read(value: Any, _place: Place) -> str:  # noqa: ANN401 - whatever the file holds
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

    def read(value: Any, _place: Place) -> str:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, str):
            raise Bad(words)
        if value not in options:
            raise Bad(words, hint=did_you_mean(value, options))
        return value

    return Kind(words, read)


def integer(least: int, most: int) -> Kind:
    """A whole number from `least` to `most`."""
    words = f"a whole number from {least} to {most}"

    def read(value: Any, _place: Place) -> int:  # noqa: ANN401 - whatever the file holds
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Bad(words)
        return value

    return Kind(words, read)


def exact(least: int, most: int, *, above: bool = False) -> Kind:
    """A number from `least` (or `above` it) to `most`, kept as the exact fraction its decimals say."""
    words = f"a number {'above' if above else 'from'} {least} {'and up ' if above else ''}to {most}"

    def read(value: Any, _place: Place) -> Fraction:  # noqa: ANN401 - whatever the file holds
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

    def read(value: Any, _place: Place) -> dt.date:  # noqa: ANN401 - whatever the file holds
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

    def read(value: Any, _place: Place) -> str:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, str) or not _VARIABLE.fullmatch(value) or token_like(value):
            hint = "write the variable's name here and the secret in the environment"
            raise Bad(words, hint=hint, hide=isinstance(value, str))
        return value

    return Kind(words, read)


def reference() -> Kind:
    """A `${VAR}` reference; anything literal is refused and never shown."""
    words = 'a reference like "${SLACK_URL}"'

    def read(value: Any, _place: Place) -> str:  # noqa: ANN401 - whatever the file holds
        found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if not found or token_like(found[1]):
            raise Bad(words, hint="keep the address itself in the environment: it is a secret", hide=True)
        return str(value)

    return Kind(words, read)
