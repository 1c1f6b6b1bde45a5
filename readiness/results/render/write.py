"""Writes the renderings of a report: which files a format has, what makes each, and which of two runs stays on top."""

from __future__ import annotations

import importlib
import json
import time
from typing import TYPE_CHECKING, Final, cast

from readiness.errors import ReadinessError
from readiness.results.report import iso, to_json
from readiness.support import file_reading, file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from readiness.results.report import Report

FILES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "json": (("readiness.json", "write", "as_json"),),
    "html": (("readiness.html", "page.html", "render"),),
    "markdown": (("readiness.md", "markdown", "render"),),
    "junit": (("readiness.junit.xml", "machine.junit_file", "render"),),
    "sarif": (("readiness.sarif", "machine.sarif", "render"),),
    "github": (("readiness.github.txt", "machine.github", "render"),),
    "gitlab": (
        ("gl-code-quality-report.json", "machine.gitlab", "render"),
        ("readiness.junit.xml", "machine.junit_file", "render"),
    ),
    "prometheus": (("readiness.prom", "machine.prometheus", "render"),),
    "otlp": (("readiness.otlp.json", "machine.otlp", "render"),),
    "nagios": (("readiness.nagios", "machine.nagios", "render"),),
    "tap": (("readiness.tap", "machine.tap", "render"),),
    "badge": (("readiness.badge.json", "machine.badge", "endpoint"), ("readiness.badge.svg", "machine.badge", "svg")),
}
"""For each format its files, and the module and function that make them."""
FORMATS: Final = tuple(FILES)
DEFAULT: Final = ("json", "html")
LOCK: Final = ".readiness.lock"
"""Holds the start of the run on top; its lock keeps two runs from replacing files between one another."""
_READABLE: Final = 500
"""More findings than a person reads; indenting them takes ten times as long."""
_WAIT: Final = 5.0
_SLACK: Final = 60.0
"""Seconds a recorded start may lie ahead of our clock before it is taken for a clock that was wrong."""


def write_all(report: Report, directory: Path, formats: Sequence[str] = DEFAULT) -> list[Path]:
    """Write `readiness.json`, `readiness.html` … into `directory` and return their paths.

    Of two runs at once the one that started last stays on top: an earlier one writes nothing and gets an empty list.
    Raises ReadinessError, after having tried every format, where one cannot be written.
    """
    file_writing.make_folder(directory)
    problems: list[str] = []
    with locks.locked(directory / LOCK, _WAIT):
        if _newer_on_top(directory / LOCK, report):
            return []
        written = file_writing.replace_files(
            (directory / name, text) for name, text in _rendered(report, formats, problems)
        )
        _mark(directory / LOCK, report)
    problems += [problem for problem in written.values() if problem is not None]
    if problems:
        raise ReadinessError("; ".join(problems))
    return list(written)


def as_json(report: Report) -> str:
    """`readiness.json` as ASCII text: whatever reads it needs no idea of encodings. Indented where a person may read it."""
    indent = 1 if len(report.rows) <= _READABLE else None
    return json.dumps(to_json(report), indent=indent, ensure_ascii=True, allow_nan=False) + "\n"


def made(report: Report, form: str) -> dict[str, str]:
    """Each file that one format asks for, by name, with its content. Raises ReadinessError where it cannot be made."""
    problems: list[str] = []
    contents = dict(_rendered(report, (form,), problems))
    if problems:
        raise ReadinessError("; ".join(problems))
    return contents


def surroundings(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The formats that the CI system around this process reads by itself, whatever is configured; none elsewhere."""
    formats = []
    if environ.get("GITHUB_ACTIONS") == "true":
        formats.append("github")
    if environ.get("GITLAB_CI") == "true":
        formats.append("gitlab")
    return tuple(formats)


def add_to_summary(report: Report, environ: Mapping[str, str]) -> str | None:
    """Add the report as Markdown to the summary of the step, inside a GitHub workflow; a sentence where that fails."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if not path or "github" not in surroundings(environ):
        return None
    from readiness.results.render import markdown
    from readiness.results.render.machine import github

    return github.append_summary(path, markdown.render(report))


def _rendered(report: Report, formats: Sequence[str], problems: list[str]) -> Iterator[tuple[str, str]]:
    """Each file that `formats` ask for, once, with its content; what cannot be made is a problem, and the rest goes on."""
    seen = set()
    for form in formats:
        if form not in FILES:
            problems.append(f"[report] formats: {form!r} is not known; valid: {', '.join(FORMATS)}")
        for name, module, function in FILES.get(form, ()):
            if name in seen:
                continue
            seen.add(name)
            try:
                make = getattr(importlib.import_module(f"readiness.results.render.{module}"), function)
                yield name, cast("Callable[[Report], str]", make)(report)
            except Exception as error:  # noqa: BLE001 - a fault of one rendering must not cost the others
                problems.append(f"cannot make {name}, by a fault of ours: {type(error).__name__}: {error}")


def _newer_on_top(lock: Path, report: Report) -> bool:
    started = (file_reading.content_or_none(lock, 4096) or b"").decode("ascii", "replace").partition(" ")[0]
    return iso(report.run.started) < started < iso(time.time() + _SLACK)


def _mark(lock: Path, report: Report) -> None:
    # written in place: the lock is held on this very file, and whatever is damaged in it counts as absent
    try:
        lock.write_text(f"{iso(report.run.started)} {report.run.id}\n", encoding="utf-8")
    except OSError as error:
        raise ReadinessError(f"cannot write {lock}: {error.strerror or error}") from error
