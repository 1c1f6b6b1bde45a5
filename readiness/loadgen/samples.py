"""Every arrival as it happens: recorded in flat columns of 29 bytes a row, counted for the live progress, and written to one file."""

from __future__ import annotations

import array
import gzip
import json
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

VERSION: Final = 1
CODES: Final = (("intended", "d"), ("started", "d"), ("ended", "d"), ("route", "H"), ("status", "H"), ("error", "B"))
"""The columns in the file's order with their `array` codes: float64 seconds since the epoch, uint16, uint8."""
ERRORS: Final = (
    *("", "dropped", "unfinished", "no-connection", "time-out", "connection-lost", "http-status"),
    *("wrong-answer", "too-large", "user-code"),
)
"""What the numbers of the column `error` mean; 0 was answered well."""
DROPPED, UNFINISHED, NO_CONNECTION, TIMED_OUT, LOST, STATUS, WRONG, TOO_LARGE, USER_CODE = range(1, len(ERRORS))
FILE: Final = "samples.bin.gz"
_ROWS: Final = 16384
_BLOCK: Final = 1 << 20


class Columns:
    """Rows that grow by one a request. Times are NaN where a thing never happened."""

    __slots__ = ("ended", "error", "intended", "route", "started", "status")

    def __init__(self) -> None:
        self.intended: array.array[float] = array.array("d")
        self.started: array.array[float] = array.array("d")
        self.ended: array.array[float] = array.array("d")
        self.route: array.array[int] = array.array("H")
        self.status: array.array[int] = array.array("H")
        self.error: array.array[int] = array.array("B")

    def __len__(self) -> int:
        return len(self.intended)

    def begin(self, intended: float, started: float, route: int) -> int:
        """A row for a request that was sent; it counts as unfinished until `end`. Returns its number."""
        row = len(self.intended)
        self.intended.append(intended)
        self.started.append(started)
        self.ended.append(math.nan)
        self.route.append(route)
        self.status.append(0)
        self.error.append(UNFINISHED)
        return row

    def end(self, row: int, ended: float, status: int, error: int) -> None:
        """The end of the request in `row`; `status` is HTTP's, 0 without an answer."""
        self.ended[row] = ended
        self.status[row] = status
        self.error[row] = error

    def drop(self, intended: float, route: int) -> None:
        """A row for an arrival that was never sent, because too many were in flight."""
        self.error[self.begin(intended, math.nan, route)] = DROPPED

    def chunk(self, first: int) -> list[bytes]:
        """At most 16,384 rows from `first` on, column by column, little-endian: half a megabyte at most."""
        return [_little(self._column(name)[first : first + _ROWS]).tobytes() for name, _ in CODES]

    def extend(self, parts: Sequence[bytes], routes: Sequence[int]) -> int:
        """Rows of another process, as `chunk` gave them; `routes` maps its routes to ours. How many rows they were."""
        counts = {len(part) // array.array(code).itemsize for part, (_, code) in zip(parts, CODES, strict=True)}
        if len(counts) != 1:
            raise ValueError("a chunk of samples has columns of different length")
        for part, (name, code) in zip(parts, CODES, strict=True):
            column: array.array[float] = array.array(code)
            column.frombytes(part)
            column = _little(column)
            if name == "route":
                column = array.array(code, [routes[int(number)] for number in column])
            self._column(name).extend(column)
        return counts.pop()

    def write(self, folder: Path, routes: Iterable[str], epoch: float) -> Path:
        """Write them to `folder` atomically, readable by the owner alone. Raises OSError."""
        names = self._used(list(routes))
        header = {
            "version": VERSION,
            "count": len(self),
            "routes": names,
            "epoch": epoch,
            "columns": [name for name, _ in CODES],
            "errors": list(ERRORS),
        }
        file, scratch = folder / FILE, folder / f".{FILE}.{os.getpid()}"
        try:
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as raw, gzip.GzipFile("", "wb", 1, raw) as stream:  # noqa: PTH123 - it is open
                stream.write(json.dumps(header).encode("ascii") + b"\n")
                for name, _ in CODES:
                    view = memoryview(_little(self._column(name))).cast("B")
                    for first in range(0, len(view), _BLOCK):
                        stream.write(view[first : first + _BLOCK])
            scratch.replace(file)
        finally:
            scratch.unlink(missing_ok=True)
        return file

    def _used(self, names: list[str]) -> list[str]:
        """The names that rows have; rows are renumbered where there are fewer than before."""
        used = sorted(set(self.route))
        if len(used) < len(names):
            numbers = {old: new for new, old in enumerate(used)}
            self.route = array.array("H", [numbers[old] for old in self.route])
        return [names[number] for number in used]

    def _column(self, name: str) -> array.array[float]:
        return cast("array.array[float]", getattr(self, name))


def _little(column: array.array[float]) -> array.array[float]:
    if sys.byteorder == "big" and column.itemsize > 1:
        column = column[:]
        column.byteswap()
    return column


class ArrivalRecorder:
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
        """The request of `row` is over, with `error` 0 or one of `samples.ERRORS`."""
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
