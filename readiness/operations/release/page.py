"""The report of a release: that of its last run of checks, rendered once more with the phases and how all of it ended."""

from __future__ import annotations

import dataclasses
import os
import shlex
from typing import TYPE_CHECKING

from readiness.errors import ReadinessError
from readiness.operations.release.journal import BEGIN, DONE, OUTCOME

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.operations.release.journal import State
    from readiness.results.report import ReleaseRun


def write(config: Config, state: State) -> list[Path]:
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
    whole = dataclasses.replace(report.read(document), release_run=run_of(state))
    formats = dict.fromkeys((*config.report.formats, *render.surroundings(os.environ)))
    written = list(render.write_all(whole, config.report_dir, tuple(formats)))
    if problem := render.add_to_summary(whole, os.environ):
        raise ReadinessError(problem)
    return written


def run_of(state: State) -> ReleaseRun:
    """The release as a report holds it."""
    from readiness.results.report import ReleasePhase, ReleaseRun

    begun, ended = state.first(BEGIN), state.first(OUTCOME)
    return ReleaseRun(
        id=state.id,
        outcome=str(ended.get("outcome", "")),
        because=str(ended.get("because", "")),
        command=shlex.join(begun["order"]["command"]),
        started=float(begun["at"]),
        finished=float(ended["at"]) if ended else None,
        phases=tuple(
            ReleasePhase(name=phase.name, status=phase.status, seconds=phase.seconds, detail=phase.detail)
            for phase in state.phases
        ),
    )


def _last_run(state: State) -> str | None:
    """The run of checks that came last; that which proves a rollback leaves its report beside the rollback's journal."""
    found = [str(e["data"]["run"]) for e in state.entries if e["kind"] == DONE and (e["data"] or {}).get("run")]
    # a plan that a failed command made is named after the release and is no run
    return next((run for run in reversed(found) if not run.startswith(state.id)), None)
