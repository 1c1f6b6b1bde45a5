"""The pages once a rollback has acted: incident report and report, written anew with what the rollback's journal tells."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from readiness.errors import ReadinessError
from readiness.operations.notify import after as notify_after
from readiness.operations.notify import incident
from readiness.support.environment import LOCK_TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.results.report import ReleaseRun


def journal_entries(folder: Path, run_id: str) -> list[dict[str, Any]]:
    """What the journals below the report folder `folder` tell of rollbacks that the run `run_id` planned, in order.

    Empty where there is none; a journal that cannot be read is passed over.
    """
    from readiness.operations.deploys import journal
    from readiness.operations.rollback.execute import FOLDER

    found: list[dict[str, Any]] = []
    for path in sorted((folder / FOLDER).glob("*.jsonl")):
        try:
            state = journal.read(path)
        except ReadinessError:
            continue
        run = state.plan.get("run")
        if isinstance(run, dict) and run.get("id") == run_id:
            found.extend(state.entries)
        found.extend(entry for entry in state.entries if entry["kind"] == journal.PROBE and entry.get("run") == run_id)
    return found


def write_incident(folder: Path, run_id: str, told: Sequence[str] = ()) -> str:
    """Write the incident report of the run `run_id` anew; a line for the terminal, "" where that run left no report.

    Never raises: a rollback is over, whatever can be written about it.
    """
    try:
        document = notify_after.find(folder, run_id)
        if document is None:
            return ""
        return f"incident report: {incident.write(document, folder, journal_entries(folder, run_id), told)}"
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
        known = journal_entries(config.report_dir, run_id)
        ended = next((entry for entry in reversed(known) if entry["kind"] == "outcome"), None)
        if document is None or ended is None:
            return ""
        from readiness.results import render, report

        told = dataclasses.replace(report.read(document), release_run=_as_release(run_id, known, ended))
        render.write_all(told, config.report_dir, config.report.formats)
    except Exception as error:  # noqa: BLE001 - see above
        return f"the report could not be written anew: {error}"
    return ""


def _as_release(run_id: str, known: Sequence[dict[str, Any]], ended: dict[str, Any]) -> ReleaseRun:
    """What a report calls a release: here its two last phases, the run that failed and the rollback."""
    from readiness.results.report import ReleasePhase, ReleaseRun

    seconds = {name: float(took) for name, took in (ended.get("seconds") or {}).items()}
    well = {"ROLLED_BACK_VERIFIED": "passed", "ROLLED_BACK_UNVERIFIED": "unknown"}.get(str(ended["result"]), "failed")
    took = sum(seconds.get(phase, 0.0) for phase in ("decide", "act", "verify"))
    return ReleaseRun(
        id=run_id,
        outcome=str(ended["result"]),
        because=str(ended["because"]),
        command="readiness rollback",
        started=float(known[0]["at"]),
        finished=float(ended["at"]),
        phases=(ReleasePhase(name="rollback", status=well, seconds=round(took, 3), detail=str(ended["because"])),),
    )
