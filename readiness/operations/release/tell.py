"""What is told of a release: lines for a terminal, `release.json`, the report's page with its phases, messages to people."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import shlex
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys import FILE, SUMMARY_FILE, ReleaseSummary, read_record
from readiness.operations.release import model
from readiness.operations.release.model import ReleaseOrder, ReleaseOutcome
from readiness.operations.rollback import DEPLOY_COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.notify import Event
    from readiness.operations.release.journal import ReleaseState
    from readiness.operations.release.model import ReleaseEnd
    from readiness.operations.rollback import SavedPlan
    from readiness.results.report import ReleaseRun

_SEVERITY: Final = {ReleaseOutcome.REFUSED: "medium", ReleaseOutcome.ABORTED: "medium", ReleaseOutcome.HELD: "high"}


# --- words ----------------------------------------------------------------------------------------------------------------


def kept(state: ReleaseState, order: ReleaseOrder) -> str:
    """Why a release is kept, and what a person has to do yet."""
    phases_by_name = {phase.name: phase for phase in state.phases}
    baked = phases_by_name.get(model.BAKE)
    watched = " and stayed well" if baked is not None and baked.status == "passed" else ""
    verified = phases_by_name.get(model.VERIFY)
    sentence = f"what was deployed passes{watched}: {verified.detail if verified is not None else ''}".rstrip(": ")
    if order.candidate:
        sentence += (
            f"; set [target] internal_url to {order.candidate}, and end the hub from before once nobody needs it"
        )
    return sentence


def lines(state: ReleaseState, release_end: ReleaseEnd) -> list[str]:
    """The end for a terminal: the outcome, the time of each phase, where all of it is told."""
    times = ", ".join(f"{phase.name} {phase.seconds:.1f} s" for phase in state.phases if phase.status != "skipped")
    return [f"{release_end.outcome.value}: {release_end.because}", f"  {times}", f"  journal: {state.path}"]


# --- release.json and the page --------------------------------------------------------------------------------------------


def summary(state: ReleaseState) -> ReleaseSummary:
    """The release in short."""
    release_end = state.end
    return ReleaseSummary(
        id=state.id,
        started=_moment(state.began_at),
        finished=None if state.ended_at is None else _moment(state.ended_at),
        command=shlex.join(state.command),
        outcome=None if release_end is None else release_end.outcome.value,
        because=None if release_end is None else release_end.because,
        exit=None if release_end is None else release_end.exit,
        phases=state.phases,
    )


def _moment(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_page(config: Config, state: ReleaseState) -> list[Path]:
    """Render it in the configured formats; the files. None where no run of checks came to a report.

    Raises ReadinessError where it cannot be read or written.
    """
    run_id = _last_run(state)
    if run_id is None:
        return []
    from readiness.operations.notify import after as notify_after
    from readiness.results import render, report

    document = notify_after.find(config.report_dir, run_id)
    if document is None:
        raise ReadinessError(f"the report of run {run_id} is gone from {config.report_dir}")
    whole = dataclasses.replace(report.read(document), release_run=_release_run(config, state))
    formats = dict.fromkeys((*config.report.formats, *render.surroundings(os.environ)))
    written = list(render.renew(whole, config.report_dir, tuple(formats)))
    if problem := render.add_to_summary(whole, os.environ):
        raise ReadinessError(problem)
    return written


def _release_run(config: Config, state: ReleaseState) -> ReleaseRun:
    """The release as a report holds it."""
    from readiness.results.report import ReleasePhase, ReleaseRun

    release_end, deploy = state.end, None
    with contextlib.suppress(ReadinessError):  # names are all that it is asked for
        deploy = read_record(config.report_dir / FILE) if state.is_recorded else None
    return ReleaseRun(
        id=state.id,
        outcome="" if release_end is None else release_end.outcome.value,
        because="" if release_end is None else release_end.because,
        command=shlex.join(state.command),
        started=state.began_at,
        finished=state.ended_at,
        phases=tuple(
            ReleasePhase(name=phase.name, status=phase.status, seconds=phase.seconds, detail=phase.detail)
            for phase in state.phases
        ),
        deployed="" if deploy is None else deploy.name,
        before="" if deploy is None else deploy.before_name,
    )


def _last_run(state: ReleaseState) -> str | None:
    """The run of checks that came last; that which proves a rollback leaves its report beside the rollback's journal."""
    runs = [result.facts.run for result in state.results if result.facts.run]
    # a plan that a failed command made is named after the release and is no run
    return next((run for run in reversed(runs) if not run.startswith(state.id)), None)


# --- people ---------------------------------------------------------------------------------------------------------------


def people(config: Config, run_id: str, status: int, why_not: str = "") -> list[str]:
    """Tell people of the verdict of one run, and why nothing is done about it; lines for the terminal."""
    from readiness.operations.notify import after as notify_after

    return notify_after.after(
        run_id=run_id, status=status, folder=config.report_dir, config=lambda: config, why_not=why_not
    )


