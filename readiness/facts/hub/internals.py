"""Traces of a program's inside in what it answers: stacks, files, lines."""

from __future__ import annotations

import re
from typing import Final

_TRACES: Final = {
    "a stack trace": re.compile(r"\bat [^\n<>]{1,120}:\d{1,6}:\d{1,6}\b|Traceback \(most recent call last\)"),
    "a file of the program": re.compile(
        r"(?:/(?:opt|home|usr|var|app|root|srv|data|tmp|Users)/|[A-Z]:\\\\?)[^\s\"'<>:]{1,200}\.(?:js|mjs|cjs|ts|py|jsx)\b"
        r"|node_modules/|node:internal/"
    ),
}


def internals_in(text: str) -> list[str]:
    """What `text` tells about the program behind it, each kind once; it is never quoted."""
    return [kind for kind, pattern in _TRACES.items() if pattern.search(text)]
