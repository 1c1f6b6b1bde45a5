"""A run in one process: open, send each arrival at its time, tell how it goes, write what came of it.

The scheduler is one greenlet that starts arrivals at their times, lanes that send them, and a clock for those that hang.
"""

from __future__ import annotations

import base64
import gc
import os
import time
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.hub import Waiter, get_hub

from readiness.loadgen.mix import MixWorkload
from readiness.loadgen.plan import reason_to_abort
from readiness.loadgen.samples import ArrivalRecorder
from readiness.loadgen.wire import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from readiness.loadgen.mix import Hand, Workload
    from readiness.loadgen.parent import Outlet
    from readiness.loadgen.plan import Plan

_TICK: Final = 0.02
"""Seconds between two looks for requests that have run out of time."""
_NAP: Final = 0.2
"""Seconds after which a sleeping scheduler looks whether it should stop."""
_BURST: Final = 8
"""Late arrivals that are started in a row before answers get their turn."""


class Engine:
    """One process's share of a schedule."""

    def __init__(self, work: Workload, recorder: ArrivalRecorder, *, in_flight: int, timeout: float) -> None:
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


INTERVAL: Final = 0.5
"""Seconds between two lines of progress."""
LEAD: Final = 0.2
"""Seconds from being ready to the first arrival."""


class GeneratorRun:
    """One process's share of a plan: shard `index` of `shards`. `end` and `why` say how it came to its end."""

    def __init__(self, plan: Plan, index: int = 0, shards: int = 1) -> None:
        total = plan.arrivals.count()
        self.plan, self.index, self.shards = plan, index, shards
        self.recorder = ArrivalRecorder(len(range(index, total, shards)))
        self.work = _work(plan, self.recorder)
        self.engine = Engine(self.work, self.recorder, in_flight=plan.in_flight, timeout=plan.timeout)
        self.end, self.why, self.cpu = "done", "", 0.0

    def open(self) -> None:
        """Get ready; what could not be had stands in `why`, and the run shows it as errors."""
        self.why = self.work.open()

    def follow(self, epoch: float) -> None:
        """Send from `epoch` on (Unix time of this machine's clock) until the answers are there."""
        self.recorder.begin_at(epoch)
        # what is there now lives to the end: the collector need not look at it in the middle of the schedule
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 1000)
        used, began = time.process_time(), time.perf_counter()
        self.engine.run(self.plan.arrivals.shard(self.index, self.shards))
        passed = time.perf_counter() - began
        self.cpu = round((time.process_time() - used) / passed, 4) if passed > 0 else 0.0
        self.engine.drain(self.plan.drain)

    def stop(self, end: str, why: str) -> None:
        """End it before its time; the first reason holds."""
        if not self.engine.stopping:
            self.end, self.why = end, why
            self.engine.stop()

    def watch(self, tell: Callable[[Mapping[str, Any]], None]) -> None:
        """Tell how it goes, every half second, and end the run when it cannot end well any more; a greenlet of its own."""
        while True:
            gevent.sleep(INTERVAL)
            tell(self.recorder.progress())
            reason = reason_to_abort(self.plan, self.recorder.errors)
            if reason:
                self.stop("aborted", reason)


def credentials(plan: Plan) -> dict[str, str]:
    """The headers with the credentials that the plan names, from this process's environment."""
    headers = {}
    for name, variable, scheme in ((("Authorization", plan.token_env or "", "Bearer")), *plan.auth):
        value = os.environ.get(variable, "") if variable else ""
        if scheme.lower() == "basic" and ":" in value:
            value = base64.b64encode(value.encode()).decode()
        if value:
            headers[name] = f"{scheme} {value}" if scheme else value
    return headers


def _work(plan: Plan, recorder: ArrivalRecorder) -> Workload:
    headers = credentials(plan)
    if plan.locustfile is not None:
        from readiness.loadgen.locustfile import UserWorkload

        return UserWorkload(plan, Peer(plan, headers), recorder, headers)
    return MixWorkload(plan, Peer(plan, headers), recorder)


def single(plan: Plan, outlet: Outlet, watch: Callable[[Callable[[str], None]], None]) -> int:
    """Follow `plan` in this process; the exit status."""
    run = GeneratorRun(plan)
    watch(lambda why: run.stop("interrupted", why))
    run.open()
    progress = gevent.spawn(run.watch, lambda line: _tell(run, outlet, line))
    epoch = time.time() + LEAD
    run.follow(epoch)
    progress.kill()
    outlet.say(run.recorder.progress())
    file = run.recorder.columns.write(plan.output, run.recorder.routes, epoch)
    run.work.close(patient=run.end != "interrupted")
    last = {"end": run.end, "file": file.name, "clock_offset_ms": {}, "cpu": {"generator": run.cpu}, "why": run.why}
    outlet.say(last, 5.0)
    return 0


def _tell(run: GeneratorRun, outlet: Outlet, line: Mapping[str, Any]) -> None:
    outlet.say(line)
    if outlet.closed:
        run.stop("interrupted", "nobody reads the progress any more")
