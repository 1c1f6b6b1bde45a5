"""The reporting boundary as a pytest plugin: whatever leaves a process goes through the Redactor first.

Registered in the controller and in every worker, in runs that involve checks. See `docs/security.md`.
"""

from __future__ import annotations

import functools
import linecache
import logging
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from readiness.support import let_go, without_ci_commands
from readiness.support.redaction import scrub

if TYPE_CHECKING:
    import warnings
    from collections.abc import Callable, Generator, Iterable

    from readiness.support.redaction import Redactor


class Shield:
    """Keeps secrets out of terminal, reports, JUnit, worker traffic, warnings, logs and internal errors.

    `redactor_factory` is called once, when there is first something to look at. Reports are redacted in place before any
    other plugin sees them, so each of them shows what it always shows, without the secrets.
    """

    def __init__(self, redactor_factory: Callable[[], Redactor]) -> None:
        self._factory = redactor_factory
        self._ids: dict[str, str] = {}
        self._streams: Streams | None = None

    @functools.cached_property
    def redactor(self) -> Redactor:
        """The one Redactor of this process."""
        return tamed(self._factory())

    def pytest_configure(self, config: pytest.Config) -> None:
        """Put the filters in place; also when the plugin is registered late, for this hook is historic."""
        self._streams = Streams(self.redactor)
        self._streams.install(config)
        config.add_cleanup(self._streams.restore)
        self._clean_metadata(config)

    # -- names of tests -------------------------------------------------------------------------------------------

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Take secrets out of the id of a parametrised test before anybody writes it down."""
        if item.nodeid.endswith("]"):
            self._clean_item(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The same for tests collected before this plugin was there, or added since."""
        for item in items:
            self.pytest_itemcollected(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The same once more, before workers send their ids."""
        self.pytest_collection_modifyitems(session.items)

    def _clean_item(self, item: pytest.Item) -> None:
        nodeid = item.nodeid
        new = self._ids.get(nodeid)
        if new is None:
            new = self._ids[nodeid] = self._new_id(nodeid)
            self._ids[new] = new
        if new == nodeid:
            return
        _set_nodeid(item, new)
        bracket = new[_bracket(new) :]
        item.name = item.name.partition("[")[0] + bracket
        item.__dict__.pop("location", None)
        callspec = getattr(item, "callspec", None)
        if callspec is not None:
            object.__setattr__(callspec, "_idlist", [bracket[1:-1]])
        markers: dict[str, object] = getattr(item.keywords, "_markers", {})
        for key in [key for key in markers if "[" in key or key in nodeid]:
            if (shown := self.redactor.clean(key)) != key:
                markers[shown] = markers.pop(key)

    def _new_id(self, nodeid: str) -> str:
        """`nodeid` with its parameters redacted, and numbered where others then look the same."""
        start = _bracket(nodeid)
        head, parameters = nodeid[:start], nodeid[start + 1 : -1]
        shown = scrub(self.redactor.text(parameters))
        if shown == parameters:
            return nodeid
        new, number = f"{head}[{shown}]", 1
        while new in self._ids:
            number += 1
            new = f"{head}[{shown}-{number}]"
        return new

    # -- reports --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Clean every report first of all: those of subtests, re-runs and crashed workers come this way only."""
        if self._streams is not None:
            self._streams.drain()
        if not unremarkable(report):
            clean_report(report, self.redactor)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Clean what an import error or a failing collector left behind."""
        if not unremarkable(report):
            clean_report(report, self.redactor)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_to_serializable(
        self, report: pytest.TestReport | pytest.CollectReport
    ) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
        """Let nothing through that execnet cannot carry: it would end the run with no tests and exit code 0."""
        data = yield
        if data is None or unremarkable(report):
            return data
        return portable(data, self.redactor)

    # -- output outside reports ----- -------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Clean a warning's text, its source line and what xdist would send of its source object."""
        clean_warning(warning_message, self.redactor)

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """Clean an internal error before the terminal, JUnit or a worker shows it."""
        clean_repr(excrepr, self.redactor)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Clean the reason of `pytest.exit`."""
        value = excinfo.value
        value.args = self.redactor.value(value.args)
        if isinstance(value, pytest.exit.Exception):
            value.msg = self.redactor.clean(value.msg)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Clean what travels or is written at the end without a report: stop reasons, properties in JUnit's file."""
        for name in ("shouldstop", "shouldfail"):
            if isinstance(reason := getattr(session, name), str):
                setattr(session, name, self.redactor.clean(reason))
        self._clean_metadata(session.config)
        self._clean_junit(session.config)
        yield

    def _clean_metadata(self, config: pytest.Config) -> None:
        """pytest-metadata collects CI variables for pytest-html's page and sends them from workers."""
        module = sys.modules.get("pytest_metadata.plugin")
        key = getattr(module, "metadata_key", None)
        metadata = config.stash.get(key, None) if key is not None else None
        if isinstance(metadata, dict):
            for name in list(metadata):
                metadata[name] = self.redactor.value(metadata[name])

    def _clean_junit(self, config: pytest.Config) -> None:
        """`record_testsuite_property` and `record_xml_attribute` write to JUnit's file past the reports."""
        for plugin in config.pluginmanager.get_plugins():
            if type(plugin).__name__ == "LogXML":
                clean_junit(plugin, self.redactor)


def _bracket(nodeid: str) -> int:
    """Where the parameters of a test's id begin; a file's name may hold brackets too."""
    return nodeid.find("[", nodeid.find("::") + 1)


def _set_nodeid(item: pytest.Item, nodeid: str) -> None:
    """Give `item` another id; pytest keeps a structured one since 9.2, a text before."""
    target: Any = item  # there is no public way
    if (structured := getattr(target, "_id", None)) is not None:
        target._id = type(structured).parse(nodeid)  # noqa: SLF001
    else:
        target._nodeid = nodeid  # noqa: SLF001


def clean_warning(message: warnings.WarningMessage, redactor: Redactor) -> None:
    """Redact a recorded warning in place; its category stays."""
    warning = message.message
    if isinstance(warning, Warning):
        warning.args = redactor.value(warning.args)
    text = str(warning)
    shown = redactor.clean(text)
    if shown != text:
        message.message = UserWarning(shown)
    line = message.line if message.line is not None else linecache.getline(message.filename, message.lineno)
    if (shown_line := redactor.clean(line)) != line:
        message.line = shown_line
    source = getattr(message, "source", None)
    if source is not None and redactor.text(described := _repr(source)) != described:
        message.source = None


def _repr(obj: object) -> str:
    try:
        return repr(obj)
    except Exception:  # noqa: BLE001 - a stranger's __repr__; without a text there is nothing to show either
        return ""


_PLAIN: Final = frozenset(
    {
        "_id",
        "_nodeid",
        "nodeid",
        "location",
        "keywords",
        "outcome",
        "when",
        "duration",
        "start",
        "stop",
        "longrepr",
        "sections",
        "user_properties",
        "result",
        "call",
        "node",
        "item_index",
        "worker_id",
        "testrun_uid",
        "rerun",
        "readiness",
    }
)
"""Attributes that hold no text of a stranger's, or are treated by name; node ids were redacted at collection.

`readiness` is this project's own finding, redacted by whoever made it.
"""

_SEALED: Final = _PLAIN - {"longrepr", "sections", "user_properties", "location", "keywords"} | {"$report_type"}
_JUNIT: Final = frozenset({"classname", "name", "file", "line", "time", "url"})
_WITHHELD: Final = "«withheld: this report could not be redacted»"
_DEPTH: Final = 60
_OBEYING: Final = ("GITHUB_ACTIONS", "TF_BUILD")
"""Variables of CI systems that obey what stands in a job's output."""


def unremarkable(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether a report carries nothing but facts of pytest's own; most reports of passed tests do."""
    data = report.__dict__
    return (
        data.get("longrepr") is None
        and not data.get("sections")
        and not data.get("user_properties")
        and data.keys() <= _PLAIN
    )


def clean_report(report: pytest.TestReport | pytest.CollectReport, redactor: Redactor) -> None:
    """Redact and bound everything in `report` that a test, a fixture or a hub had a hand in."""
    data = report.__dict__
    try:
        data["longrepr"] = _clean_longrepr(data.get("longrepr"), redactor)
    except Exception:  # noqa: BLE001 - rather no explanation than one that nobody looked at
        data["longrepr"] = _WITHHELD
    data["sections"] = [(redactor.clean(name), redactor.clean(content)) for name, content in data.get("sections") or ()]
    if data.get("user_properties"):
        data["user_properties"] = redactor.value(data["user_properties"])
    for name in data.keys() - _PLAIN:
        data[name] = _clean_extra(data[name], redactor)


def tamed(redactor: Redactor) -> Redactor:
    """`redactor`; inside a CI system that obeys what is printed, one whose texts it takes for no command."""
    return cast("Redactor", _Tamed(redactor)) if any(name in os.environ for name in _OBEYING) else redactor


class _Tamed:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the redactor's own
        return getattr(self._redactor, name)

    def clean(self, value: object) -> str:
        """As the redactor's."""
        return without_ci_commands(self._redactor.clean(value))


def portable(data: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """A serialised report as execnet can carry it: plain types, no lone surrogate, nothing huge."""
    return {
        name: value
        if name in _SEALED
        else _clean_extra(value, redactor)
        if name != "longrepr"
        else redactor.value(value)
        for name, value in data.items()
    }


def clean_repr(shown: Any, redactor: Redactor) -> None:  # noqa: ANN401 - any of pytest's TerminalRepr classes
    """Redact what `shown` would print, in place."""
    _walk_attributes(shown, redactor, set(), 0)


def clean_junit(xml: Any, redactor: Redactor) -> None:  # noqa: ANN401 - pytest's LogXML, which has no public face
    """Redact what a JUnit file is about to hold besides reports: attributes and properties, of test cases and the suite."""
    xml.global_properties[:] = redactor.value(xml.global_properties)
    for reporter in xml.node_reporters_ordered:
        pending = vars(reporter)
        if "properties" in pending:
            pending["properties"] = redactor.value(pending["properties"])
            _clean_attributes(pending["attrs"], redactor)
            continue
        element = reporter.to_xml()  # a finished test case is an XML element already
        _clean_attributes(element.attrib, redactor)
        for entry in element.iterfind("properties/property"):
            for name, value in entry.attrib.items():
                entry.set(name, redactor.clean(value))


def _clean_attributes(attributes: dict[str, str], redactor: Redactor) -> None:
    for name in attributes.keys() - _JUNIT:
        attributes[name] = redactor.clean(attributes[name])


def _clean_longrepr(longrepr: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - pytest's union of five types
    if longrepr is None:
        return None
    if isinstance(longrepr, str):
        return redactor.clean(longrepr)
    if isinstance(longrepr, tuple):  # path, line and reason of a skip
        return tuple(part if isinstance(part, int) else redactor.clean(part) for part in longrepr)
    if not hasattr(longrepr, "toterminal") or not hasattr(longrepr, "__dict__"):
        return redactor.clean(longrepr)
    clean_repr(longrepr, redactor)
    if not type(longrepr).__module__.startswith("_pytest."):
        text = str(longrepr)  # a stranger's class may keep its text where no walk finds it
        if redactor.text(text) != text:
            return redactor.clean(text)
    return longrepr


def _walk_attributes(obj: Any, redactor: Redactor, seen: set[int], depth: int) -> None:  # noqa: ANN401 - as above
    if id(obj) in seen or depth > _DEPTH:
        return
    seen.add(id(obj))
    for name, value in vars(obj).items():
        new = _walk(value, redactor, seen, depth + 1)
        if new is not value:
            object.__setattr__(obj, name, new)


def _walk(value: Any, redactor: Redactor, seen: set[int], depth: int) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, str):
        return redactor.clean(value)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        shown = redactor.clean(path)
        return value if shown == path else shown
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return _clean_lines(value, redactor)
    if isinstance(value, (list, tuple)):
        return (
            type(value)(_walk(part, redactor, seen, depth) for part in value) if _bare(value) else redactor.value(value)
        )
    if isinstance(value, dict):
        return redactor.value(value)
    if hasattr(value, "toterminal") and hasattr(value, "__dict__"):
        _walk_attributes(value, redactor, seen, depth)
    return value


def _bare(value: list[Any] | tuple[Any, ...]) -> bool:
    return type(value) in {list, tuple}


def _clean_lines(lines: list[str], redactor: Redactor) -> list[str]:
    """Lines of one text are looked at together: a private key, or a message of 50 MB, spans many of them.

    A native traceback's lines bring their own line ends.
    """
    joint = "" if any(line.endswith("\n") for line in lines) else "\n"
    text = joint.join(lines)
    shown = redactor.clean(text)
    if shown == text:
        return lines
    return shown.split("\n") if joint else shown.splitlines(keepends=True)


def _clean_extra(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - whatever plugins hang on a report
    if isinstance(value, list):
        return _extras(value, redactor)
    if isinstance(value, (str, bytes, dict, tuple, set, frozenset)):
        return redactor.value(value)
    if hasattr(value, "msg") and hasattr(
        value, "kwargs"
    ):  # the context of a subtest: frozen, and it quotes when copied
        for name in ("msg", "kwargs"):
            object.__setattr__(value, name, redactor.value(getattr(value, name)))
    elif hasattr(value, "toterminal") and hasattr(value, "__dict__"):
        clean_repr(value, redactor)
    return value


def _extras(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - pytest-html's list of dicts, by convention only
    if isinstance(value, list):
        return [_extras(part, redactor) for part in value]
    if isinstance(value, dict) and value.get("format_type") in {"image", "video"}:  # no text inside, and too big to cut
        return {key: part if key == "content" else redactor.value(part) for key, part in value.items()}
    return redactor.value(value)


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
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            let_go(self._stream, error)

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
        except (OSError, ValueError) as error:  # a full disk, a reader that left: no reason to end a run
            let_go(self._stream, error)


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
