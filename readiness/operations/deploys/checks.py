"""Runs of checks, as a release and a rollback use them: started in a process of their own, and read from their reports.

A report is read here as far as a decision needs it: its own reader holds the whole of it against a schema, which takes a
tenth of a second in which a hub may be down.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from readiness.errors import Unknown
from readiness.support import VERIFYING, child_process, file_reading, for_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from readiness.config import Config

WELL: Final = frozenset({"passed", "flaky", "degraded"})
"""Outcomes that count as passed."""
BAD: Final = frozenset({"failed", "waived"})
"""Outcomes that are a fault, whoever accepts it."""
_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One finding of a run."""

    check: str
    outcome: str
    reason: str
    phase: str
    nodeid: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a run of checks found and decided, and what it was about."""

    run_id: str
    started: dt.datetime | None
    target: str
    environment: str
    demo: bool
    versions: Mapping[str, str]
    status: str
    decision: str
    because: str
    headline: float | None
    refused: str
    """Why nothing is rolled back; empty where something is, or where nothing fired."""
    rows: tuple[CheckRow, ...]

    def outcomes(self) -> dict[str, bool]:
        """Whether each check failed; what was not proven is left out."""
        seen: dict[str, set[str]] = {}
        for row in self.rows:
            seen.setdefault(row.check, set()).add(row.outcome)
        return {check: bool(found & BAD) for check, found in seen.items() if found & BAD or found <= WELL}

    def is_about(self, config: Config) -> bool:
        """Whether it is about the hub of `config`."""
        targets = {_without_login(url) for url in (config.target.url, config.target.internal_url) if url}
        return self.target in targets and self.environment == config.environment and not self.demo


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckProcess:
    """What came of the process of a run of checks; `trouble` says why there was none, or that it took too long."""

    status: int | None
    ending: str = ""
    """How it ended, and its last words."""
    trouble: str = ""


def run_checks(arguments: Sequence[str], *, seconds: float, environ: Mapping[str, str] | None = None) -> CheckProcess:
    """Run `readiness check` with these arguments to its end, as a step of something larger. Raises nothing.

    Its whole process group is ended past the time: pytest is a child of that child. `environ` is what it is told beside.
    """
    environment = for_checks(os.environ) | {VERIFYING: "1"} | dict(environ or {})
    try:
        done = child_process.run(
            [sys.executable, "-P", "-m", "readiness", "check", *arguments], timeout=seconds, env=environment
        )
    except Unknown as error:
        return CheckProcess(status=None, trouble=f"the checks could not be run: {error}")
    trouble = f"the checks did not end within {seconds:.0f} s" if done.timed_out else ""
    return CheckProcess(
        status=done.code, ending=f"{done.ending} and left no report: {done.last_words()}", trouble=trouble
    )


def read_check_report(folder: Path) -> CheckReport | None:
    """The report of the last run in `folder`; None where there is none that can be read."""
    return _read(folder / "readiness.json")


def past_reports(config: Config, *, since: dt.datetime, until: dt.datetime, most: int) -> Iterator[CheckReport]:
    """The reports about the hub of `config` that began in that time, the newest first; `most` files are looked at."""
    # names begin with the moment at which the run started, in UTC
    first, last = (f"{moment.astimezone(dt.UTC):%Y%m%dT%H%M%S.%f}" for moment in (since, until))
    folder = config.report_dir / "history"
    names = sorted((path for path in folder.glob("*.json") if first <= path.name < last), reverse=True)
    for path in names[:most]:
        report = _read(path)
        if report is not None and report.is_about(config):
            yield report


def check_report(document: Mapping[str, Any]) -> CheckReport:
    """What `readiness.json` says, as far as it is needed here. Raises KeyError, TypeError or ValueError where it is no report."""
    run, verdict = document.get("run") or {}, document.get("verdict") or {}
    started = run.get("started")
    return CheckReport(
        run_id=str(run.get("id", "")),
        started=None if started is None else dt.datetime.fromisoformat(started),
        target=str(run.get("target", "")),
        environment=str(run.get("environment", "")),
        demo=bool(run.get("demo", False)),
        versions={str(name): str(version) for name, version in (run.get("versions") or {}).items()},
        status=str(verdict.get("status", "")),
        decision=str(verdict.get("decision", "")),
        because=str(verdict.get("because", "")),
        headline=verdict.get("headline"),
        refused=str((document.get("rollback") or {}).get("refused") or ""),
        rows=tuple(
            CheckRow(
                check=str(row["check"]),
                outcome=str(row["outcome"]),
                reason=str(row.get("reason", "")),
                phase=str(row.get("marker") or str(row.get("category", "")).partition("/")[0]),
                nodeid=str(row.get("nodeid", "")),
            )
            for row in document["findings"]
        ),
    )


def _read(path: Path) -> CheckReport | None:
    content = file_reading.content_or_none(path, _MAX_BYTES)
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return check_report(json.loads(content or b""))
    return None


def _without_login(url: str) -> str:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return url
