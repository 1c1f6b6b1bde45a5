"""The shape of a report: frozen values, plain text, exact scores; renderings read it and compute nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from fractions import Fraction  # noqa: TC003 - dataclass fields
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.findings import Limits, Outcome, Severity
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """When and how a run took place; `seconds` is wall time, `plan_hash` names what had to be proven."""

    id: str
    started: float
    """Seconds since the epoch, as `finished`."""
    finished: float
    seconds: float
    selection: str
    versions: Mapping[str, str]
    """What answered and what asked: `hub` (as seen), `readiness`, `pytest`, `python`; an empty one is left out."""
    plan_hash: str
    process: HubProcess | None = None
    """The hub's process that the run met; None: it met none, or a drill replaced it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubProcess:
    """The process that answered as the hub; `machine` is a digest of the name of the host that asked."""

    pid: int
    started: float | None
    """Seconds since the epoch; None: nobody says."""
    version: str
    """As the hub tells it; empty: it does not."""
    machine: str
    exposed: bool = False
    """Whether the kernel of this host shows that it listens where other machines reach it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instance of one check, planned or found."""

    check: str
    instance: str | None
    title: str
    category: str
    marker: str
    severity: Severity
    outcome: Outcome
    reason: str
    expected: str
    actual: str
    unit: str
    attempts: int
    seconds: float
    points_lost: Fraction
    remedy: str
    rollback: str | None
    """The trigger it carries."""
    waiver: str | None
    blocked_by: str | None
    nodeid: str
    notes: tuple[str, ...]
    path: str | None = None
    """The file that the finding is about; relative ones lie in the release."""
    line: int | None = None
    limits: Limits | None = None
    """What `actual` was held against, in `unit`; None: it is no measure."""

    @property
    def value(self) -> float | None:
        """`actual` as a number where it is a finite measure."""
        try:
            number = float(self.actual) if self.limits is not None else math.nan
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    @property
    def place(self) -> str:
        """The file and the line, `scripts/deploy.sh:16`; empty where it is about no file."""
        if not self.path:
            return ""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    @property
    def key(self) -> str:
        """Its name in lists: `id`, or `id[instance]`."""
        return self.check if self.instance is None else f"{self.check}[{self.instance}]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category's score, 0 to 100, and its weight."""

    name: str
    score: Fraction
    weight: Fraction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step of the rollback plan."""

    name: str
    triggers: tuple[str, ...]
    because: str
    status: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What the rollback plan says: `wanted`, or `refused` and why, or nothing fired."""

    mode: str
    wanted: bool
    fired: tuple[str, ...]
    actions: tuple[Action, ...]
    refused: str | None
    journal: str | None
    """Where the run of an action is written down, in a document that says so; a plan that is only made has none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed since the last comparable run; names are `Row.key`s, changes are points of the score.

    `score_change` = `outcome_change` + `plan_change`; with the same plan the latter is 0.
    """

    previous: str
    previous_started: str
    same_plan: bool
    score_change: float
    outcome_change: float
    plan_change: float
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replanned: tuple[str, ...] = ()
    newly_failing: tuple[str, ...] = ()
    newly_unknown: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    still_failing: tuple[tuple[str, str], ...] = ()
    """(name, the time it was first seen failing, ISO 8601)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a rendering may show. Scores are 0 to 100 and exact; `shown` floors them."""

    run: RunInfo
    environment: str
    target: str
    release: str
    demo: bool
    first_look: str | None
    """The command to run next, where nothing was declared; None: it was."""
    status: str
    decision: str
    because: str
    score: Fraction
    headline: Fraction
    best_case: Fraction
    proven: Fraction
    cap: str | None
    stage: str
    gate: Mapping[str, float]
    """The limits that hold: `ready`, `conditional` and `category` in points, `proven` a share, `high_failures` a number."""
    categories: tuple[Category, ...]
    rows: tuple[Row, ...]
    """Every planned instance, worst first."""
    rollback: Rollback | None
    comparison: Comparison | None
    contacts: Mapping[str, str]
    trouble: tuple[str, ...]
    notes: tuple[str, ...]
    exit_code: int | None
    """The exit code the verdict asks for; None: not told."""
    inventory: ToolInventory | None = None
    """The tools that this run listed; None: it did not ask for them."""
    load: Mapping[str, Any] | None = None
    """The picture of this run's load, as `load_picture` bounds it; None: there was none."""
    escalation: tuple[Escalation, ...] = ()
    """Who is told of what, in the order in which to call them; only roles that `contacts` names."""
    history: History | None = None
    """The comparable runs before this one; None: there is none."""
    release_run: ReleaseRun | None = None
    """The release that this run is part of; None: it was judged on its own."""

    @property
    def unknown_checks(self) -> int:
        """How many checks have an instance that could not be proven."""
        return len({row.check for row in self.rows if row.outcome is Outcome.UNKNOWN})


