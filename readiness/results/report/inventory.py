"""The tools a hub lists, held against those of the last good run: the counterpart of a tool discovery.

A tool is changed when both runs saw its schema and the two hashes differ; where a hub publishes no schema nothing is said.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.support.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Final = 2_000
"""Tools that a report names, those with a difference first; the counts are always of all."""
_NAME: Final = 120
"""Characters kept of a name; MCP asks for at most 128 and the known hubs stay below 64."""
_HASH: Final = 16

Change = Literal["", "gone", "changed", "new"]
_ORDER: Final[Mapping[str, int]] = {"gone": 0, "changed": 1, "new": 2, "": 3}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InventoryTool:
    """One tool; `schema` is the first 16 hex digits of its schema's SHA-256, empty where none is published."""

    server: str
    tool: str
    schema: str
    change: Change = ""
    """What became of it since the last good run; empty: nothing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToolInventory:
    """What a hub lists. The counts are of all tools; `entries` holds at most `MOST`, differences first."""

    tools: int
    servers: int
    since: str | None
    """When the last good run listed its tools, ISO 8601 in UTC; None: there is nothing to compare with."""
    gone: int = 0
    new: int = 0
    changed: int = 0
    entries: tuple[InventoryTool, ...] = ()
    left_out: int = 0
    """How many are counted and not named."""


def tool_inventory(
    now: Mapping[str, Mapping[str, str]], before: Mapping[str, Mapping[str, str]] | None, since: str | None
) -> ToolInventory:
    """`now` held against `before`, both server to tool to schema hash; without a `before` nothing is new or gone."""
    listed, known = _flat(now), None if before is None else _flat(before)
    entries = [_entry(server, tool, digest, known) for (server, tool), digest in listed.items()]
    entries += [
        InventoryTool(server=server, tool=tool, schema=digest, change="gone")
        for (server, tool), digest in (known or {}).items()
        if (server, tool) not in listed
    ]
    entries.sort(key=lambda entry: (_ORDER[entry.change], entry.server, entry.tool))
    counts = {change: sum(entry.change == change for entry in entries) for change in ("gone", "new", "changed")}
    return ToolInventory(
        tools=len(listed),
        servers=len({server for server, _ in listed}),
        since=None if known is None or since is None else one_line(since, _NAME),
        entries=tuple(entries[:MOST]),
        left_out=max(len(entries) - MOST, 0),
        **counts,
    )


def _entry(server: str, tool: str, digest: str, known: Mapping[tuple[str, str], str] | None) -> InventoryTool:
    change: Change = ""
    if known is not None:
        before = known.get((server, tool))
        change = "new" if before is None else "changed" if before and digest and before != digest else ""
    return InventoryTool(server=server, tool=tool, schema=digest, change=change)


def _flat(tools: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], str]:
    """By (server, tool), every name plain and bounded, so that both sides are compared as they are shown."""
    return {
        (one_line(server, _NAME), one_line(tool, _NAME)): one_line(digest, _HASH)
        for server, names in tools.items()
        for tool, digest in names.items()
    }


def inventory_json(found: ToolInventory | None) -> dict[str, Any] | None:
    """As the report's document holds it; None where this run listed no tools."""
    if found is None:
        return None
    return dataclasses.asdict(found) | {"entries": [dataclasses.asdict(entry) for entry in found.entries]}
