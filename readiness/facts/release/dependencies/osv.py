"""An export of the OSV database in a folder: the advisories for packages of npm, by name and version, without a network.

Its files are those of osv.dev (`npm/all.zip`, or that file unpacked) or of GitHub's advisory database: one JSON object an advisory,
https://ossf.github.io/osv-schema/.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import json
import os
import re
import time
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import CouldNotLook
from readiness.facts.release.dependencies import semver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECONDS: Final = 240.0
"""Seconds for reading the whole database, which holds some 200,000 advisories for npm."""
ENTRY_LIMIT: Final = 8 * 1024**2
"""Bytes of one advisory at most."""
_MODIFIED: Final = re.compile(rb'"modified"\s*:\s*"(\d{4}-\d\d-\d\d)')
_NAME: Final = re.compile(rb'"name"\s*:\s*"([^"\\]+)"')
_NPM: Final = re.compile(rb'"ecosystem"\s*:\s*"npm"')
_LEVELS: Final = {"MODERATE": "moderate", "MEDIUM": "moderate", "LOW": "low", "HIGH": "high", "CRITICAL": "critical"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One vulnerable package."""

    package: str
    level: str
    title: str

    def __str__(self) -> str:
        return f"{self.package} ({self.level}{': ' if self.title else ''}{self.title[:100]})"


@dataclasses.dataclass(slots=True, kw_only=True)
class Database:
    """What was read of a database: the advisories that apply, and how far it can be trusted.

    `newest` is the day on which it was certainly up to date: the latest change of an advisory in it, and no later than its files.
    """

    advisories: list[Advisory] = dataclasses.field(default_factory=list)
    count: int = 0
    newest: dt.date | None = None
    broken: list[str] = dataclasses.field(default_factory=list)
    unclear: list[str] = dataclasses.field(default_factory=list)

    def problem(self, days: int) -> str:
        """Why it does not show that nothing is known against a package; empty where it does."""
        if self.broken:
            return f"cannot be read whole: {self.broken[0]}" + (
                f" ({len(self.broken)} files)" if self.broken[1:] else ""
            )
        if not self.count or self.newest is None:
            return "holds no advisory for npm: fetch npm/all.zip of the OSV export into it"
        age = (dt.datetime.now(dt.UTC).date() - self.newest).days
        if age > days:
            return f"is {age} days old ({self.newest:%Y-%m-%d}), more than [release] osv_days = {days}: fetch it again"
        return f"cannot be held against {', '.join(self.unclear[:3])}" if self.unclear else ""


def search(folder: Path, packages: set[tuple[str, str]]) -> Database:
    """Hold packages (names and versions) against the database below `folder`. Raises CouldNotLook."""
    if not folder.is_dir():
        raise CouldNotLook(f"[release] osv names {folder}, which is no folder")
    database, until = Database(), time.monotonic() + SECONDS
    versions: dict[str, set[str]] = {}
    for name, version in packages:
        versions.setdefault(name, set()).add(version)
    wanted = {name.encode() for name in versions}
    newest, written = b"", 0.0
    for place, content, changed in _entries(folder, database.broken):
        if time.monotonic() > until:
            raise CouldNotLook(f"the OSV database in {folder} could not be read within {SECONDS:.0f} s")
        if not content.strip().endswith(b"}"):
            database.broken.append(f"{place} is no JSON object, or cut off")
        if not _NPM.search(content):
            continue
        database.count += 1
        written = max(written, changed)
        newest = max(newest, *_MODIFIED.findall(content)[:1], b"")
        if wanted.isdisjoint(_NAME.findall(content)):
            continue
        data = _object(content)
        if data is None:
            database.broken.append(f"{place} is no JSON object")
        elif not data.get("withdrawn"):
            _hold(data, versions, database)
    with contextlib.suppress(ValueError):
        dated = dt.date.fromisoformat(newest.decode())
        database.newest = min(dated, dt.datetime.fromtimestamp(written, dt.UTC).date())
    return database


