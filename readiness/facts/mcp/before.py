"""What the hub was before the workflow began: which process, with which servers. The first worker's look counts."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.facts.hub.hub import Hub

FILE: Final = "workflow.json"


def connected(hub: Hub) -> list[str]:
    """Servers that are connected and whose process lives. Raises as `Hub.health` does."""
    return [server.name for server in hub.health().servers if server.status == "connected" and server.uptime != 0]


def note(hub: Hub, folder: Path | None) -> None:
    """Write it down, once a run; what cannot be learnt now is tried again at the next check."""
    if folder is None or (folder / FILE).exists():
        return
    with contextlib.suppress(Unknown, OSError):
        text = json.dumps({"pid": hub.identity().pid, "connected": connected(hub)})
        own = folder / f"{FILE}.{os.getpid()}"
        own.write_text(text, encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            os.link(own, folder / FILE)
        own.unlink()


def read(folder: Path | None) -> Mapping[str, Any] | None:
    """What was noted; None if nothing was."""
    if folder is None:
        return None
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
