"""The tool inventory in words and as rows of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from markupsafe import escape

if TYPE_CHECKING:
    from readiness.results.report import ToolInventory

MOST_ROWS: Final = 500
"""Rows of the page's table, differences first: nobody reads more, and the JSON names them."""
MAX_BYTES: Final = 150_000
"""What the table may take of the page."""
_ROW: Final = 90
"""Bytes of markup around the texts of a row."""


def inventory_sentence(inventory: ToolInventory | None) -> str:
    """`22 tools on 2 servers; 1 gone, 2 new, 1 changed since 2026-01-31 08:00`; empty where no tools were listed."""
    if inventory is None:
        return ""
    total = f"{_plural(inventory.tools, 'tool')} on {_plural(inventory.servers, 'server')}"
    if inventory.since is None:
        return f"{total}; nothing to compare with yet"
    since = inventory.since[:16].replace("T", " ")
    counts = ((inventory.gone, "gone"), (inventory.new, "new"), (inventory.changed, "changed"))
    changes = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"{total}; {changes} since {since}" if changes else f"{total}, the same as {since}"


def inventory_rows(inventory: ToolInventory | None) -> dict[str, Any] | None:
    """The page's table: its sentence, the rows that fit, and how many are left over; None where there is none."""
    if inventory is None:
        return None
    rows, room = [], MAX_BYTES
    for entry in inventory.entries[:MOST_ROWS]:
        room -= _ROW + sum(len(str(escape(text)).encode()) for text in (entry.server, entry.tool, entry.schema))
        if room < 0:
            break
        rows.append(entry)
    left_out = len(inventory.entries) - len(rows) + inventory.left_out
    return {"sentence": inventory_sentence(inventory), "rows": rows, "left_out": left_out}


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
