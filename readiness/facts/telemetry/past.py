"""What earlier runs say about a hub: when it was up, and which deploys went well.

Each run's report lies in the history below the folder of reports. Of a report only what is needed is decoded: five hundred of
them must not cost a second.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from readiness.facts.telemetry.counters import REST
from readiness.facts.telemetry.deploy import recorded
from readiness.facts.telemetry.runs import PERIOD, Deploys, PastRun, Uptime, deploys, uptime
from readiness.support import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.config.model import Config

HISTORY: Final = "history"
MAX_BYTES: Final = 64 * 1024 * 1024
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-[A-Za-z0-9._-]{1,60}\.json")
_JUDGED: Final = frozenset({"passed", "flaky", "degraded", "waived", "failed"})
_READ: Final = _JUDGED | {"unknown"}
"""Outcomes of a run that may have stored what it read: with too few calls it has, whatever it could prove."""
_UP: Final = frozenset({"passed", "flaky", "degraded"})
_DECODER: Final = json.JSONDecoder()


class Past:
    """The history of one target; a run's report never changes, so each is decoded once."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._known: dict[str, PastRun | None] = {}

    def runs(self, since: float = 0.0) -> list[PastRun]:
        """The runs against this target and environment that began after `since`, oldest first. Raises nothing."""
        return sorted(self._runs(since), key=lambda run: run.started)

    def uptime(self, now: float) -> Uptime:
        """When the hub was up in the last `PERIOD`, as far as runs have seen. Raises nothing."""
        return uptime(self.runs(now - PERIOD), now)

    def deploys(self, now: float) -> Deploys:
        """What is known of the deploys of the last `PERIOD`. Raises Unknown where their record cannot be read."""
        return deploys(self.runs(now - PERIOD), on_record=recorded(self.config.report_dir, now) is not None)

    def looked_between(self, started: float, now: float) -> bool:
        """Whether a run long enough ago to begin a window at judged the counters of the process started then."""
        return any(run.counted and run.started <= now - REST for run in self._runs(started))

    def _runs(self, since: float) -> Iterator[PastRun]:
        for moment, path in _named(self.config.report_dir / HISTORY):
            if moment <= since:
                return
            if path.name not in self._known:
                self._known[path.name] = _decoded(path, self.config)
            run = self._known[path.name]
            if run is not None:
                yield run


def _decoded(path: Path, config: Config) -> PastRun | None:
    content = files.read(path, MAX_BYTES)
    try:
        return None if content is None else _run(content.decode("utf-8"), config)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError, AttributeError):
        return None  # damaged, foreign or half gone: no evidence of anything


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
        version=str((run.get("versions") or {}).get("hub") or ""),
        status=str(verdict.get("status", "")),
        decision=str(verdict.get("decision", "")),
        stage=str(verdict.get("stage", "")),
        up=None if outcome not in _JUDGED else outcome in _UP,
        counted=rate is not None and rate["outcome"] in _READ,
    )


def _about(config: Config) -> tuple[str, str, bool]:
    """What a report calls its target, as the report writes it: without a login."""
    if config.demo:
        return "the embedded hub", config.environment, True
    named = without_login(config.target.url or config.target.internal_url or "")
    return named or str(config.target.release or ""), config.environment, False


def without_login(url: str) -> str:
    """A URL as it may be kept: without a name and password in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _object(text: str, key: str, of: int | None = None) -> dict[str, Any] | None:
    """The object behind `key` (or beginning with it), where that first stands; a quote inside a text is never bare."""
    place = text.find(key)
    if place < 0:
        return None
    found, _ = _DECODER.raw_decode(text, place + (len(key) if of is None else of))
    return found if isinstance(found, dict) else None


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
