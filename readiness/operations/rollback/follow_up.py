"""Carries out a plan and follows it up: people are told, the incident report and the report are written anew."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.notify import People, hub_of, incident
from readiness.operations.notify import after as notify_after
from readiness.operations.rollback.execute import RollbackOptions, execute
from readiness.operations.rollback.journal import FOLDER, entries_of, rollback_of, unfinished_rollback
from readiness.operations.rollback.outcome import RollbackEvent, RollbackRefused, RollbackResult
from readiness.support import LOCK_TOKEN, say, survive_hangup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.notify import Announcement
    from readiness.operations.rollback.document import SavedPlan
    from readiness.operations.rollback.journal import RecordedOutcome, RollbackState
    from readiness.operations.rollback.outcome import RollbackOutcome
    from readiness.results.report import ReleaseRun

_SETTLE_SECONDS: Final = 65.0
"""Seconds that messages on their way may hold up the end: a little more than the time of three that nobody takes."""
_ABOUT: Final = {"plan": "decision: ", "refused": "refusal: ", "start": "begin: ", "outcome": "end: "}
"""What a message was about, before what came of it."""
_STATUS: Final = {RollbackResult.VERIFIED: "passed", RollbackResult.UNVERIFIED: "unknown"}
_RECOVERY: Final = ("decide", "act", "verify")


def carry_out(
    plan: SavedPlan | None, config: Config, *, person: bool = False, announced: Announcement | None = None
) -> RollbackOutcome:
    """Carry out `plan`, without one what was not finished, and tell people. Raises as `execute` does.

    `announced` is the decision as people hear it first; its report counts for the incident report.
    """
    run_id = _run_of(plan, config)
    people = _people(config)
    if announced is not None:
        people(announced.event)
    try:
        with survive_hangup(), _as_errors():
            options = RollbackOptions(person=person, tell=people)
            return execute(plan, config, say, config.report_dir / FOLDER, how=options)
    except ReadinessError as error:
        ended = (
            "was planned and refused" if isinstance(error, RollbackRefused) else "was planned and came to no outcome"
        )
        lines, title = tuple(str(error).splitlines()), f"a rollback {ended} · {hub_of(config)}"
        people(RollbackEvent(kind="refused", severity="critical", title=title, lines=lines))
        raise
    finally:
        settled = people.settle(_SETTLE_SECONDS)
        deliveries = [f"{_ABOUT.get(event.kind, '')}{text}" for event, notified in settled for text in notified.lines()]
        for text in deliveries:
            say(f"told people: {text}")
        document = None if announced is None else announced.document
        page = write_incident(config.report_dir, run_id, deliveries, document)
        for line in filter(None, (page, render_outcome(config, run_id))):
            say(line)


def _run_of(plan: SavedPlan | None, config: Config) -> str:
    """The run whose plan is carried out, or was begun to be."""
    if plan is None:
        state = unfinished_rollback(config.report_dir / FOLDER)
        plan = None if state is None else state.plan
    return "" if plan is None else plan.run.id


@contextlib.contextmanager
def _as_errors() -> Iterator[None]:
    """What nobody foresaw ends as what was foreseen does: people are told, and the journal tells how far it came."""
    try:
        yield
    except ReadinessError:
        raise
    except Exception as error:
        raise ReadinessError(f"unforeseen: {type(error).__name__}: {error}") from error


def _people(config: Config) -> People:
    return People(config, config.report_dir)


# --- the pages ------------------------------------------------------------------------------------------------------------


def write_incident(
    folder: Path, run_id: str, deliveries: Sequence[str] = (), document: dict[str, Any] | None = None
) -> str:
    """Write the incident report of the run `run_id` anew; a line for the terminal, "" where that run left no report.

    `document` is its report, where that does not lie in `folder`. Never raises: a rollback is over, whatever can be written about it.
    """
    try:
        document = notify_after.find(folder, run_id) if document is None else document
        if document is None:
            return ""
        return f"incident report: {incident.write(document, folder, entries_of(folder, run_id), deliveries)}"
    except Exception as error:  # noqa: BLE001 - see above
        return f"the incident report could not be written: {error}"


def render_outcome(config: Config, run_id: str) -> str:
    """Render the report of the run `run_id` anew with how its rollback ended, unless a release does that at its own end.

    A line for the terminal where that failed, else "". Never raises.
    """
    if LOCK_TOKEN in os.environ:
        return ""
    try:
        document = notify_after.find(config.report_dir, run_id)
        state = rollback_of(config.report_dir / FOLDER, run_id)
        if document is None or state is None or state.outcome is None:
            return ""
        from readiness.results import render, report

        whole = dataclasses.replace(report.read(document), release_run=_as_release(run_id, state, state.outcome))
        render.renew(whole, config.report_dir, config.report.formats)
    except Exception as error:  # noqa: BLE001 - a rollback is over, whatever can be written about it
        return f"the report could not be written anew: {error}"
    return ""


def _as_release(run_id: str, state: RollbackState, outcome: RecordedOutcome) -> ReleaseRun:
    """What a report calls a release: here its two last phases, the run that failed and the rollback."""
    from readiness.results.report import ReleasePhase, ReleaseRun

    took = sum(outcome.seconds.get(phase, 0.0) for phase in _RECOVERY)
    status = _STATUS.get(outcome.result, "failed")
    deploy = None
    with contextlib.suppress(ValueError, KeyError, TypeError):  # names are all that it is asked for
        deploy = state.deploy
    phase = ReleasePhase(name="rollback", status=status, seconds=round(took, 3), detail=outcome.because)
    return ReleaseRun(
        id=run_id,
        outcome=outcome.result.value,
        because=outcome.because,
        command="readiness rollback",
        started=state.entries[0].at,
        finished=outcome.at,
        phases=(phase,),
        deployed="" if deploy is None else deploy.name,
        before="" if deploy is None else deploy.before_name,
    )
