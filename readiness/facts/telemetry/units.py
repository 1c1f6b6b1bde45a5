"""Numbers as hubs write them, brought into one unit by what their source declares; what does not fit is malformed."""

from __future__ import annotations

import math
import re
from typing import Final, Literal

Unit = Literal["share", "percent", "ms", "s", "count", "$/day", "/min", "state"]
"""What a source declares its plain numbers to be: share is 0 to 1, percent 0 to 100, `$/day` dollars, `/min` a rate."""

UNIT_NAMES: Final = {"share": "", "percent": "", "s": "ms", "state": "", "count": "", "/min": "requests/min"}
"""What a value is in once it was read, where that is another word than the declared unit; a share has none."""
STATES: Final = {"closed": "closed", "halfopen": "half-open", "open": "open"}
"""Words for the state of a circuit breaker, without their punctuation."""
_NOTHING: Final = frozenset({"", "n/a", "na", "-", "none", "null", "undefined"})
"""Texts that say that there is no value."""
_TEXT: Final = re.compile(
    r"(?P<dollar>\$?)\s*(?P<number>[+-]?\d{1,15}(?:\.\d{1,15})?)\s*(?P<unit>%|ms|s|/min)?", re.ASCII
)
_FACTOR: Final = {("ms", "s"): 1000.0, ("s", "ms"): 0.001, ("share", "%"): 0.01}
_SHOWN: Final = 40
_MOST: Final = 1e15


class Malformed(ValueError):  # noqa: N818 - what a value is, not an error of the program
    """A value that its unit does not allow; the text says why."""


def is_nothing(value: object) -> bool:
    """Whether a hub says here that it has no value: null, or a text like N/A."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def quantity(value: object, unit: Unit) -> float | str:
    """`value` in the unit that `unit_name` names: shares from 0 to 1, times in ms, states in the words of `STATES`.

    Raises Malformed for what is no number, not finite, negative or outside the unit's range.
    """
    if unit == "state":
        return _state(value)
    number = _number(value, unit)
    if not math.isfinite(number):
        raise Malformed(f"{shown(value)} is not finite")
    if unit == "percent" and not (isinstance(value, str) and "%" in value):
        number /= 100
    most = 1.0 if unit in {"share", "percent"} else _MOST
    if not 0 <= number <= most:
        raise Malformed(f"{shown(value)} is outside {_range(unit)}")
    if unit == "count" and not number.is_integer():
        raise Malformed(f"{shown(value)} is no whole number")
    return number * 1000 if unit == "s" else number


def unit_name(unit: Unit) -> str:
    """The unit of what `quantity` returns."""
    return UNIT_NAMES.get(unit, unit)


def digits(value: object) -> int:
    """Decimal places that a share was written with: what its precision is. A plain number is taken to be exact to 4."""
    if not isinstance(value, str):
        return 4
    places = len(value.strip().rstrip("%").strip().partition(".")[2])
    return places + 2 if "%" in value else places


def shown(value: object) -> str:
    """A value of a hub, short enough for a sentence."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _number(value: object, unit: Unit) -> float:
    if isinstance(value, bool):
        raise Malformed(f"{shown(value)} is no number")
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            raise Malformed(f"{shown(value)} is too large") from None
    if not isinstance(value, str):
        raise Malformed(f"{shown(value)} is no number")
    match = _TEXT.fullmatch(value.strip())
    if match is None or (match["dollar"] and unit != "$/day"):
        raise Malformed(f"{shown(value)} is no number")
    return float(match["number"]) * _factor(match["unit"], unit, value)


def _factor(written: str | None, unit: Unit, value: str) -> float:
    """What a text's own unit makes of its number; a text without one is in the declared unit."""
    base = "share" if unit == "percent" else unit
    if written is None or written == base:
        return 1.0
    factor = _FACTOR.get((base, written))
    if factor is None:
        raise Malformed(f"{shown(value)} is in another unit than {unit}")
    return factor


def _state(value: object) -> str:
    word = re.sub(r"[\s_-]+", "", value).lower() if isinstance(value, str) and len(value) <= _SHOWN else ""
    if word not in STATES:
        raise Malformed(f"{shown(value)} is none of {', '.join(STATES.values())}")
    return STATES[word]


def _range(unit: Unit) -> str:
    return {"share": "0 to 1", "percent": "0 to 100"}.get(unit, "what can be measured (0 or more)")
