"""One look at everything that is watched: the checks, the hub's own words, its telemetry, its servers and its host."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import NotServed, ReadinessError
from readiness.facts.http.answer import HEALTH
from readiness.facts.telemetry.metrics import METRICS, readings, unread
from readiness.operations.watch.bench import LIVE
from readiness.operations.watch.host import SAMPLE, HostRows
from readiness.operations.watch.row import Row
from readiness.operations.watch.settle import Settling
from readiness.results.verdict import verdict
from readiness.session.fixtures.reachability import BLOCKED
from readiness.support.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from readiness.findings import Finding, Planned
    from readiness.operations.watch.bench import Bench
    from readiness.results.verdict.verdict import Judgement

MOST_SERVERS: Final = 200
"""Servers that a look keeps; the count is always of all."""
_NAME: Final = 80
_WORDS: Final = 300


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """One MCP server as the hub lists it; `uptime` in seconds."""

    name: str
    status: str
    uptime: float | None
    tools: int

    @property
    def is_up(self) -> bool:
        """Whether it is connected and not known to be dead or just started."""
        return self.status == "connected" and self.uptime != 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything that one look saw; every text is redacted, plain and bounded."""

    at: float
    """Seconds since the epoch."""
    seconds: float
    trouble: str
    """Why the hub says nothing; empty where it does."""
    state: str
    version: str
    answer_ms: float | None
    """Milliseconds that health took to answer."""
    servers: tuple[ServerRow, ...]
    server_count: int
    servers_up: int
    """How many of all of them are connected with an uptime that is not 0; a killed one stays connected, with 0."""
    metrics: tuple[Row, ...]
    host: tuple[Row, ...]
    judgement: Judgement
    pending: Mapping[str, str]
    proven: bool
    """Whether the verdict counts; see `watch_settle.Standing`."""


class Watcher:
    """Looks again and again, in one thread; raises nothing of what a hub does."""

    def __init__(self, bench: Bench, sample: float = SAMPLE) -> None:
        """`sample`: seconds that the processors are watched at each look."""
        self.bench = bench
        config = bench.config
        self._settling = Settling(bench.scope, config.probe.attempts, LIVE[0])
        self._host = HostRows(bench, lambda value: self._text(value, _WORDS), sample)
        self.plan: dict[str, Planned] = bench.plan

    def look(self) -> Look:
        """See everything once."""
        at, started = time.time(), time.monotonic()
        self.bench.new_round()
        asked = {i: p.check for i, p in self.plan.items() if p.not_applicable is None}
        seen = {check_id: self.bench.look(check_id) for check_id in asked}
        standing = self._settling.take(seen, asked, time.monotonic())
        judgement = self._judged(standing.findings)
        told = self._hub()
        return Look(
            at=at,
            trouble=told.trouble,
            state=told.state,
            version=told.version,
            answer_ms=told.answer_ms,
            servers=tuple(told.servers[:MOST_SERVERS]),
            server_count=len(told.servers),
            servers_up=sum(server.is_up for server in told.servers),
            metrics=tuple(self._metrics(told.stats, judgement)),
            host=self._host.read() if told.state else (),
            judgement=judgement,
            pending=standing.pending,
            proven=standing.proven,
            seconds=time.monotonic() - started,
        )

    def _judged(self, findings: Sequence[Finding]) -> Judgement:
        """The verdict as a run would make it: waivers, the gate, the cap of a first look."""
        config, plan = self.bench.config, list(self.plan.values())
        today = dt.datetime.now(dt.UTC).date()
        waived, _ = verdict.apply_waivers(list(findings), plan, config.waivers, today=today, known=set(self.plan))
        cap = self.bench.scope.first_look_cap()
        return verdict.judge(verdict.Evidence(plan=plan, findings=waived, cap=cap), config.gate)

    def _hub(self) -> _Told:
        """What the hub says of itself, after the checks have asked; a fresh read, never shared with theirs."""
        told = _Told()
        try:
            hub = self.bench.fact("hub")
            health = hub.health()
            told.answer_ms = hub.answer(HEALTH).seconds * 1000
            told.state, told.version = self._text(health.state, _NAME), self._text(health.version or "", _NAME)
            told.servers = [
                ServerRow(
                    name=self._text(server.name, _NAME),
                    status=self._text(server.status, _NAME),
                    uptime=server.uptime,
                    tools=len(server.tools),
                )
                for server in health.servers
            ]
            told.stats = hub.filtering_stats()
        except NotServed as error:
            told.stats = self._text(error, _WORDS)
        except ReadinessError as error:
            words = self._text(str(error).removeprefix(BLOCKED), _WORDS)
            # health answered: what is missing is its statistics
            told.stats, told.trouble = words, "" if told.state else words
        return told

    def _metrics(self, stats: Mapping[str, Any] | str, judgement: Judgement) -> Iterator[Row]:
        rows = {row.check.id: row for row in judgement.rows}
        found = unread(stats) if isinstance(stats, str) else readings(stats)
        for metric in METRICS:
            reading = found[metric.name]
            judged = rows.get(metric.check or "")
            yield Row(
                name=metric.name,
                title=metric.title,
                value=self._text(reading.value, _NAME) if isinstance(reading.value, str) else reading.value,
                unit=metric.unit,
                is_share=metric.is_share,
                limits=judged.check.limits if judged else None,
                outcome=judged.finding.outcome.value if judged else "",
                check=metric.check if judged else None,
                reason=self._text(reading.reason, _WORDS),
            )

    def _text(self, value: object, limit: int) -> str:
        return line(self.bench.redact(str(value)[: 4 * limit]), limit)


@dataclasses.dataclass(slots=True)
class _Told:
    """What the hub said of itself at one look; `stats` is a sentence where there are none."""

    trouble: str = ""
    state: str = ""
    version: str = ""
    answer_ms: float | None = None
    servers: list[ServerRow] = dataclasses.field(default_factory=list)
    stats: Mapping[str, Any] | str = ""
