"""The hub's own log: pino's JSON lines of the running process, up to the moment this run began.

What a run of ours provokes (a session that closes, a stream that is left) is not the deploy's fault. Text lines without
levels, as 4.2.1 writes them, prove nothing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.hub.identity import state_folder_of
from readiness.facts.hub.records import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.hub.hub import Hub

ERROR: Final = 50
"""Pino's level of an error; 60 is fatal."""
HARMLESS: Final = ("MARKETPLACE_INIT_ERROR", "marketplace registry")
"""A healthy hub without the internet logs this one error at every start."""
READ_LIMIT: Final = 32 * 1024 * 1024
"""Bytes read from the log's end: a busy hub writes up to 1 MB for every session that closes."""
_LINE_LIMIT: Final = 64 * 1024
_WORDS: Final = {"error": 50, "fatal": 60}
_SLACK: Final = 2.0
"""Seconds: a process is a little older than its first line."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line with a level; `time` in seconds since the epoch, None where it has none."""

    level: int
    time: float | None
    text: str
    code: str

    def __str__(self) -> str:
        stamp = dt.datetime.fromtimestamp(self.time, dt.UTC).strftime("%H:%M:%SZ ") if self.time else ""
        return f"{stamp}{self.code + ': ' if self.code else ''}{self.text[:120]}"


class HubLog:
    """The log of the hub that answers."""

    def __init__(self, config: Config, until: float, windows: Sequence[tuple[float, float]] = ()) -> None:
        """`until`: when this run began; `windows`: when our own agents were at work; seconds since the epoch."""
        self.config, self.until, self.windows = config, until, windows

    def errors(self, hub: Hub) -> list[LogLine]:
        """Errors between the start of the process that answers and this run's. Raises Unknown without such a log."""
        file, identity = self._file(hub), hub.identity()
        since, ahead = (identity.started or 0.0) - _SLACK, identity.ahead or 0.0
        levelled, lines, doubtful = 0, [], False
        for line in _lines(file):
            levelled += 1
            if line.level < ERROR or _is_harmless(line):
                continue
            # by our clock, or by the hub's: where they differ, which errors are the deploy's must not hang on one of them
            places = {self._counts(line, since, shift) for shift in ((0.0, ahead) if abs(ahead) > _SLACK else (0.0,))}
            doubtful |= len(places) > 1
            if places == {True}:
                lines.append(line)
        if doubtful and not lines:
            raise Unknown(
                f"the hub's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's, "
                "so which errors in its log were there before this run cannot be told"
            )
        if not levelled:
            raise Unknown(
                f"{file} has no line with a level: so errors cannot be told; declare [expect] logs as not expected"
            )
        return lines

    def _counts(self, line: LogLine, since: float, ahead: float) -> bool:
        """Whether the deploy may have caused it, where the log's clock is `ahead` of ours.

        Not before the process, not after this run began, and not while an agent of ours was at work: closing a session alone
        makes a hub log errors.
        """
        if line.time is None:
            return True
        moment = line.time - ahead
        ours = any(start <= moment <= end for start, end in self.windows)
        return since <= moment <= self.until and not ours

    def _file(self, hub: Hub) -> Path:
        target = self.config.target
        folder = state_folder_of(hub.process()) if target.state is None else target.state_dir
        if folder is None:
            raise Unknown("where the hub keeps its log is not known: set [target] state")
        file = folder / "logs" / "mcp-hub.log"
        if not file.is_file():
            raise Unknown(f"there is no log at {file}: set [target] state")
        return file


def _lines(file: Path) -> Iterator[LogLine]:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - READ_LIMIT))
            if size > READ_LIMIT:
                stream.readline()
            # a longer line comes in pieces, none of which is JSON
            while raw := stream.readline(_LINE_LIMIT):
                if raw[:1] == b"{" and (line := _line(raw)) is not None:
                    yield line
    except OSError as error:
        raise Unknown(f"{file} cannot be read: {error.strerror}") from None


def _line(raw: bytes) -> LogLine | None:
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    level = entry.get("level", entry.get("type"))
    if isinstance(level, str):
        level = _WORDS.get(level.lower(), 0)
    if not isinstance(level, int):
        return None
    text = str(entry.get("msg", entry.get("message", "")))
    return LogLine(level=level, time=_time(entry), text=text, code=str(entry.get("code") or ""))


def _time(entry: dict[str, Any]) -> float | None:
    value = entry.get("time", entry.get("timestamp"))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value / 1000 if 0 < value < 1e14 else None  # noqa: PLR2004 - milliseconds, before the year 5138
    return seconds_of(value)


def _is_harmless(line: LogLine) -> bool:
    return any(word in line.code or word in line.text for word in HARMLESS)
