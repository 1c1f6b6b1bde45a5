"""Releases that were rolled back: not to be deployed again until a person says so."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "quarantine.json"
"""Its name in the report folder."""
_MAX_BYTES: Final = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRelease:
    """A release in quarantine; by its commit where it has one, else by its version."""

    commit: str | None
    version: str | None
    since: str
    because: str

    @property
    def name(self) -> str:
        """What it is called by whoever lifts it."""
        return self.commit or self.version or "unknown"


def every(folder: Path) -> list[QuarantinedRelease]:
    """All releases in quarantine. Raises ReadinessError where that cannot be read: then nobody knows."""
    path = folder / FILE
    content = file_reading.content_or_none(path, _MAX_BYTES)
    if content is None:
        if path.exists() or path.is_symlink():
            raise ReadinessError(f"{path}: not a readable file; look at it and remove it")
        return []
    try:
        return [QuarantinedRelease(**one) for one in json.loads(content)["quarantined"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReadinessError(f"{path}: not a list of releases in quarantine; look at it and remove it") from error


def find(folder: Path, commit: str | None, version: str | None) -> QuarantinedRelease | None:
    """The entry of a release; a version says something only where no commit does."""
    for entry in every(folder):
        same = entry.commit == commit if entry.commit and commit else (entry.version == version and version is not None)
        if same:
            return entry
    return None


def add(folder: Path, commit: str | None, version: str | None, because: str) -> None:
    """Put a release into quarantine; once is enough. Raises ReadinessError."""
    if find(folder, commit, version) is not None:
        return
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    _write(folder, [*every(folder), QuarantinedRelease(commit=commit, version=version, since=now, because=because)])


def lift(folder: Path, name: str) -> bool:
    """Take a release out, by its commit (seven digits are enough) or version; whether there was one."""
    shortest = 7
    entries = every(folder)
    kept = [
        entry
        for entry in entries
        if not (entry.name == name or (entry.commit and len(name) >= shortest and entry.commit.startswith(name)))
    ]
    if len(kept) == len(entries):
        return False
    _write(folder, kept)
    return True


def _write(folder: Path, entries: list[QuarantinedRelease]) -> None:
    file_writing.make_folder(folder)
    document = {"quarantined": [dataclasses.asdict(entry) for entry in entries]}
    file_writing.replace_file(folder / FILE, json.dumps(document, indent=1) + "\n")
