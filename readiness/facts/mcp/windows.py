"""When our own agents were at work: a hub logs errors when a session closes, and those are not the deploy's."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.support.files import replace

if TYPE_CHECKING:
    from readiness.config.model import Config

FILE: Final = "e2e-windows.json"
"""Kept in the folder of reports."""
KEEP: Final = 50
"""Windows that are kept, the newest."""
SLACK: Final = 5.0
"""Seconds after a window in which a hub may still write about it."""
_LIMIT: Final = 64 * 1024


def note(config: Config, since: float) -> None:
    """Write down that agents were at work from `since` to now, seconds since the epoch; a folder that refuses is left."""
    own = f"{os.getpid()}-{since:.3f}"
    entries = [entry for entry in _read(config) if entry.get("by") != own]
    entries.append({"by": own, "since": since, "until": time.time()})
    config.report_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(ReadinessError, OSError):
        replace(config.report_dir / FILE, json.dumps(entries[-KEEP:]))


def windows(config: Config) -> list[tuple[float, float]]:
    """Begin and end of each, seconds since the epoch, the slack included."""
    found = []
    for entry in _read(config):
        since, until = entry.get("since"), entry.get("until")
        if isinstance(since, (int, float)) and isinstance(until, (int, float)) and since <= until:
            found.append((float(since), float(until) + SLACK))
    return found


def _read(config: Config) -> list[dict[str, Any]]:
    try:
        found = json.loads((config.report_dir / FILE).read_bytes()[:_LIMIT])
    except (OSError, ValueError, RecursionError):
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
