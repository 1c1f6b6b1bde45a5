"""How fast health answers before agents connect and after they left: a session that closes makes real hubs stall."""

from __future__ import annotations

import dataclasses
import statistics
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import CouldNotLook, HubDown
from readiness.facts.http import TimedOut

if TYPE_CHECKING:
    from readiness.facts.hub import Hub
    from readiness.facts.mcp.session import ClosingSession

SAMPLES: Final = 5
"""Answers that tell how fast is usual."""
PATIENCE: Final = 10.0
"""Seconds that a hub gets to be as fast as before; 50 sessions at once block a real one for 4 to 7 s."""
QUICK: Final = 3
"""Answers in a row that prove it."""
AFTER: Final = 0.25
"""Seconds for which a hub is watched at least: it notices a closed connection a moment later."""
_FACTOR: Final = 4
_SLACK: Final = 0.05
"""Seconds that may be another program's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long health takes: seconds in the middle of a short series, and at its worst."""

    middle: float
    worst: float

    @property
    def allowed(self) -> float:
        """Seconds up to which an answer is as fast as before."""
        return max(_FACTOR * self.middle, self.worst, self.middle + _SLACK)


def measure_pace(hub: Hub) -> Pace:
    """Ask health a few times. Raises as `Hub.pulse_seconds` does."""
    taken = [hub.pulse_seconds() for _ in range(SAMPLES)]
    return Pace(middle=statistics.median(taken), worst=max(taken))


def settled(hub: Hub, usual: Pace, patience: float = PATIENCE) -> float | None:
    """Wait until health is as fast as before: None then, else the seconds of its last answer. Raises HubDown."""
    began, quick, took = _own_time(hub), 0, 0.0
    while quick < QUICK:
        if _own_time(hub) > began + patience:
            return took
        took = _one(hub, patience)
        quick = quick + 1 if took <= usual.allowed else 0
    return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """How long health gave no answer, in seconds beyond the usual, and how often it was asked meanwhile."""

    seconds: float
    samples: int


def stall(hub: Hub, closing: ClosingSession, usual: Pace | None = None, patience: float = PATIENCE) -> Stall:
    """Ask health again and again while a session closes, until it is quick again. Raises HubDown.

    `usual` is how fast health was before: among few answers the slow ones would pass for usual themselves.
    """
    started, quick = _own_time(hub), 0
    taken: list[float] = []
    while _own_time(hub) < started + patience:
        taken.append(_one(hub, patience))
        before = usual or Pace(middle=statistics.median(taken), worst=0.0)
        quick = quick + 1 if taken[-1] <= before.allowed else 0
        if closing.done and quick >= QUICK and _own_time(hub) > started + AFTER:
            break
    middle = usual.middle if usual is not None else statistics.median(taken)
    return Stall(seconds=max(0.0, max(taken) - middle), samples=len(taken))


def _own_time(hub: Hub) -> float:
    """Seconds of the monotonic clock without those that were waited because the hub asks for it."""
    return time.monotonic() - hub.transport.waited


def _one(hub: Hub, patience: float) -> float:
    """Seconds that one answer took on the wire, without the pause that keeps our own `[probe] rate`.

    A hub that stalls does not count as down before `patience` is over. Raises HubDown.
    """
    try:
        return hub.pulse(patience).seconds
    except HubDown:
        return hub.watched_pulse().seconds  # the same again, where losing the hub is noted
    except TimedOut:
        pass
    except CouldNotLook:
        time.sleep(0.05)
    return hub.transport.attempts[-1].seconds
