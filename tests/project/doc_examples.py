"""The examples of the pages: fenced and indented blocks, told apart by what they are."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import TYPE_CHECKING, Final

from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED: Final = re.compile(r"(?:^    .*\n(?:\n(?=    ))?)+", re.MULTILINE)
_COMMAND: Final = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(readiness|pytest) (.*)$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An example, and where it stands."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """`docs/x.md:12`."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page that people read."""
    names = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "reports/README.md")
    return [*(ROOT / name for name in names), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Its fenced blocks with their language, and what is indented as code (language "")."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(page=page, line=text[: found.start()].count("\n") + 1, language=found[1], text=found[2])
    rest = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    for found in _INDENTED.finditer(rest):
        body = re.sub(r"^    ", "", found[0], flags=re.MULTILINE)
        yield Block(page=page, line=rest[: found.start()].count("\n") + 1, language="", text=body)


def commands(block: Block) -> Iterator[tuple[str, str, list[str]]]:
    """Where, program and arguments of each `readiness …` and `pytest …` of a block, without comments and what pipes follow."""
    for number, raw in enumerate(block.text.splitlines()):
        found = _COMMAND.match(raw)
        if found is None:
            continue
        # in an indented block two spaces part a command from what is said of it
        told = found[2] if block.language else re.split(r"\s{2,}", found[2])[0]
        try:
            words = shlex.split(told, comments=True)
        except ValueError:
            words = []
        ends = next((i for i, word in enumerate(words) if word in {"|", "||", "&&", "&", ">", "2>&1"}), len(words))
        yield f"{block.where} +{number + 1}", found[1], words[:ends]
