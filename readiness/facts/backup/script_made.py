"""Backups that a release's own script made: folders with a `manifest.txt` that names time, commit and version.

What they say is read as kindly as possible. Most bear no checksums, so that their content can be compared with nothing;
some have a `SHA256SUMS` as `sha256sum` writes and checks it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import email.utils
import os
import re
import stat
import time
from typing import TYPE_CHECKING, Final, TypeVar

from readiness.errors import Unknown
from readiness.facts.backup.layout import ENTRY_LIMIT, printable, safe
from readiness.facts.backup.opening import digest, opened
from readiness.support import content_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

MANIFEST: Final = "manifest.txt"
SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of a `manifest.txt` at most."""
SUMS: Final = "SHA256SUMS"
SUMS_LIMIT: Final = 64 * 1024 * 1024
_SUM: Final = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)")
_LINE: Final = re.compile(r"^[\s#*\-]*([A-Za-z][A-Za-z _-]{0,40}?)\**\s*[:=]\s*(.+?)\s*$")
COMMIT: Final = re.compile(r"\b[0-9a-f]{7,64}\b")
"""A commit's name, perhaps abbreviated."""
VERSION: Final = re.compile(r"\bv?(\d+\.\d+[0-9A-Za-z.+-]*)")
_STAMP: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T_-]?(\d\d)[:-]?(\d\d)[:-]?(\d\d)(Z?)")
_FORMATS: Final = (
    # what `date` prints, by locale and version, without its zone
    *("%a %b %d %H:%M:%S %Y", "%a %d %b %Y %H:%M:%S", "%a %b %d %I:%M:%S %p %Y", "%a %d %b %Y %I:%M:%S %p"),
    *("%d %b %Y %H:%M:%S", "%b %d %Y %H:%M:%S", "%d %b %Y %I:%M:%S %p", "%b %d %Y %I:%M:%S %p"),
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M:%S %p", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%a %b %d %Y %H:%M:%S"),
)
_ZONES: Final[Mapping[str, float]] = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10, "JST": 9, "KST": 9,
    "HKT": 8, "SGT": 8, "AWST": 8, "ACST": 9.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "SAST": 2, "BRT": -3, "ART": -3,
}  # fmt: skip
"""Hours from UTC of zone names that mean one zone: CST and IST mean several."""
_ZONE: Final = re.compile(r"[A-Z]{1,5}|[+-]\d{2}(?::?\d{2})?")
_EPOCH: Final = re.compile(r"\d{10}(?:\d{3})?")


