"""Every arrival in flat columns, 29 bytes each, and the file they end in."""

from __future__ import annotations

import array
import gzip
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Final, cast

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
            found: array.array[float] = array.array(code)
            found.frombytes(part)
            found = _little(found)
            if name == "route":
                found = array.array(code, [routes[int(number)] for number in found])
            self._column(name).extend(found)
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
