"""The facts of a release tree as pytest fixtures.

`readiness.fixtures` imports each by name, so that pytest finds it there; add a new one to both. Import what a fixture
returns inside it: every run of an installation loads this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from readiness.errors import Unknown

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.backup import Backups
    from readiness.facts.dependencies import Dependencies
    from readiness.facts.environment import Environment
    from readiness.facts.git import Silence
    from readiness.facts.hubconfig import HubConfig
    from readiness.facts.loader import Loader
    from readiness.facts.operation import Operation
    from readiness.facts.providerkeys import ProviderKeys
    from readiness.facts.release import Release
    from readiness.facts.secretcare import SecretCare
    from readiness.facts.secretplaces import SecretSearch
    from readiness.facts.secretrefs import Resolver
    from readiness.facts.shell import Scripts
    from readiness.facts.shell_care import Care
    from readiness.facts.shell_guards import Guards
    from readiness.facts.shell_patience import Patience
    from readiness.facts.shell_questions import Questions
    from readiness.facts.shell_tools import Linters, Supervisor
    from readiness.facts.workshop import Workshop


@pytest.fixture(scope="session")
def git_silence() -> Silence:
    """Whether git was waited for in vain: once a process is enough."""
    from readiness.facts.git import Silence

    return Silence()


@pytest.fixture
def release(readiness_config: Config, git_silence: Silence) -> Release:
    """The release tree on disk. Without one to look at, the check ends in set-up."""
    from readiness.facts.release import Release

    return Release.of(readiness_config, git_silence)


@pytest.fixture
def workshop(release: Release) -> Workshop:
    """Builds, tests and lints the release, in copies."""
    from readiness.facts.workshop import Workshop

    return Workshop(release)


@pytest.fixture
def hub_config(release: Release) -> HubConfig:
    """The hub's deployed configuration, in detail."""
    from readiness.facts.hubconfig import HubConfig

    return HubConfig(release)


@pytest.fixture
def environment(release: Release) -> Environment:
    """The service's environment, in detail."""
    from readiness.facts.environment import Environment

    return Environment(release)


@pytest.fixture
def env_loader(release: Release) -> Loader:
    """Who reads the env file when the service starts."""
    from readiness.facts.loader import Loader

    return Loader(release)


@pytest.fixture
def dependencies(release: Release) -> Dependencies:
    """What the release depends on."""
    from readiness.facts.dependencies import Dependencies

    return Dependencies(release)


@pytest.fixture
def operation(release: Release) -> Operation:
    """What surrounds a deploy on its host."""
    from readiness.facts.operation import Operation

    return Operation(release)


@pytest.fixture
def backups(readiness_config: Config, git_silence: Silence) -> Backups:
    """The backups of the release. Without a release to look at, the check ends in set-up."""
    from readiness.facts.backup import Backups

    return Backups(readiness_config, git_silence)


@pytest.fixture
def running_sources(readiness_config: Config) -> tuple[Path, ...]:
    """The files that the hub says it read its servers from; none where no hub answers at once."""
    from readiness.facts.running import sources

    return sources(readiness_config)


def configured_servers(config: Config) -> list[str | None]:
    """The instances of a check that is asked once for each MCP server: by the configuration alone, known at collection.

    One instance without a name where the configuration cannot be read or names none: the check then says why.
    """
    from readiness.facts.deployed import read

    try:
        return list(read(config).server_names) or [None]
    except Unknown:
        return [None]


def parametrize_mcp_server(metafunc: pytest.Metafunc, config: Config | None) -> None:
    """Make a check that asks for `mcp_server` one instance for each configured server."""
    if "mcp_server" in metafunc.fixturenames:
        names = configured_servers(config) if config is not None else [None]
        metafunc.parametrize("mcp_server", names, ids=[name or "configuration" for name in names])


@pytest.fixture(scope="session")
def secret_resolver(readiness_config: Config) -> Resolver:
    """What turns references into secrets, each asked for once in a process."""
    from readiness.facts.secretrefs import Resolver

    return Resolver(readiness_config)


@pytest.fixture(scope="session")
def secret_search(readiness_config: Config, secret_resolver: Resolver, git_silence: Silence) -> SecretSearch:
    """The search for secrets where they should not be."""
    from readiness.facts.secretplaces import SecretSearch

    return SecretSearch(readiness_config, secret_resolver, git_silence)


@pytest.fixture(scope="session")
def secret_care(readiness_config: Config, secret_resolver: Resolver) -> SecretCare:
    """Where the secrets come from, when they were replaced, who may read the cache."""
    from readiness.facts.secretcare import SecretCare

    return SecretCare(readiness_config, secret_resolver)


@pytest.fixture(scope="session")
def provider_keys(readiness_config: Config, secret_resolver: Resolver) -> ProviderKeys:
    """The keys of the LLM providers."""
    from readiness.facts.providerkeys import ProviderKeys

    return ProviderKeys(readiness_config, secret_resolver)


@pytest.fixture(scope="session")
def scripts(readiness_config: Config) -> Scripts:
    """The release's shell scripts. Without a release to look at, the check ends in set-up."""
    from readiness.facts.shell import Scripts

    return Scripts(readiness_config)


@pytest.fixture(scope="session")
def questions(scripts: Scripts) -> Questions:
    """What happens in the scripts when a command fails, when nobody is there, when the hub does not end."""
    from readiness.facts.shell_questions import Questions

    return Questions(scripts)


@pytest.fixture(scope="session")
def care(scripts: Scripts) -> Care:
    """Locks, logs, secrets, requests and supervision of the scripts."""
    from readiness.facts.shell_care import Care

    return Care(scripts)


@pytest.fixture(scope="session")
def linters(scripts: Scripts) -> Linters:
    """What `bash -n` and shellcheck say of the scripts."""
    from readiness.facts.shell_tools import Linters

    return Linters(scripts)


@pytest.fixture(scope="session")
def supervisor(scripts: Scripts) -> Supervisor:
    """What in the release restarts the hub."""
    from readiness.facts.shell_tools import Supervisor

    return Supervisor(scripts)


@pytest.fixture(scope="session")
def guards(scripts: Scripts) -> Guards:
    """What the scripts look at before they write."""
    from readiness.facts.shell_guards import Guards

    return Guards(scripts)


@pytest.fixture(scope="session")
def patience(scripts: Scripts) -> Patience:
    """How long the scripts wait, for a hub that does not end and an address that does not answer."""
    from readiness.facts.shell_patience import Patience

    return Patience(scripts)
