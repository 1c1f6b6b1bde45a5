"""The journal of a release: each phase is written down before it begins and after it ended, so that a dead one is resumed.

One JSON object a line, flushed; the same file as a rollback's, with words of its own. A phase that began and has no end
is gone through once more; a command is begun once, whoever died when.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from readiness.operations.deploys import journal
from readiness.operations.release.model import End, Order, Phase

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "release"
"""Where the journals lie, in the report folder."""
BEGIN: Final = journal.BEGIN
OUTCOME: Final = journal.OUTCOME
PHASE: Final = "phase"
DONE: Final = "done"
RESUMED: Final = "resumed"
INTENT: Final = "intent"
STARTED: Final = "started"
ENDED: Final = "ended"
RECORDED: Final = "recorded"
KINDS: Final = frozenset({BEGIN, OUTCOME, PHASE, DONE, RESUMED, INTENT, STARTED, ENDED, RECORDED})

Entry = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a journal tells."""

    path: Path
    entries: tuple[Entry, ...]

    def first(self, kind: str) -> Entry:
        """The first entry of that kind; empty where there is none."""
        return next((entry for entry in self.entries if entry["kind"] == kind), {})

    def of(self, kind: str, name: str) -> Entry | None:
        """The last entry of that kind about a phase or a command."""
        return next((e for e in reversed(self.entries) if e["kind"] == kind and e.get("name") == name), None)

    @property
    def id(self) -> str:
        """Its name."""
        return self.path.stem

    @property
    def order(self) -> Order:
        """What was asked for."""
        return Order.from_json(self.first(BEGIN)["order"])

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return bool(self.first(OUTCOME))

    @property
    def end(self) -> End | None:
        """How it ended."""
        found = self.first(OUTCOME)
        return End.from_json(found) if found else None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that are over, in the order in which they first began, each once."""
        found: dict[str, Phase] = {}
        for entry in self.entries:
            if entry["kind"] == DONE:
                found[entry["name"]] = Phase(
                    name=entry["name"], status=entry["status"], seconds=entry["seconds"], detail=entry["detail"]
                )
        return tuple(found.values())

    def began(self, name: str) -> float | None:
        """When the phase first began, in seconds since the epoch."""
        times = (float(e["at"]) for e in self.entries if e["kind"] == PHASE and e.get("name") == name)
        return next(times, None)


def read(path: Path) -> State:
    """What the journal at `path` tells, as far as it is whole. Raises ReadinessError where it cannot be read."""
    return State(path=path, entries=journal.entries(path, KINDS))


def unfinished(folder: Path) -> State | None:
    """The release that began and did not come to its end; None: there is none."""
    paths = sorted(folder.glob("*.jsonl"), reverse=True) if folder.is_dir() else []
    found = (read(path) for path in paths)
    return next((state for state in found if state.first(BEGIN) and not state.finished), None)


def last(folder: Path) -> State | None:
    """The newest release; None where there was none."""
    paths = sorted(folder.glob("*.jsonl"), reverse=True) if folder.is_dir() else []
    return next((state for state in map(read, paths) if state.first(BEGIN)), None)
