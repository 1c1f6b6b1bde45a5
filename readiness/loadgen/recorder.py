"""What happens, as it happens: a row an arrival, and the figures of the live progress."""

from __future__ import annotations

import math
import time
from typing import Any

from readiness.loadgen.columns import Columns


class Recorder:
    """Rows and counters of one process. Times are seconds since the epoch that `begin_at` sets."""

    __slots__ = (
        *("columns", "done", "dropped", "errors", "planned", "routes", "sent", "zero"),
        *("_lags", "_latencies", "_numbers"),
    )

    def __init__(self, planned: int, routes: list[str] | None = None) -> None:
        self.columns, self.planned = Columns(), planned
        self.routes: list[str] = list(routes or [])
        self._numbers = {name: number for number, name in enumerate(self.routes)}
        self.sent = self.done = self.errors = self.dropped = 0
        self.zero = time.perf_counter()
        self._lags: list[float] = []
        self._latencies: list[float] = []

    def begin_at(self, epoch: float) -> None:
        """Set the beginning of the schedule, as Unix time of this machine's clock."""
        self.zero = time.perf_counter() + (epoch - time.time())

    def now(self) -> float:
        """Seconds since the epoch; below 0 before it."""
        return time.perf_counter() - self.zero

    def route(self, name: str) -> int:
        """The number of the route `name`. Past 1,000 names, what is new counts as "other"."""
        number = self._numbers.get(name)
        if number is None:
            if len(self.routes) >= 1000:  # noqa: PLR2004 - ids in paths must not fill the report
                return self.route("other") if "other" in self._numbers else self._named("other")
            number = self._named(name)
        return number

    def _named(self, name: str) -> int:
        self._numbers[name] = len(self.routes)
        self.routes.append(name[:200])
        return self._numbers[name]

    def begin(self, intended: float, route: int) -> int:
        """A request is being sent now; the number of its row."""
        started = time.perf_counter() - self.zero
        self.sent += 1
        self._lags.append(started - intended)
        return self.columns.begin(intended, started, route)

    def end(self, row: int, status: int, error: int) -> None:
        """The request of `row` is over, with `error` 0 or one of `columns.ERRORS`."""
        ended = time.perf_counter() - self.zero
        self.done += 1
        if error:
            self.errors += 1
        self._latencies.append(ended - self.columns.intended[row])
        self.columns.end(row, ended, status, error)

    def drop(self, intended: float, route: int) -> None:
        """An arrival was not sent, because too many were in flight."""
        self.dropped += 1
        self.columns.drop(intended, route)

    def progress(self) -> dict[str, Any]:
        """Counters since the beginning; p95 and lag of what happened since the last call, null where nothing did."""
        lags, latencies = sorted(self._lags), sorted(self._latencies)
        self._lags, self._latencies = [], []
        return {
            "t": round(self.now(), 3),
            "planned": self.planned,
            "sent": self.sent,
            "done": self.done,
            "errors": self.errors,
            "dropped": self.dropped,
            "in_flight": self.sent - self.done,
            "p95_ms": _milliseconds(latencies, 0.95),
            "lag_p99_ms": _milliseconds(lags, 0.99),
        }


def _milliseconds(seconds: list[float], share: float) -> float | None:
    """The nearest-rank percentile of sorted `seconds`, in milliseconds."""
    return round(1000 * seconds[max(0, math.ceil(share * len(seconds)) - 1)], 3) if seconds else None
