"""A rollback plan as values: which triggers fired, what is to be done about it, and what speaks against it.

Made by `readiness.operations.rollback.plan`; a report shows it. Pure: nothing here decides or acts.
"""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

RollbackMode = Literal["plan", "ask", "auto"]

BY_HAND: Final = "by hand"
"""Name and status of what a person has to do because no action is configured for a trigger."""
PLANNED: Final = "planned"
"""Status of a configured action."""
PROBED: Final = frozenset({"success-rate", "latency"})
"""Triggers on a rate or a time: one look may be chance, so they count only when they hold."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackCause:
    """A trigger that fired and the checks that fired it."""

    trigger: str
    checks: tuple[str, ...]
    phases: tuple[str, ...] = ()
    """Those of its checks: what proves afterwards that the cause is gone."""

    @property
    def to_be_probed(self) -> bool:
        """Whether it must hold for several looks before anything acts on it; a run looks only once."""
        return self.trigger in PROBED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DismissedCheck:
    """A failed check whose trigger counts for nothing, and why."""

    check: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """One step: a configured action, or what is left to a person."""

    name: str
    triggers: tuple[str, ...]
    because: str
    status: str
    mode: RollbackMode
    """How far it may go without a person: the milder of the configured mode and its triggers' default."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPlan:
    """What to do about a bad deploy; `refused` says in one sentence why a fired trigger leads to nothing."""

    mode: RollbackMode
    """The mildest of its configured actions' modes: who looks at it alone does no more than every step allows."""
    causes: tuple[RollbackCause, ...] = ()
    actions: tuple[PlannedAction, ...] = ()
    refused: str | None = None
    """The first of `refusals`."""
    refusals: tuple[str, ...] = ()
    """All that speaks against it, a sentence each."""
    dismissed: tuple[DismissedCheck, ...] = ()

    @property
    def fired(self) -> tuple[str, ...]:
        """The triggers that fired, in their fixed order."""
        return tuple(cause.trigger for cause in self.causes)

    @property
    def wanted(self) -> bool:
        """Whether something is to be rolled back, by an action or by hand."""
        return bool(self.actions) and self.refused is None
