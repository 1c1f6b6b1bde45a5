"""What each host says, as pytest fixtures: a check that asks for `machine` gets one instance a host.

A plugin of its own beside `readiness.fixtures`. The hosts are known at collection, from `[target] hosts` or testinfra's own
`--hosts`; a host that cannot be looked at ends its checks in set-up, as unknown, with the same sentence.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.host.batch import Answers
    from readiness.facts.host.collect import Hosts
    from readiness.facts.host.resources import Resources


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OneHost:
    """A host that could be looked at: its address as it may be shown, and what it said."""

    name: str
    spec: str
    answers: Answers


def host_specs(config: Config | None, told: str | None) -> list[str]:
    """The hosts of a run: testinfra's `--hosts` where it is given, else `[target] hosts`."""
    if told:
        return list(dict.fromkeys(spec for spec in told.split(",") if spec))
    return list(config.target.hosts) if config is not None else ["local://"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a check of hosts one instance for each of them."""
    if "machine" not in metafunc.fixturenames:
        return
    from readiness.facts.host.connection import shown
    from readiness.fixtures import CONFIG

    specs = host_specs(metafunc.config.stash.get(CONFIG, None), metafunc.config.getoption("hosts", default=None))
    names = [shown(spec) for spec in specs]
    metafunc.parametrize("machine", specs, ids=names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def readiness_hosts(request: pytest.FixtureRequest, readiness_config: Config) -> Hosts:
    """Everything that the hosts of this run said."""
    from readiness.facts.host.collect import Hosts
    from readiness.fixtures import RUN_DIR

    told = request.config.getoption("hosts", default=None)
    folder: Path | None = request.config.stash.get(RUN_DIR, None)
    return Hosts(readiness_config, host_specs(readiness_config, told), folder)


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, readiness_hosts: Hosts) -> OneHost:
    """One host. A host that cannot be looked at ends the check in set-up."""
    from readiness.facts.host.connection import shown

    spec = request.param
    return OneHost(name=shown(spec), spec=spec, answers=readiness_hosts.answers(spec))


@pytest.fixture
def resources(machine: OneHost) -> Resources:
    """What the host has and uses."""
    from readiness.facts.host.resources import Resources

    return Resources(machine.answers)
