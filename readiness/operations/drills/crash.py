"""The hub's process killed, or told to stop: what becomes of it, of the calls in flight, and who brings it back."""

from __future__ import annotations

import dataclasses
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import HubDown, Unknown
from readiness.facts.http import HEALTH, BadAnswer
from readiness.operations.drills.drill import KILLED, Restored
from readiness.operations.drills.victim import outlived

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.facts.hub import Hub
    from readiness.operations.drills.drill import DrillRun, Scene
    from readiness.operations.drills.state import Back, Watch
    from readiness.operations.drills.victim import ProcessEnd

ORPHANED: Final = 5.0
"""Seconds after which a server that outlives its hub is an orphan; servers end when their standard input does."""
LEAD: Final = 0.4
"""Seconds by which the slow call is ahead of the signal."""
SLOW: Final = ("trigger-long-running-operation", "longRunningOperation")
"""Slow tools that are known: those of the reference server "everything", old and new."""
SLOW_ARGUMENTS: Final[Mapping[str, Any]] = {"duration": 3, "steps": 3}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """What a killed hub did. `back` is what came within the start-up `budget` (seconds), without any help."""

    pid: int
    budget: float
    back: Back
    restored: Restored
    orphans: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CallInFlight:
    """A request in flight: what it was, how it ended, and whether that was before the signal."""

    what: str
    ended: str
    early: bool
    lost: bool
    """It was under way and got no answer, or an error for one; a connection that was not accepted any more is none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What a hub did that was told to stop; `back` as in Crash, None where it never ended."""

    pid: int
    budget: float
    ended: ProcessEnd
    calls: tuple[CallInFlight, ...]
    back: Back | None
    restored: Restored
    orphans: tuple[int, ...]


def crash(drills: DrillRun) -> Crash:
    """Kill the hub and wait for a supervisor. Raises Unknown, with nothing done, where that may not be."""
    with drills.scene() as scene:
        victim, budget = scene.victim(), scene.watch.budget
        scene.tell(f"kills the hub's process {victim.pid} (SIGKILL) and waits up to {budget:g} s for a supervisor")
        children = victim.children()
        with scene.process_put_back(victim):
            victim.send(signal.SIGKILL)
            if victim.wait(KILLED).seconds is None:
                raise Unknown(f"process {victim.pid} still runs {KILLED:g} s after SIGKILL")
            back = scene.watch.back(scene.before, budget, other=True)
            scene.expired = back.seconds is None
        return Crash(
            pid=victim.pid,
            budget=budget,
            back=back,
            restored=scene.restored,
            orphans=tuple(outlived(children, ORPHANED)),
        )


def stop(drills: DrillRun, seconds: float) -> Stop:
    """Tell the hub to stop while requests are in flight; it has `seconds`. Raises Unknown as `crash` does."""
    with drills.scene() as scene:
        victim, budget = scene.victim(), scene.watch.budget
        slow = _slow_call(scene)
        scene.tell(
            f"tells the hub's process {victim.pid} to stop (SIGTERM) with {slow[0] if slow else 'no call'} and a "
            f"health request in flight, gives it {seconds:g} s, and waits up to {budget:g} s for a supervisor"
        )
        children = victim.children()
        back = None
        with scene.process_put_back(victim):
            flights = [_Flight(scene.watch, *slow, seconds)] if slow else []
            flights.append(_Flight(scene.watch, f"GET {HEALTH}", lambda hub: hub.time(HEALTH), seconds, at_once=False))
            time.sleep(LEAD)
            flights[-1].go()
            sent = time.monotonic()
            victim.send(signal.SIGTERM)
            ended = victim.wait(seconds)
            calls = tuple(flight.result(sent) for flight in flights)
            if ended.seconds is not None:
                back = scene.watch.back(scene.before, budget, other=True)
            scene.expired = back is None or back.seconds is None
        return Stop(
            pid=victim.pid,
            budget=budget,
            ended=ended,
            calls=calls,
            back=back,
            restored=scene.restored,
            orphans=tuple(outlived(children, ORPHANED)) if ended.seconds is not None else (),
        )


def _slow_call(scene: Scene) -> tuple[str, Callable[[Hub], object]] | None:
    """The configured call, else a known slow tool, else the first of `[expect]`; None where there is none."""
    call = scene.config.drill.call
    if call is None:
        known = next(((s, t) for s, t in sorted(scene.before.tools) if t in SLOW), None)
        if known is not None:
            server, tool = known
            return f"{server}/{tool}", lambda hub: hub.call_tool(server, tool, dict(SLOW_ARGUMENTS))
        call = next(iter(scene.config.expect.tool_calls), None)
    if call is None:
        return None
    asked = call
    return f"{asked.server}/{asked.tool}", lambda hub: hub.call_tool(asked.server, asked.tool, dict(asked.arguments))


class _Flight:
    """One request in a thread and over a connection of its own; `at_once` False: only once it is told to go."""

    def __init__(
        self, watch: Watch, what: str, ask: Callable[[Hub], object], seconds: float, *, at_once: bool = True
    ) -> None:
        self.what, self._seconds = what, seconds
        self._ended, self._lost, self._at = "not answered", True, float("inf")
        self._go, self._open = threading.Event(), threading.Event()
        if at_once:
            self._go.set()
        self._thread = threading.Thread(target=self._fly, args=(watch, ask), name=f"drill {what}", daemon=True)
        self._thread.start()

    def go(self) -> None:
        """Send it now."""
        self._open.wait(self._seconds)
        self._go.set()

    def _fly(self, watch: Watch, ask: Callable[[Hub], object]) -> None:
        try:
            with watch.hub(self._seconds) as hub:
                if not self._go.is_set():
                    hub.time(HEALTH)  # its connection is open before the signal
                self._open.set()
                self._go.wait(self._seconds)
                ask(hub)
        except BadAnswer as error:
            ended, lost = f"ended in an error: {error}", True
        except HubDown as error:
            ended, lost = f"not accepted any more: {error}", False
        except Unknown as error:
            ended, lost = f"dropped: {error}", True
        else:
            ended, lost = "answered", False
        self._open.set()
        self._at, self._ended, self._lost = time.monotonic(), ended, lost

    def result(self, sent: float) -> CallInFlight:
        """How it ended; it gets a moment after the hub did, since a dead hub's connections end with it."""
        self._thread.join(max(1.0, min(5.0, sent + self._seconds - time.monotonic())))
        return CallInFlight(what=self.what, ended=self._ended, lost=self._lost, early=self._at < sent)
