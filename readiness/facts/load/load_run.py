"""A load run and what it proved: arrivals that were due, what became of them, and whether the generator can be believed."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.load.plan import due_requests, top_rate
from readiness.facts.load.stats import Interval, more_for_percentile, more_for_share, percentile, share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.facts.load.generator import GeneratorEnd
    from readiness.facts.load.hub_watch import HubAroundLoad
    from readiness.facts.load.samples import Samples

SHARE: Final = 0.99
"""Part of the planned requests that has to be sent for a run to prove anything."""
LAG_MS: Final = 20.0
"""The 99th percentile of how late requests were sent; past it the generator measured itself."""
CPU: Final = 0.9
"""Share of a processor that a generator's process may use."""
OFFSET_MS: Final = 5.0
"""Milliseconds by which workers' clocks may differ."""
ENOUGH: Final = 299
"""Samples that a p99, or "errors below 1 %", needs (see `stats`)."""
EARLY: Final = 0.005
"""Seconds by which a clock may be read out of order; a request cannot be sent sooner than it was meant to be."""
STEP: Final = 1.0
"""Seconds after the schedule's end until which an answer counts as in step with it."""


class LoadRun:
    """One load run. Whoever judges it asks `doubts` first."""

    def __init__(
        self,
        plan: Mapping[str, Any],
        ended: GeneratorEnd,
        samples: Samples,
        around: HubAroundLoad,
        *,
        p99: float = 5000.0,
    ) -> None:
        """`p99` is `[load] p99` in milliseconds."""
        self.plan, self.ended, self.samples, self.around, self.p99 = plan, ended, samples, around, p99

    @property
    def rate(self) -> float:
        """Requests a second that were planned at the most."""
        return top_rate(self.plan["arrivals"])

    @property
    def seconds(self) -> float:
        """Length of the schedule."""
        return float(self.plan["arrivals"]["seconds"])

    @property
    def aborted(self) -> bool:
        """Whether the run was given up because too many answers were certainly wrong."""
        return self.ended.end == "aborted"

    @functools.cached_property
    def planned(self) -> int:
        """Requests that were due; of a run that was given up, until then."""
        return len(self.samples)

    @functools.cached_property
    def latencies(self) -> list[float]:
        """Milliseconds from the intended start, in rising order, of what came to an end."""
        return self.samples.latencies()

    @functools.cached_property
    def judged(self) -> list[float]:
        """The same of every arrival: one that never came to an end counts as infinitely long."""
        return [*self.latencies, *[math.inf] * (self.planned - len(self.latencies))]

    @functools.cached_property
    def lag(self) -> float:
        """The 99th percentile of how late requests were sent, in milliseconds. Raises Unknown."""
        lags = self.samples.lags()
        if not lags:
            raise Unknown("not one request was sent")
        return percentile(lags, 0.99).value

    def doubts(self) -> list[str]:
        """Why this run proves nothing, each as a sentence with the bottleneck; empty where it can be believed.

        A run that was given up for its errors is believed as far as they go: see `aborted`.
        """
        if self.ended.end not in {"done", "aborted"}:
            return [f"the generator ended early ({self.ended.end}): {self.ended.why or 'no reason given'}"]
        if not self.samples.sent:
            return ["not one request was sent"]
        return [*self._of_schedule(), *self._of_clocks(), *self._of_generator()]

    def _of_schedule(self) -> list[str]:
        doubts = []
        due = due_requests(self.plan["arrivals"])
        if not self.aborted and self.planned < SHARE * due:
            doubts.append(f"the generator accounts for {self.planned} of about {due:.0f} planned requests")
        if self.samples.sent < SHARE * self.planned:
            doubts.append(f"only {self.samples.sent} of {self.planned} requests were sent; {self._bottleneck()}")
        left = self.samples.sent - self.samples.finished
        if left and not self.aborted:
            doubts.append(f"{left} requests were neither answered nor timed out when the run ended")
        return [*doubts, *self.too_few()]

    def too_few(self) -> list[str]:
        """The doubt that says nothing of the generator: what was asked for is too little to decide; empty where it is enough."""
        if self.planned >= ENOUGH or self.aborted:
            return []
        return [f"{self.planned} requests are too few: a p99 needs {ENOUGH}; raise [load] rate or duration"]

    def _of_clocks(self) -> list[str]:
        doubts = []
        if self.lag >= LAG_MS:
            doubts.append(f"requests were sent up to {self.lag:.0f} ms late (p99); {self._bottleneck()}")
        wrong = self.samples.impossible(EARLY)
        if wrong:
            doubts.append(
                f"{wrong} requests were sent before their time or answered before they were sent: clocks differ"
            )
        if abs(self.ended.clock_offset_ms) > OFFSET_MS:
            doubts.append(f"the workers' clocks differ by {self.ended.clock_offset_ms:.1f} ms")
        return doubts

    def _of_generator(self) -> list[str]:
        busiest = max(self.ended.cpu, default=0.0)
        workers = int(self.plan["workers"]) + int(self.plan.get("remote", 0))
        # several workers have a master, which is measured too
        if len(self.ended.cpu) < workers + (workers > 1) or not all(map(math.isfinite, self.ended.cpu)):
            return [f"the generator did not say how busy the processors of its {workers} workers were"]
        if busiest >= CPU:
            return [f"the generator's processor was {100 * busiest:.0f} % busy: add [load] workers or lower the rate"]
        return []

    def _bottleneck(self) -> str:
        busiest = max(self.ended.cpu, default=0.0)
        if busiest >= CPU:
            return f"the bottleneck was the generator's processor ({100 * busiest:.0f} % busy)"
        return (
            f"the bottleneck was the machine it ran on (the generator itself used {100 * busiest:.0f} % of a processor)"
        )

    def percentile(self, share: float) -> Interval:
        """A percentile of the latencies, with its interval, in milliseconds. Raises Unknown where nothing was answered."""
        if not self.latencies:
            raise Unknown("not one request was answered")
        return percentile(self.judged, share)

    def more(self, share: float, limit: float) -> int | None:
        """About how many more requests decide a percentile against `limit` milliseconds."""
        return more_for_percentile(self.judged, share, limit)

    def errors(self) -> Interval:
        """The share of requests that were not answered well, 0 to 1, with its interval."""
        return share(self.samples.errors, max(1, self.planned))

    def more_for_errors(self, limit: float) -> int | None:
        """About how many more requests decide the share of errors."""
        return more_for_share(self.samples.errors, self.planned, limit)

    def in_step(self) -> float:
        """Per cent of the requests that were answered well while the schedule ran, or a second later."""
        last = max(self.samples.intended, default=0.0)
        return 100.0 * self.samples.answered_by(last + STEP) / max(1, self.planned)

    def worst_routes(self) -> str:
        """Routes with errors, worst first, in words."""
        rows = [
            (wrong / count, name, wrong, count) for name, count, wrong, _ in self.samples.by_route() if count and wrong
        ]
        return ", ".join(f"{name}: {wrong} of {count}" for _, name, wrong, count in sorted(rows, reverse=True)[:3])
