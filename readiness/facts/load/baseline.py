"""The accepted load run: its latencies, thinned, and of what load they are; and how another one differs from them."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.errors import Unknown
from readiness.facts.load.storage import LOAD_FOLDER, thinned
from readiness.support import file_reading, file_writing, stats

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.load.load_run import LoadRun

FILE: Final = "load-baseline.json"
"""The accepted one, in the folder of reports."""
LAST: Final = "load-last.json"
"""What the last run that could be believed found there; accepting means copying it."""
_LIMIT: Final = 1024 * 1024
SURE: Final = 0.01
"""The p of Mann and Whitney's test below which a shift is believed."""
EFFECT: Final = 0.64
"""Vargha and Delaney's A from which a difference is at least of medium size."""
MATERIAL: Final = (1.1, 1.0)
"""How much slower the median has to be to matter to anybody: as a ratio, and in milliseconds."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedLoad:
    """Latencies in milliseconds, in rising order; `load` is what was sent; `at` ISO 8601."""

    load: str
    latencies: tuple[float, ...]
    at: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LoadDifference:
    """Now against then: medians and p95 in milliseconds, `p` of no difference, `effect` 0.5 for none and 1 for all slower."""

    before: tuple[float, float]
    now: tuple[float, float]
    p: float
    effect: float
    tail_p: float

    @property
    def slower(self) -> bool:
        """Whether the test, the size of the effect and what people notice agree."""
        ratio, least = MATERIAL
        noticed = self.now[0] > max(ratio * self.before[0], self.before[0] + least)
        return noticed and self.p < SURE and self.effect >= EFFECT

    @property
    def longer_tail(self) -> bool:
        """Whether the slowest answers alone became slower: the median does not see it."""
        return self.tail_p < SURE / 10 and self.now[1] > max(1.5 * self.before[1], self.before[1] + MATERIAL[1])


def subject(config: Config) -> str:
    """What a baseline is about: runs against another environment or host are not compared."""
    host = urlsplit(config.target.facts_url or "").hostname or ""
    return "demo" if config.demo else f"{config.environment} {host}"


def load_of(run: LoadRun) -> str:
    """What was sent and how fast: another load has other latencies."""
    names = ", ".join(sorted(run.samples.routes)[:20])
    return f"{run.plan['arrivals']['kind']} {run.rate:g}/s: {names}"


def note_load(run: LoadRun, config: Config, folder: Path) -> None:
    """Write what this run could be compared with later. Raises ReadinessError."""
    kept = {
        "subject": subject(config),
        "load": load_of(run),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "latencies": [float(f"{one:.6g}") for one in thinned([x for x in run.judged if math.isfinite(x)])],
    }
    file_writing.replace_file(folder / LAST, json.dumps(kept))


def accepted_load(config: Config) -> AcceptedLoad | None:
    """The accepted run of this target; None where there is none. Raises Unknown for a file that cannot be read."""
    file = config.report_dir / FILE
    try:
        if not file.exists():
            return None
        document = json.loads(file_reading.content(file, _LIMIT))
        if document["subject"] != subject(config):
            return None
        latencies = tuple(sorted(_number(one) for one in document["latencies"]))
        return AcceptedLoad(load=str(document["load"]), latencies=latencies, at=str(document["at"]))
    except (OSError, file_reading.Unreadable, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unknown(f"{FILE} cannot be read ({str(error)[:80]}); accept a run again") from None


def _number(value: Any) -> float:  # noqa: ANN401 - any JSON
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{number} is no latency")
    return number


def load_difference(before: Sequence[float], now: Sequence[float]) -> LoadDifference:
    """How `now` differs from `before`, both in milliseconds and in rising order. Raises Unknown where one is empty."""
    if not before or not now:
        raise Unknown("nothing to compare: one of the runs holds no latencies")
    now = thinned([one for one in now if math.isfinite(one)])
    return LoadDifference(
        before=(stats.quantile(before, 0.5), stats.quantile(before, 0.95)),
        now=(stats.quantile(now, 0.5), stats.quantile(now, 0.95)),
        p=stats.mann_whitney(before, now),
        effect=stats.superiority(before, now),
        tail_p=stats.tail(before, now),
    )


def keep_load_baseline(run_dir: Path, config: Config, *, believed: bool, good: bool) -> None:
    """Let a run that is `believed` be the one that can be accepted; accept it where it is `good` and none is accepted.

    Raises ReadinessError or OSError.
    """
    noted = run_dir / LOAD_FOLDER / LAST
    if not believed or not noted.is_file():
        return
    config.report_dir.mkdir(parents=True, exist_ok=True)
    text = noted.read_text(encoding="utf-8")
    file_writing.replace_file(config.report_dir / LAST, text)
    if good and not (config.report_dir / FILE).exists():
        file_writing.replace_file(config.report_dir / FILE, text)


def accept_load(config: Config) -> str:
    """Make the last believed run the accepted one; when it was. Raises FileNotFoundError, Unknown or ReadinessError."""
    file = config.report_dir / LAST
    if not file.exists():
        raise FileNotFoundError(file)
    text = file_reading.text(file, _LIMIT)
    try:
        document = json.loads(text)
        at = str(document["at"])
    except (ValueError, KeyError, TypeError):
        raise Unknown(f"{LAST} cannot be read; run pytest -m load again") from None
    if document["subject"] != subject(config):
        raise Unknown(f"{LAST} is about another target ({document['subject']}); run pytest -m load again")
    file_writing.replace_file(config.report_dir / FILE, text)
    return at
