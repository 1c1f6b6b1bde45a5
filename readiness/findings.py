"""What is planned and what was found: frozen values that every other module passes along.

Standard library only, no behaviour beyond derived values and the way to and from JSON.
"""

from __future__ import annotations

import dataclasses
import math
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, Literal

PHASES: Final = ("preflight", "health", "alerts", "e2e", "infra", "load", "drill")
"""The pytest markers that select checks; every check bears exactly one."""

OPT_IN_PHASES: Final = frozenset({"load", "drill"})
"""Phases that run only when `-m` names them."""

TRIGGERS: Final = {
    "startup-failure": "auto",
    "validation-failure": "auto",
    "success-rate": "ask",
    "latency": "ask",
    "circuit-breaker": "ask",
    "memory-leak": "ask",
    "security": "ask",
    "deploy-failure": "auto",
}
"""Rollback triggers and the mildest mode each defaults to."""

TRIGGER_ORDER: Final = {name: index for index, name in enumerate(TRIGGERS)}


class Severity(StrEnum):
    """How much a check matters; its weight enters the score."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def weight(self) -> int:
        """Weight in the score, without unit: 10, 6, 3 or 1."""
        return {"critical": 10, "high": 6, "medium": 3, "low": 1}[self.value]


class Outcome(StrEnum):
    """What became of a check, from best to worst; *not applicable* stands outside the order."""

    PASSED = "passed"
    FLAKY = "flaky"
    DEGRADED = "degraded"
    WAIVED = "waived"
    UNKNOWN = "unknown"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"

    @property
    def worth(self) -> Fraction:
        """The share of a check's points that this outcome earns, 0 to 1."""
        return _WORTH.get(self, Fraction(0))

    @property
    def rank(self) -> int:
        """Position from best (0) to worst (5); not applicable is -1."""
        return _RANK[self]


_WORTH: Final = {Outcome.PASSED: Fraction(1), Outcome.FLAKY: Fraction(3, 4), Outcome.DEGRADED: Fraction(1, 2)}
_RANK: Final = {outcome: index for index, outcome in enumerate(Outcome)} | {Outcome.NOT_APPLICABLE: -1}


class Stage(StrEnum):
    """When a check is asked: before a deploy changes anything, or of what runs after it."""

    BEFORE = "before"
    AFTER = "after"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Numbers a measure is held against; equal to a limit is still inside it.

    `warning` degrades, `critical` fails, `rollback` (default: `critical`) lets the trigger fire;
    all in `unit`. `better` says which direction is good. `samples`: fewer make the check unknown.
    Raises ValueError where `better` is neither word: every comparison would go the other way.
    """

    warning: float | None = None
    critical: float | None = None
    rollback: float | None = None
    unit: str = ""
    better: Literal["lower", "higher"] = "lower"
    samples: int = 1

    def __post_init__(self) -> None:
        """Refuse what would turn the comparison round in silence."""
        if self.better not in {"lower", "higher"}:
            text = f"Limits(): better={self.better!r} is not valid; expected: lower, higher"
            raise ValueError(text)

    def beyond(self, value: float, limit: float | None) -> bool:
        """Whether `value` lies past `limit`; no limit is never passed, NaN is past every limit."""
        if limit is None:
            return False
        return not (value <= limit if self.better == "lower" else value >= limit)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One statement that holds when all is well, with all that its decorator declares."""

    id: str
    title: str
    phase: str
    topic: str
    severity: Severity
    stage: Stage = Stage.AFTER
    remedy: str = ""
    rollback: str | None = None
    limits: Limits | None = None
    settle: float | Literal["probe", "startup"] = 0.0
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    waivable: bool = True
    where: Literal["anywhere", "tree", "host"] = "anywhere"
    last: bool = False
    slow: str = ""
    """What it does that may take more than a few seconds; told before the run does it."""

    @property
    def category(self) -> str:
        """Phase and topic, `health/security`: the groups a score is averaged over."""
        return f"{self.phase}/{self.topic}"

    def to_json(self) -> dict[str, Any]:
        """Plain values for the catalogue and the journal."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "severity": self.severity.value,
            "stage": self.stage.value,
            "limits": dataclasses.asdict(self.limits) if self.limits else None,
            "needs": list(self.needs),
            "after": list(self.after),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Check:
        """Inverse of `to_json`."""
        limits = Limits(**data["limits"]) if data.get("limits") else None
        return cls(
            **data
            | {
                "severity": Severity(data["severity"]),
                "stage": Stage(data["stage"]),
                "limits": limits,
                "needs": tuple(data.get("needs", ())),
                "after": tuple(data.get("after", ())),
            }
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A check of this run's plan: its instances, and why it does not apply or was left out."""

    check: Check
    instances: tuple[str | None, ...] = (None,)
    not_applicable: str | None = None
    """Reason from the configuration; the check leaves the score."""
    scope_exception: bool = False
    """Declared away in production although it cannot be waived: CONDITIONAL at best."""
    left_out: str | None = None
    """Why a narrowed run (-k, --lf, node ids) did not execute it; it is unknown, but not lost."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one instance of one check."""

    check: str
    outcome: Outcome
    instance: str | None = None
    reason: str = ""
    expected: str = ""
    actual: str = ""
    unit: str = ""
    attempts: int = 1
    seconds: float = 0.0
    nodeid: str = ""
    notes: tuple[str, ...] = ()
    waiver: str | None = None
    blocked_by: str | None = None
    """The check that tells the cause; of a failed one only while it is not settled whether that check failed as well."""
    fires: bool = True
    """Whether its trigger fires when it failed; False for a measure inside its rollback limit."""
    lost_hub: bool = False
    """The hub was proven down while this check ran: `hub-answers` is asked again at the end."""
    path: str | None = None
    line: int | None = None
    limits: Limits | None = None
    """What `actual` was held against where it is a measure; they may differ from the declared ones."""
    remedy: str = ""
    """What mends just this, instead of the check's own remedy."""

    def to_json(self) -> dict[str, Any]:
        """Plain values without Enums, for the journal and worker traffic; what has its default value is left out."""
        data = {
            name: value
            for name in self.__slots__
            if (value := getattr(self, name)) != _FINDING_DEFAULTS.get(name, _NEVER)
        }
        data["outcome"] = self.outcome.value
        if self.notes:
            data["notes"] = list(self.notes)
        if self.limits is not None:
            data["limits"] = dataclasses.asdict(self.limits)
        if not math.isfinite(self.seconds):
            data["seconds"] = 0.0
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        """Inverse of `to_json`."""
        limits = Limits(**data["limits"]) if data.get("limits") else None
        plain = {"outcome": Outcome(data["outcome"]), "notes": tuple(data.get("notes", ())), "limits": limits}
        return cls(**data | plain)


_NEVER: Final = object()
_FINDING_DEFAULTS: Final = {
    field.name: field.default for field in dataclasses.fields(Finding) if field.default is not dataclasses.MISSING
}
