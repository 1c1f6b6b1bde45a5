"""How a load run goes, told while it goes: one line that changes on a terminal, a plain one now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

from readiness.extras import missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

EVERY: Final = 10.0
"""Seconds between two plain lines."""


class Progress:
    """Told by the generator twice a second; a context, so that the terminal is put back however the run ends."""

    def __init__(self, config: pytest.Config, intention: str, seconds: float) -> None:
        """`intention` is told before anything is sent; `seconds` is the schedule's length."""
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._intention, self._seconds = intention, seconds
        self._stack = contextlib.ExitStack()
        self._live: Any = None
        self._told = time.monotonic()
        self.lines: list[str] = []
        """What was told in plain lines."""

    def __enter__(self) -> Self:
        if self._reporter is not None and self._capture is not None:
            self._stack.enter_context(self._capture.global_and_fixture_disabled())
        self._line(self._intention)
        if self._reporter is not None and sys.stderr.isatty() and not missing("watch"):
            from rich.console import Console
            from rich.live import Live

            live = Live("", console=Console(stderr=True), transient=True, auto_refresh=False)
            self._live = self._stack.enter_context(live)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, said: Mapping[str, Any]) -> None:
        """Take one line of the generator's."""
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(sentence(said, self._seconds), no_wrap=True, overflow="ellipsis"), refresh=True)
        elif time.monotonic() >= self._told + EVERY:
            self._told = time.monotonic()
            self._line(sentence(said, self._seconds))

    def _line(self, text: str) -> None:
        self.lines.append(text)
        if self._reporter is not None:
            self._reporter.ensure_newline()
            self._reporter.write_line(text)


def sentence(said: Mapping[str, Any], seconds: float) -> str:
    """`load: 12 s of 30, 1200 sent (100/s), 3 errors, p95 12 ms, 4 in flight, 18 s left`; what is not told is left out."""
    at, sent, done = (_number(said.get(key)) or 0.0 for key in ("t", "sent", "done"))
    errors, dropped, p95, flying = (_number(said.get(key)) for key in ("errors", "dropped", "p95_ms", "in_flight"))
    parts = [f"load: {min(at, seconds):.0f} s of {seconds:g}", f"{sent:.0f} sent ({sent / max(at, 0.001):.0f}/s)"]
    parts.append(f"{errors or 0:.0f} errors")
    if dropped:
        parts.append(f"{dropped:.0f} dropped")
    if p95 is not None and done:
        parts.append(f"p95 {p95:.4g} ms")
    if flying is not None:
        parts.append(f"{flying:.0f} in flight")
    parts.append(f"{seconds - at:.0f} s left" if at < seconds else "waiting for the last answers")
    return ", ".join(parts)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
