"""Whether an action's script asks somebody: nobody is there to answer, and a script that stopped the hub first would leave it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config.model import Config, RollbackAction
    from readiness.facts.scripts.failure_modes import FailureModes
    from readiness.facts.scripts.simulation import Value


def asks(action: RollbackAction, config: Config) -> str:
    """Where the release's own rollback script, called as `action` calls it, waits for an answer without which it restores nothing.

    Empty where it restores without one, where the action is no such script, and where no question is seen: it gets no
    standard input in any case. Raises nothing.
    """
    release = config.target.release
    if release is None or action.restores:
        return ""
    word = next((w for w in action.command if w.endswith(".sh")), None)
    if word is None:
        return ""  # reading a release's scripts takes a moment, in which a hub is down
    from readiness.facts.scripts.failure_modes import FailureModes
    from readiness.facts.scripts.release_scripts import Scripts
    from readiness.facts.scripts.simulation import Value

    try:
        failure_modes = FailureModes(Scripts(config))
        script = failure_modes.scripts.of("rollback")
        if script is None or (release / word).resolve() != script.file.resolve():
            return ""
        args = tuple(Value(argument) for argument in action.command[action.command.index(word) + 1 :])
        asked = failure_modes.asks_unattended(args, {})
        if asked is None or _restores(failure_modes, args):
            return ""
    except (ReadinessError, RecursionError):
        return ""
    return f"{asked} waits for an answer that nobody gives: pass the option that skips it, or use @restore-backup"


def _restores(failure_modes: FailureModes, args: Sequence[Value]) -> bool:
    """Whether it is seen to restore something although nobody answers."""
    from readiness.facts.scripts.simulation import Incomplete

    try:
        return failure_modes.restores_unattended(args, {})
    except Incomplete:
        return False
