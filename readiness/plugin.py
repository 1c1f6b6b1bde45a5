"""The pytest plugin: options, markers and hooks that forward. Imports the standard library and pytest only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from readiness.session.options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.session.controller import Ledger
    from readiness.session.setup import Setup

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
    group = parser.getgroup("readiness", "MCP Hub readiness")
    for flag, keywords in OPTIONS.items():
        group.addoption(flag, **keywords)


SETUP: Final = pytest.StashKey["Setup"]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known; read what the run was told, so that redaction is there before anything is said."""
    config.addinivalue_line("markers", "check(id, ...): a readiness check; see readiness.check")
    for name, meaning in PHASE_MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    from readiness.session.plan.selection import find_suites
    from readiness.session.setup import Setup

    find_suites(config)
    setup = config.stash[SETUP] = Setup(config)
    if setup.concerned:
        _register_boundary(config, setup)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Resolve what the run was told; what ends in a usage error ends here, before anything is collected."""
    config = session.config
    setup = config.stash[SETUP]
    if setup.concerned:
        _let_all_be_collected(config)
    if hasattr(config, "workerinput"):
        _register_worker(config, setup, ledger=None)
        return
    from readiness.session.controller import Closing, Ledger

    ledger = Ledger(config, setup)
    config.pluginmanager.register(ledger, "readiness-ledger")
    config.pluginmanager.register(Closing(ledger), "readiness-closing")
    if not config.getoption("collectonly", default=False):
        setup.refuse_or_start()
    if not config.getoption("numprocesses", default=None):
        _register_worker(config, setup, ledger=ledger)


def _let_all_be_collected(config: pytest.Config) -> None:
    """Keep --lf from passing over tests before they are collected: the plan has to know what was left out."""
    skipper = config.pluginmanager.get_plugin("lfplugin-collwrapper")
    if skipper is not None:
        config.pluginmanager.unregister(skipper)


def _register_boundary(config: pytest.Config, setup: Setup) -> None:
    """Redaction in every process, as early as there is anything to redact."""
    from readiness.session.shield.plugin import Shield

    if not config.pluginmanager.has_plugin("readiness-shield"):
        config.pluginmanager.register(Shield(lambda: setup.redactor), "readiness-shield")
    if config.getoption("htmlpath", default=None) and not hasattr(config, "workerinput"):
        from readiness.results.render.pytest_html import HtmlShield

        if not config.pluginmanager.has_plugin("readiness-html-shield"):
            config.pluginmanager.register(HtmlShield(), "readiness-html-shield")


def _register_worker(config: pytest.Config, setup: Setup, *, ledger: Ledger | None) -> None:
    """The part that runs checks; and the facts as fixtures."""
    from readiness.session.fixtures import host as infra_fixtures
    from readiness.session.fixtures import hub as fixtures
    from readiness.session.fixtures import service as service_fixtures
    from readiness.session.plan.plan import plan_document, write_atomically
    from readiness.session.worker import Worker

    config.stash[fixtures.CONFIG] = setup.config
    config.stash[fixtures.REDACT] = setup.redact
    folder: Path | None = ledger.folder if ledger is not None else setup.folder
    if folder is not None:
        config.stash[fixtures.RUN_DIR] = folder

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

    config.pluginmanager.register(fixtures, "readiness-fixtures")
    config.pluginmanager.register(infra_fixtures, "readiness-infra-fixtures")
    config.pluginmanager.register(service_fixtures, "readiness-service-fixtures")
    config.pluginmanager.register(
        Worker(setup.scope, redact=setup.redact, publish=publish, needs_target=needs_target), "readiness-worker"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files of unselected phases alone: collecting them costs start-up time and brings nothing."""
    from readiness.session.plan.selection import ignored_by_phase

    expression = config.getoption("markexpr", "") or ""
    return True if ignored_by_phase(collection_path, expression) else None
