"""The pipes to the process that started the generator: a plan comes in, lines of JSON go out, and either may end."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import gevent
import gevent.select
import gevent.socket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLAN_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a plan: a recorded trace stands in it."""
PLAN_SECONDS: Final = 30.0
LAST_SECONDS: Final = 5.0
"""How long the last line is kept for a parent that does not read."""
_OUT: Final = 1


def read_line(descriptor: int = 0) -> str:
    """The first line, or all there is of an input that ends without one. Raises TimeoutError, ValueError."""
    received = bytearray()
    while b"\n" not in received[-65536:]:
        if not select.select([descriptor], [], [], PLAN_SECONDS)[0]:
            raise TimeoutError(f"no plan came within {PLAN_SECONDS:g} s")
        block = os.read(descriptor, 65536)
        if not block:
            break
        received += block
        if len(received) > PLAN_LIMIT:
            raise ValueError(f"the plan is larger than {PLAN_LIMIT} bytes")
    return received.partition(b"\n")[0].decode("utf-8", "replace")


class Outlet:
    """Standard output, one JSON object a line; a parent that does not read never holds up the schedule."""

    def __init__(self) -> None:
        self.closed = False

    def say(self, line: Mapping[str, Any], patience: float = 0.0) -> None:
        """Write a line if there is room for it within `patience` seconds; else it is left out."""
        if self.closed:
            return
        try:
            # under PIPE_BUF a line is written whole or waits: room for it is asked first
            if gevent.select.select([], [_OUT], [], patience)[1]:
                os.write(_OUT, json.dumps(line).encode("ascii") + b"\n")
        except (BrokenPipeError, OSError):
            self.closed = True


def watch(stop: Callable[[str], None], orphaned: Callable[[str], None] | None = None) -> None:
    """Call `stop` with the reason at SIGINT and SIGTERM; `orphaned` (default: the same) when the parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, stop, f"{signal.Signals(number).name} came")
    gevent.spawn(_watch_input, orphaned or stop)
    gevent.spawn(_watch_parent, orphaned or stop, os.getppid())


def _watch_input(stop: Callable[[str], None]) -> None:
    try:
        while True:
            gevent.socket.wait_read(sys.stdin.fileno())
            if not os.read(sys.stdin.fileno(), 4096):
                break
    except (OSError, ValueError):
        # a file or a closed input cannot be waited for; `_watch_parent` still looks
        return
    stop("whoever started it has closed its input")


def _watch_parent(stop: Callable[[str], None], parent: int) -> None:
    while os.getppid() == parent:
        gevent.sleep(0.5)
    stop("whoever started it is gone")
