"""Releases that were rolled back: not to be deployed again until a person says so."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "quarantine.json"
"""Its name in the report folder."""
_MAX_BYTES: Final = 1_000_000
_SHORTEST: Final = 7
"""Digits of a commit by which it may be called."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRelease:
    """A release in quarantine, by what tells it from the release that was returned to."""

    since: str
    because: str
    version: str | None = None
    commit: str | None = None
    folder: str | None = None
    content: str | None = None

    @property
    def identity(self) -> ReleaseIdentity:
        """What tells it from others."""
        return ReleaseIdentity(version=self.version, commit=self.commit, folder=self.folder, content=self.content)

    @property
    def name(self) -> str:
        """What it is called by whoever lifts it."""
        return self.commit or self.identity.name or "unknown"


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


def find(folder: Path, release: ReleaseIdentity) -> QuarantinedRelease | None:
    """The entry of a release. Raises ReadinessError as `every` does."""
    return next((entry for entry in every(folder) if entry.identity.is_same(release)), None)


def add(folder: Path, release: ReleaseIdentity, because: str) -> None:
    """Put a release into quarantine; once is enough. Raises ReadinessError, also where nothing tells it from others."""
    if not release.names:
        raise ReadinessError(
            "nothing tells the release that was rolled back from the one before, so it is in no quarantine: "
            "see to it that it is not deployed again"
        )
    if find(folder, release) is not None:
        return
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    entry = QuarantinedRelease(since=now, because=because, **dataclasses.asdict(release))
    _write(folder, [*every(folder), entry])


def lift(folder: Path, name: str) -> bool:
    """Take a release out, by its commit (seven digits are enough), version or folder; whether there was one."""
    entries = every(folder)
    kept = [entry for entry in entries if not _is_called(entry, name)]
    if len(kept) == len(entries):
        return False
    _write(folder, kept)
    return True


def _is_called(entry: QuarantinedRelease, name: str) -> bool:
    short = bool(entry.commit) and len(name) >= _SHORTEST and str(entry.commit).startswith(name)
    return name == entry.name or name in entry.identity.names or short


def _write(folder: Path, entries: list[QuarantinedRelease]) -> None:
    file_writing.make_folder(folder)
    document = {"quarantined": [dataclasses.asdict(entry) for entry in entries]}
    file_writing.replace_file(folder / FILE, json.dumps(document, indent=1) + "\n")
