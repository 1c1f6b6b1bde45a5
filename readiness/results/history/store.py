"""The history's folder: one JSON a run, named after the moment it started, bounded in number; what else lies there is never touched."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import math
import os
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.results.report import Report, iso, letters, shown, to_json
from readiness.support import file_reading, file_writing, locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from readiness.results.report import Report

FOLDER: Final = "history"
LOCK: Final = ".runs.lock"
PAGE: Final = "index.html"
"""The page over all runs, where somebody has asked for it."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""Larger files are no runs of ours; a run of 10,000 checks takes 6 MB."""
WAIT: Final = 5.0
"""Seconds to wait for another process that writes."""
_NAME: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[A-Za-z0-9._-]{1,60}\.json")
_QUICK: Final = 2_000
"""Runs up to which the page over all of them is written in passing."""


def file_name(report: Report) -> str:
    """`<started>-<id>.json`: names sort as the runs started."""
    started = iso(report.run.started).replace("-", "").replace(":", "")
    run_id = re.sub(r"[^A-Za-z0-9._-]+", "-", report.run.id)[:60] or "run"
    return f"{started}-{run_id}.json"


def keep(report: Report, directory: Path, limit: int) -> Path:
    """Write `report` into the history below `directory` and drop the oldest beyond `limit` runs; the file's path.

    Raises ReadinessError where it cannot be written.
    """
    folder = directory / FOLDER
    content = json.dumps(to_json(report), ensure_ascii=True) + "\n"
    file_writing.make_folder(folder)
    path = folder / file_name(report)
    with locks.locked(folder / LOCK, WAIT):
        file_writing.replace_file(path, content)
        for old in newest_first(folder)[max(limit, 1) :]:
            with contextlib.suppress(OSError):  # another run may have dropped it already
                old.unlink()
                old.with_suffix(".html").unlink(missing_ok=True)
    file_writing.sweep(folder)
    return path


def renew(report: Report, directory: Path) -> None:
    """Write `report` in place of the same run in the history, where that is still kept. Raises ReadinessError."""
    folder = directory / FOLDER
    path = folder / file_name(report)
    with locks.locked(folder / LOCK, WAIT) if path.is_file() else contextlib.nullcontext():
        if path.is_file():
            file_writing.replace_file(path, json.dumps(to_json(report), ensure_ascii=True) + "\n")


def page_wanted(directory: Path) -> bool:
    """Whether each run keeps the page over all runs up to date: somebody asked for it before, and it costs about 0.1 s at most."""
    folder = directory / FOLDER
    return (folder / PAGE).is_file() and sum(1 for _ in _entries(folder)) <= _QUICK


def has_runs(folder: Path) -> bool:
    """Whether a run's file is there."""
    return next(_entries(folder), None) is not None


def newest_first(folder: Path) -> list[Path]:
    """The runs' files; anything else in the folder is somebody else's."""
    return [folder / name for name in sorted((entry.name for entry in _entries(folder)), reverse=True)]


def run_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size in bytes and time of the last change in nanoseconds of each run's file, by its name."""
    facts: dict[str, tuple[int, int]] = {}
    for entry in _entries(folder):
        with contextlib.suppress(OSError):  # it was dropped by another run meanwhile
            status = entry.stat()
            facts[entry.name] = status.st_size, status.st_mtime_ns
    return facts


def read_document(path: Path) -> dict[str, Any] | None:
    """What a run's file holds; None where that is unreadable or no JSON object."""
    content = file_reading.content_or_none(path, MAX_BYTES)
    try:
        document = None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if _NAME.fullmatch(entry.name))


