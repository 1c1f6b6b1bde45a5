"""The picture of a load run as a report may hold it: every text bounded and plain, every number finite or None."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from readiness.support.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME: Final = 200
_SENTENCE: Final = 400
_MOST: Final = 200
"""Points, bars, routes and doubts that are kept of each kind."""


def load_picture(found: Mapping[str, Any], redact: Callable[[str], str] = str) -> dict[str, Any]:
    """`found` without secrets and without what no report can show; the same keys."""
    bounded: dict[str, Any] = _bounded(found, redact)
    return bounded


def _bounded(value: Any, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return one_line(redact(value), _SENTENCE)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_bounded(one, redact) for one in value[:_MOST]]
    if isinstance(value, dict):
        return {one_line(key, _NAME): _bounded(one, redact) for key, one in value.items()}
    return value
