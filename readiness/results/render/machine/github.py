"""GitHub: what is not well as annotations, on the lines at fault, and a step summary.

`readiness.github.txt` holds the annotations as workflow commands, one a line. Where a run finds itself inside a workflow it
prints them itself and adds the Markdown to the step's summary.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from readiness.findings import Outcome
from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import Places, one_line
from readiness.support import without_ci_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.results.report import Report, Row

MOST: Final = 10
"""Annotations of one kind that a step shows; GitHub drops what comes after them."""
SUMMARY_BYTES: Final = 1024 * 1024
"""What a step's summary may hold in all; one that is larger is dropped as a whole."""
_TITLE: Final = 150
_TEXT: Final = 1_000
_KINDS: Final = {
    Outcome.FAILED: "error",
    Outcome.UNKNOWN: "warning",
    Outcome.DEGRADED: "warning",
    Outcome.FLAKY: "notice",
    Outcome.WAIVED: "notice",
}
_VERDICT: Final = {"READY": "notice", "CONDITIONAL": "warning"}


def render(report: Report) -> str:
    """The annotations, one a line; at most 10 of each kind, the verdict first of its kind, then worst first."""
    return "".join(f"{line}\n" for line in commands(report))


def commands(report: Report) -> Iterator[str]:
    """Workflow commands; every text in them is escaped, so that none can begin another command."""
    left = dict.fromkeys(("error", "warning", "notice"), MOST)
    kind = _VERDICT.get(report.status, "error")
    left[kind] -= 1
    message = "\n".join([report.because, *report.trouble[:5]])
    yield _command(kind, f"{report.status}: {report.decision}, score {words.number(report.headline)}", message)
    places = Places(report)
    for cause in words.shape(report).ranked:
        for row in (cause.row, *cause.also):
            kind = _KINDS[row.outcome]
            if left[kind]:
                left[kind] -= 1
                yield _annotation(kind, row, places)


def _annotation(kind: str, row: Row, places: Places) -> str:
    message = words.said(row) or row.title
    if remedy := words.to_do(row):
        message += f"\ndo: {remedy}"
    title = f"{words.label(row.outcome.value)}: {row.key}"
    return _command(kind, title, message, file=places.inside(row), line=row.line)


def _command(kind: str, title: str, message: str, *, file: str | None = None, line: int | None = None) -> str:
    properties = []
    if file is not None:
        properties.append(f"file={_property(file)}")
        if line is not None and line > 0:
            properties.append(f"line={line}")
    properties.append(f"title={_property(without_ci_commands(one_line(title)[:_TITLE]))}")
    lines = "\n".join(text for part in message[:_TEXT].splitlines() if (text := one_line(part)))
    return f"::{kind} {','.join(properties)}::{_data(without_ci_commands(lines))}"


def _data(text: str) -> str:
    """The escapes of a command's text."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The escapes of a property: those of a text, and what would end it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def append_summary(path: str, text: str) -> str | None:
    """Add `text` to the step summary at `path`. Returns a sentence where it cannot be; never raises."""
    content = f"{text}\n".encode("utf-8", "backslashreplace")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
        with os.fdopen(descriptor, "ab") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size + len(content) > SUMMARY_BYTES:
                return "the step summary could not be written: it is full, or no regular file"
            file.write(content)
    except OSError as error:
        return f"the step summary could not be written: {error.strerror or error}"
    return None
