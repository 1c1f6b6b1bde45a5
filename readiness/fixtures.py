"""The facts as pytest fixtures: `hub`, `outside`, `deployed`, ….

Reachability is probed in set-up, so "could not look" is never dressed as "bad": a hub that is down fails `hub-answers`
alone, and ends every other check before it starts, as unknown.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from readiness import checks
from readiness.agent_fixtures import (
    agent,
    agent_afterwards,
    before_the_workflow,
    parametrize_tool_call,
    readiness_sessions,
    readiness_turn,
)
from readiness.alert_fixtures import past_runs, readiness_moment, telemetry
from readiness.config.model import Config
from readiness.drill_fixtures import _drills, drills
from readiness.errors import HubDown, Unknown
from readiness.findings import Limits
from readiness.load_fixtures import _load_run, load_baseline, load_run
from readiness.preflight_fixtures import (
    backups,
    care,
    configured_servers,
    dependencies,
    env_loader,
    environment,
    git_silence,
    guards,
    hub_config,
    linters,
    operation,
    parametrize_mcp_server,
    patience,
    provider_keys,
    questions,
    release,
    running_sources,
    scripts,
    secret_care,
    secret_resolver,
    secret_search,
    supervisor,
    workshop,
)
from readiness.reach import BLOCKED, Reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from readiness.facts.contract import Contract
    from readiness.facts.deployed import Deployment
    from readiness.facts.disclosure import Disclosure
    from readiness.facts.front import Front
    from readiness.facts.hub import Hub
    from readiness.facts.hublog import HubLog
    from readiness.facts.inventory import Inventory
    from readiness.facts.outside import Outside

__all__ = [
    "CONFIG",
    "RUN_DIR",
    "_drills",
    "_load_run",
    "agent",
    "agent_afterwards",
    "ask_again",
    "backups",
    "before_the_workflow",
    "care",
    "configured_servers",
    "dependencies",
    "drills",
    "env_loader",
    "environment",
    "git_silence",
    "guards",
    "hub_config",
    "linters",
    "load_baseline",
    "load_run",
    "operation",
    "past_runs",
    "patience",
    "provider_keys",
    "pytest_generate_tests",
    "questions",
    "readiness_moment",
    "readiness_sessions",
    "readiness_turn",
    "release",
    "running_sources",
    "scripts",
    "secret_care",
    "secret_resolver",
    "secret_search",
    "supervisor",
    "telemetry",
    "workshop",
]

CONFIG: Final = pytest.StashKey[Config]()
"""Where the plugin leaves the configuration, on pytest's own."""
RUN_DIR: Final = pytest.StashKey[Path]()
"""Where the plugin leaves the run's private folder, shared by its workers."""
REDACT: Final = pytest.StashKey[Callable[[str], str]]()
"""Where the plugin leaves what takes secrets out of a text: facts that are kept need it."""


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make instances of the checks that are asked once for each configured server, or once for each configured call."""
    config = metafunc.config.stash.get(CONFIG, None)
    parametrize_mcp_server(metafunc, config)
    parametrize_tool_call(metafunc, config)


HUB_IS_READY: Final = "hub-is-ready"
"""The check that waits for a starting hub itself, and says how long it took."""


def _id(item: pytest.Item) -> str:
    marker = item.get_closest_marker("check")
    return str(marker.args[0]) if marker and marker.args else ""


def _wire(reach: Reach, item: pytest.Item) -> None:
    """Let transport retries of this check show: within its settle time they are part of proving it."""
    marker = item.get_closest_marker("check")
    settles = bool(marker and marker.kwargs.get("settle"))

    def on_retry(_: str) -> None:
        recorder = checks.current.get()
        if recorder is not None and not settles:
            recorder.flaky = True

    with contextlib.suppress(Unknown):
        reach.transport.on_retry = on_retry


@pytest.fixture(scope="session")
def readiness_config(request: pytest.FixtureRequest) -> Config:
    """Everything this run was told."""
    return request.config.stash[CONFIG]


@pytest.fixture(scope="session")
def readiness_reach(request: pytest.FixtureRequest, readiness_config: Config) -> Iterator[Reach]:
    """This process's connections to the hub, closed at its end."""
    reach = Reach(readiness_config, request.config.stash.get(RUN_DIR, None))
    yield reach
    reach.close()


