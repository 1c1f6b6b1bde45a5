"""The history's folder: one JSON a run, named after the moment it started, bounded in number; what else lies there is never touched."""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.results.report import Report, iso, to_json
from readiness.support import file_reading, file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER: Final = "history"
LOCK: Final = ".runs.lock"
PAGE: Final = "index.html"
"""The page over all runs, where somebody has asked for it."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""Larger files are no runs of ours; a run of 10,000 checks takes 6 MB."""
WAIT: Final = 5.0
"""Seconds to wait for another process that writes."""
_NAME: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[A-Za-z0-9._-]{1,60}\.json")
_QUICK: Final = 2_000
"""Runs up to which the page over all of them is written in passing."""


def file_name(report: Report) -> str:
    """`<started>-<id>.json`: names sort as the runs started."""
    started = iso(report.run.started).replace("-", "").replace(":", "")
    run_id = re.sub(r"[^A-Za-z0-9._-]+", "-", report.run.id)[:60] or "run"
    return f"{started}-{run_id}.json"


def keep(report: Report, directory: Path, limit: int) -> Path:
    """Write `report` into the history below `directory` and drop the oldest beyond `limit` runs; the file's path.

    Raises ReadinessError where it cannot be written.
    """
    folder = directory / FOLDER
    content = json.dumps(to_json(report), ensure_ascii=True) + "\n"
    file_writing.make_folder(folder)
    path = folder / file_name(report)
    with locks.locked(folder / LOCK, WAIT):
        file_writing.replace_file(path, content)
        for old in newest_first(folder)[max(limit, 1) :]:
            with contextlib.suppress(OSError):  # another run may have dropped it already
                old.unlink()
                old.with_suffix(".html").unlink(missing_ok=True)
    file_writing.sweep(folder)
    return path


def page_wanted(directory: Path) -> bool:
    """Whether each run keeps the page over all runs up to date: somebody asked for it before, and it costs about 0.1 s at most."""
    folder = directory / FOLDER
    return (folder / PAGE).is_file() and sum(1 for _ in _entries(folder)) <= _QUICK


def has_runs(folder: Path) -> bool:
    """Whether a run's file is there."""
    return next(_entries(folder), None) is not None


def newest_first(folder: Path) -> list[Path]:
    """The runs' files; anything else in the folder is somebody else's."""
    return [folder / name for name in sorted((entry.name for entry in _entries(folder)), reverse=True)]


def run_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size in bytes and time of the last change in nanoseconds of each run's file, by its name."""
    facts: dict[str, tuple[int, int]] = {}
    for entry in _entries(folder):
        with contextlib.suppress(OSError):  # it was dropped by another run meanwhile
            status = entry.stat()
            facts[entry.name] = status.st_size, status.st_mtime_ns
    return facts


def read_document(path: Path) -> dict[str, Any] | None:
    """What a run's file holds; None where that is unreadable or no JSON object."""
    content = file_reading.content_or_none(path, MAX_BYTES)
    try:
        document = None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if _NAME.fullmatch(entry.name))
