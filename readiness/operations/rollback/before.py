"""What earlier runs tell of the release to return to: a fault that it had as well is no reason to return to it.

The history of the report folder is asked, run by run, the newest first. A run is about that release where it says so by
its commit or its folder, or, where neither is told, by its version.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final

from readiness.operations.deploys import past_reports
from readiness.operations.rollback.target import folder_of, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.deploys import DeployRecord

RUNS: Final = 20
"""Runs of that release that are looked at, the newest."""
DAYS: Final = 7
"""How old they may be: what was mended long ago says nothing."""
OFTEN: Final = 2
"""Failures among them that make a fault of it which comes and goes; one that is over was mended."""
_MAX_FILES: Final = 100
_COMMIT: Final = 40


def failed_on_previous(config: Config, deploy: DeployRecord) -> frozenset[str]:
    """Ids of checks that failed in the last run of the release to return to that asked them, or in several of its runs.

    Raises nothing: what cannot be read tells nothing.
    """
    if deploy.previous is None:
        return frozenset()
    times: dict[str, int] = {}
    last: dict[str, bool] = {}
    for outcomes in itertools.islice(_outcomes_of_previous(config, deploy), RUNS):
        for check, bad in outcomes.items():
            last.setdefault(check, bad)
            times[check] = times.get(check, 0) + bad
    return frozenset(check for check, bad in last.items() if bad or times[check] >= OFTEN)


def _outcomes_of_previous(config: Config, deploy: DeployRecord) -> Iterator[dict[str, bool]]:
    until, names = deploy.deployed_at, _names_of_previous(config, deploy)
    for report in past_reports(config, since=until - dt.timedelta(days=DAYS), until=until, most=_MAX_FILES):
        outcomes = report.outcomes()
        if outcomes and _is_about(report.versions, names):
            yield outcomes


def _names_of_previous(config: Config, deploy: DeployRecord) -> dict[str, str]:
    """What names the release to return to, as a run tells it; only where the new release is called otherwise."""
    previous = deploy.previous or ""
    folder, version = folder_of(previous, config), version_of(deploy, config)
    names = {}
    if folder is not None:
        names["folder"] = str(folder.resolve())
    elif len(previous) == _COMMIT:
        names["commit"] = previous
    if version is not None and version.removeprefix("v") != (deploy.version or "").removeprefix("v"):
        names["release"] = version
    return names


def _is_about(versions: Mapping[str, str], names: Mapping[str, str]) -> bool:
    """Whether a run was about the release that is called by `names`."""
    for name in ("commit", "folder"):
        if name in names and versions.get(name):
            return versions[name] == names[name]
    version = versions.get("release") or versions.get("hub") or ""
    return "release" in names and version.removeprefix("v") == names["release"].removeprefix("v")


def release_versions(config: Config) -> dict[str, str]:
    """What a run tells of the release that it judges, so that later ones know which it was. Raises nothing."""
    from readiness.facts.deployment import expected_version

    release = config.target.release
    if release is None or config.demo:
        return {}
    versions = {"release": expected_version(config) or "", "folder": str(release.resolve())}
    return versions | {"commit": _commit(release) if config.rollback.actions else ""}


def _commit(release: Path) -> str:
    """The commit; asked only where somebody means to go back, since git takes its time."""
    from readiness.errors import Unknown
    from readiness.facts.backup import commits

    if not (release / ".git").exists():
        return ""
    with contextlib.suppress(Unknown):
        return commits.head_commit(release) or ""
    return ""
