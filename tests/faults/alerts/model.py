"""The vocabulary of the alerts' faults: a hub as in the fault matrix, and what earlier runs have left behind."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from tests.faults.hub.model import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

Process = Literal["same", "other"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A read of the counters that a run stored so many `minutes` ago: by kind the total, and how many of it were bad."""

    minutes: float
    counters: Mapping[str, tuple[float, float]]
    process: Process = "same"
    underway: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run in the history, so many `minutes` ago: what `hub-answers` and the counters came to, and what it decided."""

    minutes: float
    answers: str | None = "passed"
    success_rate: str | None = None
    status: str = "READY"
    decision: str = "KEEP"
    foreign: bool = False
    """It was about another hub."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What lies in the folder of reports. `text` stands in the store instead of `reads`.

    `up`: how many minutes the hub's process is up; default: an hour longer than the oldest read of it, else for seconds.
    """

    reads: tuple[Stored, ...] = ()
    text: str | None = None
    runs: tuple[Ran, ...] = ()
    record: str | None = None
    """The text of `deploy.json`, instead of a record."""
    up: float | None = None
    deployed_pid: Process | None = None
    """Whose pid the record of the deploy names."""

    @property
    def age(self) -> float:
        """Minutes that the hub's process is up."""
        own = [stored.minutes + 60 for stored in self.reads if stored.process == "same"]
        return max(own, default=0.0) if self.up is None else self.up


NOTHING = Before()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertFault(Fault):
    """A fault with what earlier runs have left behind; `notes` are words of the notes of its findings."""

    before: Before = NOTHING
    notes: tuple[str, ...] = ()
    quick: bool = False
    """Whether it belongs to the representative part that every `make test` runs."""
