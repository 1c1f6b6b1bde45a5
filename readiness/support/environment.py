"""The environment variables by which the processes of a run know each other, and what of them each kind of process inherits.

What a user sets belongs to the configuration (`readiness.config`), not here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN_ID: Final = "READINESS_RUN_ID"
"""The run's id, from `readiness check` to the pytest that it started: only then a journal is left for it to read."""
CHECK_ID: Final = "READINESS_CHECK_ID"
"""The run id that a `readiness check` has to use: whoever started it looks for its report by that."""
OWN_CHECKS: Final = "READINESS_OWN_CHECKS"
"""The folders of somebody's own checks, separated as in PATH, for the run that verifies a rollback."""
VERIFYING: Final = "READINESS_VERIFYING"
"""Set for a run that is a step of a release or a rollback: it neither acts nor tells people."""
SCHEDULED: Final = "READINESS_SCHEDULED"
"""Set by a scheduled run, which tells people itself: `looks`, or `acts` where it may do more."""
EXPECTED_VERSION: Final = "READINESS_ROLLED_BACK_TO"
"""The version that is to be running, whatever readiness.toml says."""
INTERNAL_URL: Final = "READINESS_INTERNAL_URL"
"""The hub's own port, whatever readiness.toml says: that of a candidate."""
WINDOW: Final = "READINESS_WINDOW"
"""Minutes after its deploy in which this release may be rolled back: while it bakes, and a window longer."""
LOCK_TOKEN: Final = "READINESS_LOCK_TOKEN"  # noqa: S105 - the name of a variable
"""The token of the hub's lock: whoever was started by its holder may pass."""
DRILL: Final = "READINESS_DRILL"
"""Set for what a drill calls: people are told that it is one."""
LOAD_KEY: Final = "READINESS_LOAD_KEY"
"""The secret by which the processes of a load run know each other."""
ROLLBACK: Final = "READINESS_ROLLBACK"
"""Set to 1 for the command of a rollback's action."""
PREVIOUS: Final = "READINESS_PREVIOUS"
"""The release to return to, for the command of a rollback's action."""
UNIT: Final = "READINESS_UNIT"
"""The hub's systemd unit, for the command of a rollback's action."""

SAFE_PATH: Final = "PYTHONSAFEPATH"
"""Python's own: with it the working directory is not where modules are looked for first."""
OURS: Final = "readiness"
"""Its value where a run sets it for the start of its workers alone."""

_OF_PYTEST: Final = "PYTEST_"
_NO_PLUGINS: Final = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"


def for_checks(environ: Mapping[str, str]) -> dict[str, str]:
    """What a run of checks in a process of its own inherits: nothing of the pytest and the run that start it."""
    return {name: value for name, value in environ.items() if not name.startswith(_OF_PYTEST) and name != RUN_ID}


def for_command(environ: Mapping[str, str]) -> dict[str, str]:
    """What somebody's deploy or rollback command inherits: all but what this program's own runs are told."""
    return {name: value for name, value in environ.items() if name not in {_NO_PLUGINS, RUN_ID, VERIFYING}}


def for_drill(environ: Mapping[str, str]) -> dict[str, str]:
    """What a rehearsed release inherits: it is no part of the run that rehearses it."""
    own = {RUN_ID, VERIFYING, CHECK_ID, EXPECTED_VERSION}
    return {k: v for k, v in environ.items() if not k.startswith(_OF_PYTEST) and k not in own} | {DRILL: "1"}


def forget_safe_path() -> None:
    """Take `SAFE_PATH` out of the environment where a run set it: what checks start is not meant."""
    if os.environ.get(SAFE_PATH) == OURS:
        del os.environ[SAFE_PATH]
