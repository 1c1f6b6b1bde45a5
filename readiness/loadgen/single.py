"""A run in one process: open, start at the epoch, tell how it goes, write what came of it."""

from __future__ import annotations

import gc
import os
import time
from typing import TYPE_CHECKING, Any, Final

import gevent

from readiness.loadgen import bound
from readiness.loadgen.engine import Engine
from readiness.loadgen.mix import MixWork
from readiness.loadgen.recorder import Recorder
from readiness.loadgen.wire import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.loadgen.mix import Work
    from readiness.loadgen.plan import Plan
    from readiness.loadgen.talk import Outlet

INTERVAL: Final = 0.5
"""Seconds between two lines of progress."""
LEAD: Final = 0.2
"""Seconds from being ready to the first arrival."""


class Run:
    """One process's share of a plan: shard `index` of `shards`. `end` and `why` say how it came to its end."""

    def __init__(self, plan: Plan, index: int = 0, shards: int = 1) -> None:
        total = plan.arrivals.count()
        self.plan, self.index, self.shards = plan, index, shards
        self.recorder = Recorder(len(range(index, total, shards)))
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
        """Tell how it goes, every half second, and give up when hope is gone; a greenlet of its own."""
        while True:
            gevent.sleep(INTERVAL)
            tell(self.recorder.progress())
            reason = hopeless(self.plan, self.recorder.errors)
            if reason:
                self.stop("aborted", reason)


def hopeless(plan: Plan, errors: int) -> str:
    """Why a run with so many errors cannot end well, or nothing."""
    planned = plan.arrivals.count() if plan.abort is not None and errors else 0
    if plan.abort is None or not planned or not bound.hopeless(errors, planned, plan.abort):
        return ""
    return f"{errors} errors are past {plan.abort:.2%} of all {planned} planned requests, whatever comes"


def _work(plan: Plan, recorder: Recorder) -> Work:
    token = os.environ.get(plan.token_env) if plan.token_env else None
    if plan.locustfile is not None:
        from readiness.loadgen.locustfile import UserWork

        return UserWork(plan, Peer(plan, token), recorder, token)
    return MixWork(plan, Peer(plan, token), recorder)


def single(plan: Plan, outlet: Outlet, watch: Callable[[Callable[[str], None]], None]) -> int:
    """Follow `plan` in this process; the exit status."""
    run = Run(plan)
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


def _tell(run: Run, outlet: Outlet, line: Mapping[str, Any]) -> None:
    outlet.say(line)
    if outlet.closed:
        run.stop("interrupted", "nobody reads the progress any more")
