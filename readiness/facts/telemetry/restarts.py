"""Whether the process whose counters are read is the one that was deployed: a restart that nobody declared resets its counters."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.hub import Identity
    from readiness.facts.telemetry.stored_counters import StoredCounters

RECORD: Final = "deploy.json"
"""The record of the last deploy, in the folder of reports."""
MAX_BYTES: Final = 1_000_000
SETTLED: Final = 86_400.0
"""Seconds after which a process's counters are evidence enough, whoever started it."""
SLACK: Final = 600.0
"""Seconds after its record within which a deploy may have started its process."""
_AHEAD: Final = 60.0
"""How far ahead of this clock the record's may be, in seconds."""
_HOURS: Final = 7_200.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """The last deploy: when it was recorded, in seconds since the epoch, and the process it started, where that is known."""

    at: float
    pid: int | None = None


def recorded(folder: Path, now: float) -> Deploy | None:
    """The last deploy on record; None: none is. Raises Unknown where the record cannot be read, or is from the future."""
    path = folder / RECORD
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None and not path.exists():
        return None
    try:
        data = json.loads((content or b"").decode("utf-8"))
        at, pid = dt.datetime.fromisoformat(data["deployed_at"]).timestamp(), data.get("pid")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError):
        raise Unknown(f"{path} is no record of a deploy: record it again (`readiness release --record`)") from None
    if at > now + _AHEAD:
        raise Unknown(f"{path} records a deploy in the future: set the clocks right")
    return Deploy(at=at, pid=pid if isinstance(pid, int) and not isinstance(pid, bool) else None)


def restart_doubt(identity: Identity, config: Config, *, others: Sequence[StoredCounters], now: float) -> str:
    """Why the counters of this process may have been reset by a restart that nobody declared; else an empty text.

    A deploy declares a restart: by its record's pid, or by a process that started no later than `SLACK` after the record was
    written; `[target] pid` does so too. A process that is up for a day has counted enough, whoever started it. `others` are
    stored reads of other processes of this hub.
    """
    started = identity.started
    if started is None or now - started >= SETTLED or config.target.pid == identity.pid:
        return ""
    try:
        deploy = recorded(config.report_dir, now)
    except Unknown as error:
        return f"whether a deploy started this process is unknown: {error}"
    why = _why(identity.pid, started, deploy, [read.at for read in others if read.at < started])
    return f"the process started {_duration(now - started)} ago, {why}: a restart nobody declared" if why else ""


def _why(pid: int, started: float, deploy: Deploy | None, before: Sequence[float]) -> str:
    """What shows a restart; `before` are the moments at which another process answered."""
    if deploy is None:
        return "in another one's place, and no deploy is on record" if before else ""
    if deploy.pid is not None:
        return "" if deploy.pid == pid else f"and process {deploy.pid} was deployed"
    if started > deploy.at + SLACK:
        return f"{_duration(started - deploy.at)} after the recorded deploy"
    return "after another one had run since the recorded deploy" if any(at > deploy.at for at in before) else ""


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < _HOURS else f"{seconds / 3600:.0f} h"
