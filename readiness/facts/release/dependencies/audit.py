"""Known vulnerabilities of the dependencies: from `npm audit`, from `bun audit`, or from a database of OSV in a folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import CouldNotLook
from readiness.facts.release.dependencies import locked, osv
from readiness.support import Unreadable, child_process

if TYPE_CHECKING:
    from readiness.facts.release.release import Release

SECONDS: Final = 60.0
"""Seconds for the whole audit."""
LEVELS: Final = ("info", "low", "moderate", "high", "critical")
_FILES: Final = (
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "bun.lock",
    "bun.lockb",
    ".npmrc",
    "bunfig.toml",
)
OFFLINE: Final = "without a registry, [release] osv names a folder with an export of the OSV database"
Advisory = osv.Advisory


def look_up(release: Release) -> tuple[list[Advisory], str]:
    """The advisories of the database in a folder, worst first, and what was held against what, in words.

    Raises Unreadable where what is locked cannot be told, and CouldNotLook where the database proves nothing; what it finds
    in any case is proven.
    """
    package, settings = release.package(), release.config.release
    folder = release.path(str(settings.osv))
    if not package.wanted(*locked.RUNNING):
        return [], "nothing is installed for production"
    packages = {one for lock in package.locks for one in locked.production(package, lock)}
    database = osv.search(folder, packages)
    found = sorted(database.advisories, key=lambda one: (-_rank(one.level), one.package))
    problem = database.problem(settings.osv_days)
    if problem and not at_least(found, "high"):
        raise CouldNotLook(f"the OSV database in {release.shown(folder)} {problem}")
    what = f"{len(packages)} packages were held against the {database.count} advisories in {release.shown(folder)}"
    return found, f"{what}, the newest of {database.newest:%Y-%m-%d}" if database.newest else what


def ask(release: Release) -> list[Advisory]:
    """The advisories for what runs in production, worst first. Raises Unreadable, NotInstalled, CouldNotLook.

    A release without dependencies is not asked about. The audit runs in a folder of its own that holds the package and
    its lock file, so nothing is written into the release.
    """
    package = release.package()
    if not package.wanted(*locked.RUNNING):
        return []
    manager = "bun" if package.manager == "bun" else "npm"
    if manager == "npm" and not any(
        path.name in {"package-lock.json", "npm-shrinkwrap.json"} for path in package.locks
    ):
        raise Unreadable(
            f"{manager} audits a lock file and {release.root} has no package-lock.json; {OFFLINE}",
            "untold",
        )
    with child_process.scratch_home() as home:
        folder = home / "audit"
        folder.mkdir()
        for name in _FILES:
            if (release.root / name).is_file():
                shutil.copyfile(release.root / name, folder / name)
        argv = [
            child_process.find(manager),
            "audit",
            "--json",
            *(["--omit=dev"] if manager == "npm" else ["--production"]),
        ]
        done = child_process.run(argv, timeout=SECONDS, cwd=folder, env=_environment(home), limit=16 * 1024 * 1024)
    return _advisories(done, manager)


def _environment(home: Path) -> dict[str, str]:
    """The registry that the user has configured counts; the cache and the logs are scratch."""
    extra = {
        "npm_config_update_notifier": "false",
        "npm_config_fetch_retries": "0",
        "npm_config_fetch_timeout": "20000",
    }
    user_config = os.environ.get("NPM_CONFIG_USERCONFIG") or os.environ.get("npm_config_userconfig")  # noqa: SIM112 - npm reads both
    user = Path(user_config) if user_config else Path("~/.npmrc").expanduser()
    if user.is_file():
        extra["npm_config_userconfig"] = str(user)
    for name in ("NPM_CONFIG_REGISTRY", "npm_config_registry"):
        if name in os.environ:
            extra["npm_config_registry"] = os.environ[name]
    return child_process.environment(home, extra)


def _advisories(done: child_process.FinishedProcess, manager: str) -> list[Advisory]:
    """Read the answer; where it is no such answer, nothing is known."""
    if done.timed_out:
        raise CouldNotLook(f"{manager} audit {done.ending}; {OFFLINE}")
    data = _json(done.out)
    if not isinstance(data, dict):
        raise CouldNotLook(f"{manager} audit gave no answer ({done.ending}): {done.last_words(200)}")
    if "error" in data or "message" in data or ("statusCode" in data):
        error = data.get("error")
        message = data.get("message") or (
            error.get("summary") or error.get("code") if isinstance(error, dict) else error
        )
        raise CouldNotLook(f"the registry did not answer the audit: {str(message)[:200]}; {OFFLINE}")
    advisories = _npm(data) if manager == "npm" else _bun(data)
    if done.code != 0 and not advisories:
        raise CouldNotLook(f"{manager} audit {done.ending} without naming a package: {done.last_words(200)}")
    return sorted(advisories, key=lambda one: (-_rank(one.level), one.package))


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON
    start = text.find("{")
    try:
        return json.JSONDecoder().raw_decode(text[start:])[0] if start >= 0 else None
    except (ValueError, RecursionError):
        return None


def _npm(data: dict[str, Any]) -> list[Advisory]:
    entries = data.get("vulnerabilities")
    if not isinstance(entries, dict) or not isinstance(data.get("metadata"), dict):
        raise CouldNotLook("npm audit answered in a form that is not known here: update npm to 8 or later")
    advisories = []
    for name, entry in entries.items():
        via = entry.get("via") if isinstance(entry, dict) else None
        titles = [str(one.get("title", "")) for one in via or () if isinstance(one, dict)]
        level = str(entry.get("severity")) if isinstance(entry, dict) else "critical"
        advisories.append(Advisory(package=str(name), level=level, title=titles[0] if titles else ""))
    return advisories


def _bun(data: dict[str, Any]) -> list[Advisory]:
    advisories = []
    for name, entries in data.items():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                level, title = str(entry.get("severity", "critical")), str(entry.get("title", ""))
                advisories.append(Advisory(package=str(name), level=level, title=title))
    return advisories


def _rank(level: str) -> int:
    """An unknown level counts as the worst."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def at_least(advisories: list[Advisory], level: str) -> list[Advisory]:
    """Those of at least `level`; an unknown level counts as the worst."""
    return [one for one in advisories if _rank(one.level) >= LEVELS.index(level)]
