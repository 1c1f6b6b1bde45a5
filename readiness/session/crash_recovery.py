"""A verdict for a run that died: what its journal recorded is judged, and every other planned check is unknown."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from typing import TYPE_CHECKING

from readiness.findings import Planned
from readiness.session.journal import Run

if TYPE_CHECKING:
    from readiness.config import Config
    from readiness.session.journal import JournalRead
    from readiness.session.plan.planning import Scope


def recover(  # noqa: PLR0913 - what is known of a run, one keyword each
    recording: JournalRead, *, config: Config, status: int, run_id: str, started: float, trouble: str = ""
) -> tuple[int, bool]:
    """Judge the journal, write the reports, print the summary; the verdict's exit status, and whether they were written.

    `trouble` says why the run's own verdict does not count, where it is not that it died.
    """
    from readiness.config import redactor_for
    from readiness.session.conclusion import conclude
    from readiness.session.controller import ask_again

    scope = _scope(config)
    run = _replayed(recording, scope)
    died = f"pytest died without a verdict ({_how(status)}); this one is made from its journal"
    run.add_trouble(trouble or died)
    redactor = redactor_for(config, os.environ)
    ask_again(run, config, redactor.clean)
    conclusion = conclude(
        run,
        config,
        cap=scope.first_look_cap(),
        redact=redactor.clean,
        run_id=run_id,
        started=float(recording.header.get("started", started)),
        selection=str(recording.header.get("selection", "")),
    )
    conclusion.write(junit=None)
    code = conclusion.exit_code or 12
    for line in conclusion.terminal_lines(width=100, color=sys.stdout.isatty(), exit_status=code):
        sys.stdout.write(line + "\n")
    for command in conclusion.commands():
        sys.stdout.write(command + "\n")
    return code, conclusion.is_written


def contradiction(recording: JournalRead, config: Config) -> str:
    """What speaks against an answer that all is well, of the findings that the run shipped; empty where nothing does."""
    from readiness.results.verdict import verdict
    from readiness.session.plan.planning import catalogue

    run = _replayed(recording, _scope(config))
    plan = list(run.plan.values())
    findings, _ = verdict.apply_waivers(
        list(run.findings.values()),
        plan,
        config.waivers,
        today=dt.datetime.now(dt.UTC).date(),
        known={check.id for check, _ in catalogue()} | set(run.plan),
    )
    judged = verdict.judge(
        verdict.Evidence(plan=plan, findings=findings, trouble=tuple(run.trouble), cap=None), config.gate
    )
    if judged.status in {verdict.Status.READY, verdict.Status.CONDITIONAL}:
        return ""
    return f"the run answered that all is well, and what its checks found is {judged.status.value}: {judged.because}"


def _how(status: int) -> str:
    if status >= 0:
        return f"it ended with status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def _replayed(recording: JournalRead, scope: Scope) -> Run:
    from readiness.session.plan.planning import catalogue, selected_phases

    run = Run(plan=dict(recording.plan))
    if not run.plan:
        # it died before anything was collected: what ships for these phases is what it had to prove
        phases = selected_phases(str(recording.header.get("selection", "")))
        run.plan = {c.id: scope.adjust(Planned(check=c)) for c, _ in catalogue() if c.phase in phases}
    for check, instance in recording.reruns:
        run.rerun(check, instance)
    for finding in recording.findings:
        run.record(finding)
    for sentence in recording.trouble:
        run.add_trouble(sentence)
    return run


def _scope(config: Config) -> Scope:
    from readiness.session.plan.planning import Scope
    from readiness.session.setup import deployed_claims

    return Scope(config, lambda: deployed_claims(config))
