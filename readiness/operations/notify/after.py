"""What follows a verdict: the incident report where the decision is to roll back, then people are told.

Nothing here changes an exit status: a verdict stands, whoever could be told of it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.notify import incident
from readiness.operations.notify.check import event_of, no_verdict
from readiness.operations.notify.people import tell
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.notify.events import Event, Notified, Pacing

MAX_BYTES: Final = 64 * 1024 * 1024
_WITHOUT_REPORT: Final = frozenset({1, 12})
"""Statuses that should have left a report: NOT READY and INCOMPLETE."""


def after(  # noqa: PLR0913 - a run that ended, one keyword each
    *,
    run_id: str,
    status: int,
    folder: Path,
    config: Callable[[], Config],
    journal: Callable[[str], Sequence[Mapping[str, Any]]] = lambda _run_id: (),
    environ: Mapping[str, str] | None = None,
    pacing: Pacing | None = None,
) -> list[str]:
    """Tell people about the run `run_id` that ended with `status`; lines for the terminal.

    `folder` is the report folder. `config` is asked for only where there is something to tell, `journal` for what a
    rollback of this run has done by now. Never raises.
    """
    try:
        document = find(folder, run_id)
        event = _event(document, folder, status)
        if event is None:
            return []
        acts = journal(run_id) if _rolls_back(document) else ()
        page, lines = write_page(document, folder, acts)
        if page is not None:
            event = dataclasses.replace(event, lines=(*event.lines, f"incident report: {page}"))
        notified = tell(event, config(), folder, environ=environ, pacing=pacing)
        if page is not None and notified.deliveries:
            lines += write_page(document, folder, acts, notified.lines())[1]
    except Exception as error:  # noqa: BLE001 - a verdict must not end in a traceback of what came after it
        return [f"readiness: people were not told, by a fault of ours: {type(error).__name__}: {error}"]
    # who rolled back has named the page already
    shown = [f"readiness: incident report: {page}"] if page is not None and not acts else []
    return [*shown, *lines, *told_lines(notified)]


def find(folder: Path, run_id: str) -> dict[str, Any] | None:
    """The report of the run `run_id` as it lies in `folder`; None where it left none."""
    for path in (folder / "readiness.json", *sorted((folder / "history").glob(f"*-{run_id}.json"))):
        content = file_reading.content_or_none(path, MAX_BYTES)
        try:
            document = json.loads(content) if content else {}
            if document["run"]["id"] == run_id:
                return dict(document)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return None


def told_lines(told: Notified) -> list[str]:
    """What came of telling people, for a terminal; nothing where there was nobody to tell."""
    return [f"readiness: told people: {text}" for text in told.lines()]


def _event(document: dict[str, Any] | None, folder: Path, status: int) -> Event | None:
    if document is None:
        return no_verdict(status) if status in _WITHOUT_REPORT else None
    page = folder / "readiness.html"
    return event_of(document, str(page if page.exists() else folder / "readiness.json"))


def _rolls_back(document: dict[str, Any] | None) -> bool:
    return document is not None and document["verdict"]["decision"] == "ROLL BACK"


def write_page(
    document: dict[str, Any] | None, folder: Path, acts: Sequence[Mapping[str, Any]], told: Sequence[str] = ()
) -> tuple[Path | None, list[str]]:
    """Write the incident report where the decision is to roll back; its path, and lines about what went wrong."""
    if document is None or not _rolls_back(document):
        return None, []
    try:
        return incident.write(document, folder, acts, told), []
    except ReadinessError as error:
        return None, [f"readiness: the incident report could not be written: {error}"]
