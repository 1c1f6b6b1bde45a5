"""Pure: which causes of a plan one look may have made by chance, and what is left of the plan once they were looked at again.

A rate or a time has to hold for three looks in a row before anything is done that stands on it alone. What only a load
run showed is never measured again by itself: that stays for a person.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.operations.rollback import document
from readiness.operations.rollback.plan import PROBE_SECONDS, PROBES, why_planned
from readiness.results.verdict.rollback_plan import BY_HAND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HELD: Final = "held"
FOR_A_PERSON: Final = "for a person"

Found = Literal["fired", "not fired", "unknown"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a cause's checks. `words` say what they showed; `at` in seconds since the epoch."""

    found: Found
    words: str
    at: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What came of looking at one cause again: it held, it did not, or (no looks) it cannot be looked at again."""

    trigger: str
    checks: tuple[str, ...]
    """Those of its checks that were asked again."""
    looks: tuple[Look, ...] = ()
    for_a_person: tuple[str, ...] = ()
    """Those that are never asked again."""

    @property
    def held(self) -> bool:
        """Whether every look found it, as often as it must be found; what could not be told was not found."""
        return len(self.looks) >= PROBES and all(look.found == "fired" for look in self.looks)

    @property
    def words(self) -> str:
        """What came of it, in a sentence."""
        if not self.looks:
            return f"{self.trigger} was measured by {', '.join(self.for_a_person)}, which is never run again by itself"
        if self.held:
            return f"{self.trigger} held for {PROBES} looks, {PROBE_SECONDS:.0f} s apart: {self.looks[-1].words}"
        last = self.looks[-1]
        how = "could not be told" if last.found == "unknown" else "did not hold"
        return f"{self.trigger} {how} at look {len(self.looks)} of {PROBES}: {last.words}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the plan and the journal."""
        looks = [dataclasses.asdict(look) for look in self.looks]
        return {
            "trigger": self.trigger,
            "checks": list(self.checks),
            "for_a_person": list(self.for_a_person),
            "held": self.held,
            "looks": looks,
            "words": self.words,
        }


def doubtful(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The causes that were not found again yet and on which alone an action stands.

    An action that a sure trigger wants as well is not held up: going back would be right without the doubtful one.
    """
    open_ones = {c["trigger"]: c for c in plan["causes"] if c["probe"] is not None and c["probe"]["status"] != HELD}
    standing = [set(action["triggers"]) for action in plan["actions"] if action["status"] != BY_HAND]
    wanted = {trigger for triggers in standing if triggers and triggers <= set(open_ones) for trigger in triggers}
    return [cause for trigger, cause in open_ones.items() if trigger in wanted]


def narrowed(plan: Mapping[str, Any], results: Sequence[Probed]) -> dict[str, Any]:
    """`plan` without the causes that did not hold, and without the actions that stood on them, with a token of its own.

    What is left for a person keeps its cause, and takes the plan out of mode auto.
    """
    by_trigger = {result.trigger: result for result in results}
    causes = [_cause(cause, by_trigger.get(cause["trigger"])) for cause in plan["causes"]]
    kept = [cause for cause in causes if cause["checks"]]
    left = {cause["trigger"]: cause["checks"] for cause in kept}
    gone = [
        {"check": check, "reason": by_trigger[cause["trigger"]].words}
        for cause in plan["causes"]
        for check in cause["checks"]
        if check not in left.get(cause["trigger"], ())
    ]
    actions = [_action(action, left) for action in plan["actions"] if set(action["triggers"]) & set(left)]
    asks = any(cause["probe"] is not None and cause["probe"]["status"] == FOR_A_PERSON for cause in kept)
    found = dict(plan) | {
        "causes": kept,
        "actions": actions,
        "dismissed": [*plan["dismissed"], *gone],
        "wanted": bool(actions),
        "mode": "ask" if asks and plan["mode"] == "auto" else plan["mode"],
        "probed": [*plan.get("probed", ()), *(result.to_json() for result in results)],
    }
    return found | {"token": document.token(found)}


def _cause(cause: Mapping[str, Any], result: Probed | None) -> dict[str, Any]:
    if result is None:
        return dict(cause)
    checks = result.checks if result.held else ()
    status = HELD if result.held else FOR_A_PERSON
    return dict(cause) | {
        "checks": [check for check in cause["checks"] if check in {*checks, *result.for_a_person}],
        "probe": dict(cause["probe"]) | {"status": status},
    }


def _action(action: Mapping[str, Any], left: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    triggers = [trigger for trigger in action["triggers"] if trigger in left]
    checks = list(dict.fromkeys(check for trigger in triggers for check in left[trigger]))
    return dict(action) | {"triggers": triggers, "because": why_planned(checks)}
