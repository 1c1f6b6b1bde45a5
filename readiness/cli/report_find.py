"""The run that a person means: by the beginning of its id, as `last` or `last-ready`, or by the path of a `readiness.json`."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.results.history import index as history_index
from readiness.results.history import store as history_store
from readiness.results.report import read
from readiness.support import file_reading
from readiness.support.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.results.history.index import Entry
    from readiness.results.report import Report

FILE: Final = "readiness.json"
_MOST: Final = 1_000
"""Shards that are looked for below one folder, at most four folders down."""
_DEEP: Final = 4
_SHOWN: Final = 200
_NAMED: Final = 5


def find(name: str, directory: Path) -> Report:
    """The report that `name` means, a file's or one of the history below `directory`.

    Raises ReadinessError, saying what there is, where there is none or several, or it is damaged.
    """
    if name.endswith(".json") or "/" in name or (name and Path(name).is_dir()):
        path = Path(name)
        return load(path / FILE if path.is_dir() else path)
    folder = directory / history_store.FOLDER
    entry = _entry(name, folder)
    # the one on top may tell more than the run knew: how the release ended that it was part of
    with contextlib.suppress(ReadinessError):
        on_top = load(directory / FILE)
        if on_top.run.id == entry.id:
            return on_top
    return load(folder / entry.file)


def load(path: Path) -> Report:
    """The report in a file. Raises ReadinessError, naming it, where it cannot be read or is no report."""
    content = file_reading.content_or_none(path, history_store.MAX_BYTES)
    shown = line(path, _SHOWN)
    if content is None:
        why = "there is no such file" if not path.exists() else "it is no readable file of at most 64 MiB"
        raise ReadinessError(f"{shown}: {why}; expected a readiness.json")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadinessError(f"{shown}: not JSON ({line(error, 80)}); expected a readiness.json") from None
    try:
        return read(document)
    except ReadinessError as error:
        raise ReadinessError(f"{shown}: {error}") from None


def shards(place: Path) -> list[Path]:
    """The reports at a file, or anywhere below a folder, in the order of their paths; none: there is none."""
    return sorted(_below(place, _DEEP))[:_MOST] if place.is_dir() else [place]


def _below(folder: Path, deep: int) -> Iterator[Path]:
    try:
        inner = list(folder.iterdir())
    except OSError:
        return
    for path in inner:
        if path.name == FILE and not path.is_dir():
            yield path
        elif deep and path.is_dir() and not path.is_symlink() and path.name != history_store.FOLDER:
            yield from _below(path, deep - 1)


def newest(folder: Path) -> list[Entry]:
    """The entries of all runs, newest first."""
    found = map(history_index.decoded, history_store.Index(folder).runs())
    return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.file, reverse=True)


def _entry(name: str, folder: Path) -> Entry:
    """The one run that `name` means."""
    entries = newest(folder)
    if not entries:
        raise ReadinessError(
            f"there is no run in {line(folder, _SHOWN)} yet; is --readiness-report the folder of reports?"
        )
    if name == "last":
        return entries[0]
    if name == "last-ready":
        ready = [entry for entry in entries if entry.status == "READY"]
        # one that asked the same of the same hub, where there is one: others say little about what changed
        found = [entry for entry in ready if entry.about == entries[0].about][:1] or ready[:1]
        if not found:
            raise ReadinessError(f"none of the {len(entries)} runs in {line(folder, _SHOWN)} was READY")
    else:
        found = [entry for entry in entries if entry.id == name] or [e for e in entries if e.id.startswith(name)]
    if len(found) == 1 and name:
        return found[0]
    known = ", ".join(line(entry.id, _SHOWN) for entry in (found or entries)[:_NAMED])
    if found:
        raise ReadinessError(f"{len(found)} runs begin with {line(name, _SHOWN)!r}: {known}; give more of the id")
    raise ReadinessError(
        f"no run begins with {line(name, _SHOWN)!r}; the newest are {known}; `readiness report --list` shows more"
    )
