"""What a backup of a release holds, and making it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError, Unknown
from readiness.facts.backup import ALSO, CONFIGURATION, ENVIRONMENT, LOCKFILE
from readiness.operations.backup.backup import BackupRequest, BackupSource, create
from readiness.support import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from readiness.config import Config
    from readiness.operations.backup.backup import MadeBackup

FILE_LIMIT: Final = 1024 * 1024 * 1024
"""Bytes above which a log is left out unless it is asked for."""


def back_up_release(
    config: Config, *, also: Sequence[Path] = (), keep: int | None = None, file_limit: int = FILE_LIMIT
) -> MadeBackup:
    """Make a backup of the release, whose folder is configured. `file_limit` in bytes. Raises ReadinessError."""
    from readiness.config import foreign_backups
    from readiness.facts.backup import commits
    from readiness.facts.release import package_json

    release, folder = config.target.release, config.target.backups_dir
    assert release is not None
    assert folder is not None
    foreign = foreign_backups(folder) if config.target.backups is not None else ()
    if foreign:
        raise ReadinessError(
            f"[target] backups names {folder}, where another program keeps its backups ({', '.join(foreign[:2])}): what takes the "
            "newest of them would take ours, which is laid out otherwise; name a folder of its own, or leave the key away"
        )
    return create(
        BackupRequest(
            folder=folder,
            sources=tuple(sources(config, list(also))),
            commit=_asked("commit", lambda: commits.head_commit(release)),
            version=_asked("version", lambda: package_json.read(release).version),
            keep=keep,
            file_limit=file_limit,
        )
    )


def _asked(what: str, ask: Callable[[], str | None]) -> str | None:
    """What a release says of itself; that it does not is no reason to have no backup."""
    try:
        return ask()
    except Unknown as error:
        say(f"readiness backup: the {what} is not known: {error}", error=True)
        return None


def sources(config: Config, also: Sequence[Path] = ()) -> Iterator[BackupSource]:
    """What is backed up of a release: its configuration, env file, lock files and package.json, its logs and cache."""
    from readiness.facts.backup import LOCKFILES
    from readiness.facts.deployment import hub_folders
    from readiness.facts.release import Release

    release, target = config.target.release, config.target
    if release is None:
        raise ReadinessError("nothing says which release to back up: set [target] release")
    files = Release(release, config).config_files()
    for file in files:
        yield _named_file(release, str(file), CONFIGURATION, required=True)
    yield _named_file(release, target.env_file, ENVIRONMENT)
    for name in LOCKFILES:
        if os.path.lexists(release / name):
            yield BackupSource(root="release", base=release, path=name, role=LOCKFILE)
    yield BackupSource(root="release", base=release, path="package.json", role="package")
    for path in also:
        yield _named_file(release, str(path.absolute()), ALSO, required=True)
    beside = Path(os.path.relpath(files[-1].parent, release))
    if beside != Path() and ".." not in beside.parts:
        yield BackupSource(root="release", base=release, path=str(beside), role="settings")
    yield BackupSource(root="release", base=release, path="logs", role="logs")
    state, cache = hub_folders.state(config), hub_folders.cache(config)
    if state is not None and (state / "logs").is_dir():
        yield BackupSource(root="state", base=state, path="logs", role="logs")
    if cache is not None and cache.is_dir():
        yield BackupSource(root="cache", base=cache, path=".", role="cache")


def _named_file(release: Path, path: str, role: str, *, required: bool = False) -> BackupSource:
    """A file that the configuration names, below the release where it is there."""
    full = Path(os.path.normpath(release / path))
    if full.is_relative_to(release):
        return BackupSource(
            root="release", base=release, path=str(full.relative_to(release)), role=role, required=required
        )
    return BackupSource(root="outside", base=Path("/"), path=str(full).lstrip("/"), role=role, required=required)
