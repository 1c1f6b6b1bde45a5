"""The layout of a backup on disk: the names in its folder, and its manifest.

    backups/                         private (0700)
      20251116T101500Z-3f2a1b07/     a whole backup; it got this name last
        manifest.json                what it holds, with a SHA-256 for every file and a seal over itself
        data/release/…               copies; the first part names a root: where the file came from
      latest -> 20251116T101500Z-…   the newest whole one
      .partial-20251116T…            one that is being made, or that was never finished

Who writes and who verifies both read this module alone. A manifest is untrusted: every path in it is refused unless it
stays inside the backup.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT: Final = "mcp-hub-readiness/backup/1"
MANIFEST, DATA, LATEST, LOCK = "manifest.json", "data", "latest", ".lock"
PARTIAL, REMOVING = ".partial-", ".removing-"
NAME: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
"""The name of a whole backup: when it was begun, in UTC; then three digits for the part of the second, so that names sort
by time, and five that keep two of one moment apart."""
MANIFEST_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a manifest at most: an entry takes about 300."""
ENTRY_LIMIT: Final = 100_000
"""Files, folders and links of a backup at most."""
COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
CONFIGURATION, ENVIRONMENT, LOCKFILE, ALSO = "configuration", "environment", "lock", "also"
"""The roles of what a hub cannot be started without, and of what an operator named."""

Kind = Literal["file", "folder", "link"]
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_TEXT_LIMIT: Final = 4096
"""Characters of a path at most, as PATH_MAX."""
_SEAL: Final = "seal"
_LATEST_TIME: Final = 1e11
"""Seconds since the epoch at most: the year 5138."""


class FormatError(ReadinessError):
    """A manifest that cannot be trusted to say what a backup holds; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackupEntry:
    """One file, folder or link. `path` is relative to `data/`; `size` in bytes; `modified` in seconds since the epoch."""

    path: str
    kind: Kind
    role: str
    mode: int = 0o600
    modified: float = 0.0
    size: int = 0
    sha256: str = ""
    target: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, without those that its kind does not have."""
        document: dict[str, Any] = {"path": self.path, "kind": self.kind, "role": self.role}
        if self.kind == "link":
            return document | {"target": self.target}
        document |= {"mode": f"{self.mode:04o}", "modified": self.modified}
        return document | ({"size": self.size, "sha256": self.sha256} if self.kind == "file" else {})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says it holds. `created` is ISO 8601 in UTC; `commit` and `version` None where nothing told them."""

    created: str
    commit: str | None
    version: str | None
    roots: Mapping[str, str]
    """Where each root's files came from: `release` → `/opt/mcp-hub`."""
    entries: tuple[BackupEntry, ...] = dataclasses.field(repr=False)
    skipped: tuple[tuple[str, str], ...] = ()
    """What was left out, with the reason."""

    @property
    def files(self) -> tuple[BackupEntry, ...]:
        """The entries with content."""
        return tuple(entry for entry in self.entries if entry.kind == "file")

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.entries)

    def origin(self, entry: BackupEntry) -> str:
        """Where `entry` came from, as an absolute path."""
        root, _, rest = entry.path.partition("/")
        return os.path.normpath(os.path.join(self.roots[root], rest))  # noqa: PTH118 - text, as recorded


def render_manifest(manifest: Manifest) -> bytes:
    """A manifest's file, in ASCII, sealed."""
    document = {
        "format": FORMAT,
        "created": manifest.created,
        "commit": manifest.commit,
        "version": manifest.version,
        "files": len(manifest.files),
        "bytes": manifest.size,
        "roots": dict(manifest.roots),
        "entries": [entry.to_json() for entry in manifest.entries],
        "skipped": [{"path": path, "why": why} for path, why in manifest.skipped],
    }
    return (json.dumps(document | {_SEAL: seal(document)}, indent=1) + "\n").encode("ascii")


