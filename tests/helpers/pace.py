"""How much slower than an idle machine this one is just now: what a test waits for is given so many times its time.

A budget of a second is no second where others keep all cores busy. Budgets that end with an event are simply generous; those that
have to run out, because nothing comes, are kept short and stretched by this.
"""

from __future__ import annotations

import functools
import os
import time
from typing import Final

MOST: Final = 6.0
_SAMPLE: Final = 0.05
"""Seconds of work that are measured once a process."""


def pace() -> float:
    """1 on an idle machine, 3 where three want each core; what the last minute and this process's own start showed."""
    return min(MOST, max(1.0, _at_the_start(), os.getloadavg()[0] / len(os.sched_getaffinity(0))))


def seconds(idle: float) -> float:
    """What takes `idle` seconds on an idle machine may take so long here."""
    return round(idle * pace(), 3)


@functools.cache
def _at_the_start() -> float:
    """How long work took for each second of it that was done: the load average tells of others only after a minute."""
    began, spent = time.monotonic(), time.process_time()
    while time.process_time() - spent < _SAMPLE:
        pass
    return (time.monotonic() - began) / _SAMPLE
