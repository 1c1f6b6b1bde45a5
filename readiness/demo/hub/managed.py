"""One MCP server as the hub keeps it: connected or not, since when, and what the API says about it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from readiness.demo.servers.toolbox import McpServer

EMPTY: Final[dict[str, Any]] = {"tools": [], "resources": [], "resourceTemplates": [], "prompts": []}
STDIO: Final = "readiness.demo.stdio"
"""The module that a configuration names to run one of the servers as a program of its own."""


def built_in_of(name: str, definition: object, known: Collection[str]) -> str | None:
    """Which of the `known` servers a configured one is: by its last argument where it runs one, else by its name; None for others."""
    arguments = definition.get("args") if isinstance(definition, dict) else None
    if isinstance(arguments, list) and STDIO in arguments[:-1] and arguments[-1] in known:
        return str(arguments[-1])
    return name if name in known else None


def unstartable(definition: Mapping[str, Any], known: Collection[str]) -> str | None:
    """Why a server could not be started as it is configured, though here it lives in the hub's process; None where it could."""
    command, arguments = str(definition.get("command", "")), [str(word) for word in definition.get("args") or ()]
    if shutil.which(command) is None:
        return f"spawn {command} ENOENT"
    if STDIO in arguments[:-1] and arguments[-1] not in known:
        return "MCP error -32000: Connection closed"  # what a hub says of a server that ends at once
    return None


def now() -> str:
    """The time as the hub writes it, `2026-11-22T20:07:20.575Z`."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclasses.dataclass(slots=True, kw_only=True)
class ManagedServer:
    """One MCP server as the hub keeps it."""

    server: McpServer
    name: str
    config_source: str
    status: str = "connecting"
    error: str | None = None
    authorization_url: str | None = None
    since: float | None = None
    last_started: str | None = None

    def connect(self) -> None:
        """From now on it is connected and its uptime grows."""
        self.status, self.error, self.since, self.last_started = "connected", None, time.monotonic(), now()

    def disconnect(self, error: str | None = None) -> None:
        """From now on it offers nothing."""
        self.status, self.error, self.since, self.last_started = "disconnected", error, None, None

    def record(self) -> dict[str, Any]:
        """As `/api/servers` shows it; uptime in whole seconds."""
        live = self.status == "connected"
        return {
            "name": self.name,
            "displayName": self.name,
            "description": "",
            "transportType": "stdio",
            "status": self.status,
            "error": self.error,
            "capabilities": self.server.capabilities() if live else dict(EMPTY),
            "uptime": int(time.monotonic() - self.since) if self.since is not None else 0,
            "lastStarted": self.last_started,
            "authorizationUrl": self.authorization_url,
            "serverInfo": self.server.info if live else None,
            "config_source": self.config_source,
        }
