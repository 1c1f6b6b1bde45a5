"""The pytest plugin: options, markers and hooks that forward. Imports the standard library and pytest only."""

from __future__ import annotations

import os
import sys
import tempfile
from types import FunctionType
from typing import TYPE_CHECKING, Final

import pytest

from readiness.session import OPTIONS, find_suites, may_concern

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.session import Ledger, Setup, Worker

PHASE_MARKERS: Final = {
    "preflight": "the release tree on disk, before a deploy",
    "health": "the running hub: up, right, complete, closed to strangers",
    "alerts": "telemetry against its alarm limits",
    "e2e": "the agent's path through the hub",
    "infra": "each host: service, proxy, network, resources",
    "load": "traffic at a fixed rate (opt-in by -m load)",
    "drill": "breaks things on purpose (opt-in by -m drill and --readiness-drill)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Few options; settings live in readiness.toml."""
    if sys.stdout is None or sys.stderr is None:  # closed by who started this: pytest would break on its first line
        from readiness.support import open_closed_streams

        open_closed_streams()
    _find_temporary_folder()
    if "PYTEST_XDIST_WORKER" in os.environ and "READINESS_RUN_ID" in os.environ:  # its controller did the same
        from readiness.session import find_own_modules

        find_own_modules()
    group = parser.getgroup("readiness", "MCP Hub readiness")
    for flag, keywords in OPTIONS.items():
        group.addoption(flag, **keywords)


def _find_temporary_folder() -> None:
    """Where there is no place for temporary files, pytest breaks before it can say so: a read-only root without /tmp."""
    try:
        tempfile.gettempdir()
    except OSError as error:
        tempfile.tempdir = next((place for place in _IN_MEMORY if os.access(place, os.W_OK | os.X_OK)), None)
        if tempfile.tempdir is None:
            raise pytest.UsageError(
                f"there is no folder for temporary files ({error.strerror or error}): set TMPDIR to one that can be written"
            ) from None


_IN_MEMORY: Final = ("/dev/shm", "/run/shm")  # noqa: S108 - mkdtemp and mkstemp name what is made there
SETUP: Final = pytest.StashKey["Setup"]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known; read the settings of a run that may be ours, so that redaction is there before any output."""
    if hasattr(config, "workerinput") and os.environ.get("PYTHONSAFEPATH") == "readiness":
        del os.environ["PYTHONSAFEPATH"]  # set for the start of this process alone, and not for what its tests start
    config.addinivalue_line("markers", "check(id, ...): a readiness check; see readiness.check")
    for name, meaning in PHASE_MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    find_suites(config)
    # with xdist the controller collects nothing: it has to be there when a worker has found a check
    distributes = config.getoption("numprocesses", default=None) and not hasattr(config, "workerinput")
    if distributes or may_concern(config):
        _set_up(config)
    else:
        config.pluginmanager.register(Bystander(config), "readiness-bystander")


def _set_up(config: pytest.Config) -> Setup:
    from readiness.session import Setup

    setup = config.stash[SETUP] = Setup(config)
    if setup.concerned:
        _register_boundary(config, setup)
    return setup


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Resolve the settings; what ends in a usage error ends here, before anything is collected."""
    setup = session.config.stash.get(SETUP, None)
    if setup is not None:
        _start(session.config, setup)


def _start(config: pytest.Config, setup: Setup) -> Worker | None:
    """Register what gathers and judges, and what runs checks: None in the controller of xdist, which runs none."""
    if setup.concerned:
        _let_all_be_collected(config)
    if hasattr(config, "workerinput"):
        return _register_worker(config, setup, ledger=None)
    from readiness.session import Closing, Ledger

    ledger = Ledger(config, setup)
    config.pluginmanager.register(ledger, "readiness-ledger")
    config.pluginmanager.register(Closing(ledger), "readiness-closing")
    if not config.getoption("collectonly", default=False):
        setup.refuse_or_start()
        ledger.begin()
    bystander = config.pluginmanager.get_plugin("readiness-bystander")
    for report in bystander.failed if bystander is not None else ():
        ledger.pytest_collectreport(report)
    return None if config.getoption("numprocesses", default=None) else _register_worker(config, setup, ledger=ledger)


def _let_all_be_collected(config: pytest.Config) -> None:
    """Keep --lf from passing over tests before they are collected: the plan has to know what was left out."""
    skipper = config.pluginmanager.get_plugin("lfplugin-collwrapper")
    if skipper is not None:
        config.pluginmanager.unregister(skipper)


def _register_boundary(config: pytest.Config, setup: Setup) -> None:
    """Redaction in every process, as early as there is anything to redact."""
    from readiness.session import Shield

    if not config.pluginmanager.has_plugin("readiness-shield"):
        config.pluginmanager.register(Shield(lambda: setup.redactor), "readiness-shield")
    if config.getoption("htmlpath", default=None) and not hasattr(config, "workerinput"):
        from readiness.results.render import HtmlShield

        if not config.pluginmanager.has_plugin("readiness-html-shield"):
            config.pluginmanager.register(HtmlShield(), "readiness-html-shield")


def _register_worker(config: pytest.Config, setup: Setup, *, ledger: Ledger | None) -> Worker:
    """The part that runs checks, and what their fixtures read."""
    from readiness.session import CONFIG, REDACT, RUN_DIR, Worker, plan_document, write_atomically

    config.stash[CONFIG] = setup.config
    config.stash[REDACT] = setup.redact
    folder = ledger.folder if ledger is not None else setup.folder
    if folder is not None:
        config.stash[RUN_DIR] = folder

    def publish(items: list, errors: list[str]) -> None:  # type: ignore[type-arg]
        if not setup.concerned:
            _register_boundary(config, setup)
        if ledger is not None:
            if errors:
                raise pytest.UsageError("\n".join(errors))
            ledger.take_plan(items, errors)
        elif folder is not None:
            write_atomically(folder / f"plan-{config.workerinput['workerid']}.json", plan_document(items, errors))  # type: ignore[attr-defined]

    def needs_target(phases: frozenset[str]) -> None:
        # under xdist an error here would lose its message: the controller asked before, and set-up says it again
        if ledger is not None and phases and not config.getoption("collectonly", default=False):
            setup.require(phases)

    worker = Worker(setup.scope, redact=setup.redact, publish=publish, needs_target=needs_target)
    config.pluginmanager.register(worker, "readiness-worker")
    return worker


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files of unselected phases alone: collecting them costs start-up time and brings nothing."""
    expression = config.getoption("markexpr", "") or ""
    if not expression or SETUP not in config.stash:
        return None
    from readiness.session import ignored_by_phase

    return True if ignored_by_phase(collection_path, expression) else None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> None:
    """Have the fixtures ready that the checks of a file may ask for: all of them where the file is somebody's own."""
    if SETUP in parent.config.stash:
        from readiness.session import phases_of, register

        register(parent.config, phases_of(module_path))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Where no check was collected although a phase was named, say why, and what to type."""
    if int(exitstatus) == int(pytest.ExitCode.NO_TESTS_COLLECTED) and config.getoption("markexpr", default=""):
        from readiness.session import why_zero

        if sentence := why_zero(config, tuple(PHASE_MARKERS)):
            terminalreporter.write_line(f"readiness: {sentence}")


class Bystander:
    """Watches a run of which nothing says that it is about readiness: from its first check on it is one."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.failed: list[pytest.CollectReport] = []
        """Files that could not be collected: there may be checks in them."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        if report.failed:
            self.failed.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Collector, obj: object) -> None:
        """Begin before the first check is made an item: it may ask for any fixture."""
        if not isinstance(obj, FunctionType):
            return
        if any(mark.name == "check" for mark in (*getattr(obj, "pytestmark", ()), *collector.iter_markers())):
            from readiness.session import register

            worker = _start(self.config, _set_up(self.config))
            self.config.pluginmanager.unregister(self)
            register(self.config)
            module = collector.getparent(pytest.Module)
            if worker is not None and module is not None:
                worker.note_passed_over(module)