@pytest.fixture
def hub_unprobed(request: pytest.FixtureRequest, readiness_reach: Reach, readiness_turn: None) -> Hub:  # noqa: ARG001 - pytest
    """The hub, without asking first whether it answers: for the check that proves just that."""
    _wire(readiness_reach, request.node)
    return readiness_reach.hub()


@pytest.fixture
def hub(request: pytest.FixtureRequest, hub_unprobed: Hub, readiness_reach: Reach) -> Hub:
    """The hub's HTTP API. A hub that does not answer ends the check in set-up."""
    readiness_reach.ensure(hub_unprobed)
    if _id(request.node) == HUB_IS_READY:
        readiness_reach.waited = True
    readiness_reach.let_it_start(hub_unprobed)
    readiness_reach.note_identity(hub_unprobed)
    hub_unprobed.new_attempt()
    return hub_unprobed


@pytest.fixture
def outside(readiness_reach: Reach, readiness_turn: None) -> Outside:  # noqa: ARG001 - pytest
    """What strangers see through the address of the clients."""
    from readiness.facts.outside import Outside

    return Outside(readiness_reach.outside, readiness_reach.config, readiness_reach.street)


@pytest.fixture
def front(readiness_reach: Reach) -> Front | None:
    """The hub as its clients get it, through `url`; None where facts are fetched there anyway.

    Ask the hub itself first: once this was asked, the check fires no rollback.
    """
    return readiness_reach.front


@pytest.fixture(scope="session")
def deployed(readiness_config: Config) -> Deployment:
    """What was deployed, on disk."""
    from readiness.facts.deployed import Deployment

    return Deployment(readiness_config)


@pytest.fixture
def first_identity(readiness_reach: Reach) -> Mapping[str, Any] | None:
    """Which process answered at the run's start; None if that was never learnt."""
    return readiness_reach.first_identity()


@pytest.fixture
def limits() -> Limits:
    """The running check's limits, as configured."""
    recorder = checks.current.get()
    return (recorder.limits if recorder else None) or Limits()


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The shapes that clients rely on."""
    from readiness.facts.contract import Contract

    return Contract()


@pytest.fixture
def inventory(request: pytest.FixtureRequest, readiness_reach: Reach) -> Inventory:
    """The tools of this run and of the last good one."""
    from readiness.facts.inventory import Inventory

    return Inventory(readiness_reach.config, readiness_reach.run_dir, request.config.stash.get(REDACT, str))


@pytest.fixture
def hub_log(readiness_reach: Reach) -> HubLog:
    """The log of the hub that answers, up to the start of this run."""
    from readiness.facts import mcp_windows
    from readiness.facts.hublog import HubLog

    return HubLog(readiness_reach.config, readiness_reach.since, mcp_windows.windows(readiness_reach.config))


@pytest.fixture
def disclosure(readiness_config: Config) -> Disclosure:
    """The search for secrets and internals in answers."""
    from readiness.facts.disclosure import Disclosure

    return Disclosure(readiness_config)


_AGAIN: Final = 0.1
"""Seconds between two looks at a port: a hub in a crash loop keeps it closed for longer."""


def ask_again(config: Config) -> str:
    """Ask at the end whether the hub answers, with the probe's attempts; why it is proven not to, or an empty text.

    One that answers now and then, as in a crash loop, does not: the port must stay open between two attempts.
    """
    reach = Reach(config, None)
    try:
        reach.ensure(reach.hub())
        return _gone_again(config)
    except HubDown as error:
        return str(error).removeprefix(BLOCKED)
    except Unknown:
        return ""
    finally:
        reach.close()


def _gone_again(config: Config) -> str:
    """Whether the port of a hub that was lost, and has just answered, is closed once more; in words, or an empty text."""
    parts = urlsplit(config.target.facts_url or "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    until = time.monotonic() + config.probe.interval
    while time.monotonic() < until:
        try:
            socket.create_connection((parts.hostname or "", port), timeout=config.probe.timeout).close()
        except ConnectionRefusedError:
            return f"it answered, and {parts.hostname}:{port} refused the next connection: it does not stay up"
        except OSError:
            return ""  # too slow, or no way there: that proves nothing
        time.sleep(_AGAIN)
    return ""
