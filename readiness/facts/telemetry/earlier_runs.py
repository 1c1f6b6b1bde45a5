"""What earlier runs prove about a hub: how long it was up, and which deploys had to be taken back.

Each run's report lies in the history below the folder of reports. Of a report only what is needed is decoded: five hundred of
them must not cost a second.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from readiness.facts.telemetry.counters import REST
from readiness.facts.telemetry.restarts import recorded
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from readiness.config import Config

HISTORY: Final = "history"
MAX_BYTES: Final = 64 * 1024 * 1024
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-[A-Za-z0-9._-]{1,60}\.json")
_JUDGED: Final = frozenset({"passed", "flaky", "degraded", "waived", "failed"})
_READ: Final = _JUDGED | {"unknown"}
"""Outcomes of a run that may have stored what it read: with too few calls it has, whatever it could prove."""
_UP: Final = frozenset({"passed", "flaky", "degraded"})
_DECODER: Final = json.JSONDecoder()
PERIOD: Final = 30 * 86_400.0
"""Seconds that count as recent: 30 days."""
GAP: Final = 7_200.0
"""Seconds between two runs beyond which nobody knows what happened in between; hourly runs leave none."""
_GOOD: Final = frozenset({"READY", "CONDITIONAL"})
_SAME_DEPLOY: Final = 3_600.0


class EarlierRuns:
    """The history of one target; a run's report never changes, so each is decoded once."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._known: dict[str, EarlierRun | None] = {}

    def runs(self, since: float = 0.0) -> list[EarlierRun]:
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

    def _runs(self, since: float) -> Iterator[EarlierRun]:
        for moment, path in _named(self.config.report_dir / HISTORY):
            if moment <= since:
                return
            if path.name not in self._known:
                self._known[path.name] = _decoded(path, self.config)
            run = self._known[path.name]
            if run is not None:
                yield run


def _decoded(path: Path, config: Config) -> EarlierRun | None:
    content = file_reading.content_or_none(path, MAX_BYTES)
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


def _run(text: str, config: Config) -> EarlierRun | None:
    """The run of a report; None if it was about another hub. Raises ValueError, KeyError or TypeError."""
    run = _object(text, '"run": ')
    if run is None or (run["target"], run["environment"], run["demo"]) != _about(config):
        return None
    verdict = _object(text, '"verdict": ') or {}
    answers = _object(text, '{"check": "hub-answers", ', of=0)
    rate = _object(text, '{"check": "llm-success-rate", ', of=0)
    outcome = None if answers is None else answers["outcome"]
    return EarlierRun(
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
    value, _ = _DECODER.raw_decode(text, place + (len(key) if of is None else of))
    return value if isinstance(value, dict) else None


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun:
    """One earlier run, in seconds since the epoch."""

    started: float
    finished: float
    version: str = ""
    """Of the hub, as it was configured."""
    status: str = ""
    decision: str = ""
    stage: str = ""
    up: bool | None = None
    """Whether `hub-answers` held; None: not judged, or not proven."""
    counted: bool = False
    """Whether it looked at the counters, and so may have stored what it read."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """Seconds that the hub was up, down, or of unknown state, as `runs` runs in a row have seen it.

    Between two runs that found the same, all of it counts as that. Between one that found it up and one that found it down
    it went down (or came back) at an unknown moment: `turning`. Where runs lie more than `GAP` apart nobody looked: `unseen`.
    """

    runs: int = 0
    bad: int = 0
    """Runs that found it down."""
    up: float = 0.0
    down: float = 0.0
    turning: float = 0.0
    unseen: float = 0.0

    @property
    def seen(self) -> float:
        """The share of the time that somebody looked at, 0 to 1."""
        whole = self.up + self.down + self.turning + self.unseen
        return 1 - self.unseen / whole if whole else 0.0

    @property
    def at_worst(self) -> float:
        """The availability of the time that was seen, 0 to 1, if it was down whenever it may have been."""
        known = self.up + self.down + self.turning
        return self.up / known if known else 0.0

    @property
    def at_best(self) -> float:
        """The same if it was up whenever it may have been."""
        known = self.up + self.down + self.turning
        return (self.up + self.turning) / known if known else 1.0

    @property
    def at_very_best(self) -> float:
        """The availability over the whole `PERIOD` if it was up whenever nobody proved the contrary, 0 to 1."""
        return 1 - self.down / PERIOD


def uptime(runs: Sequence[EarlierRun], now: float) -> Uptime:
    """Put the runs together, oldest first; what came after the last one is unseen."""
    judged = [run for run in runs if run.up is not None]
    sums = {"up": 0.0, "down": 0.0, "turning": 0.0, "unseen": 0.0}
    for one, other in itertools.pairwise(judged):
        between = max(0.0, other.started - one.started)
        looked = min(between, GAP)
        if one.up == other.up:
            sums["unseen" if between > GAP else "up" if one.up else "down"] += between
        else:
            # it may have been down for as long as a gap may last, on either side of the run that found it so
            sums["turning"] += looked
            sums["unseen"] += between - looked
    if judged:
        sums["unseen"] += max(0.0, now - judged[-1].finished - GAP)
    return Uptime(runs=len(judged), bad=sum(run.up is False for run in judged), **sums)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deploys:
    """The deploys of the last `PERIOD`: `taken_back` are the runs that decided to roll one back, one a deploy."""

    recorded: bool
    """Whether a deploy is on record, or a run judged one."""
    judged: int = 0
    """Runs that judged a running release."""
    taken_back: tuple[EarlierRun, ...] = ()
    standing: bool = True
    """Whether a later run found the hub fit again, after the last that was to be rolled back."""


def deploys(runs: Sequence[EarlierRun], *, on_record: bool) -> Deploys:
    """Which deploys failed, from the runs, oldest first; `on_record`: the record of a deploy is there."""
    judged = [run for run in runs if run.stage == "after"]
    bad = [run for run in judged if run.decision == "ROLL BACK"]
    first = [run for before, run in zip([None, *bad], bad, strict=False) if before is None or not _same(before, run)]
    good_since = not bad or any(run.status in _GOOD and run.started > bad[-1].started for run in judged)
    return Deploys(recorded=on_record or bool(bad), judged=len(judged), taken_back=tuple(first), standing=good_since)


def _same(one: EarlierRun, other: EarlierRun) -> bool:
    """Whether two runs that wanted a rollback judged the same deploy."""
    return one.version == other.version and other.started - one.started <= _SAME_DEPLOY