def _entries(folder: Path, broken: list[str]) -> Iterator[tuple[str, bytes, float]]:
    """Each advisory's place, its bytes, and when its file was last written; what cannot be read is told in `broken`."""

    def denied(error: OSError) -> None:
        broken.append(f"{error.filename}: {error.strerror}")

    for top, folders, names in os.walk(folder, onerror=denied):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(top, name)  # noqa: PTH118 - 200,000 of them
            try:
                if name.endswith((".json", ".zip")) and not os.path.isfile(path):  # noqa: PTH113 - as above; a pipe would be waited for
                    broken.append(f"{path} is no file")
                elif name.endswith(".json"):
                    with open(path, "rb") as file:  # noqa: PTH123 - as above
                        yield path, file.read(ENTRY_LIMIT), os.fstat(file.fileno()).st_mtime
                elif name.endswith(".zip"):
                    yield from _packed(path)
            except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
                broken.append(f"{path}: {getattr(error, 'strerror', None) or error}")


def _packed(path: str) -> Iterator[tuple[str, bytes, float]]:
    changed = os.stat(path).st_mtime  # noqa: PTH116 - a path as walk gives it
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".json"):
                with archive.open(entry) as file:
                    yield f"{path}:{entry.filename}", file.read(ENTRY_LIMIT), changed


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _hold(data: dict[str, Any], versions: Mapping[str, set[str]], database: Database) -> None:
    affected = data.get("affected")
    hit = set[tuple[str, str]]()
    for one in affected if isinstance(affected, list) else ():
        package = one.get("package") if isinstance(one, dict) else None
        if not isinstance(package, dict) or package.get("ecosystem") != "npm":
            continue
        name = str(package.get("name"))
        for version in versions.get(name, ()):
            applies = _applies(one, version)
            if applies is None:
                database.unclear.append(f"{name} {version[:60]}, which {data.get('id')} may be about")
            elif applies:
                hit.add((name, version))
    for name, version in sorted(hit):
        title = f"{data.get('id')} {data.get('summary') or ''}".strip()
        database.advisories.append(Advisory(package=f"{name} {version}", level=_level(data), title=title))


def _level(data: dict[str, Any]) -> str:
    """The advisory's level; "unknown", which counts as the worst, where it has none."""
    specific = data.get("database_specific")
    word = str(specific.get("severity", "")).upper() if isinstance(specific, dict) else ""
    return _LEVELS.get(word, "unknown")


def _applies(affected: dict[str, Any], version: str) -> bool | None:
    """Whether a version is affected; None where it cannot be compared."""
    listed = affected.get("versions")
    if isinstance(listed, list) and version in listed:
        return True
    results = [
        _in_range(one.get("events"), version)
        for one in affected.get("ranges") or ()
        if isinstance(one, dict) and one.get("type") in {"SEMVER", "ECOSYSTEM"}
    ]
    if True in results:
        return True
    return None if None in results else False


def _in_range(events: object, version: str) -> bool | None:
    """OSV's own rule: the events in the order of their versions, of which the last one that is reached decides."""
    if not isinstance(events, list):
        return None
    inside = False
    bounds = [(kind, str(bound)) for event in events if isinstance(event, dict) for kind, bound in event.items()]
    for kind, bound in sorted(bounds, key=functools.cmp_to_key(_by_version)):
        order = 1 if bound == "0" else semver.compare(version, bound)
        if order is None:
            return None
        if kind == "introduced" and order >= 0:
            inside = True
        elif (kind == "fixed" and order >= 0) or (kind == "last_affected" and order > 0):
            inside = False
    return inside


def _by_version(one: tuple[str, str], other: tuple[str, str]) -> int:
    if "0" in {one[1], other[1]}:
        return (one[1] != "0") - (other[1] != "0")
    return semver.compare(one[1], other[1]) or 0
