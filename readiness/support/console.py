"""Console output that survives a closed pipe, a full disk and SIGHUP: none of them may stop a rollback halfway."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType


def say(text: str, *, error: bool = False) -> None:
    """Write a line to standard output, or with `error` to standard error. Raises nothing.

    A reader that left and a disk that is full are no reasons to stop halfway: the journals hold what matters.
    """
    stream = sys.stderr if error else sys.stdout
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except (OSError, ValueError) as error_of_stream:
        let_go(stream, None if error else error_of_stream)


def flush_output() -> None:
    """Hand over what was printed; where nobody takes it any more, let it go. Raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            let_go(stream, error)
        except AttributeError:  # it was closed before this process began
            continue


def let_go(stream: Any, error: BaseException | None = None) -> None:  # noqa: ANN401 - whatever stands for a stream
    """Send what is still to be written to /dev/null: the interpreter would fail again when it flushes at its end.

    `error` is what made that needed; `say_what_was_lost` tells it once. A reader that left, as `head` does, has seen enough.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        _OUTPUT.lost = _OUTPUT.lost or error.strerror or str(error)


@dataclasses.dataclass(slots=True)
class _Output:
    """Why this process's standard output could not be written; empty: it could, or its reader had seen enough."""

    lost: str = ""


_OUTPUT: Final = _Output()


def say_what_was_lost() -> bool:
    """One sentence on standard error where standard output could not be written, and whether that was so; raises nothing."""
    if not _OUTPUT.lost:
        return False
    say(f"readiness: standard output could not be written ({_OUTPUT.lost}); exit code and reports stand", error=True)
    _OUTPUT.lost = ""
    return True


class EnduringStream:
    """A text stream that raises nothing where nobody takes what is written: a full disk, a reader that left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the stream's own: encoding, isatty, fileno …
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Pass `text` on, or let it go."""
        try:
            return self._stream.write(text)
        except UnicodeError:
            raise
        except (OSError, ValueError) as error:
            let_go(self._stream, error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush, or let go of what cannot be."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            let_go(self._stream, error)


def open_closed_streams() -> None:
    """Let /dev/null stand in for a standard stream that was closed: the next file to be opened would take its place."""
    for descriptor, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if name == "stdin" else os.O_WRONLY)  # the lowest free one: this very one
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def endure() -> None:
    """From now on what this process prints never ends it."""
    open_closed_streams()
    sys.stdout = EnduringStream(sys.stdout)
    sys.stderr = EnduringStream(sys.stderr)


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
