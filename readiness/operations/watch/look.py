"""One look at everything that is watched: the checks, the hub's own words, its telemetry, its servers and its host."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import NotServed, ReadinessError
from readiness.facts.telemetry import METRICS, readings, unread
from readiness.findings import Finding, Outcome
from readiness.operations.watch.bench import BETWEEN, LIVE
from readiness.operations.watch.between import BetweenLooks
from readiness.operations.watch.host import SAMPLE, HostRows
from readiness.operations.watch.row import WatchRow
from readiness.results.verdict import verdict
from readiness.session import BLOCKED
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from readiness.findings import Check, Finding, Planned
    from readiness.operations.watch.bench import Bench
    from readiness.results.verdict import Judgement
    from readiness.session import Ran, Scope

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
class WatchLook:
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
    has_no_servers: bool = dataclasses.field(default=False, kw_only=True)
    """Whether its kind reports none."""
    servers_up: int
    """How many of all of them are connected with an uptime that is not 0; a killed one stays connected, with 0."""
    metrics: tuple[WatchRow, ...]
    host: tuple[WatchRow, ...]
    judgement: Judgement
    pending: Mapping[str, str]
    proven: bool
    """Whether the verdict counts; see `SettledChecks`."""


class Watcher:
    """Looks again and again, in one thread; raises nothing of what a hub does."""

    def __init__(self, bench: Bench, sample: float = SAMPLE) -> None:
        """`sample`: seconds that the processors are watched at each look."""
        self.bench = bench
        config = bench.config
        self._settling = Settling(bench.scope, config.probe.attempts, LIVE[0])
        self._host = HostRows(bench, lambda value: self._text(value, _WORDS), sample)
        self._between = BetweenLooks(config)
        self.plan: dict[str, Planned] = bench.plan

    def look(self) -> WatchLook:
        """See everything once."""
        at, started = time.time(), time.monotonic()
        self.bench.new_round()
        asked = {i: p.check for i, p in self.plan.items() if p.not_applicable is None and i not in BETWEEN}
        seen = {check_id: self.bench.look(check_id) for check_id in asked}
        standing = self._settling.take(seen, asked, time.monotonic())
        hub_words = self._hub()
        between = [one for one in self._between.findings() if self.plan[one.check].not_applicable is None]
        judgement = self._judged([*standing.findings, *between])
        return WatchLook(
            at=at,
            trouble=hub_words.trouble,
            state=hub_words.state,
            version=hub_words.version,
            answer_ms=hub_words.answer_ms,
            servers=tuple(hub_words.servers[:MOST_SERVERS]),
            server_count=len(hub_words.servers),
            has_no_servers="server_status" in self.bench.config.target.kind.lacks,
            servers_up=sum(server.is_up for server in hub_words.servers),
            metrics=tuple(self._metrics(hub_words.stats, judgement)),
            host=self._host.read() if hub_words.state else (),
            judgement=judgement,
            pending=standing.pending,
            proven=standing.proven,
            seconds=time.monotonic() - started,
        )

    def _judged(self, findings: Sequence[Finding]) -> Judgement:
        """The verdict as a run would make it: waivers, the gate, the cap of a first look."""
        answered = {finding.check for finding in findings}
        plan = [one for check_id, one in self.plan.items() if check_id not in BETWEEN or check_id in answered]
        config = self.bench.config
        today = dt.datetime.now(dt.UTC).date()
        waived, _ = verdict.apply_waivers(list(findings), plan, config.waivers, today=today, known=set(self.plan))
        cap = self.bench.scope.first_look_cap()
        return verdict.judge(verdict.Evidence(plan=plan, findings=waived, cap=cap), config.gate)

    def _hub(self) -> _Told:
        """What the hub says of itself, after the checks have asked; a fresh read, never shared with theirs."""
        hub_words = _Told()
        try:
            hub = self.bench.fact("hub")
            health = hub.health()
            self._between.take(hub)
            hub_words.answer_ms = hub.answer_seconds() * 1000
            hub_words.state, hub_words.version = (
                self._text(health.state, _NAME),
                self._text(health.version or "", _NAME),
            )
            hub_words.servers = [
                ServerRow(
                    name=self._text(server.name, _NAME),
                    status=self._text(server.status, _NAME),
                    uptime=server.uptime,
                    tools=len(server.tools),
                )
                for server in health.servers
            ]
            hub_words.stats = hub.filtering_stats()
        except NotServed as error:
            hub_words.stats = self._text(error, _WORDS)
        except ReadinessError as error:
            words = self._text(str(error).removeprefix(BLOCKED), _WORDS)
            # health answered: what is missing is its statistics
            hub_words.stats, hub_words.trouble = words, "" if hub_words.state else words
        return hub_words

    def _metrics(self, stats: Mapping[str, Any] | str, judgement: Judgement) -> Iterator[WatchRow]:
        rows = {row.check.id: row for row in judgement.rows}
        metrics = unread(stats) if isinstance(stats, str) else readings(stats)
        for metric in METRICS:
            reading = metrics[metric.name]
            judged = rows.get(metric.check or "")
            yield WatchRow(
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
        return one_line(self.bench.redact(str(value)[: 4 * limit]), limit)


@dataclasses.dataclass(slots=True)
class _Told:
    """What the hub said of itself at one look; `stats` is a sentence where there are none."""

    trouble: str = ""
    state: str = ""
    version: str = ""
    answer_ms: float | None = None
    servers: list[ServerRow] = dataclasses.field(default_factory=list)
    stats: Mapping[str, Any] | str = ""


@dataclasses.dataclass(slots=True)
class _Course:
    """What is known of one check: its last settled finding, and since when it goes wrong."""

    settled: Finding | None = None
    tries: int = 0
    since: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SettledChecks:
    """Where the checks stand after a look."""

    findings: tuple[Finding, ...]
    """One a check: a check that goes wrong and is not settled yet keeps its last settled one, if there was any."""
    pending: Mapping[str, str]
    """Check id to how far it has got: "look 2 of 3" or "12 of 30 s"."""
    proven: bool
    """Whether this standing counts: every check has settled once, and nobody waits to see whether the hub answers."""


class Settling:
    """The settle times of checks over a series of looks, by the rules of a run: attempts for a probe, else seconds."""

    def __init__(self, scope: Scope, attempts: int, root: str) -> None:
        """`attempts` is the probe's; `root` is the check without which no other says anything."""
        self.scope, self.attempts, self.root = scope, attempts, root
        self._courses: dict[str, _Course] = {}

    def take(self, seen: Mapping[str, Ran], plan: Mapping[str, Check], now: float) -> SettledChecks:
        """Where the checks stand after one more look at the monotonic time `now`, in seconds."""
        pending = {check_id: text for check_id, one in seen.items() if (text := self._take(one, plan[check_id], now))}
        lost = self.root in pending
        settled_findings, proven = [], not lost
        for check_id, one in seen.items():
            course = self._courses[check_id]
            if check_id not in pending and not (lost and one.finding.outcome is Outcome.UNKNOWN):
                course.settled = one.finding
            proven = proven and course.settled is not None
            settled_findings.append(course.settled or one.finding)
        return SettledChecks(findings=tuple(settled_findings), pending=pending, proven=proven)

    def _take(self, one: Ran, check: Check, now: float) -> str:
        """How far a check that goes wrong has got; empty where its outcome is settled."""
        course = self._courses.setdefault(check.id, _Course())
        if not one.may_pass_later:
            course.tries = 0
            return ""
        if not course.tries:
            course.since = now
        course.tries += 1
        if check.settle == "probe":
            return "" if course.tries >= self.attempts else f"look {course.tries} of {self.attempts}"
        budget, gone = self.scope.settle_seconds(check), now - course.since
        return "" if gone >= budget else f"{gone:.0f} of {budget:.0f} s"
