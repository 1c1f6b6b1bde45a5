"""What must hold before anything is done: each looked at, each refusal a sentence.

A *fact* cannot be argued with: there is nothing to go back to, somebody else is at it. A *gate* is a rule for machines;
a person may go past it, and that is written down.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError, Unknown
from readiness.operations.deploys import FILE, DeployRecord, read_record
from readiness.operations.rollback import steps
from readiness.operations.rollback.document import (
    FOR_A_PERSON,
    TO_BE_PROBED,
    CauseProbe,
    command_digest,
    deploy_digest,
)
from readiness.operations.rollback.journal import rollbacks
from readiness.operations.rollback.outcome import RollbackRefusal, RollbackRefused
from readiness.operations.rollback.probe import doubtful_causes
from readiness.operations.rollback.target import folder_of, proven_backup, working_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness.config import Config, RollbackAction
    from readiness.facts.scripts import FailureModes, Value
    from readiness.operations.rollback.document import SavedCause, SavedPlan
    from readiness.operations.rollback.journal import RollbackState

ATTEMPTS: Final = 2
"""Attempts at rolling one deploy back; then a person."""
_SUDO_SECONDS: Final = 5.0
_COMMIT: Final = 40


def refusals(
    plan: SavedPlan, config: Config, folder: Path, now: dt.datetime, *, alone: bool = True
) -> list[RollbackRefusal]:
    """All that speaks against carrying out `plan` now. `folder` holds the journals; `alone`: no unfinished one may lie there."""
    found = [RollbackRefusal(text=f"nothing is planned: {text}", gate=True) for text in plan.refused]
    found += [RollbackRefusal(text=_unproven(cause), gate=True) for cause in doubtful_causes(plan)]
    try:
        deploy = read_record(config.report_dir / FILE)
    except ReadinessError as error:
        return [*found, RollbackRefusal(text=str(error))]
    found += _deploy(plan, deploy, config, now)
    found += _actions(plan, config)
    if deploy is not None:
        found += _target(deploy, config)
    found += _deployment(config)
    found += _earlier(plan, config, folder, now, alone=alone)
    return found


def allowed(
    plan: SavedPlan, config: Config, folder: Path, state: RollbackState | None, *, person: bool
) -> list[RollbackRefusal]:
    """The gates that a person passed. Raises RollbackRefused where anything else speaks against it.

    `state` is the journal of a rollback that is resumed; None: it begins.
    """
    through = state is not None and all(state.has_begun(action.name) for action in runnable(plan, config))
    if through and steps.interrupted(config) is None:
        return []  # nothing more will be begun: what is left is to wait, to look, and to write it down
    refused = refusals(plan, config, folder, dt.datetime.now(dt.UTC), alone=state is None)
    if state is not None:
        # an action that is through may have put the target in place, and the next one is still to be done
        refused = [refusal for refusal in refused if refusal.gate or "in place already" not in refusal.text]
    if refused and not (person and all(refusal.gate for refusal in refused)):
        raise RollbackRefused(refused)
    return refused


def runnable(plan: SavedPlan, config: Config) -> list[RollbackAction]:
    """The configured actions of the plan, in its order; what is left to a person is none of them."""
    known = {action.name: action for action in config.rollback.actions}
    return [known[one.name] for one in plan.actions if one.command_sha256 and one.name in known]


def _unproven(cause: SavedCause) -> str:
    probe = cause.probe or CauseProbe(status=TO_BE_PROBED)
    if probe.status == FOR_A_PERSON:
        return f"{cause.trigger} was measured under load, which is never given again by itself: a person decides"
    return f"{cause.trigger} was seen once, and has to hold for {probe.times} looks, {probe.seconds:.0f} s apart"


def _deploy(
    plan: SavedPlan, deploy: DeployRecord | None, config: Config, now: dt.datetime
) -> Iterator[RollbackRefusal]:
    if deploy is None:
        yield RollbackRefusal(text="no deploy is recorded, so nothing says which release to return to")
        return
    if deploy_digest(deploy) != plan.deploy_sha256:
        yield RollbackRefusal(text="another deploy was recorded since the plan was made: run the checks again")
    if now - deploy.deployed_at > dt.timedelta(minutes=config.rollback.window):
        yield RollbackRefusal(
            text=f"the deploy was at {deploy.deployed_at:%Y-%m-%d %H:%M} UTC, and the window of "
            f"{config.rollback.window} min is over",
            gate=True,
        )


def _actions(plan: SavedPlan, config: Config) -> Iterator[RollbackRefusal]:
    chosen = {action.name: action for action in runnable(plan, config)}
    if not chosen:
        yield RollbackRefusal(
            text="no configured action is planned: this is for a person to do, or for a [[rollback.action]]"
        )
    for one in plan.actions:
        action = chosen.get(one.name)
        if one.command_sha256 and action is None:
            yield RollbackRefusal(text=f"action {one.name} was planned and is configured no more: run the checks again")
        if action is None:
            continue
        if command_digest(action) != one.command_sha256:
            yield RollbackRefusal(
                text=f"action {action.name} was changed since the plan was made: run the checks again"
            )
        why = _not_executable(action, config)
        if why:
            yield RollbackRefusal(text=f"action {action.name}: {why}")
        asked = _asks(action, config)
        if asked:
            yield RollbackRefusal(text=f"action {action.name}: {asked}", gate=True)


def _not_executable(action: RollbackAction, config: Config) -> str:
    if not action.restores:
        return _no_program(action.command[0], config)
    for key, command in (("stop", config.rollback.stop), ("start", config.rollback.start)):
        if not command:
            return f"[rollback] {key} is not set, so nothing says how to {key} the hub"
        why = _no_program(command[0], config)
        if why:
            return f"[rollback] {key}: {why}"
    try:
        deploy, open_one = read_record(config.report_dir / FILE), steps.interrupted(config)
        if open_one is None:
            proven_backup(config, deploy)
        elif not steps.of_deploy(open_one, deploy):
            return f"{steps.words(open_one)}, and is about another deploy: `readiness rollback --abandon` gives it up"
    except ReadinessError as error:
        return str(error)
    return ""


def _no_program(name: str, config: Config) -> str:
    if "/" in name:
        path = working_folder(config) / name
        return "" if path.is_file() and os.access(path, os.X_OK) else f"{path} is not there, or may not be executed"
    if shutil.which(name) is None:
        return f"{name} is not installed"
    return _no_right() if Path(name).name == "sudo" else ""


def _no_right() -> str:
    """Why `sudo` would ask for a password, which nobody is there to type."""
    from readiness.support import child_process

    try:
        done = child_process.run(["sudo", "-n", "true"], timeout=_SUDO_SECONDS)
    except Unknown as error:
        return str(error)
    return "" if done.ok else f"`sudo -n true` {done.ending}: give this user the right without a password"


def _asks(action: RollbackAction, config: Config) -> str:
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
    from readiness.facts.scripts import FailureModes, Scripts, Value

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
    from readiness.facts.scripts import Incomplete

    try:
        return failure_modes.restores_unattended(args, {})
    except Incomplete:
        return False


def _target(deploy: DeployRecord, config: Config) -> Iterator[RollbackRefusal]:
    previous = deploy.previous
    if previous is None:
        yield RollbackRefusal(text="there is no release to return to")
        return
    if previous in {deploy.commit, deploy.version}:
        yield RollbackRefusal(text=f"the release to return to, {previous}, is the one that was deployed")
        return
    folder = folder_of(previous, config)
    if folder is None:
        yield from _commit(previous, config)
        return
    if not folder.is_dir():
        yield RollbackRefusal(text=f"the release to return to is gone: {folder}")
    elif (
        config.target.release is not None
        and folder.resolve() == config.target.release.resolve()
        and steps.interrupted(config) is None  # it is in place, and what belongs to it may not be
    ):
        yield RollbackRefusal(text=f"the release to return to is the one that is in place already: {folder}")


def _commit(previous: str, config: Config) -> Iterator[RollbackRefusal]:
    from readiness.facts.backup import Commits

    release = config.target.release
    if release is None or len(previous) != _COMMIT:
        yield RollbackRefusal(
            text=f"nothing proves that {previous} is kept: record the release's folder or its full commit"
        )
        return
    try:
        standing = Commits(release).standing(previous)
    except Unknown as error:
        yield RollbackRefusal(text=f"whether commit {previous[:12]} is kept cannot be told: {error}")
        return
    if standing != "reachable":
        yield RollbackRefusal(text=f"commit {previous[:12]}, the release to return to, is {standing} in the repository")


def _deployment(config: Config) -> Iterator[RollbackRefusal]:
    """A deployment that is still running would be pulled from under its own feet."""
    from readiness.facts.deployment import DeployConditions
    from readiness.facts.release import Release

    if config.target.release is None:
        return
    try:
        lock = DeployConditions(Release.of(config)).lock()
    except Unknown as error:
        yield RollbackRefusal(text=f"whether a deployment is running cannot be told: {error}")
        return
    if lock is not None and lock.holder is not None:
        yield RollbackRefusal(text=f"process {lock.holder} holds {lock.path}: a deployment is running")


def _earlier(
    plan: SavedPlan, config: Config, folder: Path, now: dt.datetime, *, alone: bool
) -> Iterator[RollbackRefusal]:
    states = rollbacks(folder)
    open_one = next((state for state in states if not state.is_finished), None)
    if alone and open_one is not None:
        yield RollbackRefusal(
            text=f"an earlier rollback was not finished, {open_one.path.name}: `readiness rollback --resume` finishes it"
        )
    same = [
        state
        for state in states
        if state.has_acted and state.is_finished and state.plan and state.plan.deploy_sha256 == plan.deploy_sha256
    ]
    if len(same) >= ATTEMPTS:
        yield RollbackRefusal(text=f"this deploy was rolled back {len(same)} times already: now a person", gate=True)
    cooldown = config.rollback.cooldown * 60
    if same and now.timestamp() - same[-1].last_at < cooldown:
        minutes = (now.timestamp() - same[-1].last_at) / 60
        yield RollbackRefusal(
            text=f"this deploy was rolled back {minutes:.0f} min ago, and the cooldown of {config.rollback.cooldown} min "
            "is not over",
            gate=True,
        )
