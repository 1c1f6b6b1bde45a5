"""What a person at a terminal is shown of a rollback plan and asked before it is carried out."""

from __future__ import annotations

import datetime as dt
import os
import select
import sys
from typing import TYPE_CHECKING, Final

from readiness.config import redactor_for
from readiness.errors import ReadinessError
from readiness.operations.deploys import FILE, read_record
from readiness.operations.rollback import preconditions, steps
from readiness.operations.rollback.document import PlanRun, SavedPlan, save_plan
from readiness.operations.rollback.journal import FOLDER
from readiness.results.verdict import PLANNED, PlannedAction, RollbackPlan
from readiness.support import one_line, say
from readiness.support.redaction import shown_arguments

if TYPE_CHECKING:
    from readiness.config import Config

_ANSWER_SECONDS: Final = 300.0
"""Seconds that a person has to type the release's name."""


def show_plan(plan: SavedPlan, config: Config) -> None:
    """What was measured, what would be done, what it costs, and what speaks against it."""
    clean = redactor_for(config, os.environ).clean
    run, deploy = plan.run, plan.deploy
    say(f"planned by run {run.id} of {run.finished}: {run.status}, {run.decision}")
    for cause in plan.causes:
        probe = cause.probe
        later = f" ({probe.status}: {probe.times} times, {probe.seconds:.0f} s apart)" if probe else ""
        say(f"  {cause.trigger}: {', '.join(cause.checks)}{later}")
    for one in plan.dismissed:
        say(f"  does not count: {one.check}: {one.reason}")
    named, at, previous = (
        ("an unknown version", None, None) if deploy is None else (deploy.named, deploy.deployed_at, deploy.previous)
    )
    say(f"from {named}, deployed {at}, back to {previous}")
    for action in preconditions.runnable(plan, config):
        say(f"  {action.name}: {one_line(clean(' '.join(shown_arguments(action.command))), 300)}")
        say(f"    at most {action.timeout:g} s, then verified by {', '.join(action.verify) or 'nothing'}")
    for step in plan.actions:
        if step.command_sha256 is None:
            say(f"  by hand: {', '.join(step.triggers)}: no [[rollback.action]] answers to it")
    say(f"  if the command restores data, what was written since {at} is lost")
    interrupted = steps.interrupted(config)
    if interrupted is not None:
        say(f"  {steps.words(interrupted)}; it is gone on with")
    for refusal in preconditions.refusals(plan, config, config.report_dir / FOLDER, dt.datetime.now(dt.UTC)):
        say(f"  {'against it' if refusal.gate else 'impossible'}: {clean(refusal.text)}")


def by_hand(name: str, config: Config) -> SavedPlan:
    """A plan that no run made: one action that a person named. Raises ReadinessError for one that is not configured."""
    action = next((one for one in config.rollback.actions if one.name == name), None)
    if action is None:
        known = ", ".join(one.name for one in config.rollback.actions) or "none"
        raise ReadinessError(f"no [[rollback.action]] is named {name}; there is: {known}")
    step = PlannedAction(name=name, triggers=(), because="asked for by a person", status=PLANNED, mode="ask")
    run = PlanRun(id="by hand", finished=dt.datetime.now(dt.UTC).isoformat(), status="-", decision="by hand")
    deploy = read_record(config.report_dir / FILE)
    return save_plan(RollbackPlan(mode="ask", actions=(step,)), config=config, deploy=deploy, run=run, redact=str)


def confirmed(config: Config, plan: SavedPlan) -> bool:
    """Whether a person on a terminal typed the name of the release that goes; without a terminal nobody is asked."""
    name = "" if plan.deploy is None else plan.deploy.name or "back"
    if not name or not (sys.stdin.isatty() and sys.stdout.isatty()):
        say("nothing was done: `readiness rollback --yes` carries it out, and on a terminal it asks first")
        return False
    return typed(f"type {name} to roll it back in {config.environment}: ", name)


def typed(question: str, name: str) -> bool:
    """Whether a person on a terminal answered `question` by `name` in time; without a terminal nobody is asked."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        sys.stdout.write(question)
        sys.stdout.flush()
    except OSError:
        return False  # nobody reads it
    ready, _, _ = select.select([sys.stdin], [], [], _ANSWER_SECONDS)
    if ready and sys.stdin.readline().strip() == name:
        return True
    say("\nnothing was done")
    return False
