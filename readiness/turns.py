"""Whose turn it is among the workers of a run: checks that disturb a hub never run while others look at it.

Checks that only look share the hub; e2e, drill and load have it for themselves. Whoever waits for it alone keeps
newcomers waiting too, so that it gets its turn.
"""

from __future__ import annotations

import contextlib
import time
from typing import IO, TYPE_CHECKING, Final

from readiness.errors import CouldNotLook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALONE: Final = frozenset({"e2e", "drill", "load"})
"""Phases whose checks have the hub for themselves."""
PATIENCE: Final = 180.0
"""Seconds a check waits for its turn at most; the longest checks of a run take less."""
_POLL: Final = 0.01
GATE, HUB = "turn-gate.lock", "turn-hub.lock"


@contextlib.contextmanager
def turn(folder: Path, *, alone: bool, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the hub, alone or with others that only look. Raises CouldNotLook when the turn does not come in time."""
    until = time.monotonic() + patience
    with (folder / GATE).open("a", encoding="ascii") as gate, (folder / HUB).open("a", encoding="ascii") as hub:
        _lock(gate, until, alone=True)
        _lock(hub, until, alone=alone)
        if not alone:
            _unlock(gate)
        yield  # closing the files gives both back, also where this process dies


def _lock(file: IO[str], until: float, *, alone: bool) -> None:
    import fcntl

    kind = (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB
    while True:
        try:
            fcntl.flock(file, kind)
        except BlockingIOError:
            if time.monotonic() > until:
                raise CouldNotLook("another worker of this run did not give the hub free in time") from None
            time.sleep(_POLL)
        else:
            return


def _unlock(file: IO[str]) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_UN)
