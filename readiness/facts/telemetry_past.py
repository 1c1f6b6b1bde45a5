"""What earlier runs and the record of the last deploy say: when the hub was up, which deploys went well, who restarted it.

Each run's report lies in the history below the folder of reports. Of a report only what is needed is decoded: five hundred of
them must not cost a second.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from readiness import files
from readiness.facts.telemetry_counters import REST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.identity import Identity
    from readiness.facts.telemetry_store import Read

HISTORY: Final = "history"
DEPLOY: Final = "deploy.json"
MAX_BYTES: Final = 64 * 1024 * 1024
DAY: Final = 86_400.0
SETTLED: Final = DAY
"""Seconds after which a process's counters are evidence enough, whoever started it."""
SLACK: Final = 600.0
"""Seconds after its record within which a deploy may have started its process."""
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-[A-Za-z0-9._-]{1,60}\.json")
_JUDGED: Final = frozenset({"passed", "flaky", "degraded", "waived", "failed"})
_DECODER: Final = json.JSONDecoder()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One earlier run, in seconds since the epoch; outcomes are None where the run did not judge that check."""

    started: float
    finished: float
    release: str = ""
    version: str = ""
    status: str = ""
    decision: str = ""
    stage: str = ""
    up: bool | None = None
    """Whether `hub-answers` held; None: not judged, or not proven."""
    counted: bool = False
    """Whether it judged the counters, and so stored what it read."""


class Past:
    """The history of one target, read anew each time."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def runs(self, since: float = 0.0) -> list[PastRun]:
        """The runs against this target and environment that began after `since`, oldest first. Raises nothing."""
        return sorted(self._runs(since), key=lambda run: run.started)

    def looked_between(self, started: float, now: float) -> bool:
        """Whether a run long enough ago to begin a window at judged the counters of the process started then."""
        return any(run.counted and run.started <= now - REST for run in self._runs(started))

    def _runs(self, since: float) -> Iterator[PastRun]:
        for moment, path in _named(self.config.report_dir / HISTORY):
            if moment <= since:
                return
            content = files.read(path, MAX_BYTES)
            try:
                run = None if content is None else _run(content.decode("utf-8"), self.config)
            except (ValueError, KeyError, TypeError, RecursionError, OverflowError, AttributeError):
                continue  # damaged, foreign or half gone: no evidence of anything
            if run is not None:
                yield run


def _named(folder: Path) -> list[tuple[float, Path]]:
    """The history's files with the moment their run started, newest first."""
    try:
        matches = [(match[1], path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
        return sorted(((_moment(stamp), path) for stamp, path in matches), reverse=True)
    except (OSError, ValueError):
        return []


def _run(text: str, config: Config) -> PastRun | None:
    """The run of a report; None if it was about another hub. Raises ValueError, KeyError or TypeError."""
    run = _object(text, '"run": ')
    if run is None or (run["target"], run["environment"], run["demo"]) != _about(config):
        return None
    verdict = _object(text, '"verdict": ') or {}
    answers = _object(text, '{"check": "hub-answers", ', of=0)
    rate = _object(text, '{"check": "llm-success-rate", ', of=0)
    outcome = None if answers is None else answers["outcome"]
    return PastRun(
        started=_moment(run["started"]),
        finished=_moment(run["finished"]),
        release=str(run.get("release") or ""),
        version=str((run.get("versions") or {}).get("hub") or ""),
        status=str(verdict.get("status", "")),
        decision=str(verdict.get("decision", "")),
        stage=str(verdict.get("stage", "")),
        up=None if outcome not in _JUDGED else outcome != "failed",
        counted=rate is not None and rate["outcome"] in _JUDGED,
    )


def _about(config: Config) -> tuple[str, str, bool]:
    """What a report calls its target, as `readiness.report` writes it: without a login."""
    if config.demo:
        return "the embedded hub", config.environment, True
    url = urlsplit(config.target.url or config.target.internal_url or "")
    named = urlunsplit(url._replace(netloc=url.netloc.rpartition("@")[2]))
    return named or str(config.target.release or ""), config.environment, False


def _object(text: str, key: str, of: int | None = None) -> dict[str, Any] | None:
    """The object behind `key` (or beginning with it), where that first stands; a quote inside a text is never bare."""
    place = text.find(key)
    if place < 0:
        return None
    found, _ = _DECODER.raw_decode(text, place + (len(key) if of is None else of))
    return found if isinstance(found, dict) else None


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def restart_doubt(identity: Identity, config: Config, *, others: Sequence[Read], now: float) -> str:
    """Why the counters of this process may have been reset by a restart that nobody declared; else an empty text.

    A deploy declares a restart: by its record's pid, or by a process that started no later than `SLACK` after the record was
    written; `[target] pid` does so too. A process that is up for a day has counted enough, whoever started it.
    """
    started = identity.started
    if started is None or now - started >= SETTLED or config.target.pid == identity.pid:
        return ""
    deployed_at, pid = _deploy(config.report_dir, now)
    if pid is not None and pid == identity.pid:
        return ""
    if deployed_at is not None and pid is None and started <= deployed_at + SLACK:
        return ""
    if deployed_at is not None and started > deployed_at + SLACK:
        return f"the process started {_ago(now - started)} ago, after the recorded deploy: a restart nobody declared"
    before = [read for read in others if read.at < started]
    if before or pid is not None:
        return f"the process started {_ago(now - started)} ago in another one's place: a restart nobody declared"
    return ""


def _deploy(folder: Path, now: float) -> tuple[float | None, int | None]:
    """When the last deploy was recorded, and the process it started; a record from the future or none at all: nothing."""
    content = files.read(folder / DEPLOY, MAX_BYTES)
    try:
        data = json.loads((content or b"null").decode("utf-8"))
        at, pid = _moment(data["deployed_at"]), data.get("pid")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError):
        return None, None
    return (at, pid if isinstance(pid, int) else None) if at <= now + 60 else (None, None)


def _ago(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.0f} h"
