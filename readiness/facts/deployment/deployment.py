"""What was deployed, as checks ask for it: its configuration, version and servers, and what these claim.

A run without a release loads none of what reads one. A key of `[expect]` that nothing claims or denies is absent; a file that cannot be read leaves everything claimed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from readiness.config import Claim
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.deployment.hub_config import Deployed


def claims(config: Config) -> Mapping[str, Claim]:
    """What is claimed where `[expect]` is silent: by the deployed files, the target and the environment.

    A key that nothing claims or denies is absent; a configuration that cannot be read leaves its claims standing.
    """
    claimed = config.own_claims()
    if config.target.release is not None:
        from readiness.facts.scripts import inventory

        claimed |= _tree_claims(config, config.target.release)
        claimed |= _deployed_claims(config)
        claimed["api_keys"] = _env_file_claim(config, claimed["llm"])
        claimed |= inventory.claims(config)
    return claimed


def _tree_claims(config: Config, root: Path) -> dict[str, Claim]:
    """What a release tree shows that it has, for a first look at it."""
    from readiness.facts.release import package_json
    from readiness.support import file_reading

    seen = {"runtime": True, "git": file_reading.exists(root / ".git"), "unit": config.target.unit is not None}
    seen |= {"config_schema": file_reading.exists(root / "config.schema.json")}
    seen |= {name: bool(getattr(config.release, job)) for job, name in package_json.JOBS.items()}
    seen |= {"previous_release": config.release.previous is not None}
    if not config.target.kind.is_hub:
        return _absences_of_others(config) | {name: Claim(expected=True) for name, there in seen.items() if there}
    return _absences(config) | {name: Claim(expected=True) for name, there in seen.items() if there}


def _absences_of_others(config: Config) -> dict[str, Claim]:
    """What the release of another kind has not: an env file is a hub's custom, and is looked at only where it is."""
    file = config.target.environment_file
    if file is not None and not file_reading.exists(file):
        reason = f"{config.target.env_file} is not there: [target] env_file may name another one"
        return {"env_file": Claim(expected=False, reason=reason)}
    return {}


_NOT_OF_ITS_OWN: Final = {
    "build": "nothing is built",
    "tests": "there is no code to test",
    "lint": "there is no code to lint",
}


def _absences(config: Config) -> dict[str, Claim]:
    """What a release shows that it has not: a hub that is a dependency is neither built, tested nor linted here."""
    from readiness.facts.release import Release, package_json
    from readiness.support import Unreadable

    absent: dict[str, str] = {}
    try:
        release = Release.of(config)
        hub, scripts = release.artifact(), release.package().scripts
    except Unreadable:
        return {}
    if hub.is_dependency:
        name = release.shown(hub.path)
        absent["config_schema"] = f"the hub is a dependency ({name}) that brings no config.schema.json"
        jobs = {key for job, key in package_json.JOBS.items() if job not in scripts}
        if jobs and not release.has_code():
            absent |= {key: f"the hub is a dependency ({name}): {_NOT_OF_ITS_OWN[key]}" for key in jobs}
    unit = release.unit_without_env_file()
    if unit:
        absent["env_file"] = f"{unit} names no env file, and {config.target.env_file} is not there"
    declared = config.claim("env_file")
    if declared.expected is False and not unit:
        absent["variables"] = declared.reason or "[expect] env_file = false"
    return {name: Claim(expected=False, reason=reason) for name, reason in absent.items()}


def _deployed_claims(config: Config) -> dict[str, Claim]:
    from readiness.facts.deployment.hub_config import read
    from readiness.support import Unreadable

    try:
        deployed = read(config)
    except Unreadable:
        return {key: Claim(expected=True) for key in ("filtering", "llm", "prompt_analysis", "servers")}
    filtering = deployed.claims("toolFiltering")
    llm = filtering and deployed.claims("toolFiltering", "llmCategorization")
    return {
        "filtering": _claim(filtering, "the deployed configuration does not enable toolFiltering"),
        "llm": _claim(llm, "the deployed configuration does not enable llmCategorization"),
        "prompt_analysis": _claim(
            filtering and deployed.data["toolFiltering"].get("mode") == "prompt-based",
            "the deployed configuration's toolFiltering.mode is not prompt-based",
        ),
        "servers": Claim(expected=True),
    }


