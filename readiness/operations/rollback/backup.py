"""The backup that a rollback puts back: made before the deploy, of another release, whole, and proven to restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from readiness.config.model import Config
    from readiness.facts.backup.backup import Backup
    from readiness.operations.deploys.record import DeployRecord


def chosen(config: Config, deploy: DeployRecord) -> Backup:
    """The newest backup from before the deploy. Raises ReadinessError where there is none that may be put back."""
    from readiness.facts.backup.backups import Backups

    moment = deploy.deployed_at.timestamp()
    found = next((one for one in Backups(config).all() if one.order < moment), None)
    if found is None:
        raise ReadinessError(f"there is no backup from before the deploy of {deploy.deployed_at:%Y-%m-%d %H:%M} UTC")
    if found.manifest is None:
        raise ReadinessError(
            f"{found.name} was not made by `readiness backup`: {found.trouble or 'it has no manifest'}"
        )
    same = found.commit == deploy.commit if found.commit and deploy.commit else found.version == deploy.version
    if same:
        raise ReadinessError(f"{found.name} is a backup of the very release that was deployed")
    return found


def proven(config: Config, deploy: DeployRecord | None) -> Backup:
    """The same, with its checksums compared and restored into a scratch folder. Raises ReadinessError."""
    if deploy is None:
        raise ReadinessError("no deploy is recorded, so nothing says which backup is from before it")
    found = chosen(config, deploy)
    troubles = found.troubles() or list(found.restored([]).troubles)
    if troubles:
        raise ReadinessError(f"{found.name} does not verify: {troubles[0]}")
    if found.commit is not None:
        _reachable(found.commit, config, deploy)
    return found


def _reachable(commit: str, config: Config, deploy: DeployRecord) -> None:
    """Git still keeps the commit, in the folder that is returned to or in the tree in place. Raises ReadinessError."""
    from readiness.errors import Unknown
    from readiness.facts.backup.commits import Commits
    from readiness.operations.rollback.preconditions import folder_of

    tree = folder_of(deploy.previous or "", config) or config.target.release
    if tree is None:
        return
    try:
        standing = Commits(tree).standing(commit)
    except Unknown:
        return  # no repository tracks it: then the folder itself is what is returned to
    if standing != "reachable":
        raise ReadinessError(f"the backup's commit {commit[:12]} is {standing} in {tree}")
