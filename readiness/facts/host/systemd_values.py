"""Time spans and sizes as systemd writes them."""

from __future__ import annotations

import re
from typing import Final

from readiness.errors import Unknown

_UNITS: Final = {
    "us": 1e-6, "usec": 1e-6, "µs": 1e-6, "ms": 1e-3, "msec": 1e-3,
    "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
    "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
    "month": 2_629_800, "months": 2_629_800, "y": 31_557_600, "year": 31_557_600, "years": 31_557_600,
}  # fmt: skip
_SIZES: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zµ]*)\s*")


def seconds(text: str) -> float | None:
    """A time span in seconds; None: for ever (`infinity`, and 0 where a time-out is meant). Raises Unknown."""
    stripped = text.strip()
    if stripped in {"infinity", "0"}:
        return None
    at, total = 0, 0.0
    while at < len(stripped):
        match = _PART.match(stripped, at)
        if match is None or match[2] not in _UNITS:
            raise Unknown(f"{text[:40]!r} is no time span")
        total += float(match[1]) * _UNITS[match[2]]
        at = match.end()
    if not stripped:
        raise Unknown("an empty time span")
    return total


def size(text: str | None) -> int | None:
    """A size in bytes; None where there is no limit, or one that depends on the host's memory (per cent)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", (text or "").strip())
    if match is None:
        return None
    value = int(float(match[1]) * _SIZES[match[2]])
    # systemd tells "no limit" as the largest number of 64 bits
    return value if value < 2**62 else None
