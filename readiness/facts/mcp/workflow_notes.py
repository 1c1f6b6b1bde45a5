"""What a run notes about its own workflow: the hub before the first session, and when agents were at work."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError, Unknown
from readiness.support import content_or_none, replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.hub import Hub

START_FILE: Final = "workflow.json"
"""The hub before the first session, in the run's private folder."""
WINDOWS_FILE: Final = "e2e-windows.json"
"""When agents were at work, in the folder of reports."""
KEEP: Final = 50
"""Windows that are kept, the newest."""
SLACK: Final = 5.0
"""Seconds after a window in which a hub may still write about it."""
_LIMIT: Final = 64 * 1024


def connected(hub: Hub) -> list[str]:
    """Servers that are connected and whose process lives. Raises as `Hub.health` does."""
    return [server.name for server in hub.health().servers if server.status == "connected" and server.uptime != 0]


def note_start(hub: Hub, folder: Path | None) -> None:
    """Write down which process answers, with which servers: once a run, by the first worker that could learn it."""
    if folder is None or (folder / START_FILE).exists() or "identity" in hub.kind.lacks:
        return
    with contextlib.suppress(Unknown, OSError):
        text = json.dumps({"pid": hub.identity().pid, "connected": connected(hub)})
        own = folder / f"{START_FILE}.{os.getpid()}"
        own.write_text(text, encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            os.link(own, folder / START_FILE)
        own.unlink()


def noted_start(folder: Path | None) -> Mapping[str, Any] | None:
    """What `note_start` wrote; None if nothing was."""
    if folder is None:
        return None
    try:
        document = json.loads((folder / START_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def note_window(config: Config, since: float) -> None:
    """Write down that agents were at work from `since` to now, seconds since the epoch; errors in writing are ignored."""
    own = f"{os.getpid()}-{since:.3f}"
    entries = [entry for entry in _entries(config) if entry.get("by") != own]
    entries.append({"by": own, "since": since, "until": time.time()})
    config.report_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(ReadinessError, OSError):
        replace_file(config.report_dir / WINDOWS_FILE, json.dumps(entries[-KEEP:]))


def windows(config: Config) -> list[tuple[float, float]]:
    """Begin and end of each window, seconds since the epoch, with `SLACK`: a hub logs errors when a session closes."""
    windows = []
    for entry in _entries(config):
        since, until = entry.get("since"), entry.get("until")
        if isinstance(since, (int, float)) and isinstance(until, (int, float)) and since <= until:
            windows.append((float(since), float(until) + SLACK))
    return windows


def _entries(config: Config) -> list[dict[str, Any]]:
    content = content_or_none(config.report_dir / WINDOWS_FILE, _LIMIT)
    try:
        document = None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return []
    return [entry for entry in document if isinstance(entry, dict)] if isinstance(document, list) else []
