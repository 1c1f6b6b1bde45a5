"""How a process notices that whoever started it is gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG: Final = 1
"""From linux/prctl.h."""


def watch_parent(parent: int, clean: Callable[[], None]) -> None:
    """Ends this process at once, after `clean`, when its parent is gone, in whichever way that is noticed first."""

    def leave() -> None:
        clean()
        os._exit(0)

    def until_end_of_input() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1_024):
                pass
        leave()

    def orphaned(_signal: int, _frame: object) -> None:
        # the kernel also signals when only the *thread* that started us ends: then there is still a parent
        if os.getppid() != parent:
            leave()

    if sys.platform == "linux":
        signal.signal(signal.SIGUSR1, orphaned)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
        if os.getppid() != parent:
            leave()
    threading.Thread(target=until_end_of_input, name="parent-watch", daemon=True).start()
