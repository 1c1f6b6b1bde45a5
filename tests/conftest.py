"""What every test stands on."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Hear Ctrl-C: a run that a shell put into the background ignores it, and so would all that its tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
