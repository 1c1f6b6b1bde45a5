"""One look at a hub's telemetry: its readings, which process they are of, and what earlier runs read of it."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Final, Protocol

from readiness.errors import HubDown, NotServed, Unknown
from readiness.facts.telemetry.counters import KINDS, Counted, Share, Standpoint, window
from readiness.facts.telemetry.earlier_runs import EarlierRuns, without_login
from readiness.facts.telemetry.metrics import Reading, readings, unread
from readiness.facts.telemetry.restarts import restart_doubt
from readiness.facts.telemetry.stored_counters import FILE, StoredCounters, keep, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.hub import Hub, Identity

GONE: Final = f"{FILE} does not hold what an earlier run has read of this process"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a hub published at one moment. `at` in seconds since the epoch; `hub` is its address.

    `served` False: this version serves no statistics at all. `nameless` says why the process is not known.
    """

    at: float
    hub: str
    readings: Mapping[str, Reading]
    identity: Identity | None = None
    nameless: str = ""
    served: bool = True
    seen: Standpoint = dataclasses.field(default_factory=lambda: Standpoint(at=0.0))

    def share(self, kind: str) -> Share:
        """What was counted of "llm", "cache" or "trips" since the last run (see `counters.window`)."""
        return window(kind, KINDS[kind][1](self.readings), self.seen)

    @property
    def calls(self) -> float | None:
        """LLM calls since the process started, whatever became of them; None where that is not published."""
        total, good, bad = (self.readings[f"llm.{name}"].number for name in ("calls", "successes", "failures"))
        return good + bad if total is None and good is not None and bad is not None else total

    @property
    def read(self) -> StoredCounters | None:
        """What a later run may begin its window at; None where process or counters are not known."""
        counted = {
            kind: counts for kind, (_, count) in KINDS.items() if isinstance(counts := count(self.readings), Counted)
        }
        if self.identity is None or self.identity.started is None or not counted:
            return None
        return StoredCounters(
            at=self.at,
            pid=self.identity.pid,
            started=self.identity.started,
            hub=self.hub,
            counters={kind: (counts.total, counts.bad) for kind, counts in counted.items()},
            underway=self.readings["queue.depth"].number or 0.0,
        )


def take(hub: Hub, config: Config, past: EarlierRuns | None = None) -> Snapshot:
    """Look once: one request for the statistics, one for the process. It stores nothing; `remember` does.

    Raises HubDown, BadAnswer, CouldNotLook or Unknown where the statistics cannot be read; a hub that does not serve them
    gives readings that say so.
    """
    at, address = time.time(), without_login(config.target.facts_url or "")
    try:
        values, served = readings(hub.filtering_stats()), True
    except NotServed as error:
        values, served = unread(str(error)), False
    identity, nameless = _who(hub)
    snapshot = Snapshot(at=at, hub=address, readings=values, identity=identity, nameless=nameless, served=served)
    return dataclasses.replace(snapshot, seen=_standpoint(snapshot, config, past or EarlierRuns(config)))


def remember(snapshot: Snapshot, folder: Path) -> str:
    """Store what was read for later runs; why that could not be done, or an empty text. Raises nothing."""
    read = snapshot.read
    return "" if read is None else keep(folder, read)


def _who(hub: Hub) -> tuple[Identity | None, str]:
    try:
        identity = hub.identity()
    except HubDown:
        raise
    except Unknown as error:
        return None, f"which process answers is not known: {error}"
    return identity, "" if identity.started is not None else "when the process started is not known"


def _standpoint(snapshot: Snapshot, config: Config, past: EarlierRuns) -> Standpoint:
    if config.demo:  # started for this very run: nobody read it before, and nobody else restarts it
        return Standpoint(at=snapshot.at)
    stored = load(config.report_dir)
    of_hub = tuple(read for read in stored.reads if read.hub == snapshot.hub)
    who = snapshot.identity
    if who is None or who.started is None:
        lost = snapshot.nameless if of_hub or stored.broken else ""
        return Standpoint(at=snapshot.at, lost=lost, doubt=snapshot.nameless)
    mine = tuple(read for read in of_hub if read.is_of(snapshot.hub, who.pid, who.started))
    lost = stored.broken or (GONE if past.looked_between(who.started, snapshot.at) else "")
    others = [read for read in of_hub if read not in mine]
    doubt = restart_doubt(who, config, others=others, now=snapshot.at)
    return Standpoint(at=snapshot.at, reads=mine, lost=lost, doubt=doubt)


class CheckEvidence(Protocol):
    """Of the running check: `fires` is False once a fact was seen only through a proxy."""

    fires: bool


@dataclasses.dataclass(slots=True)
class Moment:
    """The one moment that a process of a run looks at, once it has, and whether that may roll back."""

    snapshot: Snapshot | None = None
    fires: bool = True
    problem: str = ""
    """Why what was read could not be stored for the next run."""


class Telemetry:
    """A run's view of the telemetry: one moment for all of its checks, so that no two of them judge different windows."""

    def __init__(
        self, hub: Hub, past: EarlierRuns, moment: Moment, evidence: Callable[[], CheckEvidence | None]
    ) -> None:
        """`evidence` gives the running check's: what is shared counts for each check as for the one that fetched it."""
        self.hub, self.past, self.moment, self._evidence = hub, past, moment, evidence

    @property
    def problem(self) -> str:
        """Why what was read could not be stored for the next run; empty where it was."""
        return self.moment.problem

    def new_attempt(self) -> None:
        """Forget the moment: another attempt looks again."""
        self.moment.snapshot = None
        self.hub.new_attempt()

    def snapshot(self) -> Snapshot:
        """That moment; looked at, and stored for the next run, when first asked for. Raises as `take` does."""
        evidence = self._evidence()
        if self.moment.snapshot is None:
            self.moment.snapshot = take(self.hub, self.past.config, self.past)
            self.moment.fires = evidence is None or evidence.fires
            if not self.past.config.demo:
                self.moment.problem = remember(self.moment.snapshot, self.past.config.report_dir)
        elif evidence is not None and not self.moment.fires:
            evidence.fires = False
        return self.moment.snapshot

    def reading(self, name: str) -> Reading:
        """One metric of `metrics.METRICS`. Raises as `take` does."""
        return self.snapshot().readings[name]

    def share(self, kind: str) -> Share:
        """What was counted of "llm", "cache" or "trips" since the last run. Raises as `take` does."""
        return self.snapshot().share(kind)
