"""What was told to whom: nothing twice within the hour, and no more messages than a person can read.

`notified.json` in the report folder, replaced atomically under a lock. A reservation keeps two runs at once from
telling the same; it lapses by itself, so that what a killed run did not send is sent by the next one. A file that
cannot be read or written costs the memory, never a message.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.notify.events import ROLLBACK_KINDS
from readiness.support import file_reading, file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from readiness.operations.notify.events import Event

FILE: Final = "notified.json"
LOCK: Final = ".notified.lock"
HOUR: Final = 3600.0
LIMIT: Final = 12
"""Messages an hour on one channel: one in five minutes is read, more are muted."""
_LEASE: Final = 90.0
"""Seconds that a reservation holds: past every deadline."""
_WAIT: Final = 2.0
"""Seconds that another run is waited for."""
_MAX_BYTES: Final = 1_000_000
_CHANNELS: Final = 200
_EVENTS: Final = 500
_THREADS: Final = 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Whether a message may go out: `refused` says why not, `lines` are to be added to it."""

    refused: str = ""
    lines: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class _Memory:
    """One channel: events by key with the time until which they are not repeated, when was sent, what was held back."""

    until: dict[str, float] = dataclasses.field(default_factory=dict)
    sent: list[float] = dataclasses.field(default_factory=list)
    held: int = 0
    alarms: list[str] = dataclasses.field(default_factory=list)
    """Conversations in which it heard an alarm, and not yet that it is over."""

    def heard(self, event: Event, thread: str) -> None:
        """Note that `event` was heard: an alarm, or its end."""
        if not thread or event.kind == "phase":
            return
        others = [one for one in self.alarms if one != thread]
        self.alarms = others if event.ends_alarm else [*others, thread][-_THREADS:]

    def forget(self, now: float) -> None:
        """Drop what is over, and what lies in the future because a clock was put back."""
        self.until = {k: t for k, t in self.until.items() if now < t <= now + HOUR}
        self.sent = [t for t in self.sent if now - HOUR < t <= now]


class NoticeMemory:
    """The memory below one report folder; `problem` says why it could not be kept, if it could not."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written yet."""
        self._folder = folder
        self.problem = ""

    def reserve(self, channels: Sequence[str], event: Event, now: float) -> dict[str, Permit]:
        """Ask for each of `channels` whether `event` may go out at `now` (seconds since the epoch), and take it."""
        with self._changed(now) as memory:
            return {name: _permit(memory.setdefault(name, _Memory()), event, now) for name in channels}

    def alarmed(self, thread: str) -> frozenset[str]:
        """The channels that heard an alarm in the conversation `thread`, and not yet that it is over."""
        return frozenset(name for name, known in self._read().items() if thread in known.alarms)

    def settle(self, arrived: Mapping[str, bool], event: Event, now: float, thread: str = "") -> None:
        """Note what arrived in the conversation `thread`; what did not may be sent again by the next run."""
        with self._changed(now) as memory:
            for name, fine in arrived.items():
                known = memory.setdefault(name, _Memory())
                if fine:
                    known.until[event.key] = now + HOUR
                    known.sent.append(now)
                    known.held = 0  # every message that goes out tells of those held back
                    known.heard(event, thread)
                else:
                    known.until.pop(event.key, None)

    @contextlib.contextmanager
    def _changed(self, now: float) -> Iterator[dict[str, _Memory]]:
        try:
            file_writing.make_folder(self._folder)
        except ReadinessError as error:
            self.problem = f"what was told cannot be remembered: {error}"
            yield {}
            return
        with locks.locked(self._folder / LOCK, _WAIT) as obtained:
            memory = self._read()
            for known in memory.values():
                known.forget(now)
            yield memory
            if not obtained:
                self.problem = f"what was told is not remembered: another run holds {self._folder / LOCK}"
                return
            try:
                file_writing.replace_file(self._folder / FILE, _written(memory))
            except ReadinessError as error:
                self.problem = f"what was told cannot be remembered: {error}"

    def _read(self) -> dict[str, _Memory]:
        content = file_reading.content_or_none(self._folder / FILE, _MAX_BYTES)
        if content is None:
            return {}
        try:
            data = json.loads(content.decode("utf-8"))
            return {str(name): _memory(entry) for name, entry in data["channels"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.problem = f"{self._folder / FILE} could not be read and is begun anew"
            return {}


def _permit(known: _Memory, event: Event, now: float) -> Permit:
    if event.key in known.until:
        return Permit(refused="told within the last hour")
    room = LIMIT - len(known.sent)
    if room <= 0 and event.kind not in ROLLBACK_KINDS:
        known.held += 1
        return Permit(refused=f"held back: {LIMIT} messages went out within the hour")
    known.until[event.key] = now + _LEASE
    lines = []
    if known.held:
        lines.append(f"and {known.held} more, which were held back")
    if room == 1:
        lines.append(f"{LIMIT} messages went out within the hour: more are held back and counted, except on rollbacks")
    return Permit(lines=tuple(lines))


def _memory(entry: Any) -> _Memory:  # noqa: ANN401 - whatever the file holds
    until = {str(k): float(t) for k, t in entry["until"].items()}
    sent = [float(t) for t in entry["sent"]]
    if not all(math.isfinite(t) for t in (*until.values(), *sent)):
        raise ValueError("no time")
    alarms = [str(thread) for thread in entry.get("alarms", ())][-_THREADS:]
    return _Memory(until=until, sent=sent, held=max(int(entry["held"]), 0), alarms=alarms)


def _written(memory: Mapping[str, _Memory]) -> str:
    channels = {
        name: {
            "until": dict(sorted(known.until.items(), key=lambda pair: pair[1])[-_EVENTS:]),
            "sent": known.sent[-_EVENTS:],
            "held": known.held,
            "alarms": known.alarms,
        }
        for name, known in list(memory.items())[-_CHANNELS:]
    }
    return json.dumps({"version": 1, "channels": channels}, indent=1, ensure_ascii=True) + "\n"
