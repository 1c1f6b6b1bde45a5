"""The release tree on disk: package, lock file, git, unit, environment file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.release import entry_point, env_file, env_readers, package_json, systemd_unit
    from readiness.facts.release.container_files import ContainerFiles
    from readiness.facts.release.dependencies.inspection import Dependencies
    from readiness.facts.release.entry_point import RUNTIMES, EntryPoint, substitute_variables
    from readiness.facts.release.env_file import EnvVariable
    from readiness.facts.release.git import Git, GitTimeouts
    from readiness.facts.release.release import Release
    from readiness.facts.release.sandbox.jobs import Sandbox
    from readiness.facts.release.secret_references import PROVIDER_VARIABLES, SecretResolver, secret_manager
    from readiness.facts.release.systemd_unit import SystemdUnit
else:
    __all__, __getattr__ = front_door(__name__, __file__)
