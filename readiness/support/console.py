"""Console output that survives a closed pipe, a full disk and SIGHUP: none of them may stop a rollback halfway."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


def say(text: str, *, error: bool = False) -> None:
    """Write a line to standard output, or with `error` to standard error. Raises nothing.

    A reader that left and a disk that is full are no reasons to stop halfway: the journals hold what matters.
    """
    stream = sys.stderr if error else sys.stdout
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except (OSError, ValueError):
        _let_go(stream)


def flush_output() -> None:
    """Hand over what was printed; where nobody takes it any more, let it go. Raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _let_go(stream)
        except AttributeError:  # it was closed before this process began
            continue


def _let_go(stream: TextIO) -> None:
    """Send what is still to be written to /dev/null: the interpreter would fail again when it flushes at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def survive_hangup() -> Iterator[None]:
    """Go on where the terminal goes, as when a connection is lost; Ctrl-C and SIGTERM mean what they meant."""
    try:
        before = signal.getsignal(signal.SIGHUP)
        if before is signal.SIG_DFL:
            # a function, not SIG_IGN: what is started must not inherit it
            signal.signal(signal.SIGHUP, _go_on)
    except ValueError:  # not the main thread: somebody embeds this and owns the signals
        before = None
    try:
        yield
    finally:
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _go_on(_number: int, _frame: FrameType | None) -> None:
    say("the terminal is gone; going on without it", error=True)
