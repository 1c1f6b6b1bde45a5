"""What `readiness check` does about a verdict that says ROLL BACK: act in mode auto, ask in mode ask, else say how."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.check_run.arguments import CheckArguments
    from readiness.operations.notify import Announcement
    from readiness.operations.rollback import SavedPlan

FROZEN_SECONDS: Final = 30.0
"""Seconds after which a hub that takes connections and does not answer is looked at again: our own run may have done that."""


def act(  # noqa: PLR0913 - a run that ended, and how to reach people
    run_id: str,
    status: int,
    folder: Path,
    config: Callable[[], Config],
    *,
    asked: CheckArguments,
    tell: Callable[[str], None] = lambda _: None,
    announce: Callable[[], Announcement | None] = lambda: None,
    refused: Callable[[ReadinessError], None] = lambda _: None,
) -> int:
    """Do what the plan of run `run_id` in `folder` allows, and return the exit status that this leaves.

    `config` is asked for only where there is something to do; `asked` are the run's arguments, by which it is looked
    again at what one look may have shown by chance. `tell` tells people of the verdict where nothing is done about it,
    and why; `announce` gives what people hear of a decision that is carried out, before they hear of its begin and its
    end. `refused` hears why nothing was done. Never raises: the verdict stands.
    """
    from readiness.operations.rollback import read_plan

    try:
        plan = read_plan(folder)
        if plan is None or plan.run.id != run_id or plan.run.decision != "ROLL BACK":
            plan = None
    except ReadinessError as error:
        plan = None
        refused(error)
        _not_done(error)
    if plan is None:
        tell("")
        return status
    try:
        settings = config()
        ready = _ready(plan, settings, asked)
    except ReadinessError as error:
        refused(error)
        _not_done(error)
        tell(str(error))
        return status
    if ready is None or ready.mode != "auto":
        tell("")
    if ready is None:
        return status
    try:
        return _carried_out(ready, status, settings, announce)
    except ReadinessError as error:
        refused(error)
        _not_done(error)
        return status


def outside(config: Config) -> Config:
    """The settings of a run that may act. Raises ReadinessError within a release or a rollback.

    A check that its command calls would pass its lock, and go back by the record of an earlier deploy in the middle of this one.
    """
    from readiness.operations.deploys import lock

    if lock.is_ours(lock.folder_for(config)):
        raise ReadinessError("a release or a rollback is at work and called this run: it judges the hub itself")
    return config


def _not_done(error: ReadinessError) -> None:
    from readiness.support import say

    for line in str(error).splitlines():
        say(f"readiness: not rolled back: {line}", error=True)


def _ready(plan: SavedPlan, config: Config, asked: CheckArguments) -> SavedPlan | None:
    """The plan as it may be carried out now, or asked about; None where neither. Raises ReadinessError where it did not hold."""
    if config.demo:
        return None  # the embedded hub ended with its run
    if plan.mode != "auto" and not (plan.mode == "ask" and sys.stdin.isatty() and sys.stdout.isatty()):
        _say("`readiness rollback` shows what is planned and carries it out")
        return None
    if plan.mode == "auto":
        why = _frozen(config)
        if why:
            raise ReadinessError(why)
    return _looked_again(plan, config, asked)


def _carried_out(plan: SavedPlan, status: int, config: Config, announce: Callable[[], Announcement | None]) -> int:
    from readiness.operations.rollback import carry_out, confirmed, show_plan

    if plan.mode == "auto":
        return carry_out(plan, config, announced=announce()).exit_code
    show_plan(plan, config)
    return carry_out(plan, config, person=True).exit_code if confirmed(config, plan) else status


def _looked_again(plan: SavedPlan, config: Config, asked: CheckArguments) -> SavedPlan:
    """The plan with what held. Raises ReadinessError where nothing of it did."""
    from readiness.operations.rollback import doubtful_causes

    if not doubtful_causes(plan):
        return plan
    from readiness.operations.check_run.second_look import probed

    left = probed(plan, config, asked, _say)
    if not left.actions:
        raise ReadinessError("; ".join(one.words for one in left.probed))
    return left


def _say(text: str) -> None:
    from readiness.support import say

    say(f"readiness: {text}")


def _frozen(config: Config) -> str:
    """Why this is no case for a rollback: a hub that was silent and answers again, or is of somebody's making."""
    from readiness.operations.deploys import clearly_not_silent, look

    # the cheap look first: what a full one needs takes a tenth of a second to load, in which the hub is down
    if clearly_not_silent(config) or not look(config).silent:
        return ""
    _say(f"the hub takes connections and is silent: looking again in {FROZEN_SECONDS:.0f} s")
    time.sleep(FROZEN_SECONDS)
    return "the hub answers again: run the checks once more" if look(config).answers else ""
