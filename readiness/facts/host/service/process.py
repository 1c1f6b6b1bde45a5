"""One process of a host, as its line in /proc tells: who started it, with which words, since when."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from readiness.facts.host.remote_files import decoded
from readiness.facts.release import RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Sequence

_SERVER: Final = re.compile(r"(?:@modelcontextprotocol/server-|mcp-server-|server-(?:everything|memory|filesystem)\b)")
"""What the command line of an MCP server from npm holds, where the deployed configuration cannot be read."""
_START_FIELD: Final = 20
"""The start time among the fields of /proc/PID/stat that follow the name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HostProcess:
    """One process. `started` in seconds since the epoch (None: unsaid), `resident` in bytes."""

    pid: int
    parent: int
    uid: int
    resident: int
    argv: tuple[str, ...] = dataclasses.field(repr=False)
    started: float | None

    @property
    def words(self) -> tuple[str, ...]:
        """The program and its arguments, without the runtime that reads the program and that one's options."""
        words = self.argv
        if words and RUNTIMES.fullmatch(PurePosixPath(words[0]).name):
            rest = list(words[1:])
            while rest and (rest[0].startswith("-") or rest[0] == "run"):
                rest = rest[2:] if rest[0] in {"-r", "--require", "--import", "--loader"} else rest[1:]
            words = tuple(rest)
        return words

    @property
    def program(self) -> str:
        """The file that runs, as it stands on the command line."""
        return self.words[0] if self.words else ""

    def option(self, name: str) -> str | None:
        """The value of a command line option."""
        for index, word in enumerate(self.argv):
            parts, equals, value = word.partition("=")
            if parts == name:
                return value if equals else next(iter(self.argv[index + 1 : index + 2]), None)
        return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What only the host's administrator sees of a process: its soft and hard limit of open files, its control group."""

    open_files: tuple[float, float] | None
    group: str


def process_of(line: str, born: float, ticks: float) -> HostProcess | None:
    """What one line of the list says; `born`: when the host started, in seconds since the epoch. Raises Unknown."""
    words = line.split(" ", 6)
    if len(words) < 6 or not all(word.isdigit() for word in words[1:5]):  # noqa: PLR2004 - up to the command line
        return None
    packed = "" if words[5] == "-" else decoded(words[5])
    argv = tuple(packed.removesuffix("\0").split("\0")) if packed else ()
    rest = words[6].split() if len(words) > 6 else []  # noqa: PLR2004 - the fields of stat
    start_field = rest[_START_FIELD - 1] if len(rest) >= _START_FIELD else ""
    return HostProcess(
        pid=int(words[1]),
        parent=int(words[2]),
        uid=int(words[3]),
        resident=int(words[4]) * 1024,
        # some programs write one line over their whole command line
        argv=tuple(_words(argv[0])) if len(argv) == 1 and " " in argv[0] else argv,
        started=born + int(start_field) / ticks if start_field.isdigit() else None,
    )


def _words(text: str) -> list[str]:
    # the title that a process gave itself
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def port_in(name: str, words: Sequence[str]) -> int | None:
    """The number that the option `name` (or -p) has on a command line; None where it has none."""
    for index, word in enumerate(words):
        parts, equals, value = word.partition("=")
        if parts in {name, "-p"}:
            given = value if equals else next(iter(words[index + 1 : index + 2]), "")
            return int(given) if given.isdigit() else None
    return None


def limits_of(line: str) -> tuple[float, float] | None:
    """The soft and the hard limit of a line `nofile SOFT HARD`."""
    words = line.split()[1:]
    numbers = [
        float("inf") if word == "unlimited" else float(word) for word in words if word.isdigit() or word == "unlimited"
    ]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None  # noqa: PLR2004 - soft and hard


def is_server(one: HostProcess, commands: tuple[tuple[str, ...], ...]) -> bool:
    """Whether a process is an MCP server: one of the configured `commands`, or one of the well-known packages."""
    if any(_SERVER.search(word) for word in one.words[:2]):
        return True
    names = [PurePosixPath(word).name for word in one.argv]
    return any(
        names[at : at + len(command)] == [PurePosixPath(word).name for word in command]
        for command in commands
        if len(command) > 1 or command[0].rpartition("/")[2] not in {"node", "npx", "uvx", "python", "python3"}
        for at in range(2)
    )
