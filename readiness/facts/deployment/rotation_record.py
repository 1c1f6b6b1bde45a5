"""The rotation record: a TOML file that says when each secret was last replaced; names and days, never values.

OPENAI_API_KEY = 2026-01-31

[GEMINI_API_KEY]
rotated = 2026-01-31
owner = "platform team"      # who replaces it
every = 60                   # days, where less than the limit was agreed
fingerprint = "ab12cd34"     # of the value in use: proves that the record speaks of this one
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.support import file_reading
from readiness.support.redaction import provider_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config import Config

SIZE_LIMIT: Final = 256 * 1024
"""Bytes of a record at most."""
_KEYS: Final = ("rotated", "owner", "every", "fingerprint")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{8}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RotationEntry:
    """When one secret was last replaced. `every`: days after which its owner agreed to replace it."""

    name: str
    rotated: dt.date
    owner: str = ""
    every: int | None = None
    fingerprint: str = ""
    line: int | None = None

    def age(self, today: dt.date) -> int:
        """Days since then; negative for a day to come."""
        return (today - self.rotated).days


def path(config: Config) -> Path:
    """Where the record is. Raises Unreadable without a release."""
    record_path = config.target.beneath(config.release.rotation)
    if record_path is None:
        raise file_reading.Unreadable("no [target] release: its rotation record cannot be read", "untold")
    return record_path


def read(file: Path) -> Mapping[str, RotationEntry]:
    """Name to entry. Raises Unreadable with the file, the entry, what is wrong and what is valid."""
    import tomllib

    text = file_reading.text(file, SIZE_LIMIT)
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line_match = re.search(r"at line (\d+)", str(error))
        line = int(line_match[1]) if line_match else None
        where = file if line is None else f"{file}:{line}"
        raise file_reading.Unreadable(
            f"{where} is no TOML ({_short(error)}): {_EXAMPLE}", "broken", file, line
        ) from None
    return {name: _entry(name, value, file, _line(text, name)) for name, value in data.items()}


_EXAMPLE: Final = "write one line a secret, NAME = 2026-01-31"


def _short(error: Exception) -> str:
    return str(error).split(" (at ")[0][:80] or type(error).__name__


def _line(text: str, name: str) -> int | None:
    start = re.compile(rf"\s*(?:\[\s*)?[\"']?{re.escape(name)}[\"']?\s*[=\].]")
    return next((number for number, line in enumerate(text.splitlines(), 1) if start.match(line)), None)


def _entry(name: str, value: Any, file: Path, line: int | None) -> RotationEntry:  # noqa: ANN401 - whatever the file holds
    """One entry, checked. Raises Unreadable; a value that may be a secret is never shown."""

    def wrong(text: str) -> file_reading.Unreadable:
        return file_reading.Unreadable(
            f"{file}{f':{line}' if line else ''}: {_safe(name)} {text}", "broken", file, line
        )

    table = {"rotated": value} if not isinstance(value, dict) else value
    for key in table:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; valid are {', '.join(_KEYS)}"
            raise wrong(f"has an unknown key {_safe(key)!r}{hint}")
    rotated, every = table.get("rotated"), table.get("every")
    if not isinstance(rotated, dt.date):
        raise wrong("needs the day it was replaced, without quotes, like 2026-01-31; never the secret itself")
    if isinstance(rotated, dt.datetime):
        rotated = rotated.date()
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise wrong("has an `every` that is no number of days above 0")
    mark = table.get("fingerprint", "")
    if mark and not (isinstance(mark, str) and _FINGERPRINT.fullmatch(mark)):
        raise wrong("has a `fingerprint` that is not the first 8 hex digits of the value's SHA-256")
    owner = table.get("owner", "")
    if not isinstance(owner, str):
        raise wrong("has an `owner` that is no text")
    return RotationEntry(name=name, rotated=rotated, owner=owner, every=every, fingerprint=mark, line=line)


def _safe(name: str) -> str:
    """A name from the file, unless somebody wrote a secret where a name belongs."""
    return "an entry" if provider_token(name) or len(name) > 80 or not name.isprintable() else name  # noqa: PLR2004 - a long name
