"""Which routes gave no answer before in this process, so that a run does not wait for them in full again and again."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

from readiness.errors import CouldNotLook
from readiness.facts.http.answer import BadAnswer, HttpAnswer, TimedOut, TlsRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.facts.http.client import HttpTransport

SHORT: Final = 1.0
"""Timeout in seconds, at most, for what gave no answer before; a healthy hub needs a few milliseconds."""
BEFORE: Final = "; it was silent before"


class SilentBefore(TimedOut):
    """A route that had given no answer before got one short request, and gave none again; no further attempt would help."""

    retry = False


class NoState(BadAnswer):
    """The event stream was open and sent no state in time; `retry` is False where it did so before."""

    retry = True


class SilentRoutes:
    """How often each route gave no answer since its last one. Affects timeouts, never outcomes."""

    def __init__(self) -> None:
        self._looks: collections.Counter[str] = collections.Counter()

    def heard(self, route: str) -> None:
        """Note that `route` answered: earlier silence no longer counts."""
        del self._looks[route]

    def unheard(self, route: str) -> None:
        """Note that `route` gave no answer."""
        self._looks[route] += 1

    def suspected(self, route: str) -> bool:
        """Whether `route` gave no answer the last time."""
        return self._looks[route] > 0

    def proven(self, route: str, attempts: int) -> bool:
        """Whether `route` gave no answer as often in a row as a probe has attempts."""
        return self._looks[route] >= attempts


def looked(
    silence: SilentRoutes,
    transport: HttpTransport,
    attempts: int,
    ask: Callable[[HttpTransport, float | None], HttpAnswer],
) -> HttpAnswer:
    """The answer of `ask`, with the full timeout until the address gave none `attempts` times, then with `SHORT`.

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
