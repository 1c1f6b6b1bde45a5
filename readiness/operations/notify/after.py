"""What follows a verdict: the incident report where the decision is to roll back, then people are told.

A rollback that is about to be carried out is announced instead: its decision, begin and end are told in one order by
whoever carries it out.

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
BY_A_PERSON: Final = "nothing is done by itself: `readiness rollback` shows what is planned and carries it out"
_WITHOUT_REPORT: Final = frozenset({1, 12})
"""Statuses that should have left a report: NOT READY and INCOMPLETE."""


def after(  # noqa: PLR0913 - a run that ended, one keyword each
    *,
    run_id: str,
    status: int,
    folder: Path,
    config: Callable[[], Config],
    why_not: str = "",
    environ: Mapping[str, str] | None = None,
    pacing: Pacing | None = None,
) -> list[str]:
    """Tell people about the run `run_id` that ended with `status`; lines for the terminal.

    `folder` is the report folder. `config` is asked for only where there is something to tell; `why_not` says why
    nothing is done about a decision to roll back. Never raises.
    """
    try:
        document = find(folder, run_id)
        event = _event(document, folder, status, why_not)
        if event is None:
            return []
        page, lines = write_page(document, folder, ())
        if page is not None:
            then = () if why_not else (BY_A_PERSON,)
            event = dataclasses.replace(event, lines=(*event.lines, *then, f"incident report: {page}"))
        notified = tell(event, config(), folder, environ=environ, pacing=pacing)
        if page is not None and notified.deliveries:
            lines += write_page(document, folder, (), notified.lines())[1]
    except Exception as error:  # noqa: BLE001 - a verdict must not end in a traceback of what came after it
        return [f"readiness: people were not told, by a fault of ours: {type(error).__name__}: {error}"]
    shown = [f"readiness: incident report: {page}"] if page is not None else []
    return [*shown, *lines, *told_lines(notified)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A decision to roll back as people hear it just before it is carried out, and the report that it stands in."""

    event: Event
    document: dict[str, Any]


def announcement(document: dict[str, Any] | None, folder: Path) -> Announcement | None:
    """What to tell of a decision to roll back before it is carried out; its incident report is written. Raises nothing.

    None where `document` is no report of such a decision.
    """
    if not _rolls_back(document) or document is None:
        return None
    try:
        page, trouble = write_page(document, folder, ())
        event = event_of(document, _page(folder))
    except (KeyError, TypeError, ValueError):
        return None
    if event is None:
        return None
    more = (*(() if page is None else (f"incident report: {page}",)), *trouble)
    return Announcement(event=dataclasses.replace(event, lines=(*event.lines, *more)), document=document)


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


def _event(document: dict[str, Any] | None, folder: Path, status: int, why_not: str) -> Event | None:
    if document is None:
        return no_verdict(status) if status in _WITHOUT_REPORT else None
    return event_of(document, _page(folder), why_not=why_not if _rolls_back(document) else "")


def _page(folder: Path) -> str:
    page = folder / "readiness.html"
    return str(page if page.exists() else folder / "readiness.json")


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
