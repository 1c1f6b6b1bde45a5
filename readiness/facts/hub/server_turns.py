"""What became of each MCP server over several looks: how often it was connected, and how often it went away again.

One look proves little: a server that comes and goes is connected in many of them.
"""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.hub.records import number_of
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from readiness.facts.hub.records import HubServer

APART: Final = 0.1
"""Seconds between two looks that are written down at least: many checks ask at once."""
MOST: Final = 2_000
"""Looks that one process writes down at most."""
_BYTES: Final = 16 * 1024 * 1024
_NAMES: Final = 200
_SLACK: Final = 2.0
"""Seconds: hubs count uptimes in whole ones."""


@dataclasses.dataclass(slots=True)
class _Server:
    """One server so far; looks before it was first connected belong to its start and count for nothing."""

    looks: int = 0
    connected: int = 0
    downs: int = 0
    was_up: bool = False
    uptime: float | None = None
    at: float = 0.0


class ServerTurns:
    """The servers over all looks that were taken, in the order of time."""

    def __init__(self) -> None:
        self._servers: dict[str, _Server] = {}

    def take(self, servers: Iterable[HubServer], at: float | None = None) -> None:
        """Take what a look at `at`, on the monotonic clock, showed."""
        self._take(
            _by_name((server.name, server.status, server.uptime) for server in servers),
            time.monotonic() if at is None else at,
        )

    def _take(self, seen: dict[str, tuple[str, float | None]], at: float) -> None:
        for name in [*self._servers, *(name for name in seen if name not in self._servers)][:_NAMES]:
            status, uptime = seen.get(name, ("not listed", None))
            # one that was just started shows 0, and so does one that was killed: the next look tells
            self._turn(self._servers.setdefault(name, _Server()), status == "connected", uptime, at)

    @staticmethod
    def _turn(one: _Server, is_listed: bool, uptime: float | None, at: float) -> None:  # noqa: FBT001 - a row's column
        is_up = is_listed and uptime != 0
        if not is_up and not one.connected:
            return
        one.looks += 1
        one.connected += is_up
        if one.was_up and not is_listed:
            one.downs += 1
        elif one.was_up and is_up and uptime is not None and one.uptime is not None:
            # younger than the last look, and younger than it was: it ended in between
            one.downs += uptime < one.uptime and uptime <= at - one.at + _SLACK
        if is_up or not is_listed:
            one.was_up = is_up
        if is_up:
            one.uptime, one.at = uptime, at

    def was_connected(self, name: str) -> bool:
        """Whether any look showed it connected."""
        return name in self._servers and self._servers[name].connected > 0

    def downs(self, name: str) -> int:
        """How often it went away, or was started anew, after it had been connected."""
        return self._servers[name].downs if name in self._servers else 0

    def words(self, name: str) -> str:
        """`memory was connected 9 of 20 looks`, with how often it went away."""
        one = self._servers.get(name, _Server())
        times = f", and ended {one.downs} times" if one.downs > 1 else ", and ended once" if one.downs else ""
        return f"{name} was connected {one.connected} of {one.looks} looks{times}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every server that any look showed."""
        return tuple(self._servers)


def line_of(servers: Iterable[HubServer], redact: Callable[[str], str] = str) -> str:
    """A look now, as a line that `read` understands; names and words of the hub's go through `redact`."""
    seen = [[redact(server.name), redact(str(server.status)), server.uptime] for server in servers][:_NAMES]
    return json.dumps({"at": time.monotonic(), "servers": seen}) + "\n"


def read(files: Iterable[Path]) -> ServerTurns:
    """The servers over the looks that the processes of a run wrote down."""
    turns = ServerTurns()
    for at, seen in sorted(_looks(files), key=lambda look: look[0]):
        turns._take(seen, at)  # noqa: SLF001 - a function of this module
    return turns


def _by_name(servers: Iterable[tuple[str, str, float | None]]) -> dict[str, tuple[str, float | None]]:
    """Status and uptime by name; of servers that are listed twice the one that is worse off."""
    seen: dict[str, tuple[str, float | None]] = {}
    for name, status, uptime in servers:
        if name not in seen or status != "connected" or uptime == 0:
            seen[name] = (status, uptime)
    return seen


def _looks(files: Iterable[Path]) -> Iterator[tuple[float, dict[str, tuple[str, float | None]]]]:
    for file in files:
        for line in (file_reading.content_or_none(file, _BYTES) or b"").splitlines():
            try:
                look: Any = json.loads(line)
                yield (
                    float(look["at"]),
                    _by_name((str(n), str(status), number_of(up)) for n, status, up in look["servers"]),
                )
            except (ValueError, KeyError, TypeError):
                continue  # a process that was killed leaves half a line
