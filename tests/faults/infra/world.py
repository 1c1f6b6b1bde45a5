"""The healthy deployment that every topic's recorded answers agree with: one place for its names and numbers."""

from __future__ import annotations

from typing import Any, Final

RELEASE: Final = "/opt/mcp-hub"
UNIT: Final = "mcp-hub.service"
UNIT_FILE: Final = f"/etc/systemd/system/{UNIT}"
STATE: Final = "/opt/mcp-hub/.local/state/mcp-hub"
USER: Final = "mcp-hub"
UID: Final = 997
PORT: Final = 7000
PID: Final = 4321
"""The hub's process."""
NOW: Final = 1_790_000_000
"""The host's clock, seconds since the epoch."""
UPTIME: Final = 30 * 86_400
"""Seconds since the host started."""
AGE: Final = 3 * 86_400
"""Seconds since the hub started."""
SECRET: Final = "9f2c-known-token-of-this-run-77ab"
"""A known secret of the run: the value of OPENAI_API_KEY."""
CONFIG: Final[dict[str, Any]] = {
    "environment": "production",
    "target": {
        "url": "https://hub.example.com",
        "internal_url": f"http://127.0.0.1:{PORT}",
        "release": RELEASE,
        "unit": UNIT,
        "state": STATE,
        "version": "4.3.0",
        "hosts": ["local://"],
    },
    "expect": {"servers": ["everything", "memory"]},
}
ENVIRONMENT: Final = {"OPENAI_API_KEY": SECRET}
"""Variables of the run."""
