"""The vocabulary of the load's faults: a server whose truth is known, a generator that may be at fault, and what is found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tests.faults.table import AnyFault

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How a server answers. Seconds, shares from 0 to 1.

    `slow` of the requests take `slow_delay`; `tail` is the exponent of a Pareto distribution that begins at `delay`;
    `freezes` are (when, for how long); `carries` is how many it can answer a second; `warm` is how long it is ten times
    slower at the start; `wrong` of the answers are errors, all those in `bursts` (from, to), on `route` alone where one is
    named; `refuses` from a moment on; `at_once` are the requests it takes at the same time, the rest are refused.
    """

    delay: float = 0.010
    slow: float = 0.0
    slow_delay: float = 0.0
    tail: float | None = None
    freezes: tuple[tuple[float, float], ...] = ()
    carries: float | None = None
    warm: float = 0.0
    wrong: float = 0.0
    bursts: tuple[tuple[float, float], ...] = ()
    route: int | None = None
    refuses: float | None = None
    at_once: int | None = None
    growth: float = 0.0
    """Seconds by which each request is slower than the one before it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """How the generator worked: `late` seconds for a share of requests, `dropped` of them, `lost` a worker at that second."""

    cpu: tuple[float, ...] = (0.3,)
    end: str = "done"
    why: str = ""
    late: float = 0.0
    late_share: float = 0.0
    dropped: float = 0.0
    unfinished: int = 0
    silent_after: float | None = None
    """It accounts for nothing that was due later."""
    clock_offset_ms: float = 0.0
    skew: float = 0.0
    """Seconds by which every second request's clock is behind."""
    nothing: bool = False
    workers: int = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LoadFault(AnyFault):
    """A load run as data and what the checks must make of it."""

    server: Server = Server()
    generator: Generator = Generator()
    around: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    rate: float = 100.0
    seconds: float = 30.0
    kind: str = "constant"
    p99: float = 5000.0
    before: Server | None = None
    """The server of the accepted run; None: there is none."""
