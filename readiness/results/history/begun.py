"""Runs that began: each has a marker beside its journal, locked while it lives, and gone once its report is written.

A marker that nobody holds is the newest truth of its folder: that run was killed, or could not write what it found.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.support import RUN_ID, file_reading, file_writing, locks, one_line, process_identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from readiness.results.report import Report

FOLDER: Final = "journal"
_MARKER: Final = ".run"
_JOURNAL: Final = ".jsonl"
_BYTES: Final = 64 * 1024
_MOST: Final = 1_000
"""Markers that are looked at: a folder has one a killed run until the next run ends."""
_TEXT: Final = 200
_NAMED: Final = 3
_DAY: Final = 86_400.0
"""Seconds by which a marker may name another moment than the one at which it was written, and be believed."""
_WAIT: Final = 1.0
"""Seconds that a reader may hold the lock of a marker that was just made."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnendedRun:
    """A run that began and left no report."""

    id: str
    started: float
    """Seconds since the epoch."""
    selection: str
    marker: Path

    @property
    def journal(self) -> Path:
        """Where it wrote down what it saw."""
        return self.marker.with_suffix(_JOURNAL)


class RunMarker:
    """The marker of the run that goes on here."""

    def __init__(self, folder: Path, run_id: str, *, started: float, selection: str) -> None:
        """Make it in the folder of reports, flushed to disk; `problem` says why it could not be, if it could not.

        An empty one says as much: a full disk has room for a name. Where there is no room for that either, the report on top goes
        (the history keeps it).
        """
        self.path = folder / FOLDER / f"{run_id}{_MARKER}"
        self.problem = ""
        self.earlier = tuple(unended_runs(folder))
        """Runs before this one that did not end."""
        self._descriptor: int | None = None
        supervisor = os.getppid() if RUN_ID in os.environ else None
        told = {
            "run": run_id,
            "started": started,
            "selection": selection,
            "supervisor": None if supervisor is None else [supervisor, process_identity.start_of(supervisor)],
        }
        try:
            with contextlib.suppress(ReadinessError):  # opening the marker says why
                file_writing.make_folder(self.path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self.path, flags, 0o644)
            os.register_at_fork(
                after_in_child=self._let_go
            )  # what a check forks would keep its run alive beyond its death
            with contextlib.suppress(OSError):  # a file system without locks
                locks.obtain(self._descriptor, wait=_WAIT)
            os.write(self._descriptor, json.dumps(told).encode("ascii"))
            os.fsync(self._descriptor)
        except OSError as error:
            self.problem = error.strerror or str(error)
            if self._descriptor is None:  # nobody could know that this run began: the report on top must not outlive it
                _remove(folder / "readiness.json")
        file_writing.flush_folder(self.path.parent)

    @property
    def notes(self) -> list[str]:
        """What its report says of the runs before it that left none."""
        return [told_of(run) for run in self.earlier[:_NAMED]]

    def end(self, *, is_reported: bool) -> None:
        """The run is over: without a report its marker stays, with one it goes, and what earlier dead runs left goes too."""
        if is_reported:
            _remove(self.path)
            for run in self.earlier:
                _remove(run.marker)
                _remove(run.journal)
        self._let_go()

    def _let_go(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def unended_runs(folder: Path) -> Iterator[UnendedRun]:
    """Runs in a folder of reports that began, are not at work any more and left no report; in no order."""
    try:
        names = [name for name in os.listdir(folder / FOLDER) if name.endswith(_MARKER)]  # noqa: PTH208 - names alone
    except OSError:
        return
    for name in sorted(names)[:_MOST]:
        run = _unended(folder / FOLDER / name)
        if run is not None:
            yield run


def newer_than(folder: Path, started: float) -> UnendedRun | None:
    """The last run in a folder of reports that began after `started` (seconds since the epoch) and left no report.

    Any that left none, where `started` is yet to come.
    """
    is_ahead = started > time.time()  # a clock was set back since: when it began says nothing any more
    later = [run for run in unended_runs(folder) if is_ahead or run.started > started]
    return max(later, key=lambda run: run.started, default=None)


def latest(report: Report, folder: Path) -> Report:
    """The newest that is known: `report`, the one on top of `folder`, or that a later run left none."""
    run = newer_than(folder, report.run.started)
    if run is None:
        return report
    from readiness.results.report import superseded  # only what a dead run left needs it

    return superseded(report, run_id=run.id, started=run.started, selection=run.selection, why=told_of(run))


def told_of(run: UnendedRun) -> str:
    """What is said of a run that left no report."""
    when = dt.datetime.fromtimestamp(run.started, dt.UTC)
    return (
        f"the run {run.id} began at {when:%Y-%m-%d %H:%M:%S} UTC and left no report: it was killed, "
        "or its report could not be written"
    )


def forget(folder: Path, run_id: str) -> None:
    """Clear away what a dead run left in its folder of reports, once its report is written. Raises nothing."""
    _remove(folder / FOLDER / f"{run_id}{_MARKER}")
    _remove(folder / FOLDER / f"{run_id}{_JOURNAL}")


def _unended(path: Path) -> UnendedRun | None:
    """The run whose marker lies at `path`; None while it lives, and where nobody may read it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        is_free = locks.obtain(descriptor, shared=True)
        made = os.fstat(descriptor).st_mtime
    except OSError:  # a file system without locks: nobody can say that it lives
        return None
    finally:
        os.close(descriptor)
    told = _told(path)
    if not is_free or _is_supervised(told.get("supervisor")):
        return None
    started = told.get("started")
    return UnendedRun(
        id=one_line(told.get("run") or path.stem, _TEXT),
        started=started if isinstance(started, float) and abs(started - made) < _DAY else made,
        selection=one_line(told.get("selection") or "", _TEXT),
        marker=path,
    )


def _told(path: Path) -> Mapping[str, Any]:
    content = file_reading.content_or_none(path, _BYTES)
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(content or b"")
        if isinstance(told, dict):
            return told
    return {}


def _is_supervised(supervisor: object) -> bool:
    """Whether the `readiness check` that started the run is still there: it makes the verdict of a run that died."""
    if not isinstance(supervisor, list) or len(supervisor) != 2 or not isinstance(supervisor[0], int):  # noqa: PLR2004
        return False
    return supervisor[0] != os.getpid() and process_identity.alive(supervisor[0], str(supervisor[1]))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
