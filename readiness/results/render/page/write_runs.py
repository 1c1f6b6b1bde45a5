"""Writing `history/index.html`, the page over all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.results.history import store as history_store
from readiness.results.history.overview import WEEKS, overview
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from pathlib import Path


def write(directory: Path) -> Path:
    """Write the page over all runs below the folder of reports. Raises ReadinessError where it cannot be written."""
    from readiness.results.render.page import runs

    folder = directory / history_store.FOLDER
    file_writing.make_folder(folder)
    found = overview(history_store.Index(folder))
    pages = {
        entry.file: page.name
        for entry in found.recent
        if (page := (folder / entry.file).with_suffix(".html")).is_file()
    }
    newest = _on_top(directory)
    pages |= {entry.file: "../readiness.html" for entry in found.recent if entry.id == newest}
    path = folder / history_store.PAGE
    file_writing.replace(path, runs.render(found, pages, WEEKS))
    return path


def _on_top(directory: Path) -> str:
    """The id of the run whose page lies in the folder of reports; empty: none does."""
    from readiness.results.render import LOCK

    if not (directory / "readiness.html").is_file():
        return ""
    content = file_reading.content_or_none(directory / LOCK, 4096) or b""
    return content.decode("utf-8", "replace").partition(" ")[2].strip()
