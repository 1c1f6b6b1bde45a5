"""The reporting boundary as a pytest plugin: whatever leaves a process goes through the Redactor first.

Registered in the controller and in every worker, in runs that involve checks. See `docs/security.md`.
"""

from __future__ import annotations

import functools
import linecache
import sys
from typing import TYPE_CHECKING, Any

import pytest

from readiness.session.shield.reports import clean_junit, clean_report, clean_repr, portable, tamed, unremarkable
from readiness.session.shield.streams import Streams
from readiness.support.redaction.redactor import scrub

if TYPE_CHECKING:
    import warnings
    from collections.abc import Callable, Generator

    from readiness.support.redaction.redactor import Redactor


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
