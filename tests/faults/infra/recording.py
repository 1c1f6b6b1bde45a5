"""Writes answers the way a host gives them: processes, files, what stat says."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.faults.infra.world import AGE, UPTIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TICKS = 100


def b64(text: str) -> str:
    """A name or a command line as it travels."""
    return base64.b64encode(text.encode()).decode()


def process(  # noqa: PLR0913 - one keyword a column, all optional
    pid: int, argv: Sequence[str], *, parent: int = 1, uid: int = 0, mb: int = 20, age: float = AGE
) -> str:
    """One line of the list of processes; `age` in seconds."""
    started = int((UPTIME - age) * TICKS)
    packed = b64("".join(f"{word}\0" for word in argv))
    stat = f"S {parent} {pid} {pid} 0 -1 4194560 2242 0 0 0 100 50 0 0 20 0 11 0 {started} 1168687104 24576"
    return f"p {pid} {parent} {uid} {mb * 1000_000 // 1024} {packed} {stat}\n"


def files(texts: Mapping[str, str], links: Mapping[str, str] | None = None) -> str:
    """Files with their texts; `links` says what some of them point to."""
    real = links or {}
    parts = []
    for path, text in texts.items():
        lines = "".join(f"|{line}\n" for line in text.split("\n"))
        parts.append(f"@file {b64(path)} {b64(real.get(path, path))}\n{lines}\n")
    return "".join(parts)


def stat(  # noqa: PLR0913 - one keyword a column, nearly all optional
    path: str, *, mode: str = "644", uid: int = 0, gid: int = 0, changed: int, kind: str = "regular file"
) -> str:
    """One line of `stat`."""
    size = 4096
    return f"{b64(path)} {mode} {uid} {gid} {changed} {size} {changed} {kind}\n"


def missing(path: str) -> str:
    """One line for a path that is not there."""
    return f"{b64(path)} missing\n"


def log(path: str, *, size: int, changed: int, born: int, free: int) -> str:
    """A log file with its size in bytes and the room that is left beside it."""
    return f"{b64(path)} 640 997 997 {changed} {size} {born} regular file\nfree {free // 4096} 4096\n"
