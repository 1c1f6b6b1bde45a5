"""Renderings: one input, the Report; they compute no verdict and set no exit code.

Each is imported where it is used: a run that writes no HTML never loads Jinja2.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Final, cast

from readiness import files
from readiness.errors import ReadinessError
from readiness.report import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from readiness.report import Report

FORMATS: Final = ("json", "html")
LOCK: Final = ".readiness.lock"
"""Holds the start of the run on top; its lock keeps two runs from replacing files between one another."""
_WAIT: Final = 5.0
_SLACK: Final = 60.0
"""Seconds a recorded start may lie ahead of our clock before it is taken for a clock that was wrong."""


def write_all(report: Report, directory: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write `readiness.json`, `readiness.html` … into `directory` and return their paths.

    Of two runs at once the one that started last stays on top: an earlier one writes nothing and gets an empty list.
    Raises ReadinessError, after having tried every format, where one cannot be written.
    """
    files.make_folder(directory)
    written, problems = [], []
    with files.locked(directory / LOCK, _WAIT):
        if _newer_on_top(directory / LOCK, report):
            return []
        for name in dict.fromkeys(formats):
            try:
                path = directory / f"readiness.{name}"
                files.replace(path, _renderer(name)(report))
                written.append(path)
            except ReadinessError as error:
                problems.append(str(error))
        _mark(directory / LOCK, report)
    if problems:
        raise ReadinessError("; ".join(problems))
    return written


def _renderer(name: str) -> Callable[[Report], str]:
    if name not in FORMATS:
        raise ReadinessError(f"[report] formats: {name!r} is not known; valid: {', '.join(FORMATS)}")
    module = importlib.import_module(f"readiness.render.{name}")
    return cast("Callable[[Report], str]", module.render)


def _newer_on_top(lock: Path, report: Report) -> bool:
    started = (files.read(lock, 4096) or b"").decode("ascii", "replace").partition(" ")[0]
    return iso(report.run.started) < started < iso(time.time() + _SLACK)


def _mark(lock: Path, report: Report) -> None:
    # written in place: the lock is held on this very file, and whatever is damaged in it counts as absent
    try:
        lock.write_text(f"{iso(report.run.started)} {report.run.id}\n", encoding="utf-8")
    except OSError as error:
        raise ReadinessError(f"cannot write {lock}: {error.strerror or error}") from error
