"""Pure: which causes of a plan one look may have made by chance, and what is left of the plan once they were looked at again.

A rate or a time has to hold for three looks in a row before anything is done that stands on it alone. What only a load
run showed is never measured again by itself: that stays for a person.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from readiness.operations.rollback.document import FOR_A_PERSON, HELD
from readiness.operations.rollback.plan import why_planned
from readiness.results.verdict import BY_HAND, DismissedCheck

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.operations.rollback.document import ProbedCause, SavedAction, SavedCause, SavedPlan


def doubtful_causes(plan: SavedPlan) -> list[SavedCause]:
    """The causes that were not found again yet and on which alone an action stands.

    An action that a sure trigger wants as well is not held up: going back would be right without the doubtful one.
    """
    unproven = {c.trigger: c for c in plan.causes if c.probe is not None and c.probe.status != HELD}
    standing = [set(action.triggers) for action in plan.actions if action.status != BY_HAND]
    wanted = {trigger for triggers in standing if triggers and triggers <= set(unproven) for trigger in triggers}
    return [cause for trigger, cause in unproven.items() if trigger in wanted]


def narrowed_plan(plan: SavedPlan, results: Sequence[ProbedCause]) -> SavedPlan:
    """`plan` without the causes that did not hold, and without the actions that stood on them.

    What is left for a person keeps its cause, and takes the plan out of mode auto.
    """
    by_trigger = {result.trigger: result for result in results}
    causes = [_narrowed_cause(cause, by_trigger.get(cause.trigger)) for cause in plan.causes]
    kept = tuple(cause for cause in causes if cause.checks)
    left = {cause.trigger: cause.checks for cause in kept}
    gone = tuple(
        DismissedCheck(check=check, reason=by_trigger[cause.trigger].words)
        for cause in plan.causes
        for check in cause.checks
        if check not in left.get(cause.trigger, ())
    )
    actions = tuple(_narrowed_action(action, left) for action in plan.actions if set(action.triggers) & set(left))
    asks = any(cause.probe is not None and cause.probe.status == FOR_A_PERSON for cause in kept)
    return dataclasses.replace(
        plan,
        causes=kept,
        actions=actions,
        dismissed=(*plan.dismissed, *gone),
        wanted=bool(actions),
        mode="ask" if asks and plan.mode == "auto" else plan.mode,
        probed=(*plan.probed, *results),
    )


def _narrowed_cause(cause: SavedCause, result: ProbedCause | None) -> SavedCause:
    if result is None or cause.probe is None:
        return cause
    checks = {*(result.checks if result.held else ()), *result.for_a_person}
    probe = dataclasses.replace(cause.probe, status=HELD if result.held else FOR_A_PERSON)
    return dataclasses.replace(cause, checks=tuple(check for check in cause.checks if check in checks), probe=probe)


def _narrowed_action(action: SavedAction, left: Mapping[str, Sequence[str]]) -> SavedAction:
    triggers = tuple(trigger for trigger in action.triggers if trigger in left)
    checks = list(dict.fromkeys(check for trigger in triggers for check in left[trigger]))
    return dataclasses.replace(action, triggers=triggers, because=why_planned(checks))
