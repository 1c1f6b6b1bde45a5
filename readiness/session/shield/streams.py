"""Filters in front of what a process writes while it runs: its standard streams, pytest's terminal, its log records."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    from readiness.support.redaction.redactor import Redactor

_HELD: Final = 65_536
"""Characters held back at most while a line, or a private key of many lines, is incomplete."""
_KEPT: Final = 4_096


class FilteredStream:
    """A text stream that redacts what is written to it and passes it on.

    With `by_line` a line is held until it is complete, so that a token written in two pieces is seen whole; `drain`
    lets go of what is held. `before` is called ahead of each write, to keep two filters of one stream in order.
    """

    def __init__(
        self,
        stream: Any,  # noqa: ANN401 - whatever stands for a stream: a file, pytest's capture, colorama
        redact: Callable[[str], str],
        *,
        by_line: bool,
        before: Callable[[], None] | None = None,
    ) -> None:
        self._stream, self._filter, self._by_line, self._before = stream, redact, by_line, before
        self._pending = ""
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the stream's own: encoding, isatty, fileno …
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Pass `text` on without secrets, now or when its line is complete."""
        if not self._by_line:
            if self._before is not None:
                self._before()
            self._emit(text)
            return len(text)
        with self._lock:
            self._pending += text
            if "\n" in text or len(self._pending) > _HELD:
                count = self._ready()
                ready, self._pending = self._pending[:count], self._pending[count:]
                self._emit(ready)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush; a prompt, which ends in white space and so in no token's middle, goes out without its line's end."""
        if self._pending[-1:].isspace():
            self.drain()
        self._stream.flush()

    @property
    def holds(self) -> bool:
        """Whether an incomplete line waits for its end."""
        return bool(self._pending)

    def drain(self) -> None:
        """Let go of an incomplete line."""
        if self._pending:
            with self._lock:
                ready, self._pending = self._pending, ""
                self._emit(ready)

    @property
    def buffer(self) -> _FilteredBytes:
        """The way in for bytes; it ends in the same filter."""
        return _FilteredBytes(self, self._stream.buffer)

    def _ready(self) -> int:
        """How much of what is pending may go: whole lines, and no private key that has not ended."""
        pending = self._pending
        if len(pending) > _HELD:
            return len(pending) - _KEPT
        key = pending.rfind("-----BEGIN ")
        if key >= 0 and "PRIVATE KEY" in pending[key : key + 80] and "-----END " not in pending[key:]:
            return key
        return pending.rfind("\n") + 1

    def _emit(self, text: str) -> None:
        shown = self._filter(text)
        try:
            self._stream.write(shown)
        except UnicodeEncodeError:
            encoding = getattr(self._stream, "encoding", None) or "ascii"
            self._stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))


class _FilteredBytes:
    def __init__(self, owner: FilteredStream, raw: Any) -> None:  # noqa: ANN401 - a binary stream of any make
        self._owner, self._raw = owner, raw

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._raw, name)

    def write(self, data: bytes) -> int:
        self._owner.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)

    def writelines(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self.write(line)


class Streams:
    """The filters of one process, in place from `install` to `restore`."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._filters: list[FilteredStream] = []
        self._undo: list[Callable[[], None]] = []

    def install(self, config: pytest.Config) -> None:
        """Filter the standard streams, in front of or behind pytest's capture, its terminal, and log records."""
        capture = getattr(config.pluginmanager.getplugin("capturemanager"), "_global_capturing", None)
        captured = [self._behind_capture(getattr(capture, name, None)) for name in ("out", "err")]
        if not any(captured):
            for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
                self._swap(sys, name)
        terminal = config.pluginmanager.getplugin("terminalreporter")
        writer = getattr(terminal, "_tw", None)
        raw = getattr(writer, "_file", None)  # pytest offers no other way in
        if raw is not None:
            self._put(writer, "_file", FilteredStream(raw, self._text, by_line=False, before=self.drain))
        self._guard_logging()

    def restore(self) -> None:
        """Put everything back; what was held back goes out."""
        self.drain()
        while self._undo:
            self._undo.pop()()

    def drain(self) -> None:
        """Let incomplete lines go, at the end of a test's phase."""
        for stream in self._filters:
            if stream.holds:
                stream.drain()

    def _text(self, text: str) -> str:
        return self._redactor.text(text)

    def _behind_capture(self, capture: object) -> bool:
        """Filter the stream that a capture gives back while it is suspended (`capsys.disabled`) or copies to (tee)."""
        inner = getattr(capture, "syscapture", capture)
        raw = getattr(inner, "_old", None)
        name = getattr(inner, "name", "")
        if raw is None or name not in ("stdout", "stderr"):
            return False
        suspended = getattr(sys, name) is raw
        stream = self._swap(inner, "_old")
        if suspended:
            self._put(sys, name, stream)
        copy = getattr(inner, "tmpfile", None)
        if getattr(copy, "_other", None) is raw:
            self._put(copy, "_other", stream)
        return True

    def _swap(self, owner: Any, name: str) -> FilteredStream | None:  # noqa: ANN401 - sys or a capture of pytest's
        raw = getattr(owner, name)
        if raw is None:
            return None
        stream = FilteredStream(raw, self._text, by_line=True)
        self._filters.append(stream)
        self._put(owner, name, stream)
        return stream

    def _put(self, owner: Any, name: str, new: object) -> None:  # noqa: ANN401 - as above
        old = getattr(owner, name)
        setattr(owner, name, new)

        def undo() -> None:
            if getattr(owner, name, None) is new:
                setattr(owner, name, old)

        self._undo.append(undo)

    def _guard_logging(self) -> None:
        previous = logging.getLogRecordFactory()
        active = [True]

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - handed through
            record = previous(*args, **kwargs)
            if active[0]:
                redact_record(record, self._redactor)
            return record

        def undo() -> None:
            active[0] = False  # whoever wrapped this factory in the meantime keeps a working one
            if logging.getLogRecordFactory() is factory:
                logging.setLogRecordFactory(previous)

        logging.setLogRecordFactory(factory)
        self._undo.append(undo)


def redact_record(record: logging.LogRecord, redactor: Redactor) -> None:
    """Take secrets out of a log record's message, exception and stack; a clean record stays as it is."""
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - logging reports the bad format itself, with these arguments
        record.msg, record.args = redactor.clean(record.msg), redactor.value(record.args)
    else:
        shown = redactor.clean(message)
        if shown != message:
            record.msg, record.args = shown, ()
    if record.exc_info and record.exc_info[0] is not None:
        text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        shown = redactor.clean(text)
        if shown != text:
            record.exc_text = shown  # formatters use it instead of formatting the exception
    if record.stack_info:
        record.stack_info = redactor.clean(record.stack_info)
