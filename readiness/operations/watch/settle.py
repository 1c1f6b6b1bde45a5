"""From looks to outcomes: a check that settles is failed only when it failed as often, or as long, as a run would try."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from readiness.findings import Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.findings import Check
    from readiness.session.plan.scope import Scope
    from readiness.session.run_one import Ran


@dataclasses.dataclass(slots=True)
class _Course:
    """What is known of one check: its last settled finding, and since when it goes wrong."""

    settled: Finding | None = None
    tries: int = 0
    since: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
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

    def take(self, seen: Mapping[str, Ran], plan: Mapping[str, Check], now: float) -> Standing:
        """Where the checks stand after one more look at the monotonic time `now`, in seconds."""
        pending = {check_id: text for check_id, one in seen.items() if (text := self._take(one, plan[check_id], now))}
        lost = self.root in pending
        found, proven = [], not lost
        for check_id, one in seen.items():
            course = self._courses[check_id]
            if check_id not in pending and not (lost and one.finding.outcome is Outcome.UNKNOWN):
                course.settled = one.finding
            proven = proven and course.settled is not None
            found.append(course.settled or one.finding)
        return Standing(findings=tuple(found), pending=pending, proven=proven)

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
