"""The lines of the history's index: a run in some 500 bytes, so that thousands are looked through without opening them.

Each line ends in a checksum, so that a torn or changed one is told from a whole one. The names of a run's checks stand in a
line of their own, once for all runs with the same names.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from readiness.results.report.past import letters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.results.report import Report

P95: Final = ("latency-stays-within-limits", "api-answers-fast", "llm-p95-latency")
"""Checks whose measure is a 95th percentile of latency, the one that says most first."""
RUN: Final = b'{"file":"'
NAMES: Final = b'{"names":"'
"""How the lines begin: of a run, and of names that runs share."""
_SEAL: Final = 19
"""Bytes at the end of each line: `,"crc":"` with eight digits, `"}` and the line's end."""
_TEXTS: Final = ("file", "status", "decision", "id", "names", "outcomes")
_NUMBERS: Final = ("started", "finished", "score", "headline")
_MILLISECONDS: Final[Mapping[str, float]] = {"ms": 1.0, "s": 1000.0}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run, as its line of the index tells it."""

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
    """The digest that the names of its checks are written under."""
    outcomes: str
    """A letter a name, in the order of the names."""

    @property
    def about(self) -> tuple[str, str, str, bool]:
        """What two runs must have in common to be compared."""
        return self.target, self.environment, self.selection, self.demo


def of_document(file: str, document: Mapping[str, Any]) -> tuple[Entry, list[str]]:
    """The line and the names of a run from its document. Raises KeyError, TypeError or ValueError on a damaged one."""
    run, verdict = document["run"], document["verdict"]
    found = sorted((_key(row), row["outcome"]) for row in document["findings"])
    measured = {
        row["check"]: (str(row["actual"]), str(row["unit"])) for row in document["findings"] if row["check"] in P95
    }
    return _entry(
        found,
        file=file,
        target=run["target"],
        environment=run["environment"],
        selection=run["selection"],
        demo=bool(run["demo"]),
        status=verdict["status"],
        decision=verdict["decision"],
        id=run["id"],
        started=_moment(run["started"]),
        finished=_moment(run["finished"]),
        score=float(verdict["score"]),
        headline=float(verdict["headline"]),
        p95_ms=_p95(measured, document.get("load")),
        plan_hash=run["plan_hash"],
        versions=dict(run["versions"]),
    )


def of_report(file: str, report: Report) -> tuple[Entry, list[str]]:
    """The same of a report that is not written yet; no document is made for it."""
    from readiness.results.report import iso, shown

    run = report.run
    measured = {row.check: (row.actual, row.unit) for row in report.rows if row.check in P95}
    return _entry(
        sorted((row.key, row.outcome.value) for row in report.rows),
        file=file,
        target=report.target,
        environment=report.environment,
        selection=run.selection,
        demo=report.demo,
        status=report.status,
        decision=report.decision,
        id=run.id,
        started=_moment(iso(run.started)),
        finished=_moment(iso(run.finished)),
        score=shown(report.score),
        headline=shown(report.headline),
        p95_ms=_p95(measured, report.load),
        plan_hash=run.plan_hash,
        versions=dict(run.versions),
    )


def _entry(found: list[tuple[str, str]], **fields: Any) -> tuple[Entry, list[str]]:  # noqa: ANN401 - fields of Entry
    names = [key for key, _ in found]
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "backslashreplace")).hexdigest()[:16]
    return Entry(names=digest, outcomes=letters(tuple(outcome for _, outcome in found)), **fields), names


def _key(row: Mapping[str, Any]) -> str:
    return str(row["check"]) if row["instance"] is None else f"{row['check']}[{row['instance']}]"


def _p95(measured: Mapping[str, tuple[str, str]], load: Mapping[str, Any] | None) -> float | None:
    """Of the load where there was one, as measured; else of the first check that measures one."""
    percentiles = (load or {}).get("percentiles") or {}
    bounds = list(percentiles.get("p95") or ())  # lowest, as measured, highest
    if bounds[1:] and isinstance(bounds[1], (int, float)):
        return round(float(bounds[1]), 3)
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


# --- lines ------------------------------------------------------------------------------------------------------------


def head(about: tuple[str, str, str, bool]) -> bytes:
    """What the line of each run about this holds directly behind the name of its file."""
    return b'","about":' + _json(about)


def run_line(entry: Entry) -> bytes:
    """The line of a run. What is looked for without decoding it stands first, in this order."""
    rest = {
        "status": entry.status,
        "decision": entry.decision,
        "id": entry.id,
        "started": entry.started,
        "finished": entry.finished,
        "score": entry.score,
        "headline": entry.headline,
        "p95": entry.p95_ms,
        "plan": entry.plan_hash,
        "versions": dict(entry.versions),
        "outcomes": entry.outcomes,
        "names": entry.names,
    }
    return _sealed(RUN + entry.file.encode("ascii") + head(entry.about) + b"," + _json(rest)[1:-1])


def names_line(digest: str, names: Sequence[str]) -> bytes:
    """The line that gives the names of the checks that runs have outcomes of."""
    return _sealed(NAMES + digest.encode("ascii") + b'","of":' + _json(names))


def damaged_line(file: str) -> bytes:
    """The line of a file that holds no run of ours, so that it is not opened again and again."""
    return _sealed(RUN + file.encode("ascii") + b'","damaged":true')


def _sealed(body: bytes) -> bytes:
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def whole(line: bytes) -> bool:
    """Whether a line is one that was written here, to its end and unchanged."""
    body = line[:-_SEAL]
    return line.startswith((RUN, NAMES)) and line[-_SEAL:] == b',"crc":"%08x"}\n' % zlib.crc32(body)


def file_of(line: bytes) -> bytes:
    """The file's name in the line of a run."""
    return line[len(RUN) : line.index(b'"', len(RUN))]


def names_of(line: bytes) -> bytes:
    """The digest of names that a whole line gives, or that the run of the line needs; empty: it needs none."""
    if line.startswith(NAMES):
        return line[len(NAMES) : len(NAMES) + 16]
    place = line.rfind(b',"names":"')
    return b"" if place < 0 else line[place + 10 : place + 26]


def decoded(line: bytes) -> Entry | None:
    """The entry of a run's line; None where it is another line, or damaged."""
    try:
        data: dict[str, Any] = json.loads(line)
        target, environment, selection, demo = data["about"]
        texts: dict[str, Any] = {name: str(data[name]) for name in _TEXTS}
        numbers: dict[str, Any] = {name: float(data[name]) for name in _NUMBERS}
        return Entry(
            target=str(target),
            environment=str(environment),
            selection=str(selection),
            demo=bool(demo),
            p95_ms=None if data["p95"] is None else float(data["p95"]),
            plan_hash=str(data["plan"]),
            versions={str(what): str(version) for what, version in data["versions"].items()},
            **texts,
            **numbers,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def decoded_names(line: bytes) -> list[str]:
    """The names that a whole line of names gives."""
    return [str(name) for name in json.loads(line)["of"]]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
