"""What a message says: short, plain, and harmless whatever a hub wrote into it.

Chats obey what they read: `@channel` wakes a whole company, `<!here>` too, brackets make links, asterisks make noise.
Text from a hub may do none of that, and every service reads another dialect: what any of them would obey is replaced by
a sign that looks alike.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Final

from readiness.support.environment import DRILL
from readiness.support.text import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.operations.notify.notify import Event

TITLE: Final = 140
"""Characters of a title: what a phone shows on its lock screen, and a mail's subject in full."""
LINE: Final = 400
LINES: Final = 12
"""Lines of an event that are sent; a message is read at 3 a.m., the report holds the rest."""

_LOOKS_ALIKE: Final = str.maketrans(
    {"@": "＠", "<": "‹", ">": "›", "*": "∗", "`": "ˋ", "[": "⟦", "]": "⟧", "|": "∣", "~": "∼", "\\": "∖"}  # noqa: RUF001 - that they look alike is the point
)
_AT_THE_START: Final = ("#", "-", "+", "=", "!", "/")


def harmless(value: object, limit: int) -> str:
    """`value` as one line that no chat, mail or pager obeys: no mention, no link with a hidden target, no markup."""
    shown = line(value, limit).translate(_LOOKS_ALIKE)
    # two underscores around a word make it slanted; file names keep theirs
    shown = shown.replace("__", "_ _")
    return f"· {shown}" if shown.startswith(_AT_THE_START) else shown


def message(event: Event, redact: Callable[[object], str], extra: tuple[str, ...] = ()) -> tuple[str, str]:
    """The title and the body of a message: redacted first, then made harmless. `extra` lines are our own."""
    title = harmless(redact(event.title), TITLE)
    body = [harmless(redact(text), LINE) for text in event.lines[:LINES] if text.strip()]
    if len(event.lines) > LINES:
        body.append(f"and {len(event.lines) - LINES} more lines in the report")
    if event.since is not None:
        body.append(f"since {moment(event.since)}")
    if event.report:
        body.append(f"report: {harmless(redact(event.report), LINE)}")
    # good news goes to everybody who heard the bad, and must not look like it
    word = "mended" if event.kind == "changed" else event.severity.value
    # whoever is woken up by a drill is told so in the first word
    drill = "DRILL · " if os.environ.get(DRILL) else ""
    return f"{drill}readiness · {word}: {title}", "\n".join([*body, *extra]) or title


def moment(when: dt.datetime) -> str:
    """`when` in UTC, to the second, as people read it."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
