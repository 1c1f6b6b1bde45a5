"""What makes the sample's artifact as large as a real one: a catalogue of made-up tools, as JavaScript."""

from __future__ import annotations

import itertools
import json
from typing import Final

_VERBS: Final = {
    "list": "search",
    "read": "search",
    "find": "search",
    "count": "search",
    "watch": "monitoring",
    "compare": "monitoring",
    "create": "editing",
    "update": "editing",
    "rename": "editing",
    "copy": "editing",
    "move": "editing",
    "remove": "editing",
    "export": "exchange",
    "import": "exchange",
    "share": "exchange",
    "archive": "storage",
    "restore": "storage",
    "verify": "storage",
}
_NOUNS: Final = (
    *("account", "alert", "appointment", "article", "backup", "branch", "build", "calendar", "certificate", "channel"),
    *("cluster", "column", "comment", "commit", "contact", "dashboard", "database", "deployment", "device", "diagram"),
    *("document", "domain", "environment", "event", "folder", "image", "incident", "index", "invoice", "issue"),
    *("label", "lesson", "mailbox", "message", "metric", "milestone", "note", "order", "page", "pipeline"),
    *("player", "policy", "project", "query", "queue", "record", "release", "report", "repository", "review"),
    *("route", "schedule", "script", "sensor", "server", "snapshot", "table", "template", "ticket", "volume"),
)


def source() -> str:
    """A JavaScript array of over a thousand tools, one a line."""
    rows = (
        {"name": f"{verb}_{noun}", "category": category, "description": f"{verb.capitalize()} one {noun} or several."}
        for (verb, category), noun in itertools.product(_VERBS.items(), _NOUNS)
    )
    return "const CATALOGUE = [\n" + "".join(f"  {json.dumps(row)},\n" for row in rows) + "];\n"
