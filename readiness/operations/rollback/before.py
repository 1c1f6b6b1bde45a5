"""What earlier runs tell of the release to return to: a fault that it had as well is no reason to return to it.

The history of the report folder is asked, run by run, the newest first. A run is about that release where it says so by
its commit or its folder, or, where neither is told, by its version.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.operations.deploys.record import DeployRecord

RUNS: Final = 20
"""Runs of that release that are looked at, the newest."""
DAYS: Final = 7
"""How old they may be: what was mended long ago says nothing."""
OFTEN: Final = 2
"""Failures among them that make a fault of it which comes and goes; one that is over was mended."""
_MAX_FILES: Final = 100
_MAX_BYTES: Final = 64 * 1024 * 1024
_BAD: Final = frozenset({"failed", "waived"})
_WELL: Final = frozenset({"passed", "flaky", "degraded"})
_COMMIT: Final = 40


def failed_on_previous(config: Config, deploy: DeployRecord) -> frozenset[str]:
    """Ids of checks that failed in the last run of the release to return to that asked them, or in several of its runs.

    Raises nothing: what cannot be read tells nothing.
    """
    if deploy.previous is None:
        return frozenset()
    times: dict[str, int] = {}
    last: dict[str, bool] = {}
    for number, document in enumerate(_of_previous(config, deploy)):
        if number >= RUNS:
            break
        for check, bad in _outcomes(document).items():
            last.setdefault(check, bad)
            times[check] = times.get(check, 0) + bad
    return frozenset(check for check, bad in last.items() if bad or times[check] >= OFTEN)


def _outcomes(document: Mapping[str, Any]) -> dict[str, bool]:
    """Whether each check failed; what was not proven is left out."""
    found: dict[str, set[str]] = {}
    for row in document["findings"]:
        found.setdefault(str(row["check"]), set()).add(str(row["outcome"]))
    return {check: bool(seen & _BAD) for check, seen in found.items() if seen & _BAD or seen <= _WELL}


def _of_previous(config: Config, deploy: DeployRecord) -> Iterator[dict[str, Any]]:
    until, wanted = deploy.deployed_at, _named(config, deploy)
    since = until - dt.timedelta(days=DAYS)
    # names begin with the moment at which the run started, in UTC
    stamps = [f"{moment.astimezone(dt.UTC):%Y%m%dT%H%M%S.%f}" for moment in (since, until)]
    folder = config.report_dir / "history"
    names = sorted((path for path in folder.glob("*.json") if stamps[0] <= path.name < stamps[1]), reverse=True)
    for path in names[:_MAX_FILES]:
        content = file_reading.content_or_none(path, _MAX_BYTES)
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError, AttributeError):
            document = json.loads(content or b"")
            if _is_about(document["run"], config, wanted) and _outcomes(document):
                yield document


def _named(config: Config, deploy: DeployRecord) -> dict[str, str]:
    """What names the release to return to, as a run tells it; only where the new release is called otherwise."""
    from readiness.operations.rollback.preconditions import folder_of
    from readiness.operations.rollback.verify import version_of

    previous = deploy.previous or ""
    folder, version = folder_of(previous, config), version_of(deploy, config)
    found = {}
    if folder is not None:
        found["folder"] = str(folder.resolve())
    elif len(previous) == _COMMIT:
        found["commit"] = previous
    if version is not None and version.removeprefix("v") != (deploy.version or "").removeprefix("v"):
        found["release"] = version
    return found


def _is_about(run: Mapping[str, Any], config: Config, wanted: Mapping[str, str]) -> bool:
    targets = {_without_login(url) for url in (config.target.url, config.target.internal_url) if url}
    if run["target"] not in targets or run["environment"] != config.environment or run["demo"]:
        return False
    told = run["versions"]
    for name in ("commit", "folder"):
        if name in wanted and told.get(name):
            return bool(told[name] == wanted[name])
    version = told.get("release") or told.get("hub") or ""
    return "release" in wanted and version.removeprefix("v") == wanted["release"].removeprefix("v")


def _without_login(url: str) -> str:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return url


def told(config: Config) -> dict[str, str]:
    """What a run tells of the release that it judges, so that later ones know which it was. Raises nothing."""
    from readiness.facts.deployment.deployment import expected_version

    release = config.target.release
    if release is None or config.demo:
        return {}
    found = {"release": expected_version(config) or "", "folder": str(release.resolve())}
    return found | {"commit": _commit(release) if config.rollback.actions else ""}


def _commit(release: Path) -> str:
    """The commit; asked only where somebody means to go back, since git takes its time."""
    from readiness.errors import Unknown
    from readiness.facts.backup import commits

    if not (release / ".git").exists():
        return ""
    with contextlib.suppress(Unknown):
        return commits.head(release) or ""
    return ""
