"""The scheduler: one greenlet that starts arrivals at their times, lanes that do them, and a clock for those that hang."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import gevent
from gevent.hub import Waiter, get_hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.loadgen.mix import Hand, Work
    from readiness.loadgen.recorder import Recorder

_TICK: Final = 0.02
"""Seconds between two looks for requests that have run out of time."""
_NAP: Final = 0.2
"""Seconds after which a sleeping scheduler looks whether it should stop."""
_BURST: Final = 8
"""Late arrivals that are started in a row before answers get their turn."""


class Engine:
    """One process's share of a schedule."""

    def __init__(self, work: Work, recorder: Recorder, *, in_flight: int, timeout: float) -> None:
        self._work, self._recorder = work, recorder
        self._in_flight, self._timeout = in_flight, timeout
        self._parked: list[Waiter] = []
        self._busy: dict[Hand, float] = {}
        self._lanes = 0
        self._clock: gevent.Greenlet | None = None
        self.stopping = False

    def run(self, schedule: Iterator[tuple[int, float]]) -> None:
        """Start every arrival at its time, until `stop`."""
        self._clock = gevent.spawn(self._expire)
        now, late = self._recorder.now, 0
        for number, due in schedule:
            wait = due - now()
            late = late + 1 if wait <= 0 else 0
            if late >= _BURST:
                # behind: give way, and start what is due all the same; the schedule itself never shifts
                gevent.sleep(0)
                late = 0
            while wait > 0 and not self.stopping:
                gevent.sleep(min(wait, _NAP))
                wait = due - now()
            if self.stopping:
                break
            self._start(number, due)

    def stop(self) -> None:
        """Start nothing more and wait for nothing; what is in flight stays unfinished."""
        self.stopping = True

    def _start(self, number: int, due: float) -> None:
        if self._parked:
            # the lane that was used last has the connection that is least likely to have been closed
            get_hub().loop.run_callback(self._parked.pop().switch, (number, due))
        elif self._lanes < self._in_flight:
            self._lanes += 1
            gevent.spawn(self._lane, number, due)
        else:
            self._recorder.drop(due, self._work.route_of(number))

    def _lane(self, number: int, due: float) -> None:
        hand, waiter, busy, parked = self._work.hand(), Waiter(), self._busy, self._parked
        timeout = self._timeout
        while True:
            busy[hand] = time.perf_counter() + timeout
            hand.do(number, due)
            del busy[hand]
            parked.append(waiter)
            number, due = waiter.get()
            waiter.clear()

    def _expire(self) -> None:
        while True:
            gevent.sleep(_TICK)
            now = time.perf_counter()
            # lanes stand in the order of their starts: behind the first that has time left all have
            for hand in list(self._overdue(now)):
                # it ends by itself now; if not, it is told again, at the end of the line
                del self._busy[hand]
                self._busy[hand] = now + self._timeout
                hand.expire()

    def _overdue(self, now: float) -> Iterator[Hand]:
        for hand, until in self._busy.items():
            if until > now:
                return
            yield hand

    def drain(self, seconds: float) -> None:
        """Wait up to `seconds` for the answers that are missing, until `stop`; what stays out is unfinished."""
        until = time.perf_counter() + seconds
        # a lane that was just woken is not busy yet
        gevent.sleep(0)
        while self._busy and not self.stopping and time.perf_counter() < until:
            gevent.sleep(_TICK)
        if self._clock is not None:
            self._clock.kill(block=False)
        for hand in self._busy:
            hand.leave()
