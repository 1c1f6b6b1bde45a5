"""Traffic for a while, and what the hub's memory does meanwhile."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.http import BadAnswer
from readiness.operations.drills import trend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from readiness.config import Config
    from readiness.facts.hub import Hub
    from readiness.operations.drills.drill import DrillRun, Scene
    from readiness.operations.drills.trend import Growth, Point
    from readiness.operations.drills.victim import Victim

CHECK: Final = "memory-is-stable-under-soak"
SHORTEST: Final = 30.0
"""Minutes of a soak that the check's own limit may be held against."""
MB: Final = 1e6
HOUR: Final = 3600.0
SAMPLES: Final = 600
"""Samples of a soak at most; there are never more than ten a second."""
_OFTEN: Final = 0.1
_WARM_SHARE: Final = 1 / 3
_WARM_LONGEST: Final = 600.0
"""A third of the soak comes before it, ten minutes at most: a JavaScript engine fills its heap under its first requests."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What a soak showed. Memory in MB, rates in MB an hour; `more` is minutes that would about settle it."""

    minutes: float
    warm: float
    requests: int
    failed: int
    worst: str
    first: float
    last: float
    growth: Growth
    pid_after: int | None
    pid: int

    @property
    def rate(self) -> float:
        """The estimated growth, MB an hour; 0 where there is none."""
        return self.growth.whole.estimate * HOUR if self.growth.whole else 0.0

    @property
    def interval(self) -> str:
        """The growth and its interval in words."""
        whole = self.growth.whole
        if whole is None:
            return "too few samples for a slope"
        return f"{self.rate:+.1f} MB/h, with 98 % between {whole.low * HOUR:+.1f} and {whole.high * HOUR:+.1f} MB/h"

    @property
    def more(self) -> float | None:
        """Minutes that would about settle what is open."""
        return None if self.growth.more is None else self.growth.more / 60


def soak(drills: DrillRun, limit: float) -> Soak:
    """Send traffic for the configured minutes and hold the growth against `limit` MB an hour. Raises Unknown."""
    why = _too_short(drills.config)
    if why:
        raise Unknown(why)
    seconds = drills.config.drill.soak * 60
    warm = min(_WARM_LONGEST, seconds * _WARM_SHARE)
    with drills.scene((seconds + warm) / 60) as scene:
        victim = scene.victim()
        scene.tell(
            f"sends {scene.config.drill.rate:g} requests a second for {(seconds + warm) / 60:.3g} minutes, the first "
            f"{warm / 60:.3g} to warm up, and watches the memory of process {victim.pid}"
        )
        traffic = _Traffic(scene)
        points = _sampled(traffic, victim, warm, seconds)
        return Soak(
            minutes=seconds / 60,
            warm=warm / 60,
            requests=traffic.sent,
            failed=traffic.failed,
            worst=traffic.worst,
            first=points[0][1],
            last=points[-1][1],
            growth=trend.judge(points, limit / HOUR),
            pid=victim.pid,
            pid_after=_answering(scene),
        )


def _too_short(config: Config) -> str:
    """Why the configured soak proves nothing; empty where it is long enough, or has a limit of its own."""
    if config.drill.soak >= SHORTEST or CHECK in config.limits:
        return ""
    return (
        f"too short: [drill] soak = {config.drill.soak:g} minutes, in which a JavaScript engine only fills its heap; "
        f"set it to {SHORTEST:g}, or say with [limits.{CHECK}] what may be held against a shorter one"
    )


def _answering(scene: Scene) -> int | None:
    try:
        return scene.watch.now().pid
    except Unknown:
        return None


def _sampled(traffic: _Traffic, victim: Victim, warm: float, seconds: float) -> list[Point]:
    """Resident memory, MB, at times in seconds since the warm-up's end."""
    every = max(_OFTEN, seconds / SAMPLES)
    began = time.monotonic() + warm
    points: list[Point] = []
    due = began
    for _ in traffic.until(began + seconds):
        now = time.monotonic()
        if now >= due:
            points.append((now - began, victim.resident() / MB))
            due += every * max(1, int((now - due) / every) + 1)
    if not points:
        raise Unknown("the hub took so long to answer that its memory was never sampled")
    return points


class _Traffic:
    """Reads and harmless calls in turn, at a bounded rate, over one connection."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._pause = scene, 1 / scene.config.drill.rate
        self.sent = self.failed = 0
        self.worst = ""

    def until(self, end: float) -> Iterator[None]:
        """Send a request, yield, wait for the next one's time; until `end`. Late requests are not made up for."""
        with self._scene.watch.hub() as hub:
            asks = itertools.cycle(self._asks(hub))
            due = time.monotonic()
            while time.monotonic() < end:
                self._send(hub, next(asks))
                yield
                due = max(due + self._pause, time.monotonic() - self._pause)
                time.sleep(max(0.0, due - time.monotonic()))

    def _asks(self, hub: Hub) -> list[Callable[[], object]]:
        def calling(server: str, tool: str, arguments: dict[str, object]) -> Callable[[], object]:
            return lambda: hub.call_tool(server, tool, arguments)

        calls = [calling(call.server, call.tool, dict(call.arguments)) for call in self._scene.config.expect.tool_calls]
        return [hub.health, hub.servers, hub.tools, *calls]

    def _send(self, hub: Hub, ask: Callable[[], object]) -> None:
        hub.new_attempt()
        self.sent += 1
        try:
            ask()
        except BadAnswer as error:
            self.failed, self.worst = self.failed + 1, str(error)
        except Unknown as error:
            self.failed, self.worst = self.failed + 1, str(error)
            time.sleep(self._pause)