def shown(number: Fraction, digits: int = 1) -> float:
    """`number` floored to `digits` decimals: a score is never rounded up."""
    scale: int = 10**digits
    return math.floor(number * scale) / scale


def iso(moment: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC with microseconds: such texts sort as the moments do."""
    try:
        text = dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):  # a clock that is far off must not cost the report
        text = dt.datetime.fromtimestamp(0, dt.UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


MOST: Final = 2_000
"""Tools that a report names, those with a difference first; the counts are always of all."""
_NAME: Final = 120
"""Characters kept of a name; MCP asks for at most 128 and the known hubs stay below 64."""
_HASH: Final = 16

Change = Literal["", "gone", "changed", "new"]
_ORDER: Final[Mapping[str, int]] = {"gone": 0, "changed": 1, "new": 2, "": 3}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InventoryTool:
    """One tool; `schema` is the first 16 hex digits of its schema's SHA-256, empty where none is published."""

    server: str
    tool: str
    schema: str
    change: Change = ""
    """What became of it since the last good run; empty: nothing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToolInventory:
    """What a hub lists. The counts are of all tools; `entries` holds at most `MOST`, differences first."""

    tools: int
    servers: int
    since: str | None
    """When the last good run listed its tools, ISO 8601 in UTC; None: there is nothing to compare with."""
    gone: int = 0
    new: int = 0
    changed: int = 0
    entries: tuple[InventoryTool, ...] = ()
    left_out: int = 0
    """How many are counted and not named."""


def tool_inventory(
    now: Mapping[str, Mapping[str, str]], before: Mapping[str, Mapping[str, str]] | None, since: str | None
) -> ToolInventory:
    """`now` held against `before`, both server to tool to schema hash; without a `before` nothing is new or gone."""
    listed, known = _flat(now), None if before is None else _flat(before)
    entries = [_entry(server, tool, digest, known) for (server, tool), digest in listed.items()]
    entries += [
        InventoryTool(server=server, tool=tool, schema=digest, change="gone")
        for (server, tool), digest in (known or {}).items()
        if (server, tool) not in listed
    ]
    entries.sort(key=lambda entry: (_ORDER[entry.change], entry.server, entry.tool))
    counts = {change: sum(entry.change == change for entry in entries) for change in ("gone", "new", "changed")}
    return ToolInventory(
        tools=len(listed),
        servers=len({server for server, _ in listed}),
        since=None if known is None or since is None else one_line(since, _NAME),
        entries=tuple(entries[:MOST]),
        left_out=max(len(entries) - MOST, 0),
        **counts,
    )


def _entry(server: str, tool: str, digest: str, known: Mapping[tuple[str, str], str] | None) -> InventoryTool:
    change: Change = ""
    if known is not None:
        before = known.get((server, tool))
        change = "new" if before is None else "changed" if before and digest and before != digest else ""
    return InventoryTool(server=server, tool=tool, schema=digest, change=change)


def _flat(tools: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], str]:
    """By (server, tool), every name plain and bounded, so that both sides are compared as they are shown."""
    return {
        (one_line(server, _NAME), one_line(tool, _NAME)): one_line(digest, _HASH)
        for server, names in tools.items()
        for tool, digest in names.items()
    }


def inventory_json(inventory: ToolInventory | None) -> dict[str, Any] | None:
    """As the report's document holds it; None where this run listed no tools."""
    if inventory is None:
        return None
    return dataclasses.asdict(inventory) | {"entries": [dataclasses.asdict(entry) for entry in inventory.entries]}


LETTERS: Final = {
    "passed": "p",
    "flaky": "y",
    "degraded": "d",
    "waived": "w",
    "unknown": "u",
    "failed": "f",
    "not_applicable": "n",
}
"""One letter an outcome, as the document and the index of the history write them; `-`: it was not planned."""
OUTCOMES: Final = {letter: outcome for outcome, letter in LETTERS.items()}
NOT_PLANNED: Final = "-"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run of the history, by what was shown of it."""

    id: str
    started: float
    """Seconds since the epoch."""
    status: str
    decision: str
    score: float
    """0 to 100, floored to 0.1 as it was shown; so is `headline`."""
    headline: float
    p95_ms: float | None
    """95th percentile of latency in milliseconds: of the load where there was one, else of the quickest check that
    measures one; None: not measured."""
    plan_hash: str
    selection: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastCheck:
    """What became of one check (one instance of it) over the runs of a `History`."""

    key: str
    """`Row.key`."""
    outcomes: tuple[str | None, ...]
    """Aligned with `History.runs`, oldest first; None: that run did not plan it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SinceReady:
    """What changed since the last READY run; names are `Row.key`s."""

    id: str
    started: float
    """Seconds since the epoch."""
    runs_since: int
    """How many comparable runs began after it, this one included."""
    score_change: float
    """Points; below 0: the score fell."""
    same_plan: bool
    newly_failing: tuple[str, ...] = ()
    newly_unknown: tuple[str, ...] = ()
    newly_degraded: tuple[str, ...] = ()
    """Degraded or flaky now, and passed then."""
    fixed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    versions: tuple[tuple[str, str, str], ...] = ()
    """(what, then, now) for each version that is another one; empty text: not known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The last comparable runs: same target, environment, selection and demo flag."""

    runs: tuple[PastRun, ...]
    """Oldest first; the last one is the report's own run."""
    checks: tuple[PastCheck, ...] = ()
    """What this run planned: first what has not passed every time, worst first, then the rest; bounded in number."""
    left_out: int = 0
    """How many checks are beyond that bound."""
    flaky: tuple[str, ...] = ()
    """Checks that passed and did not pass by turns; names are `Row.key`s."""
    since_ready: SinceReady | None = None
    """None: this run is READY itself and so was the one before it, or no READY run is known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePhase:
    """One phase of a release: `status` is passed, failed, unknown or skipped."""

    name: str
    status: str
    seconds: float
    detail: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRun:
    """The release that a report is part of, as its orchestrator wrote it down."""

    id: str
    outcome: str
    """KEPT, REFUSED, ABORTED, HELD, ROLLED_BACK_VERIFIED, ROLLED_BACK_UNVERIFIED, ROLLBACK_FAILED; empty: under way."""
    because: str
    command: str
    """As it would be typed into a shell."""
    started: float
    """Seconds since the epoch, as `finished`."""
    finished: float | None
    """None: under way."""
    phases: tuple[ReleasePhase, ...] = ()
    deployed: str = ""
    """The name of what was deployed, which is not that of the release before; empty where nothing tells it."""
    before: str = ""
    """The name of the release before; empty where nothing tells it."""

    @property
    def is_rolled_back(self) -> bool:
        """Whether the release before is back, and proven."""
        return self.outcome == "ROLLED_BACK_VERIFIED"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """One step of the path along which people are told."""

    role: str
    """The key of `[contacts]`: on_call, tech_lead, product or security."""
    contact: str
    hears: str
    """What this person is told of, in words that stand behind "is told of"."""
    due: bool
    """Whether this run is something to tell them of."""


def letters(outcomes: tuple[str | None, ...]) -> str:
    """Outcomes as one letter each."""
    return "".join(NOT_PLANNED if outcome is None else LETTERS.get(outcome, "u") for outcome in outcomes)


def spelled(text: str) -> tuple[str | None, ...]:
    """Inverse of `letters`; a letter that is none of ours is an outcome that nobody can read, so unknown."""
    return tuple(None if letter == NOT_PLANNED else OUTCOMES.get(letter, "unknown") for letter in text)


def plain_fields(value: Any, *leave_out: str) -> dict[str, Any]:  # noqa: ANN401 - any of the dataclasses above
    """The fields of `value` with lists for tuples."""
    return {
        name: list(field) if isinstance(field := getattr(value, name), tuple) else field
        for name in value.__slots__
        if name not in leave_out
    }
