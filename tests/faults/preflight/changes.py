"""Short words that preflight's mutations are written in."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

from tests.faults.preflight.mutation import each, remove

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], None]

CLI: Final = "dist/cli.js"
PREVIOUS: Final = "../releases/4.2.1"
STATE: Final = "../home/.local/state/mcp-hub"
UNIT: Final = "systemd/mcp-hub.service"
FAILED, DEGRADED, UNKNOWN = "failed", "degraded", "unknown"


def nothing(_: Path) -> None:
    """Change nothing: what is wrong stands in the configuration."""


def data(name: str, content: bytes, mode: int = 0o755) -> Change:
    """A file with this content and mode."""

    def mutate(tree: Path) -> None:
        path = tree / name
        path.write_bytes(content)
        path.chmod(mode)

    return mutate


def mode(name: str, bits: int) -> Change:
    """A file with other permissions."""
    return lambda tree: (tree / name).chmod(bits)


def folder(name: str) -> Change:
    """A folder in the place of a file."""
    return each(remove(name), lambda tree: (tree / name).mkdir())


def size(name: str, count: int) -> Change:
    """A file cut or stretched to `count` bytes; what is added is a hole."""

    def mutate(tree: Path) -> None:
        with (tree / name).open("r+b") as file:
            file.truncate(count)

    return mutate


def package(**changes: Any) -> Change:
    """package.json with other values; None takes a key away."""

    def mutate(tree: Path) -> None:
        path = tree / "package.json"
        found = json.loads(path.read_text(encoding="utf-8")) | changes
        kept = {key: value for key, value in found.items() if value is not None}
        path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")

    return mutate


def git(*arguments: str) -> Change:
    """A command of git in the release."""
    quiet = ("git", "-c", "user.name=Ada Engineer", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")

    def mutate(tree: Path) -> None:
        subprocess.run([*quiet, "-C", str(tree), *arguments], check=True, capture_output=True, timeout=60)

    return mutate


def rehearsed(days: float, **changes: Any) -> Change:
    """Another record of the rehearsed rollback, so many days old."""

    def mutate(tree: Path) -> None:
        when = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        record = {"finished": when.isoformat(), "seconds": 200, "result": "verified"} | changes
        (tree.parent / "rehearsal.json").write_text(json.dumps(record), encoding="utf-8")

    return mutate


def window(hours: float) -> str:
    """A daily window of an hour that opens so many hours from now, in UTC."""
    start = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
    return f"Mon-Sun {start:%H:%M}-{start + dt.timedelta(hours=1):%H:%M} UTC"
