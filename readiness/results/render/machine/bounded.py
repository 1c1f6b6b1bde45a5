"""What keeps a rendering for machines small: room that texts share, and rows of which the worst are kept."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
from typing import TYPE_CHECKING, Final

from readiness.support import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness.results.report import Report, Row

MAX_ROWS: Final = 2_000
"""Findings that a document of figures names, worst first; the counts beside them are always of all."""


@dataclasses.dataclass(slots=True)
class Room:
    """Characters that the long texts of one document may take together.

    Who comes first gets what it asks for; once the room is used up a text keeps its first few words.
    """

    left: int
    least: int = 60

    def take(self, text: str, most: int) -> str:
        """`text` in at most `most` characters, fewer where the room is used up; a cut is told."""
        kept = max(min(most, self.left), self.least)
        self.left -= min(len(text), kept)
        return text if len(text) <= kept else f"{text[: kept - 1]}…"


def visible(text: str) -> str:
    r"""`text` without what XML forbids, and without what cannot be seen: it becomes its escape, `\x1b`.

    A report's texts are plain already; this holds for one that was read from a file that anybody may have written.
    """
    # most texts are: asking is a hundred times as fast as looking at every character
    return text if text.replace("\n", "").replace("\t", "").isprintable() else visible_text(text, sys.maxsize)


def one_line(text: str) -> str:
    """`text` as one visible line: every run of white space is a blank."""
    return " ".join(visible(text).split())


def worst(rows: Iterable[Row], most: int = MAX_ROWS) -> list[Row]:
    """The first `most` of `rows`, which a report keeps worst first."""
    return list(itertools.islice(rows, most))


class Places:
    """Where findings lie in the checkout that a CI system shows.

    A finding's path is relative to the release; annotations want it relative to the checkout: what CI says it is
    (`GITHUB_WORKSPACE`, `CI_PROJECT_DIR`), else the working directory.
    """

    def __init__(self, report: Report) -> None:
        root = os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR") or "."
        self._root = f"{(_resolved(root) or '').rstrip('/')}/"
        # the embedded release is a temporary folder: nothing in it lies in a checkout
        self._release = None if report.demo else _resolved(report.release or ".")

    def inside(self, row: Row) -> str | None:
        """The path of the finding's file in the checkout, with `/`; None where it lies elsewhere or there is none."""
        if not row.path or self._release is None or "\x00" in row.path:
            return None
        # both ends are absolute and free of links: no more than texts are compared
        file = os.path.normpath(row.path if row.path.startswith("/") else f"{self._release}/{row.path}")
        if not file.startswith(self._root):
            return None
        relative = file[len(self._root) :]
        return visible(relative).replace("\n", "\\n").replace("\t", "\\t")


def _resolved(path: str) -> str | None:
    """`path` with its links followed; None where no file system can name it."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return None
