"""What a person at a terminal is shown of a rollback plan and asked before it is carried out."""

from __future__ import annotations

import datetime as dt
import os
import select
import sys
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.support.console import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.config.model import Config
    from readiness.operations.deploys.record import DeployRecord

_ANSWER_SECONDS: Final = 300.0
"""Seconds that a person has to type the release's name."""


def show(plan: Mapping[str, Any], config: Config) -> None:
    """What was measured, what would be done, what it costs, and what speaks against it."""
    from readiness.config.redaction import redactor_for
    from readiness.operations.rollback import execute, preconditions, steps
    from readiness.support.text import line

    clean = redactor_for(config, os.environ).clean
    run = plan["run"]
    say(f"planned by run {run['id']} of {run['finished']}: {run['status']}, {run['decision']}")
    for cause in plan["causes"]:
        probe = cause["probe"]
        later = f" ({probe['status']}: {probe['times']} times, {probe['seconds']:.0f} s apart)" if probe else ""
        say(f"  {cause['trigger']}: {', '.join(cause['checks'])}{later}")
    for one in plan["dismissed"]:
        say(f"  does not count: {one['check']}: {one['reason']}")
    deploy = plan["deploy"] or {}
    say(f"from {_named(deploy)}, deployed {deploy.get('deployed_at')}, back to {deploy.get('previous')}")
    for action in preconditions.runnable(plan, config):
        say(f"  {action.name}: {line(clean(' '.join(action.command)), 300)}")
        say(f"    at most {action.timeout:g} s, then verified by {', '.join(action.verify) or 'nothing'}")
    for one in plan["actions"]:
        if one["command_sha256"] is None:
            say(f"  by hand: {', '.join(one['triggers'])}: no [[rollback.action]] answers to it")
    say(f"  if the command restores data, what was written since {deploy.get('deployed_at')} is lost")
    open_one = steps.interrupted(config)
    if open_one is not None:
        say(f"  {steps.words(open_one)}; it is gone on with")
    found = preconditions.refusals(plan, config, config.report_dir / execute.FOLDER, dt.datetime.now(dt.UTC))
    for refusal in found:
        say(f"  {'against it' if refusal.gate else 'impossible'}: {clean(refusal.text)}")


def _named(deploy: Mapping[str, Any]) -> str:
    commit = f" ({deploy['commit'][:12]})" if deploy.get("commit") else ""
    return f"{deploy.get('version') or 'an unknown version'}{commit}"


def by_hand(name: str, config: Config) -> dict[str, Any]:
    """A plan that no run made: one action that a person named. Raises ReadinessError for one that is not configured."""
    from readiness.operations.rollback import document
    from readiness.results.verdict.rollback_plan import PLANNED, PlannedAction, RollbackPlan

    action = next((one for one in config.rollback.actions if one.name == name), None)
    if action is None:
        known = ", ".join(one.name for one in config.rollback.actions) or "none"
        raise ReadinessError(f"no [[rollback.action]] is named {name}; there is: {known}")
    step = PlannedAction(name=name, triggers=(), because="asked for by a person", status=PLANNED, mode="ask")
    run = {"id": "by hand", "finished": dt.datetime.now(dt.UTC).isoformat(), "status": "-", "decision": "by hand"}
    plan = RollbackPlan(mode="ask", actions=(step,))
    return document.document(plan, config=config, deploy=_deploy(config), run=run, redact=str)


def _deploy(config: Config) -> DeployRecord | None:
    from readiness.operations.deploys.record import FILE, read_record

    return read_record(config.report_dir / FILE)


def confirmed(config: Config, plan: Mapping[str, Any]) -> bool:
    """Whether a person on a terminal typed the name of the release that goes; without a terminal nobody is asked."""
    deploy = plan["deploy"] or {}
    name = str(deploy.get("version") or deploy.get("commit") or "")
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
