"""Texts that are safe to show: a report without secrets, and the picture of a load bounded, plain and without secrets.

Findings were redacted where they were made; what a user declared (waivers, reasons, contacts, addresses, remedies) was not.
"""

from __future__ import annotations

import dataclasses
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from readiness.support.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.results.report.model import Report

_NAME: Final = 200
_SENTENCE: Final = 400
_MOST: Final = 200
"""Points, bars, routes and doubts that are kept of each kind."""


def redacted(report: Report, redact: Callable[[str], str]) -> Report:
    """`report` with every text redacted; itself where there is nothing to hide."""
    known: dict[str, str] = {}

    def text(value: str) -> str:
        shown = known.get(value)
        if shown is None:
            shown = known[value] = redact(value)
        return shown

    found: Report = _walk(report, text)
    return found


def _walk(value: Any, text: Callable[[str], str]) -> Any:  # noqa: ANN401 - any field of a report
    kind = type(value)
    if kind is str:
        return text(value) if value else value
    if kind is tuple:
        walked = tuple(_walk(part, text) for part in value)
        return value if walked == value else walked
    if kind is dict or kind is MappingProxyType:
        return {_walk(key, text): _walk(part, text) for key, part in value.items()}
    if dataclasses.is_dataclass(kind):
        return _walk_fields(value, text)
    return value


def _walk_fields(value: Any, text: Callable[[str], str]) -> Any:  # noqa: ANN401 - any dataclass of a report
    changed = {}
    for name in value.__slots__:
        old = getattr(value, name)
        new = _walk(old, text)
        if new is not old and new != old:
            changed[name] = new
    return dataclasses.replace(value, **changed) if changed else value


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
