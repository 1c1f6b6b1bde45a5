"""A measurement and the file that keeps it: the last one, and the one that was accepted; replaced whole, under a lock."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.support import file_reading, file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = "baseline.json"
VERSION: Final = "1"
MAX_BYTES: Final = 8 * 1024 * 1024
MOST: Final = 5_000
"""Samples of one series that are kept."""
_WAIT: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The samples of one thing, in `unit`, in the order they were taken; `of` says what was asked (a route)."""

    unit: str
    samples: tuple[float, ...]
    of: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one sampling found, and of what: `identity` must be equal for two to be compared, `about` may differ."""

    at: str
    """When it began, ISO 8601 in UTC."""
    seconds: float
    identity: Mapping[str, str]
    """environment, address, and the machine that asked."""
    about: Mapping[str, str]
    """What ran: the hub's version, its process."""
    series: Mapping[str, Series]
    asked: int
    failed: int
    """Requests that were not answered well, of those that were asked."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a file holds."""

    accepted: Measurement | None = None
    last: Measurement | None = None


def load(folder: Path) -> Kept:
    """What the file below `folder` holds; nothing where there is none. Raises ReadinessError for one that is damaged."""
    path = folder / FILE
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None:
        if path.exists() or path.is_symlink():
            raise _damaged(path, f"is no readable file of at most {MAX_BYTES // 2**20} MB")
        return Kept()
    try:
        data = json.loads(content.decode("utf-8"))
        version = data["schema_version"]
        if version != VERSION:
            raise _damaged(path, f"has the schema version {str(version)[:20]!r}, expected {VERSION!r}")
        return Kept(accepted=_measurement(data["accepted"]), last=_measurement(data["last"]))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError):
        raise _damaged(path, "is garbled") from None


def keep(folder: Path, last: Measurement, *, accept: bool) -> Path:
    """Store `last`, as the accepted one too if `accept`; the accepted one before stays otherwise. Raises ReadinessError."""
    file_writing.make_folder(folder, is_kept=True)
    path = folder / FILE
    with locks.locked(path.with_name(f".{FILE}.lock"), _WAIT):
        try:
            accepted = load(folder).accepted
        except ReadinessError:
            if not accept:
                raise
            accepted = None  # what is damaged is replaced by what is accepted now
        file_writing.replace_file(path, _text(Kept(accepted=last if accept else accepted, last=last)))
    return path


def _damaged(path: Path, what: str) -> ReadinessError:
    return ReadinessError(f"{path} {what}; take a new baseline with `readiness baseline --accept`, which replaces it")


def _text(kept: Kept) -> str:
    document = {"schema_version": VERSION} | {
        name: None if found is None else dataclasses.asdict(found)
        for name, found in (("accepted", kept.accepted), ("last", kept.last))
    }
    return json.dumps(document, ensure_ascii=True, allow_nan=False) + "\n"


def _measurement(data: Any) -> Measurement | None:  # noqa: ANN401 - what the file holds may be anything
    if data is None:
        return None
    return Measurement(
        at=str(data["at"])[:40],
        seconds=_number(data["seconds"]),
        identity=_words(data["identity"]),
        about=_words(data["about"]),
        series={str(name): _series(found) for name, found in dict(data["series"]).items()},
        asked=int(_number(data["asked"])),
        failed=int(_number(data["failed"])),
    )


def _series(data: Any) -> Series:  # noqa: ANN401 - as above
    samples = tuple(_number(value) for value in data["samples"][:MOST])
    return Series(unit=str(data["unit"])[:20], samples=samples, of=str(data["of"])[:80])


def _words(data: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    return {str(key)[:40]: str(value)[:200] for key, value in dict(data).items()}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(value)
    return float(value)
