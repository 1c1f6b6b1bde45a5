"""A worker's plan on its way to the controller: a file in the run's private folder, since a dead worker takes its own along."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from readiness.findings import Check
from readiness.session.plan import PlannedItem

if TYPE_CHECKING:
    from pathlib import Path


def plan_document(items: list[PlannedItem], errors: list[str]) -> str:
    """The plan of a worker as one ASCII JSON string."""
    return json.dumps(
        {
            "checks": [check.to_json() for check in {item.check.id: item.check for item in items}.values()],
            "items": [
                [item.check.id, item.instance, item.nodeid, item.function, sorted(item.markers), item.selected]
                for item in items
            ],
            "errors": errors,
        }
    )


def read_plan_document(text: str) -> tuple[list[PlannedItem], list[str]]:
    """Inverse of `plan_document`."""
    data = json.loads(text)
    known = {entry["id"]: Check.from_json(entry) for entry in data["checks"]}
    return [
        PlannedItem(
            check=known[check_id],
            instance=instance,
            nodeid=nodeid,
            function=function,
            markers=frozenset(markers),
            selected=selected,
        )
        for check_id, instance, nodeid, function, markers, selected in data["items"]
    ], list(data["errors"])


def write_atomically(path: Path, text: str) -> None:
    """Write a small private file so that a reader sees all of it or nothing. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="ascii")
    temporary.replace(path)
