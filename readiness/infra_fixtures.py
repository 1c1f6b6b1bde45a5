"""What each host says, as pytest fixtures: a check that asks for `machine` gets one instance a host.

A plugin of its own beside `readiness.fixtures`. The hosts are known at collection, from `[target] hosts` or testinfra's own
`--hosts`; a host that cannot be looked at ends its checks in set-up, as unknown, with the same sentence.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.host.batch import Answers
    from readiness.facts.host.collect import Hosts
    from readiness.facts.host.firewall import Firewall
    from readiness.facts.host.network import Network
    from readiness.facts.host.nginx import Nginx
    from readiness.facts.host.proxy import Proxy
    from readiness.facts.host.resources import Resources
    from readiness.facts.host.street import Street
    from readiness.facts.host.tlsview import TlsView


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


@pytest.fixture
def network(machine: OneHost, readiness_config: Config) -> Network:
    """The host's sockets, names and clock."""
    from readiness.facts.host.network import Network

    return Network(machine.answers, readiness_config)


@pytest.fixture
def firewall(machine: OneHost) -> Firewall:
    """What the host's firewall lets in."""
    from readiness.facts.host.firewall import Firewall

    return Firewall(machine.answers)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """Another place than the host: where this run is, unless it runs on that very host."""

    spec: str
    network: Network

    def reached(self, port: int) -> list[str]:
        """The host's addresses at which its hub answers this run; none where the run is on the host itself."""
        from urllib.parse import urlsplit

        from readiness.facts.host import vantage

        if not vantage.is_elsewhere(self.spec):
            return []
        return vantage.answered(dict.fromkeys([urlsplit(self.spec).hostname or "", *self.network.addresses()]), port)


@pytest.fixture
def vantage(machine: OneHost, network: Network) -> Vantage:
    """What can be reached from outside the host."""
    return Vantage(spec=machine.spec, network=network)


@pytest.fixture
def open_ports(machine: OneHost, readiness_config: Config) -> frozenset[int]:
    """The ports that may be open to everybody, with the one that this run came in by."""
    from urllib.parse import urlsplit

    own = urlsplit(machine.spec).port if machine.spec.startswith(("ssh:", "safe-ssh:", "paramiko:")) else None
    return frozenset(readiness_config.target.open_ports) | ({own} if own else set())


@pytest.fixture
def nginx(machine: OneHost, readiness_config: Config) -> Nginx:
    """The configuration of the host's nginx."""
    from readiness.facts.host.nginx import Nginx

    return Nginx(machine.answers, readiness_config)


@pytest.fixture
def proxy(nginx: Nginx, readiness_config: Config) -> Proxy | None:
    """What nginx promises for the hub; None where its files say nothing that can be held against what is seen.

    Something else may stand in front, as declared; or the files cannot be read, or are wrong, and then another check says so.
    """
    from readiness.errors import Unknown
    from readiness.facts.host.network import hub_port
    from readiness.facts.host.proxy import Proxy

    if readiness_config.claim("nginx").expected is False:
        return None
    try:
        whole = bool(nginx.tree.inside) and not nginx.errors
    except Unknown:
        whole = False
    return Proxy(nginx, hub_port(readiness_config)) if whole else None


@pytest.fixture
def street(tls_view: TlsView, readiness_config: Config) -> Iterator[Street]:
    """The hub through the proxy, as clients get it. Where nothing stands in between, the check ends in set-up."""
    from readiness.checks import caused_by
    from readiness.errors import Unknown
    from readiness.facts.host.street import Street

    made = Street(readiness_config)
    if made.url.startswith("https:"):
        cause = "proxy-terminates-tls"
        if tls_view.speaks():
            cause = "certificate-is-valid" if tls_view.distrusted() else ""
        if cause:
            caused_by(cause)
            raise Unknown("clients cannot get through [target] url: its TLS is not to be trusted")
    yield made
    made.close()


@pytest.fixture
def tls_view(machine: OneHost, readiness_config: Config) -> TlsView:
    """The TLS that clients meet."""
    from readiness.facts.host.tlsview import TlsView

    del machine
    target = readiness_config.target
    return TlsView(target.url, target.ca_file, readiness_config.probe.timeout)


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """A turn without other workers at the hub: for what would make them look as if they were refused."""
    import contextlib

    from readiness.fixtures import RUN_DIR
    from readiness.turns import turn

    folder = request.config.stash.get(RUN_DIR, None)
    if folder is None or not hasattr(request.config, "workerinput"):
        return contextlib.nullcontext
    return lambda: turn(folder, alone=True)
