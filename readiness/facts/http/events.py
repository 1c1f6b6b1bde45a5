"""Server-sent events, read as they arrive: the hub's own stream and the legacy MCP transport speak it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.facts.http.answer import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EVENT_LIMIT: Final = 2 * 1024 * 1024
"""Bytes of one event at most; a tool list of a large hub stays below."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: its name (`message` unless given) and its data."""

    name: str
    data: str


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events in `chunks`; comments, ids and retry hints are dropped. Raises BadAnswer for one that is too large."""
    name, data, size = "", list[str](), 0
    for line in _lines(chunks):
        size += len(line)
        if size > EVENT_LIMIT:
            raise BadAnswer(f"an event is larger than {EVENT_LIMIT // 1024} KB")
        if not line:
            if data:
                yield Event(name=name or "message", data="\n".join(data))
            name, data, size = "", [], 0
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        rest = (rest + chunk).replace(b"\r\n", b"\n")
        *whole, rest = rest.split(b"\n")
        if len(rest) > EVENT_LIMIT:
            raise BadAnswer(f"an event's line is larger than {EVENT_LIMIT // 1024} KB")
        for line in whole:
            yield line.decode("utf-8", "replace")
