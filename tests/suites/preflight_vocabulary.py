"""Changes to a release tree, and rows of a table of what a check says then."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Break = Callable[[Path], object]


def write(name: str, text: str | bytes, mode: int | None = None) -> Break:
    """Put `text` into a file of the release."""

    def change(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        if mode is not None:
            path.chmod(mode)

    return change


def swap(name: str, old: str, new: str) -> Break:
    """Replace a text that stands in a file."""

    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return change


def gone(name: str) -> Break:
    """Take a file away."""
    return lambda root: (root / name).unlink()


def mode(name: str, bits: int) -> Break:
    """Change a file's mode."""
    return lambda root: (root / name).chmod(bits)


def package(**keys: Any) -> Break:
    """Change keys of package.json; None takes one away."""

    def change(root: Path) -> None:
        data = json.loads((root / "package.json").read_text()) | keys
        (root / "package.json").write_text(json.dumps({k: v for k, v in data.items() if v is not None}))

    return change


def git(*arguments: str) -> Break:
    """Run git in the release."""
    who = ("-c", "user.name=Bo", "-c", "user.email=bo@example.com")
    return lambda root: subprocess.run(
        ["git", *who, "-C", str(root), *arguments], check=True, capture_output=True, timeout=30
    )


def both(*changes: Break) -> Break:
    """Several changes, in order."""
    return lambda root: [change(root) for change in changes]


def previous(name: str, old: str, new: str) -> Break:
    """Change a file of the previous release."""
    return swap(f"../releases/4.2.1/{name}", old, new)


ENV, HUB, UNIT, CLI = ".env.production", "config/mcp-hub.json", "systemd/mcp-hub.service", "dist/cli.js"
REAL_KEY = "sk-proj-u8Qm3xWz7LkPn2VbRt5YcHd9"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A change to the healthy release and what the check says then."""

    check: str
    change: Break
    outcome: str = "failed"
    words: str = ""
    release: dict[str, Any] = dataclasses.field(default_factory=dict)
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    server: str = "everything"


def case(check: str, change: Break, words: str, outcome: str = "failed", **more: Any) -> Any:
    """One row of the table below."""
    return pytest.param(
        Case(check=check, change=change, outcome=outcome, words=words, **more), id=f"{check}: {words or outcome}"
    )


def near(check: str, change: Break, what: str, **more: Any) -> Any:
    """A change that looks like a fault and is none."""
    return pytest.param(Case(check=check, change=change, outcome="passed", **more), id=f"{check}: fine: {what}")


def crlf(path: Path) -> None:
    """Give a file the line ends of another system."""
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
