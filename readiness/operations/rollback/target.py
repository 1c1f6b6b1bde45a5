"""The release to return to: its folder and version, and the backup of it that a rollback puts back."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from readiness.errors import ReadinessError, Unknown

if TYPE_CHECKING:
    from readiness.config import Config
    from readiness.facts.backup import Backup
    from readiness.operations.deploys import DeployRecord


def folder_of(previous: str, config: Config) -> Path | None:
    """The folder that a record's `previous` names; None where it names a commit."""
    if "/" not in previous:
        return None
    return Path(previous) if Path(previous).is_absolute() else config.target.beneath(previous)


def version_of(deploy: DeployRecord, config: Config) -> str | None:
    """The version of the release to return to; None where its folder does not say."""
    from readiness.facts.deployment import version_in

    folder = folder_of(deploy.previous or "", config)
    return None if folder is None else version_in(folder, config)


def working_folder(config: Config) -> Path:
    """Where commands run: the release, else the folder of readiness.toml."""
    release = config.target.release
    if release is not None and release.is_dir():
        return release
    return Path.cwd() if config.path is None else config.path.absolute().parent


# --- its backup -----------------------------------------------------------------------------------------------------------


def chosen_backup(config: Config, deploy: DeployRecord) -> Backup:
    """The newest backup from before the deploy. Raises ReadinessError where there is none that may be put back."""
    from readiness.facts.backup import Backups

    moment = deploy.deployed_at.timestamp()
    backup = next((one for one in Backups(config).all() if one.order < moment), None)
    if backup is None:
        raise ReadinessError(f"there is no backup from before the deploy of {deploy.deployed_at:%Y-%m-%d %H:%M} UTC")
    if backup.manifest is None:
        raise ReadinessError(
            f"{backup.name} was not made by `readiness backup`: {backup.trouble or 'it has no manifest'}"
        )
    if _is_of_what_was_deployed(backup, deploy, config):
        raise ReadinessError(f"{backup.name} is a backup of the very release that was deployed")
    return backup


def _is_of_what_was_deployed(backup: Backup, deploy: DeployRecord, config: Config) -> bool:
    """Whether `backup` is one of the release that is to go: by commit, version, or what of it tells it from the one before."""
    distinct = deploy.distinct
    if backup.commit and deploy.commit and (distinct.commit or deploy.before is None):
        return backup.commit == deploy.commit
    if distinct.version or deploy.before is None:
        return backup.version == deploy.version
    return distinct.content is not None and _content_of(backup, config) == distinct.content


def _content_of(backup: Backup, config: Config) -> str | None:
    """The digest of what a release's record says of its content, of the release in `backup`; None where it cannot be told."""
    if backup.manifest is None:
        return None
    stored = {entry.path: entry.sha256 for entry in backup.manifest.files}
    hashed = hashlib.sha256()
    for path in (config.target.config, config.target.env_file, "package.json"):
        known = stored.get(f"release/{PurePath(path)}")
        hashed.update(bytes.fromhex(known) if known else hashlib.sha256(b"").digest())
    return hashed.hexdigest()


def proven_backup(config: Config, deploy: DeployRecord | None) -> Backup:
    """The same, with its checksums compared and restored into a scratch folder. Raises ReadinessError."""
    if deploy is None:
        raise ReadinessError("no deploy is recorded, so nothing says which backup is from before it")
    backup = chosen_backup(config, deploy)
    troubles = backup.troubles() or list(backup.restored([]).troubles)
    if troubles:
        raise ReadinessError(f"{backup.name} does not verify: {troubles[0]}")
    if backup.commit is not None:
        _require_reachable(backup.commit, config, deploy)
    return backup


def _require_reachable(commit: str, config: Config, deploy: DeployRecord) -> None:
    """Git still keeps the commit, in the folder that is returned to or in the tree in place. Raises ReadinessError."""
    from readiness.facts.backup import Commits

    tree = folder_of(deploy.previous or "", config) or config.target.release
    if tree is None:
        return
    try:
        standing = Commits(tree).standing(commit)
    except Unknown:
        return  # no repository tracks it: then the folder itself is what is returned to
    if standing != "reachable":
        raise ReadinessError(f"the backup's commit {commit[:12]} is {standing} in {tree}")
