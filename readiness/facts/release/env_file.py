"""An env file, read without executing it: python-dotenv's parser, without interpolation, with every line's number."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import TYPE_CHECKING, Final

from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config import Config

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of an env file at most."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMENTED: Final = re.compile(r"#\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)=")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnvVariable:
    """One assignment; `raw` is its value as written, quotes included. Never print the values."""

    name: str
    value: str = dataclasses.field(repr=False)
    line: int
    exported: bool = False
    raw: str = dataclasses.field(default="", repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """An env file: its assignments in order, and the lines that are none."""

    file: Path
    lines: tuple[EnvVariable, ...]
    broken: tuple[int, ...] = ()
    """Numbers of lines that are no assignment: what reads the file ignores them, or everything after them."""
    carriage_returns: bool = False
    """Whether lines end in CRLF: a shell takes the CR into the value."""
    commented: frozenset[str] = frozenset()
    """Names that stand in a comment as an assignment, as templates list what is optional."""

    @property
    def values(self) -> dict[str, str]:
        """Name to value; the last of two equal names counts."""
        return {one.name: one.value for one in self.lines}

    @property
    def duplicates(self) -> dict[str, list[int]]:
        """Names that are set more than once, with their lines."""
        lines_by_name: dict[str, list[int]] = {}
        for one in self.lines:
            lines_by_name.setdefault(one.name, []).append(one.line)
        return {name: lines for name, lines in lines_by_name.items() if len(lines) > 1}

    def get(self, name: str) -> EnvVariable | None:
        """The assignment of `name` that counts."""
        return next((one for one in reversed(self.lines) if one.name == name), None)

    def line(self, name: str) -> int | None:
        """Where `name` is set."""
        variable = self.get(name)
        return variable.line if variable else None


def of(config: Config) -> Mapping[str, str]:
    """The variables of the deployed env file; none where the release has no such file. Raises Unreadable."""
    file = config.target.environment_file
    if file is None:
        raise Unreadable("no [target] release: its env file cannot be read", "untold")
    return read(file) if file_reading.exists(file) else {}


def read(file: Path) -> Mapping[str, str]:
    """Name to value of an env file; the last of two equal names counts. Never print the values. Raises Unreadable."""
    return parse(file).values


def parse(file: Path) -> EnvFile:
    """Read an env file. Bytes that are no UTF-8 are replaced, so that one bad value hides no other. Raises Unreadable."""
    content = file_reading.content(file, SIZE_LIMIT)
    if b"\0" in content:
        raise Unreadable(f"{file} is binary, not an env file", "binary", file)
    return _parsed(file, content.decode("utf-8-sig", "replace"))


def _parsed(file: Path, text: str) -> EnvFile:
    from dotenv.parser import parse_stream

    found, broken, commented = [], [], set()
    before = ["", *text.splitlines()]
    """For each line number, the line above it, counted from one."""
    for binding in parse_stream(io.StringIO(text, newline="")):
        start = binding.original.string
        number = binding.original.line + _blank_lines(start)
        if binding.error or (binding.key is not None and not _NAME.fullmatch(binding.key)):
            broken.append(number)
        elif binding.key is not None and binding.value is not None:
            body = start.lstrip()
            exported = body.startswith("export") and body[6:7].isspace()
            raw = body.partition("=")[2].strip()
            found.append(EnvVariable(name=binding.key, value=binding.value, line=number, exported=exported, raw=raw))
        elif binding.key is not None:
            broken.append(number)
        else:
            commented |= {match[1] for match in _COMMENTED.finditer(start)}
    return EnvFile(
        file=file,
        lines=tuple(found),
        # a line that the one above goes on with, by its backslash, is none of its own
        broken=tuple(number for number in broken if not before[number - 1].endswith("\\")),
        carriage_returns="\r\n" in text,
        commented=frozenset(commented),
    )


def _blank_lines(start: str) -> int:
    """Line breaks before what stands in `start`: the parser counts from the blank lines above it."""
    blank = start[: len(start) - len(start.lstrip())]
    return blank.count("\n") + blank.replace("\r\n", "").count("\r")