def ended(config: Config, state: ReleaseState, release_end: ReleaseEnd) -> list[str]:
    """Tell people that a release ended without being kept; a rollback tells of itself, switching back is told here."""
    event = _event(config, state, release_end)
    if event is None:
        return []
    from readiness.operations.notify import tell, told_lines

    return told_lines(tell(event, config, config.report_dir))


def _event(config: Config, state: ReleaseState, release_end: ReleaseEnd) -> Event | None:
    if state.is_beside and any(phase.name == model.ROLLBACK for phase in state.phases):
        return _switched_back(config, release_end)
    severity = _SEVERITY.get(release_end.outcome)
    results = state.results
    is_doubtful = bool(results) and results[-1].facts.doubtful
    if severity is None or (release_end.outcome is ReleaseOutcome.HELD and not is_doubtful):
        return None  # the verdict that held it was told when it was reached
    from readiness.findings import Severity
    from readiness.operations.notify import Event, hub_of

    return Event(
        kind="phase",
        severity=Severity(severity),
        title=f"release {release_end.outcome.value} · {hub_of(config)}",
        lines=(
            release_end.because,
            *(f"{p.name}: {p.status}: {p.detail}" for p in state.phases if p.status != "passed"),
        ),
        report=str(config.report_dir / SUMMARY_FILE),
    )


def _switched_back(config: Config, release_end: ReleaseEnd) -> Event:
    """How switching back ended: whoever heard the alarm hears whether clients are served again."""
    from readiness.findings import Severity
    from readiness.operations.notify import Event, hub_of

    return Event(
        kind="outcome",
        severity=Severity.CRITICAL,
        title=f"{release_end.outcome.value} · {hub_of(config)}",
        lines=(release_end.because,),
        report=str(config.report_dir / SUMMARY_FILE),
        ends_alarm=release_end.outcome is ReleaseOutcome.VERIFIED,
    )


def stopped(config: Config, journal: Path, release_end: ReleaseEnd) -> list[str]:
    """Tell people that a release stopped halfway, without its journal, which may not be readable; lines for the terminal."""
    from readiness.findings import Severity
    from readiness.operations.notify import Event, hub_of, tell, told_lines

    event = Event(
        kind="phase",
        severity=Severity.CRITICAL,
        title=f"release {release_end.outcome.value} halfway · {hub_of(config)}",
        lines=(release_end.because, "look at the hub; `readiness release --resume` goes on, --abandon gives it up"),
        report=str(journal),
    )
    return told_lines(tell(event, config, config.report_dir))


# --- a deploy command that failed: no run of checks says it, the command is the evidence ---


def failed_command_report(config: Config, state: ReleaseState, plan: SavedPlan, words: str) -> dict[str, Any]:
    """What an incident page and a message need of a report: the command stands where a check would."""
    ended = state.ended("deploy")
    output = [line for line in ("" if ended is None else ended.output).splitlines() if line.strip()]
    row = {
        "check": DEPLOY_COMMAND,
        "instance": None,
        "title": "The deploy command succeeds.",
        "category": "release/deploy",
        "marker": "release",
        "severity": "critical",
        "outcome": "failed",
        "reason": f"{words}: {output[-1][:300]}" if output else words,
        "expected": "status 0",
        "actual": "",
        "unit": "",
        "remedy": "Read its output in the release's journal.",
        "rollback": "deploy-failure",
    }
    return {
        "run": {
            "id": plan.run.id,
            "started": plan.deploy.deployed_at if plan.deploy else plan.run.finished,
            "finished": plan.run.finished,
            "target": config.target.url or config.target.internal_url,
            "release": str(config.target.release or ""),
            "environment": config.environment,
            "versions": {"hub": (plan.deploy.version if plan.deploy else None) or ""},
        },
        "verdict": {
            "status": plan.run.status,
            "decision": plan.run.decision,
            "stage": "after",
            "score": 0.0,
            "headline": 0.0,
            "because": words,
        },
        "findings": [row],
        "rollback": {
            "mode": plan.mode,
            "fired": ["deploy-failure"],
            "actions": [dataclasses.asdict(action) for action in plan.actions],
            "refused": "; ".join(plan.refused) or None,
        },
        "comparison": None,
    }


def tell_failed_command(config: Config, report: dict[str, Any], why_not: str) -> list[str]:
    """Write the incident page and tell people of a command that failed and is not rolled back; lines for the terminal.

    Raises nothing.
    """
    from readiness.operations.notify import event_of, incident, tell, told_lines

    try:
        page = incident.write(report, config.report_dir)
        lines = [f"incident report: {page}"]
        event = event_of(report, str(page), why_not=why_not)
        if event is not None:
            sent = tell(event, config, config.report_dir)
            incident.write(report, config.report_dir, (), sent.lines())
            lines += told_lines(sent)
    except (ReadinessError, KeyError, TypeError, ValueError) as error:
        return [f"people were not told: {error}"]
    return lines
