"""An env file, read without executing it: `KEY=value` lines as systemd and shells both understand them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from readiness.facts.deployed import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config.model import Config

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of an env file at most."""
_LINE: Final = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")


def of(config: Config) -> Mapping[str, str]:
    """The variables of the deployed env file; none where the release has no such file. Raises Unreadable."""
    if config.target.release is None:
        raise Unreadable("no [target] release: its env file cannot be read")
    file = config.target.release / config.target.env_file
    return read(file) if file.exists() else {}


def read(file: Path) -> Mapping[str, str]:
    """Read an env file; the last of two equal names counts. Never print the values. Raises Unreadable."""
    try:
        if file.stat().st_size > SIZE_LIMIT:
            raise Unreadable(f"{file} is larger than {SIZE_LIMIT // 1024} KB")
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror or error}") from None
    found = {}
    for line in text.splitlines():
        match = None if line.lstrip().startswith("#") else _LINE.match(line)
        if match:
            found[match[1]] = _unquoted(match[2])
    return found


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.partition(" #")[0].rstrip()
