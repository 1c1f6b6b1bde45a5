"""`readiness rollback`: show what would happen, carry it out, or resume what was not finished."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from readiness.config.model import Config
    from readiness.operations.deploys.record import DeployRecord
    from readiness.operations.rollback.outcome import Outcome, Teller

_USAGE: Final = 4
_ANSWER_SECONDS: Final = 300.0
"""Seconds that a person has to type the release's name."""
_SETTLE_SECONDS: Final = 5.0
"""Seconds that messages on their way may hold up the end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb: 0 when shown, 1, 13 or 14 after acting, 1 when refused, 4 for a wrong call."""
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    from readiness.config.load import load

    config = load(file=given.readiness_config, report_dir=Path.cwd() / given.readiness_report)
    try:
        return _do(given, config)
    except ReadinessError as error:
        from readiness.support.console import say

        for line in str(error).splitlines():
            say(f"readiness rollback: {line}", error=True)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness rollback",
        description=__doc__,
        allow_abbrev=False,
        epilog="exit: 0 shown, or nothing to do; 1 refused, or ROLLED_BACK_VERIFIED; 13 ROLLED_BACK_UNVERIFIED; "
        "14 ROLLBACK_FAILED; 4 a wrong call or configuration",
    )
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    parser.add_argument("--readiness-report", default="reports", metavar="DIR", help="the folder of reports")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--yes", action="store_true", help="carry it out without asking; gates are passed and noted")
    what.add_argument("--resume", action="store_true", help="finish a rollback that was interrupted")
    what.add_argument(
        "--abandon", action="store_true", help="give an interrupted rollback up, as failed: a person took over"
    )
    what.add_argument("--lift", metavar="RELEASE", help="take a release out of quarantine, by its commit or version")
    parser.add_argument("--action", metavar="NAME", help="carry out this action although no run planned it")
    return parser


def _do(given: argparse.Namespace, config: Config) -> int:
    from readiness.operations.deploys import journal, quarantine
    from readiness.operations.rollback import abandon, document, execute

    folder = config.report_dir / execute.FOLDER
    if given.lift is not None:
        if not quarantine.lift(config.report_dir, given.lift):
            raise ReadinessError(f"no release {given.lift} is in quarantine")
        _say(f"{given.lift} may be deployed again")
        return 0
    if given.abandon:
        abandon.abandon(config, folder, _say)
        return 0
    if given.resume:
        return carry_out({}, config, resume=True, person=True).exit_code
    open_one = journal.unfinished(folder)
    if open_one is not None:
        raise ReadinessError(
            f"{open_one.path} was not finished: `readiness rollback --resume` finishes it, --abandon gives it up"
        )
    plan = document.read(config.report_dir) if given.action is None else by_hand(given.action, config)
    if plan is None:
        _say("nothing is planned: no trigger fired in the last run; --action NAME carries out an action all the same")
        return 0
    show(plan, config)
    if not given.yes and (not plan["actions"] or not confirmed(config, plan)):
        return 0
    return carry_out(plan, config, person=True).exit_code


def _say(text: str) -> None:
    from readiness.support.console import say

    say(text)


# --- showing --------------------------------------------------------------------------------------------------------------


def show(plan: Mapping[str, Any], config: Config) -> None:
    """What was measured, what would be done, what it costs, and what speaks against it."""
    from readiness.operations.rollback import execute, preconditions, steps
    from readiness.support.redaction.redactor import Redactor
    from readiness.support.text import line

    clean = Redactor.from_environment(os.environ, config).clean
    run = plan["run"]
    _say(f"planned by run {run['id']} of {run['finished']}: {run['status']}, {run['decision']}")
    for cause in plan["causes"]:
        probe = cause["probe"]
        later = f" ({probe['status']}: {probe['times']} times, {probe['seconds']:.0f} s apart)" if probe else ""
        _say(f"  {cause['trigger']}: {', '.join(cause['checks'])}{later}")
    for one in plan["dismissed"]:
        _say(f"  does not count: {one['check']}: {one['reason']}")
    deploy = plan["deploy"] or {}
    _say(f"from {_named(deploy)}, deployed {deploy.get('deployed_at')}, back to {deploy.get('previous')}")
    for action in preconditions.runnable(plan, config):
        _say(f"  {action.name}: {line(clean(' '.join(action.command)), 300)}")
        _say(f"    at most {action.timeout:g} s, then verified by {', '.join(action.verify) or 'nothing'}")
    for one in plan["actions"]:
        if one["command_sha256"] is None:
            _say(f"  by hand: {', '.join(one['triggers'])}: no [[rollback.action]] answers to it")
    _say(f"  if the command restores data, what was written since {deploy.get('deployed_at')} is lost")
    open_one = steps.interrupted(config)
    if open_one is not None:
        _say(f"  {steps.words(open_one)}; it is gone on with")
    found = preconditions.refusals(plan, config, config.report_dir / execute.FOLDER, dt.datetime.now(dt.UTC))
    for refusal in found:
        _say(f"  {'against it' if refusal.gate else 'impossible'}: {clean(refusal.text)}")


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


# --- asking and doing -----------------------------------------------------------------------------------------------------


def confirmed(config: Config, plan: Mapping[str, Any]) -> bool:
    """Whether a person on a terminal typed the name of the release that goes; without a terminal nobody is asked."""
    deploy = plan["deploy"] or {}
    name = str(deploy.get("version") or deploy.get("commit") or "")
    if not name or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _say("nothing was done: `readiness rollback --yes` carries it out, and on a terminal it asks first")
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
    _say("\nnothing was done")
    return False


def carry_out(plan: Mapping[str, Any], config: Config, *, resume: bool = False, person: bool = False) -> Outcome:
    """Carry out `plan` or what was not finished, and tell people. Raises as `execute` does."""
    from readiness.operations.rollback import page as rollback_page
    from readiness.operations.rollback.execute import FOLDER, How, execute
    from readiness.operations.rollback.outcome import Event, Refused
    from readiness.support.console import without_its_terminal

    people = _people(config)
    tell: Teller = people
    try:
        with without_its_terminal(), _as_errors():
            how = How(person=person, tell=tell)
            return execute(plan, config, _say, config.report_dir / FOLDER, resume=resume, how=how)
    except Refused as refused:
        lines = tuple(refusal.text for refusal in refused.refusals)
        tell(Event(kind="refused", severity="critical", title="a rollback was planned and refused", lines=lines))
        raise
    except ReadinessError as error:
        lines = tuple(str(error).splitlines())
        tell(
            Event(
                kind="refused", severity="critical", title="a rollback was planned and came to no outcome", lines=lines
            )
        )
        raise
    finally:
        said = [text for _, told in people.settle(_SETTLE_SECONDS) for text in told.lines()]
        for text in said:
            _say(f"told people: {text}")
        page = rollback_page.write(config.report_dir, str((plan.get("run") or {}).get("id", "")), said)
        for line in filter(None, (page, rollback_page.show(config, str((plan.get("run") or {}).get("id", ""))))):
            _say(line)


@contextlib.contextmanager
def _as_errors() -> Iterator[None]:
    """What nobody foresaw ends as what was foreseen does: people are told, and the journal tells how far it came."""
    try:
        yield
    except ReadinessError:
        raise
    except Exception as error:
        raise ReadinessError(f"unforeseen: {type(error).__name__}: {error}") from error


def _people(config: Config) -> Any:  # noqa: ANN401 - notify.People, imported where used
    from readiness.operations.notify.notify import People

    return People(config, config.report_dir)
