"""The last look before anything is rendered: every text of a report goes through redaction once more.

Findings were redacted where they were made; what a user declared (waivers, reasons, contacts, addresses, remedies) was not.
"""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.results.report.model import Report


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
