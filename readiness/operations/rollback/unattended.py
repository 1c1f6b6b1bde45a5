"""Whether an action's script asks somebody: nobody is there to answer, and a script that stopped the hub first would leave it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from readiness.config.model import Config, RollbackAction


def asks(action: RollbackAction, config: Config) -> str:
    """Where the release's own rollback script, called as `action` calls it, waits for an answer without which it restores nothing.

    Empty where it restores without one, where the action is no such script, and where that cannot be told: it gets no
    standard input in any case. Raises nothing.
    """
    release = config.target.release
    if release is None or action.restores:
        return ""
    word = next((w for w in action.command if w.endswith(".sh")), None)
    if word is None:
        return ""  # reading a release's scripts takes a moment, in which a hub is down
    from readiness.facts.scripts.failure_modes import Questions
    from readiness.facts.scripts.shell import Scripts
    from readiness.facts.scripts.values import Value

    try:
        questions = Questions(Scripts(config))
        script = questions.scripts.of("rollback")
        if script is None or (release / word).resolve() != script.file.resolve():
            return ""
        args = tuple(Value(argument) for argument in action.command[action.command.index(word) + 1 :])
        done, asked = questions.unattended(args, {})
    except (ReadinessError, RecursionError):
        return ""
    if done or asked is None:
        return ""
    return f"{asked} waits for an answer that nobody gives: pass the option that skips it, or use @restore-backup"
