"""What a row of earlier runs proves: how long a hub was up, and which deploys had to be taken back."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PERIOD: Final = 30 * 86_400.0
"""Seconds that count as recent: 30 days."""
GAP: Final = 7_200.0
"""Seconds between two runs beyond which nobody knows what happened in between; hourly runs leave none."""
_GOOD: Final = frozenset({"READY", "CONDITIONAL"})
_SAME_DEPLOY: Final = 3_600.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One earlier run, in seconds since the epoch."""

    started: float
    finished: float
    version: str = ""
    """Of the hub, as it was configured."""
    status: str = ""
    decision: str = ""
    stage: str = ""
    up: bool | None = None
    """Whether `hub-answers` held; None: not judged, or not proven."""
    counted: bool = False
    """Whether it looked at the counters, and so may have stored what it read."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """Seconds that the hub was up, down, or of unknown state, as `runs` runs in a row have seen it.

    Between two runs that found the same, all of it counts as that. Between one that found it up and one that found it down
    it went down (or came back) at an unknown moment: `turning`. Where runs lie more than `GAP` apart nobody looked: `unseen`.
    """

    runs: int = 0
    bad: int = 0
    """Runs that found it down."""
    up: float = 0.0
    down: float = 0.0
    turning: float = 0.0
    unseen: float = 0.0

    @property
    def seen(self) -> float:
        """The share of the time that somebody looked at, 0 to 1."""
        whole = self.up + self.down + self.turning + self.unseen
        return 1 - self.unseen / whole if whole else 0.0

    @property
    def at_worst(self) -> float:
        """The availability of the time that was seen, 0 to 1, if it was down whenever it may have been."""
        known = self.up + self.down + self.turning
        return self.up / known if known else 0.0

    @property
    def at_best(self) -> float:
        """The same if it was up whenever it may have been."""
        known = self.up + self.down + self.turning
        return (self.up + self.turning) / known if known else 1.0

    @property
    def at_very_best(self) -> float:
        """The availability over the whole `PERIOD` if it was up whenever nobody proved the contrary, 0 to 1."""
        return 1 - self.down / PERIOD


def uptime(runs: Sequence[PastRun], now: float) -> Uptime:
    """Put the runs together, oldest first; what came after the last one is unseen."""
    told = [run for run in runs if run.up is not None]
    sums = {"up": 0.0, "down": 0.0, "turning": 0.0, "unseen": 0.0}
    for one, other in itertools.pairwise(told):
        between = max(0.0, other.started - one.started)
        looked = min(between, GAP)
        if one.up == other.up:
            sums["unseen" if between > GAP else "up" if one.up else "down"] += between
        else:
            # it may have been down for as long as a gap may last, on either side of the run that found it so
            sums["turning"] += looked
            sums["unseen"] += between - looked
    if told:
        sums["unseen"] += max(0.0, now - told[-1].finished - GAP)
    return Uptime(runs=len(told), bad=sum(run.up is False for run in told), **sums)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deploys:
    """The deploys of the last `PERIOD`: `taken_back` are the runs that decided to roll one back, one a deploy."""

    recorded: bool
    """Whether a deploy is on record, or a run judged one."""
    judged: int = 0
    """Runs that judged a running release."""
    taken_back: tuple[PastRun, ...] = ()
    standing: bool = True
    """Whether a later run found the hub fit again, after the last that was to be rolled back."""


def deploys(runs: Sequence[PastRun], *, on_record: bool) -> Deploys:
    """Which deploys failed, from the runs, oldest first; `on_record`: the record of a deploy is there."""
    judged = [run for run in runs if run.stage == "after"]
    bad = [run for run in judged if run.decision == "ROLL BACK"]
    first = [run for before, run in zip([None, *bad], bad, strict=False) if before is None or not _same(before, run)]
    good_since = not bad or any(run.status in _GOOD and run.started > bad[-1].started for run in judged)
    return Deploys(recorded=on_record or bool(bad), judged=len(judged), taken_back=tuple(first), standing=good_since)


def _same(one: PastRun, other: PastRun) -> bool:
    """Whether two runs that wanted a rollback judged the same deploy."""
    return one.version == other.version and other.started - one.started <= _SAME_DEPLOY