ROLLED_BACK: Final = "ROLLED BACK"
"""What stands for the decision of a run whose release was rolled back, proven: it is over."""
P95: Final = ("latency-stays-within-limits", "api-answers-fast", "llm-p95-latency")
"""Checks whose measure is a 95th percentile of latency, the one that says most first."""
_MILLISECONDS: Final[Mapping[str, float]] = {"ms": 1.0, "s": 1000.0}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One run of the history."""

    file: str
    """The name of its file; names sort as the runs started."""
    target: str
    environment: str
    selection: str
    demo: bool
    status: str
    decision: str
    id: str
    started: float
    """Seconds since the epoch, as `finished`."""
    finished: float
    score: float
    """0 to 100, floored to 0.1; so is `headline`."""
    headline: float
    p95_ms: float | None
    plan_hash: str
    versions: Mapping[str, str]
    names: str
    """The digest that the names of its checks are kept under."""
    outcomes: str
    """A letter a name, in the order of the names."""

    @property
    def about(self) -> tuple[str, str, str, bool]:
        """What two runs must have in common to be compared."""
        return self.target, self.environment, self.selection, self.demo


def read_entry(file: str, document: Mapping[str, Any]) -> tuple[HistoryEntry, list[str]]:
    """The entry of a run and the names of its checks, from its document. Raises KeyError, TypeError or ValueError on a damaged one."""
    run, verdict = document["run"], document["verdict"]
    outcomes = sorted((check_key(row), str(row["outcome"])) for row in document["findings"])
    measured = {
        row["check"]: (str(row["actual"]), str(row["unit"])) for row in document["findings"] if row["check"] in P95
    }
    return _entry(
        outcomes,
        file=file,
        target=plain_text(run["target"]),
        environment=plain_text(run["environment"]),
        selection=plain_text(run["selection"]),
        demo=bool(run["demo"]),
        status=plain_text(verdict["status"]),
        decision=ROLLED_BACK if _is_rolled_back(document) else plain_text(verdict["decision"]),
        id=plain_text(run["id"]),
        started=_moment(run["started"]),
        finished=_moment(run["finished"]),
        score=_finite(verdict["score"]),
        headline=_finite(verdict["headline"]),
        p95_ms=_p95(measured, document.get("load")),
        plan_hash=plain_text(run["plan_hash"]),
        versions={plain_text(what): plain_text(version) for what, version in run["versions"].items()},
    )


def entry_of(file: str, report: Report) -> tuple[HistoryEntry, list[str]]:
    """The same of a report that is not written yet; no document is made for it."""
    run = report.run
    measured = {row.check: (row.actual, row.unit) for row in report.rows if row.check in P95}
    return _entry(
        sorted((row.key, row.outcome.value) for row in report.rows),
        file=file,
        target=plain_text(report.target),
        environment=plain_text(report.environment),
        selection=plain_text(run.selection),
        demo=report.demo,
        status=report.status,
        decision=ROLLED_BACK
        if report.release_run is not None and report.release_run.is_rolled_back
        else report.decision,
        id=plain_text(run.id),
        started=_moment(iso(run.started)),
        finished=_moment(iso(run.finished)),
        score=shown(report.score),
        headline=shown(report.headline),
        p95_ms=_p95(measured, report.load),
        plan_hash=run.plan_hash,
        versions=dict(run.versions),
    )


def _is_rolled_back(document: Mapping[str, Any]) -> bool:
    release = document.get("release_run")
    return isinstance(release, dict) and release.get("outcome") == "ROLLED_BACK_VERIFIED"


def names_digest(names: Sequence[str]) -> str:
    """What a list of names of checks is kept under, once for all runs with the same names."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def check_key(row: Mapping[str, Any]) -> str:
    """`Row.key` of a finding in a document."""
    return str(row["check"]) if row["instance"] is None else f"{row['check']}[{row['instance']}]"


def plain_text(value: object) -> str:
    """`value` as text that every file and database can hold: a half of a surrogate pair is written out."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _entry(outcomes: list[tuple[str, str]], **fields: Any) -> tuple[HistoryEntry, list[str]]:  # noqa: ANN401 - fields of HistoryEntry
    names = [key for key, _ in outcomes]
    entry = HistoryEntry(
        names=names_digest(names), outcomes=letters(tuple(outcome for _, outcome in outcomes)), **fields
    )
    return entry, names


def _p95(measured: Mapping[str, tuple[str, str]], load: Mapping[str, Any] | None) -> float | None:
    """Of the load where there was one, as measured; else of the first check that measures one."""
    percentiles = (load or {}).get("percentiles") or {}
    bounds = list(percentiles.get("p95") or ())  # lowest, as measured, highest
    if bounds[1:] and isinstance(bounds[1], (int, float)):
        return round(_finite(bounds[1]), 3)
    for name in P95:
        actual, unit = measured.get(name, ("", ""))
        if unit in _MILLISECONDS:
            try:
                number = float(actual) * _MILLISECONDS[unit]
            except ValueError:
                continue
            if 0 <= number < float("inf"):
                return round(number, 3)
    return None


def _finite(value: float | str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no figure of a run")
    return number


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
