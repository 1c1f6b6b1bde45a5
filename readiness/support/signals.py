"""SIGTERM handled as Ctrl-C is."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


class TermAsInterrupt:
    """A cancelled CI job or a stopping pod sends SIGTERM: take the same orderly way out as Ctrl-C, until `restore`."""

    def __init__(self) -> None:
        self._previous: Any = None
        try:
            self._previous = signal.signal(signal.SIGTERM, self._interrupt)
        except ValueError:  # not the main thread: somebody embeds pytest and owns the signals
            self._previous = None

    @staticmethod
    def _interrupt(_signal: int, _frame: FrameType | None) -> None:
        # not by raising SIGINT: a job in the background ignores that one, and would then go on
        raise KeyboardInterrupt

    def restore(self) -> None:
        """Give SIGTERM its meaning back."""
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)
            self._previous = None