def _claim(holds: bool, otherwise: str) -> Claim:  # noqa: FBT001 - private, reads as a sentence
    return Claim(expected=True) if holds else Claim(expected=False, reason=otherwise)


def keys_claim(config: Config, values: Mapping[str, str]) -> Claim:
    """Whether the providers' keys can be read: not where all are references and `[secrets] resolve` is not set."""
    from readiness.facts.release import PROVIDER_VARIABLES, secret_manager

    given = [value for name, value in values.items() if name in PROVIDER_VARIABLES and value.strip()]
    if given and not config.secrets.resolve and all(secret_manager(value) for value in given):
        return Claim(
            expected=False,
            reason="the keys are references: set [secrets] resolve to the command that reads one, and they are tried",
        )
    return Claim(expected=True)


def _env_file_claim(config: Config, llm: Claim) -> Claim:
    """What the deployed env file claims about keys; one that cannot be read leaves the claim standing."""
    from readiness.facts.release import PROVIDER_VARIABLES, env_file
    from readiness.support import Unreadable

    try:
        values = env_file.of(config)
    except Unreadable:
        return Claim(expected=True)
    declared = config.claim("llm")
    claim = llm if declared.expected is None else declared
    if claim.expected is False and not any(values.get(name, "").strip() for name in PROVIDER_VARIABLES):
        return Claim(expected=False, reason=f"no provider's key is set, and no LLM is claimed: {claim.reason}")
    return keys_claim(config, values)


def expected_servers(config: Config) -> tuple[str, ...] | None:
    """Names of the servers that should run: declared, else deployed; None where neither is known. Raises Unreadable."""
    if config.expect.servers is not None:
        return config.expect.servers
    if config.target.release is None:
        return None
    from readiness.facts.deployment.hub_config import read

    return read(config).server_names


def expected_version(config: Config) -> str | None:
    """The version that should run: declared, else of the package that the release starts; None where neither is known."""
    if config.target.version:
        return config.target.version
    if config.target.release is None:
        return None
    from readiness.facts.release import Release, package_json
    from readiness.support import Unreadable

    release = Release(config.target.release, config)
    try:
        return release.version_of(release.artifact()) or None
    except Unreadable:
        pass
    try:
        return package_json.read(config.target.release).version or None
    except Unreadable:
        return None


def version_in(tree: Path, config: Config) -> str | None:
    """The version of the hub that a release tree starts, this one's or one before; None where it does not say.

    A repository that has the hub as a dependency has a version of its own, which says nothing about the hub.
    """
    from readiness.facts.release import Release, package_json
    from readiness.support import Unreadable

    release = Release(tree, config)
    with contextlib.suppress(Unreadable):
        own = release.own_entry()
        if file_reading.exists(own.path):
            return release.version_of(own) or None
    with contextlib.suppress(Unreadable):
        if "mcp-hub" in release.package().wanted("dependencies"):
            return package_json.read(tree / "node_modules" / "mcp-hub").version or None
    with contextlib.suppress(Unreadable):
        return release.package().version or None
    return None


class Deployment:
    """What was deployed, as checks ask for it; each question reads the disk again."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def declared_empty(self) -> bool:
        """Whether `[expect] servers = []` says that this hub runs without servers."""
        return self.config.expect.servers == ()

    def files(self) -> Deployed:
        """The deployed hub configuration. Raises Unreadable."""
        from readiness.facts.deployment.hub_config import read

        return read(self.config)

    def servers(self) -> tuple[str, ...] | None:
        """Names of the servers that should run; None where that is not known. Raises Unreadable."""
        return expected_servers(self.config)

    def version(self) -> str | None:
        """The version that should run; None where that is not known."""
        return expected_version(self.config)

    def built(self) -> float | None:
        """When the release's entry point was built, seconds since the epoch; None where there is none to see."""
        if self.config.target.release is None:
            return None
        from readiness.facts.release import Release
        from readiness.support import Unreadable

        try:
            path = Release(self.config.target.release, self.config).own_entry().path
            return file_reading.last_change(path.stat())
        except (OSError, Unreadable):
            return None

    def environment(self) -> frozenset[str]:
        """Names of the variables that the deployed env file sets. Raises Unreadable."""
        from readiness.facts.release import env_file

        return frozenset(env_file.of(self.config))
