"""The hub's log file: one JSON object a line, levels as pino counts them (30 info, 40 warning, 50 error)."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 5_000_000
"""Where the file stops growing: a demo must not fill a disk."""
INFO: Final = 30
WARNING: Final = 40
ERROR: Final = 50


class LogFile:
    """Appends lines; as the real hub, it empties the file when it starts."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def write(self, level: int, message: str, **more: Any) -> None:  # noqa: ANN401 - JSON values
        """Adds one line, unless the file has reached `MAX_BYTES`."""
        line = {"level": level, "time": int(time.time() * 1_000), "pid": os.getpid(), "msg": message} | more
        if self._file.tell() < MAX_BYTES:
            self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
