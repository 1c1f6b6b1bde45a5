"""What was silent before in this process, so that a run does not wait again and again for what never comes."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

from readiness.errors import CouldNotLook
from readiness.facts.http.answer import Answer, BadAnswer, TimedOut, TlsRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.facts.http.client import Transport

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


def looked(
    silence: Silence, transport: Transport, attempts: int, ask: Callable[[Transport, float | None], Answer]
) -> Answer:
    """Ask an address in full until it gave no answer `attempts` times; from then on shortly, and once a check.

    Raises SilentBefore, and whatever `ask` raises.
    """
    base = transport.settings.base
    proven = silence.proven(base, attempts)
    try:
        answer = ask(transport, min(SHORT, transport.settings.timeout) if proven else None)
    except (BadAnswer, TlsRefused):
        silence.heard(base)
        raise
    except CouldNotLook as error:
        silence.unheard(base)
        if proven:
            raise SilentBefore(f"{error}; as before") from None
        raise
    silence.heard(base)
    return answer
