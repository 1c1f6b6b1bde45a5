"""What each host says about the hub's service, as pytest fixtures; `readiness.infra_fixtures` has the others.

A plugin of its own beside `readiness.fixtures`. Import what a fixture returns inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from readiness.config.model import Config
    from readiness.facts.host.exposure import Exposure
    from readiness.facts.host.logs import Logs
    from readiness.facts.host.memory import Memory
    from readiness.facts.host.places import Places
    from readiness.facts.host.process import Processes
    from readiness.facts.host.service import Service
    from readiness.facts.host.supervisors import Supervisor
    from readiness.facts.secretrefs import Resolver
    from readiness.infra_fixtures import OneHost


@pytest.fixture
def service(machine: OneHost, readiness_config: Config) -> Service:
    """The hub's systemd unit."""
    from readiness.facts.host.service import Service

    return Service(machine.answers, readiness_config)


@pytest.fixture
def places(machine: OneHost, readiness_config: Config) -> Places:
    """The paths, the user and the state of the hub."""
    from readiness.facts.host.places import Places

    return Places(machine.answers, readiness_config)


@pytest.fixture
def processes(machine: OneHost, readiness_config: Config) -> Processes:
    """The host's processes."""
    from readiness.facts.host.process import Processes

    return Processes(machine.answers, readiness_config)


@pytest.fixture
def other_supervisor(machine: OneHost, readiness_config: Config) -> Supervisor | None:
    """What supervises the hub in place of its systemd unit; None where nothing else does."""
    from readiness.facts.host.supervisors import Supervision

    return Supervision(machine.answers, readiness_config).other()


@pytest.fixture
def memory(machine: OneHost, readiness_config: Config) -> Memory:
    """What the hub holds in memory."""
    from readiness.facts.host.memory import Memory

    return Memory(machine.answers, readiness_config)


@pytest.fixture
def logs(machine: OneHost, readiness_config: Config) -> Logs:
    """The hub's logs."""
    from readiness.facts.host.logs import Logs

    return Logs(machine.answers, readiness_config)


@pytest.fixture
def exposure(machine: OneHost, readiness_config: Config, secret_resolver: Resolver) -> Exposure:
    """The search for secrets that everyone on the host can read."""
    from readiness.facts.host.exposure import Exposure

    return Exposure(machine.answers, readiness_config, secret_resolver)