def seal(document: Mapping[str, Any]) -> str:
    """The SHA-256 of everything in a manifest but its seal: it shows damage, and is no protection against forgery."""
    rest = {key: value for key, value in document.items() if key != _SEAL}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def parse(content: bytes) -> Manifest:
    """Inverse of `render`, trusting nothing. Raises FormatError with the reason."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{MANIFEST} is no JSON, perhaps truncated: {str(error)[:80]}") from None
    if not isinstance(document, dict) or not isinstance(document.get("format"), str):
        raise FormatError(f"{MANIFEST} is no manifest of a backup: it names no format")
    if document["format"] != FORMAT:
        raise FormatError(
            f"{MANIFEST}: the format {printable(document['format'])[:60]} is not known here, only {FORMAT}"
        )
    if document.get(_SEAL) != seal(document):
        raise FormatError(f"{MANIFEST} was changed after it was written: its seal does not match")
    return Manifest(
        created=_text(document, "created") or "",
        commit=_text(document, "commit"),
        version=_text(document, "version"),
        roots=_roots(document.get("roots")),
        entries=_entries(document),
        skipped=_skipped(document.get("skipped")),
    )


def _text(holder: Mapping[str, Any], key: str) -> str | None:
    value = holder.get(key)
    if value is None or (isinstance(value, str) and len(value) <= _TEXT_LIMIT):
        return value
    raise FormatError(f"{MANIFEST}: {key} is {type(value).__name__}, expected a text")


def _roots(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(
        isinstance(where, str) and where.startswith("/") and "\0" not in where and "/" not in name and safe(name)
        for name, where in value.items()
    ):
        raise FormatError(f"{MANIFEST}: roots must name absolute folders")
    return MappingProxyType(value)


def _skipped(value: object) -> tuple[tuple[str, str], ...]:
    items = value if isinstance(value, list) else []
    return tuple((str(item.get("path")), str(item.get("why"))) for item in items if isinstance(item, dict))


def _entries(document: Mapping[str, Any]) -> tuple[BackupEntry, ...]:
    value = document.get("entries")
    if not isinstance(value, list) or len(value) > ENTRY_LIMIT:
        raise FormatError(f"{MANIFEST}: entries must be a list of at most {ENTRY_LIMIT}")
    entries = tuple(_entry(item) for item in value)
    kinds: dict[str, Kind] = {}
    for entry in entries:
        if entry.path in kinds:
            raise FormatError(f"{MANIFEST}: {printable(entry.path)} is named twice")
        if entry.path.partition("/")[0] not in document["roots"]:
            raise FormatError(f"{MANIFEST}: {printable(entry.path)} lies below no root")
        kinds[entry.path] = entry.kind
    for path in kinds:
        for above in _above(path):
            # what is above a path must be a real folder: through a link, a restore would write anywhere
            if kinds.get(above, "folder") != "folder":
                raise FormatError(f"{MANIFEST}: {printable(path)} lies below {printable(above)}, which is no folder")
    return entries


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    for count in range(1, len(parts)):
        yield "/".join(parts[:count])


def _entry(item: object) -> BackupEntry:
    if not isinstance(item, dict):
        raise FormatError(f"{MANIFEST}: an entry is {type(item).__name__}, expected an object")
    path, kind = item.get("path"), item.get("kind")
    if not isinstance(path, str) or not safe(path):
        raise FormatError(f"{MANIFEST}: the path {printable(path)[:120]} leads out of the backup, and is refused")
    if kind not in {"file", "folder", "link"}:
        raise FormatError(f"{MANIFEST}: {printable(path)} is of an unknown kind")
    entry = BackupEntry(path=path, kind=cast("Kind", kind), role=_text(item, "role") or "")
    if kind == "link":
        target = _text(item, "target")
        if not target or "\0" in target:
            raise FormatError(f"{MANIFEST}: the link {printable(path)} leads nowhere")
        return dataclasses.replace(entry, target=target)
    entry = dataclasses.replace(entry, mode=_mode(item), modified=_seconds(item))
    if kind == "folder":
        return entry
    size, digest = item.get("size"), item.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise FormatError(f"{MANIFEST}: {printable(path)} has no size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise FormatError(f"{MANIFEST}: {printable(path)} has no SHA-256")
    return dataclasses.replace(entry, size=size, sha256=digest)


def _mode(item: Mapping[str, Any]) -> int:
    try:
        return int(str(item.get("mode")), 8) & 0o777
    except ValueError:
        raise FormatError(f"{MANIFEST}: {printable(item['path'])} has no mode") from None


def _seconds(item: Mapping[str, Any]) -> float:
    value = item.get("modified")
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LATEST_TIME
    return float(cast("float", value)) if fine else 0.0


def safe(path: str) -> bool:
    """Whether a path of a manifest stays inside: relative, without `..`, `.`, empty parts and NUL, and not endless."""
    parts = path.split("/")
    return len(path) <= _TEXT_LIMIT and "\0" not in path and not {"", ".", ".."} & set(parts)


def instant(text: str) -> float | None:
    """An ISO 8601 time as seconds since the epoch; None where it is none, or names no zone."""
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def printable(text: object) -> str:
    """A name from outside on one visible line: what is not printable is escaped."""
    words = text if isinstance(text, str) else repr(text)
    if words.isprintable():
        return words
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in words)
