"""How an action is called: its command, and what its environment tells it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from readiness.operations.deploys import systemd
from readiness.support.environment import LOCK_TOKEN, PREVIOUS, ROLLBACK, UNIT, for_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config.model import Config, RollbackAction
    from readiness.operations.deploys.record import DeployRecord


def command_of(action: RollbackAction, config: Config) -> Sequence[str]:
    """What is run; the built-in action is a module of this program."""
    if not action.restores:
        return action.command
    own = [
        sys.executable,
        "-P",
        "-m",
        "readiness.operations.rollback.restore",
        "--readiness-report",
        str(config.report_dir),
    ]
    return own if config.path is None else [*own, "--readiness-config", str(config.path)]


def environment(config: Config, deploy: DeployRecord, token: str) -> dict[str, str]:
    """This process's environment, with the release to return to, the hub's systemd unit where it has one, and the lock's token."""
    told = {ROLLBACK: "1", PREVIOUS: deploy.previous or "", LOCK_TOKEN: token}
    unit = systemd.unit_of(config)
    return for_command(os.environ) | told | ({} if unit is None else {UNIT: unit})
