"""Text from outside made plain: what a terminal would obey or a reader could not see is shown instead.

Hubs, logs and test ids are hostile by default: ANSI sequences, bidirectional overrides, zero-width characters, lone
surrogates and megabytes. Markup is not a matter of this module; each rendering escapes its own.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

_KEPT: Final = frozenset("\n\t")
_ASCII: Final = 0x7F
_MAX_MARKS: Final = 2
"""Combining marks kept on one character; more of them paint over the lines around it."""


def visible_text(value: object, limit: int) -> str:
    r"""`value` as at most `limit` visible characters.

    Newlines and tabs stay; what is not printable becomes its escape, `\x1b` or `\u202e`. Never raises. Text that is cut says how much is missing.
    """
    text = value if isinstance(value, str) else str(value)
    shown = text[:limit]
    if not (shown.isascii() and shown.isprintable()):
        shown = _shown(shown)[:limit]
    missing = len(text) - limit
    return f"{shown}… [{missing} characters cut]" if missing > 0 else shown


def one_line(value: object, limit: int) -> str:
    """`value` as one visible line: as `plain`, with every run of white space a single blank."""
    return " ".join(visible_text(value, limit).split())


_COMMAND: Final = re.compile(r"(?m)(?<![^\r\n])([^\S\r\n]*)::|#(?=#(?:vso)?\[)")
"""What CI systems obey in what a program prints: `::error` at the start of a line, `##[error]` and `##vso[` anywhere."""


def without_ci_commands(text: str) -> str:
    """`text` of many lines so that no CI system takes one of them for a command."""
    if "::" not in text and "##" not in text:
        return text
    return _COMMAND.sub(lambda found: "# " if found[1] is None else f"{found[1]}|::", text)


def _shown(text: str) -> str:
    shown: list[str] = []
    marks = 0
    for char in text.replace("\r\n", "\n"):
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks > _MAX_MARKS:
            continue
        if char in _KEPT or char.isprintable():
            shown.append(char)
        elif unicodedata.category(char) == "Zs":
            shown.append(" ")
        else:
            shown.append(
                char.encode("ascii", "backslashreplace").decode("ascii") if ord(char) > _ASCII else _byte(char)
            )
    return "".join(shown)


def _byte(char: str) -> str:
    return f"\\x{ord(char):02x}"


def width(text: str) -> int:
    """Columns `text` takes on a terminal: wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, columns: int) -> str:
    """`text` cut to at most `columns` terminal columns, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    room, kept = max(columns - 1, 0), []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…" if columns > 0 else ""


def fold(text: str, columns: int, most: int) -> list[str]:
    """`text` in at most `most` lines of at most `columns` columns; the last one is shortened.

    Broken at blanks, and only a word that alone is wider than a line inside itself.
    """
    indent = " " * (len(text) - len(text.lstrip(" ")) + 2)
    lines: list[str] = []
    while len(lines) < most - 1 and width(text) > columns:
        end = _fitting(text, columns)
        blank = text.rfind(" ", 0, end + 1)
        word = text[blank + 1 :].partition(" ")[0]
        if not text[: blank + 1].strip() or width(indent + word) > columns:
            blank = end
        lines.append(text[:blank].rstrip())
        text = indent + text[blank:].lstrip(" ")
    return [*lines, shorten(text, columns)]


def _fitting(text: str, columns: int) -> int:
    """How many characters of `text` fit into `columns`."""
    for index, char in enumerate(text):
        columns -= _columns(char)
        if columns < 0:
            return index
    return len(text)


class EventStreamLines:
    """The bytes of an event stream as WHATWG reads them: without a byte order mark, and with every line's end a newline.

    A carriage return ends its line at once, also where it is the last byte that came: the rest of a line's end may follow later.
    """

    def __init__(self) -> None:
        self._start: bytes | None = b""
        self._is_after_return = False

    def feed(self, chunk: bytes) -> bytes:
        """More of the stream; what can be read of it now."""
        if self._start is not None:
            self._start += chunk
            if len(self._start) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(self._start):
                return b""
            chunk, self._start = self._start.removeprefix(codecs.BOM_UTF8), None
        if self._is_after_return and chunk:
            self._is_after_return = False
            chunk = chunk.removeprefix(b"\n")
        self._is_after_return = self._is_after_return or chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