_Value = TypeVar("_Value", float, str)
_Pairs = list[tuple[str, str]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ManifestClaims:
    """What a `manifest.txt` says; None where it does not. `created` in seconds since the epoch."""

    created: float | None = None
    commit: str | None = None
    version: str | None = None
    trouble: str = ""
    time_text: str = ""
    """A time that it names and that is not understood."""


def told(folder: Path) -> ManifestClaims:
    """Read the `manifest.txt` of `folder`; never raises."""
    content = content_or_none(folder / MANIFEST, SIZE_LIMIT)
    if content is None:
        return ManifestClaims(
            trouble=f"{MANIFEST} cannot be read: it is no file, not permitted or larger than {SIZE_LIMIT} bytes"
        )
    if not content.strip():
        return ManifestClaims(trouble=f"{MANIFEST} is empty")
    if b"\0" in content:
        return ManifestClaims(trouble=f"{MANIFEST} is binary")
    pairs = [(m[1].lower().replace("_", " "), m[2]) for m in map(_LINE.match, _lines(content)) if m]
    created = _first(pairs, _TIMES, when)
    if created is None and _first(pairs, _TIMES, printable) is None:
        # no line is called a time: the first that is one, with a clock, as `Backup: $(date)` writes it
        created = next(
            (moment for _, text in pairs if _CLOCK.search(text) and (moment := when(text)) is not None), None
        )
    return ManifestClaims(
        created=created,
        time_text="" if created is not None else _first(pairs, _TIMES, printable) or "",
        commit=_first(pairs, ("commit", "revision", "sha"), _commit),
        version=_first([p for p in pairs if not _RUNTIME.search(p[0])], ("version",), _version),
    )


_TIMES: Final = ("timestamp", "time", "date", "created")
_CLOCK: Final = re.compile(r"\d:\d\d")
_RUNTIME: Final = re.compile(r"\b(?:node|bun|npm|git|os|bash)\b")
"""Versions that are not the hub's."""


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()[:1000]


def _first(pairs: _Pairs, words: tuple[str, ...], reading: Callable[[str], _Value | None]) -> _Value | None:
    """What `reading` makes of the first line that is called by one of `words` alone, else by one among others."""
    alone = [text for key, text in pairs if key in words]
    among = [text for key, text in pairs if key not in words and set(key.split()) & set(words)]
    for text in alone + among:
        value = reading(text)
        if value is not None:
            return value
    return None


def _commit(text: str) -> str | None:
    match = COMMIT.search(text.lower())
    return match[0] if match else None


def _version(text: str) -> str | None:
    match = VERSION.search(text)
    return match[1] if match else None


def when(text: str) -> float | None:
    """A time as scripts write it, in seconds since the epoch; None where it is none. Without a zone it is local time."""
    text = text.strip()
    if _EPOCH.fullmatch(text):
        return float(text[:10])
    with contextlib.suppress(ValueError, OverflowError):
        return dt.datetime.fromisoformat(text).timestamp()
    if (zoned := _zoned(text)) is not None:
        return zoned
    if any(_ZONE.fullmatch(word) and word not in _ZONES for word in text.split()[-2:]):
        return None  # a zone that is not understood is no local time
    with contextlib.suppress(ValueError, OverflowError, TypeError, IndexError):
        return email.utils.parsedate_to_datetime(text).timestamp()
    return stamped(text)


def _zoned(text: str) -> float | None:
    """A time as `date` prints it, its zone by name or offset, or none for local time; None where it is not understood.

    A name that several zones share counts where it is this machine's own.
    """
    words = text.replace(",", " ").split()
    zones = [word for word in words if _ZONE.fullmatch(word) and word.upper() not in {"AM", "PM"}]
    plain = " ".join(word for word in words if word not in zones)
    for form in _FORMATS:
        with contextlib.suppress(ValueError, OverflowError):
            moment = dt.datetime.strptime(plain, form)  # noqa: DTZ007 - the zone is told by the next lines
            if not zones or zones[0] in time.tzname:
                return moment.timestamp()
            offset = _offset(zones[0])
            return None if offset is None else moment.replace(tzinfo=dt.timezone(offset)).timestamp()
    return None


def _offset(zone: str) -> dt.timedelta | None:
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        return (-1 if zone[0] == "-" else 1) * dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    hours = _ZONES.get(zone)
    return None if hours is None else dt.timedelta(hours=hours)


def stamped(name: str) -> float | None:
    """The time in a name like `20251116-101500` or `backup-2025-11-16_10-15-00`; None where there is none."""
    match = _STAMP.search(name)
    if match is None:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        made = dt.datetime(*(int(part) for part in match.groups()[:6]))  # type: ignore[arg-type] # noqa: DTZ001
        return (made.replace(tzinfo=dt.UTC) if match[7] else made).timestamp()
    return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The files of a folder, and what there could not be taken as one: links, devices, what cannot be read."""

    files: tuple[str, ...]
    odd: tuple[str, ...]
    size: int


def content(folder: Path) -> Content:
    """What lies in `folder`, following no link; at most ENTRY_LIMIT entries. Never raises."""
    files, odd, size, pending = list[str](), list[str](), 0, [""]
    while pending and len(files) + len(odd) < ENTRY_LIMIT:
        here = pending.pop()
        try:
            inside = sorted(os.scandir(folder / here), key=lambda entry: entry.name)
        except OSError as error:
            odd.append(f"{printable(here) or folder.name} cannot be read: {error.strerror or error}")
            continue
        for entry in inside:
            path = f"{here}/{entry.name}" if here else entry.name
            facts = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode):
                pending.append(path)
            elif stat.S_ISREG(facts.st_mode):
                files.append(path)
                size += facts.st_size
            elif not stat.S_ISLNK(facts.st_mode):
                odd.append(f"{printable(path)} is no regular file")
    return Content(files=tuple(files), odd=tuple(odd), size=size)


def sums(folder: Path) -> tuple[dict[str, str] | None, str]:
    """The SHA-256 of each file by its path, None where there is no `SHA256SUMS`; and why one cannot be used, or nothing."""
    if not os.path.lexists(folder / SUMS):
        return None, ""
    content = content_or_none(folder / SUMS, SUMS_LIMIT)
    if content is None:
        return None, f"{SUMS} cannot be read: it is no file, not permitted or larger than {SUMS_LIMIT} bytes"
    checksums = {}
    for line in os.fsdecode(content).split("\n"):
        match = _SUM.fullmatch(line)
        if match is None:
            if line.strip():
                return None, f"{SUMS} is truncated, or not what sha256sum writes: {printable(line)[:60]}"
            continue
        name = match[3].replace("\\n", "\n").replace("\\\\", "\\") if match[1] else match[3]
        path = name.removeprefix("./")
        if not safe(path):
            return None, f"{SUMS}: the path {printable(name)[:120]} leads out of the backup, and is refused"
        checksums[path] = match[2]
    return (checksums, "") if checksums else (None, f"{SUMS} is empty")


def verify(folder: Path, known: Mapping[str, str], files: Collection[str]) -> list[str]:
    """What of `files` is not as `known` says, as sentences."""
    troubles = [f"{printable(path)} is missing" for path in known if path not in set(files)]
    for path in files:
        expected = known.get(path)
        if expected is None and path not in {MANIFEST, SUMS}:
            troubles.append(f"{printable(path)} is in the backup and not in its {SUMS}")
        elif expected is not None:
            try:
                with opened(folder, path) as file:
                    same = digest(file) == expected
            except OSError as error:
                raise Unknown(f"{printable(path)} cannot be read: {error.strerror or error}") from None
            troubles += [] if same else [f"{printable(path)} has another content than its SHA-256 says"]
    return troubles[:20]


def place_of(path: str, files: Collection[str]) -> str | None:
    """Where the release's file `path` lies among `files`: below the same path, or the nearest end of it that is unique."""
    parts = path.split("/")
    for start in range(len(parts)):
        end = "/".join(parts[start:])
        places = [file for file in files if file == end or file.endswith(f"/{end}")]
        if end in places:
            return end
        if places:
            return min(places, key=lambda file: (file.count("/"), file))
    return None
