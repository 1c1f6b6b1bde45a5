"""Sampling for a baseline: how long health and the list of tools take to answer, and now and then everything else."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.errors import HubDown, NotServed, ReadinessError, Unknown
from readiness.facts.http import is_loopback
from readiness.operations.baseline.comparison import RULES
from readiness.operations.baseline.file import MOST, Measurement, Series
from readiness.results.report import iso
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.facts.hub import Hub
    from readiness.operations.watch import Bench

_TOOLS: Final = ("/api/tools", "/api/servers")
"""The second one where the first is not served: before 4.3.0."""
_READINGS: Final = 12
"""Times that telemetry and host are read in one sampling, at most."""
_APART: Final = 0.5
"""Seconds between two of them at least."""
_MUST_READ: Final = frozenset({*RULES, "llm.calls"})
_READY: Final = ("ready", "restarted")


@dataclasses.dataclass(slots=True)
class _Taken:
    series: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    units: dict[str, str] = dataclasses.field(default_factory=dict)
    asked: int = 0
    failed: int = 0
    silent: int = 0
    """Requests in a row that proved the hub down."""

    def add(self, name: str, unit: str, value: float) -> None:
        self.units[name] = unit
        samples = self.series.setdefault(name, [])
        if len(samples) < MOST:
            samples.append(value)


class Sampler:
    """Takes one measurement of the hub that a bench reaches."""

    def __init__(self, bench: Bench, tell: Callable[[float], None]) -> None:
        """`tell` hears every second or so how many seconds are left."""
        self._bench, self._tell = bench, tell
        self._taken = _Taken()

    def take(self, seconds: float, interval: float) -> Measurement:
        """Sample for `seconds`, every `interval`. Raises Unknown where the hub does not answer or is not ready."""
        self._bench.reach.waited = False  # unlike a view, a measurement gives a starting hub its time
        hub: Hub = self._bench.fact("hub")
        state = hub.health().state
        if state not in _READY:
            raise Unknown(
                f"the hub's state is {one_line(state, 40)!r}: wait until it is ready, or see `readiness watch`"
            )
        tools = self._tools_route(hub)
        about = self._about(hub)
        at, started = time.time(), time.monotonic()
        for ask in (hub.pulse_seconds, lambda: hub.tools_seconds(tools)):
            with contextlib.suppress(Unknown):
                ask()  # the first one pays for what others left behind
        self._sample(hub, tools, started + seconds, interval)
        names = self._taken.series
        of = {"health.answer": hub.pulse_route, "tools.answer": tools}
        return Measurement(
            at=iso(at),
            seconds=round(time.monotonic() - started, 3),
            identity=self._identity(),
            about=about,
            series={n: Series(unit=self._taken.units[n], samples=tuple(names[n]), of=of.get(n, "")) for n in names},
            asked=self._taken.asked,
            failed=self._taken.failed,
        )

    def _sample(self, hub: Hub, tools: str, until: float, interval: float) -> None:
        now = time.monotonic()
        apart = max(_APART, (until - now) / _READINGS)
        due, read = now, now + min(apart, (until - now) / 2)
        while (now := time.monotonic()) < until:
            self._tell(until - now)
            self._time("health.answer", hub.pulse_seconds)
            self._time("tools.answer", lambda: hub.tools_seconds(tools))
            if time.monotonic() >= read:
                self._read(hub)
                read = time.monotonic() + apart
            due = max(due + interval, time.monotonic())
            time.sleep(max(0.0, min(due, until) - time.monotonic()))

    def _time(self, name: str, ask: Callable[[], float]) -> None:
        taken = self._taken
        taken.asked += 1
        try:
            taken.add(name, "ms", round(ask() * 1000, 4))
            taken.silent = 0
        except HubDown as error:
            taken.failed += 1
            taken.silent += 1
            if taken.silent >= self._bench.config.probe.attempts:
                raise Unknown(f"the hub was lost while it was sampled: {error}") from None
        except ReadinessError:
            taken.failed += 1

    def _read(self, hub: Hub) -> None:
        """Telemetry and host once; what is not there is not there."""
        from readiness.facts.host import local_resources
        from readiness.facts.telemetry import BY_NAME, readings, unread

        hub.new_attempt()
        try:
            metrics = readings(hub.filtering_stats())
        except ReadinessError:
            metrics = unread("not read")
        for reading in [*metrics.values(), *local_resources.look(hub, self._bench.config).values()]:
            if reading.number is not None and reading.metric in _MUST_READ:
                metric = BY_NAME.get(reading.metric)
                unit = "share" if metric is not None and metric.is_share else reading.unit
                self._taken.add(reading.metric, unit, reading.number)

    @staticmethod
    def _tools_route(hub: Hub) -> str:
        if not hub.kind.is_hub:
            return "tools/list"
        try:
            hub.listed_tools()
        except NotServed:
            return _TOOLS[1]
        except ReadinessError:
            pass  # it is served, and its answer wrong: the failures will say so
        return _TOOLS[0]

    def _identity(self) -> dict[str, str]:
        """What must be equal for two measurements to be compared."""
        config = self._bench.config
        # the embedded hub has another port at every start
        place = "the embedded hub" if config.demo else urlsplit(config.target.facts_url or "").netloc.rpartition("@")[2]
        # not by its name: a container has another one at every start
        beside = "beside the hub" if is_loopback(config.target.facts_url or "") else "elsewhere"
        machine = f"{os.cpu_count() or 0} processors, {beside}"
        facts = {"environment": config.environment, "address": place, "asking machine": machine}
        return {key: one_line(self._bench.redact(value), 200) for key, value in facts.items()}

    def _about(self, hub: Hub) -> dict[str, str]:
        """What answered, as far as it says so."""
        facts: dict[str, Any] = {"asked from": platform.node()}
        with contextlib.suppress(Unknown):
            facts["version"] = hub.version()
        with contextlib.suppress(Unknown):
            identity = hub.identity()
            facts["pid"] = identity.pid
            if identity.started is not None:
                facts["started"] = iso(identity.started)
        release = self._bench.config.target.release
        if release is not None and not self._bench.config.demo:
            facts["release"] = release
        return {key: one_line(self._bench.redact(str(value)), 200) for key, value in facts.items()}
