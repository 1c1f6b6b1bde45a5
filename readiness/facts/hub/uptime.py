"""How long the process that answers has run, by a clock that can be believed.

The difference of two machines' clocks measures nothing. For a process of this host the kernel counts, which no change of
the clock moves. For another one the hub's own clock is held against the hub's own start; what contradicts itself is no time.
"""

from __future__ import annotations

import dataclasses
import os
import time
from typing import TYPE_CHECKING, Final, Literal, Protocol

from readiness.facts.hub.records import LONGEST, seconds_of
from readiness.support import process_identity

if TYPE_CHECKING:
    from readiness.facts.http import HttpAnswer
    from readiness.facts.hub.records import Health

SLACK: Final = 2.0
"""Seconds that two counts of one span may differ: both are read over a wire, and the hub counts some in whole seconds."""
APART: Final = 1.0
"""Seconds between two reads of a clock before it is seen to run."""

Clock = Literal["kernel", "hub"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToldClock:
    """What a hub's own clock says now: seconds since its start, None where it contradicts itself; `ahead` of ours in seconds."""

    age: float | None = None
    ahead: float | None = None


class Process(Protocol):
    """A process of this host: psutil's."""

    @property
    def pid(self) -> int:
        """Its number."""

    def create_time(self) -> float:
        """Its start in seconds since the epoch."""


def age_here(process: Process) -> float | None:
    """Seconds since the start of a process of this host; None where they make no sense. Raises psutil.Error."""
    start = process_identity.start_of(process.pid)
    if start is not None and start.isdigit():
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(start) / os.sysconf("SC_CLK_TCK")
    else:
        age = time.time() - process.create_time()
    return max(age, 0.0) if -SLACK < age < LONGEST else None


def told_clock(answer: HttpAnswer, health: Health, entry: dict[str, object]) -> ToldClock:
    """What the clock of the hub that gave `answer` says; `entry` is what it says about its own process."""
    now, start = seconds_of(health.raw.get("timestamp")), seconds_of(entry.get("startTime"))
    if now is None:
        return ToldClock()
    since = time.monotonic() - answer.at
    ahead = now + answer.seconds / 2 + since - time.time()
    if start is None or not 0 <= now - start < LONGEST:
        return ToldClock(ahead=ahead)
    # no server has run for longer than its hub
    oldest = max((server.uptime or 0.0 for server in health.servers), default=0.0)
    return ToldClock(age=now - start + since if oldest <= now - start + SLACK else None, ahead=ahead)


class Reading(Protocol):
    """One reading of a process: `hub.Identity` is one."""

    @property
    def age(self) -> float | None:
        """Seconds since its start, None where nobody says."""

    @property
    def clock(self) -> Clock | None:
        """Whose count that is."""

    @property
    def claimed_start(self) -> str | None:
        """The start as the hub writes it."""

    @property
    def seen(self) -> float:
        """When it was read, on this machine's monotonic clock."""


def up_for(first: Reading, now: Reading) -> float:
    """Seconds that a process has run at least, by two readings of it: what was watched, or more where a clock proves more."""
    watched = max(0.0, now.seen - first.seen)
    if now.age is None:
        return watched
    if now.clock == "kernel":
        return max(watched, now.age)
    if first.age is None or first.clock != "hub" or watched < APART:
        return watched
    runs_as_ours = abs(now.age - first.age - watched) <= SLACK
    return max(watched, now.age) if runs_as_ours else watched


def is_restarted(first: Reading, now: Reading) -> bool:
    """Whether what bears the same number is a younger process: in a container each one is number 1."""
    if now.age is None or now.age >= now.seen - first.seen - SLACK:
        return False
    # a clock that was set back makes young, but writes no new start
    return now.clock == "kernel" or (now.claimed_start != first.claimed_start and first.clock == "hub")
