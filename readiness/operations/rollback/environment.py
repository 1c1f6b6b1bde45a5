"""How an action is called: its command, and what its environment tells it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from readiness.operations.deploys import lock, systemd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config.model import Config, RollbackAction
    from readiness.operations.deploys.record import DeployRecord

_OWN: Final = frozenset({"PYTEST_DISABLE_PLUGIN_AUTOLOAD", "READINESS_RUN_ID", "READINESS_VERIFYING"})
"""Variables of this program's own runs, which are nothing to a command."""


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
    kept = {name: value for name, value in os.environ.items() if name not in _OWN}
    told = {"READINESS_ROLLBACK": "1", "READINESS_PREVIOUS": deploy.previous or "", lock.TOKEN: token}
    unit = systemd.unit_of(config)
    return kept | told | ({} if unit is None else {"READINESS_UNIT": unit})
