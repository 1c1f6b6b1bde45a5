"""The shape of a report: frozen values, plain text, exact scores; renderings read it and compute nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping  # noqa: TC003 - dataclass fields
from fractions import Fraction  # noqa: TC003 - dataclass fields
from typing import Any

from readiness.findings import Limits, Outcome, Severity
from readiness.results.report.inventory import ToolInventory  # noqa: TC001 - dataclass field
from readiness.results.report.past import Escalation, History, ReleaseRun  # noqa: TC001 - dataclass fields


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
