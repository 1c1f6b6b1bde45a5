"""What was silent before in this process, so that a run does not wait again and again for what never comes."""

from __future__ import annotations

import collections
from typing import Final

from readiness.facts.answer import BadAnswer, TimedOut

SHORT: Final = 1.0
"""Seconds of a short look, at most; a healthy hub needs a few milliseconds."""
BEFORE: Final = "; it was silent before"


class SilentBefore(TimedOut):
    """A route that was proven silent got one short look, and was silent again; no further attempt would help."""

    retry = False


class NoState(BadAnswer):
    """The event stream was open and brought no state in time; `retry` False: as it did before."""

    retry = True


class Silence:
    """Silent looks at each route since it was last heard; only how long to look hangs on it, never an outcome."""

    def __init__(self) -> None:
        self._looks: collections.Counter[str] = collections.Counter()

    def heard(self, route: str) -> None:
        """It answered: all is forgotten."""
        del self._looks[route]

    def unheard(self, route: str) -> None:
        """It was silent."""
        self._looks[route] += 1

    def suspected(self, route: str) -> bool:
        """Whether its last look was silent."""
        return self._looks[route] > 0

    def proven(self, route: str, attempts: int) -> bool:
        """Whether as many looks were silent as a probe has attempts."""
        return self._looks[route] >= attempts
