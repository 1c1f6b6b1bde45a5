"""The incident report once a rollback has acted: written anew with what the rollback's journal tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness import incident, notify_after
from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def entries(folder: Path, run_id: str) -> list[dict[str, Any]]:
    """What the journals below the report folder `folder` tell of rollbacks that the run `run_id` planned, in order.

    Empty where there is none; a journal that cannot be read is passed over.
    """
    from readiness.rollback import journal
    from readiness.rollback.execute import FOLDER

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


def write(folder: Path, run_id: str, told: Sequence[str] = ()) -> str:
    """Write the incident report of the run `run_id` anew; a line for the terminal, "" where that run left no report.

    Never raises: a rollback is over, whatever can be written about it.
    """
    try:
        document = notify_after.find(folder, run_id)
        if document is None:
            return ""
        return f"incident report: {incident.write(document, folder, entries(folder, run_id), told)}"
    except Exception as error:  # noqa: BLE001 - see above
        return f"the incident report could not be written: {error}"
