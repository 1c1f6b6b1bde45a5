"""What the load generator wrote: every arrival with its three times, read back into flat columns."""

from __future__ import annotations

import array
import dataclasses
import gzip
import json
import math
import sys
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.load.stats import Interval, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION: Final = 1
COLUMNS: Final = (("intended", "d"), ("started", "d"), ("ended", "d"), ("route", "H"), ("status", "H"), ("error", "B"))
MAX_COUNT: Final = 20_000_000
HEADER_LIMIT: Final = 64 * 1024


@dataclasses.dataclass(slots=True, kw_only=True)
class Samples:
    """Columns of equal length; times in seconds since the schedule began, NaN where a thing never happened.

    `error`: 0 answered well, anything else not; `status` is HTTP's, 0 without an answer.
    """

    routes: tuple[str, ...]
    epoch: float
    intended: array.array[float]
    started: array.array[float]
    ended: array.array[float]
    route: array.array[int]
    status: array.array[int]
    error: array.array[int]

    def __len__(self) -> int:
        return len(self.intended)

    def latencies(self, route: int | None = None) -> list[float]:
        """Milliseconds from the intended start to the end, in rising order, of everything that was answered."""
        return sorted(
            1000 * (end - begin)
            for begin, end, of in zip(self.intended, self.ended, self.route, strict=True)
            if not math.isnan(end) and (route is None or of == route)
        )

    def service_times(self) -> list[float]:
        """Milliseconds from the real start to the end, in rising order."""
        pairs = zip(self.started, self.ended, strict=True)
        return sorted(1000 * (end - begin) for begin, end in pairs if not math.isnan(end) and not math.isnan(begin))

    def lags(self) -> list[float]:
        """Milliseconds by which requests were sent late, in rising order."""
        pairs = zip(self.intended, self.started, strict=True)
        return sorted(max(0.0, 1000 * (begin - when)) for when, begin in pairs if not math.isnan(begin))

    @property
    def sent(self) -> int:
        """Requests that were sent."""
        return sum(not math.isnan(begin) for begin in self.started)

    @property
    def finished(self) -> int:
        """Requests that came to an end, well or not."""
        return sum(not math.isnan(end) for end in self.ended)

    @property
    def errors(self) -> int:
        """Arrivals that were not answered well, for whatever reason."""
        return sum(flag != 0 for flag in self.error)

    def impossible(self, tolerance: float) -> int:
        """Requests whose times are out of order by more than `tolerance` seconds, or have no intended time."""
        rows = zip(self.intended, self.started, self.ended, strict=True)
        # comparisons with NaN are false: what never happened is not out of order
        return sum(
            not math.isfinite(when) or begin < when - tolerance or end < begin or end < when - tolerance
            for when, begin, end in rows
        )

    def answered_by(self, second: float) -> int:
        """Arrivals that were answered well before `second`."""
        return sum(
            flag == 0 and end <= second for flag, end in zip(self.error, self.ended, strict=True) if not math.isnan(end)
        )

    def by_route(self) -> Iterator[tuple[str, int, int, Interval | None]]:
        """Each route: its name, how many arrivals, how many errors, its p95 in milliseconds (None: nothing ended)."""
        for number, name in enumerate(self.routes):
            count = sum(of == number for of in self.route)
            wrong = sum(flag != 0 for of, flag in zip(self.route, self.error, strict=True) if of == number)
            latencies = self.latencies(number)
            yield name, count, wrong, percentile(latencies, 0.95) if latencies else None


def read_samples(file: Path) -> Samples:
    """Read a file of samples. Raises Unknown for one that is missing, cut short or not of this version."""
    try:
        with gzip.open(file, "rb") as stream:
            line = stream.readline(HEADER_LIMIT)
            header = json.loads(line)
            count = int(header["count"])
            if header.get("version") != VERSION or not 0 <= count <= MAX_COUNT:
                raise Unknown("the generator's samples are of another version")
            columns = {
                name: _column(stream.read(count * array.array(code).itemsize), code, count) for name, code in COLUMNS
            }
            return Samples(routes=tuple(map(str, header["routes"])), epoch=float(header["epoch"]), **columns)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise Unknown(f"the generator left no whole file of samples: {str(error)[:120]}") from None


def _column(data: bytes, code: str, count: int) -> Any:  # noqa: ANN401 - an array of the code's type
    column: Any = array.array(code)
    if len(data) != count * column.itemsize:
        raise EOFError("it ends in the middle")
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column
