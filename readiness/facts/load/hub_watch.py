"""A hub before, during and after a load: how fast it answers without load, and the memory of its process."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from readiness.errors import HubDown, Unknown
from readiness.facts.mcp import measure_pace, settled

if TYPE_CHECKING:
    import psutil

    from readiness.facts.hub import Hub

PATIENCE: Final = 60.0
"""Seconds in which a hub has to be as fast as before."""
EVERY: Final = 0.5
"""Seconds between two looks at the memory."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubAroundLoad:
    """What was seen of the hub before and after: answer times in milliseconds (medians), its memory in bytes.

    `back` is how many seconds after the load the answers were as fast as before; None: not within `PATIENCE`, for the reason
    `why`. `same_process` is None where nobody says which process answers; `memory_why` says why memory could not be seen.
    """

    idle_ms: float
    after_ms: float
    back: float | None
    why: str = ""
    memory_before: int | None = None
    memory_peak: int | None = None
    memory_after: int | None = None
    memory_why: str = ""
    same_process: bool | None = None


class HubWatch:
    """Measures the hub around a load: made before it; `after` returns the result. Raises as `Hub.time` does where the hub does not answer beforehand."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.pace = measure_pace(hub)
        self.pid = _pid(hub)
        self._process, self._why = _process(hub)
        self._before = self._resident()
        self._peak = self._before
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory under load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(2 * EVERY)

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            now = self._resident()
            if now is not None:
                self._peak = max(now, self._peak or 0)

    def _resident(self) -> int | None:
        import psutil

        if self._process is None:
            return None
        try:
            return int(self._process.memory_info().rss)
        except (psutil.Error, OSError) as error:
            self._why = f"the hub's process could not be looked at: {type(error).__name__}"
            return None

    def after(self, patience: float = PATIENCE) -> HubAroundLoad:
        """Wait until the hub is as fast as before, at most `patience` seconds, and say what was seen."""
        began, back, why = time.monotonic(), None, ""
        self.hub.new_attempt()
        try:
            slow = settled(self.hub, self.pace, patience)
            if slow is None:
                back = time.monotonic() - began
            else:
                why = f"health still took {1000 * slow:.0f} ms, {1000 * self.pace.middle:.1f} ms before"
        except Unknown as error:
            why = str(error)
        pid = _pid(self.hub)
        same = None if pid is None or self.pid is None else pid == self.pid
        return HubAroundLoad(
            idle_ms=1000 * self.pace.middle,
            after_ms=self._speed(),
            back=back,
            why=why,
            memory_before=self._before,
            memory_peak=self._peak,
            # another process's memory says nothing about this load
            memory_after=None if same is False else self._resident(),
            memory_why="the hub's process was replaced during the load" if same is False else self._why,
            same_process=same,
        )

    def _speed(self) -> float:
        try:
            return 1000 * measure_pace(self.hub).middle
        except Unknown:
            return float("nan")


def _pid(hub: Hub) -> int | None:
    with contextlib.suppress(Unknown):
        return hub.identity().pid
    return None


def _process(hub: Hub) -> tuple[psutil.Process | None, str]:
    try:
        return hub.process(), ""
    except HubDown:
        raise
    except Unknown as error:
        return None, str(error)
