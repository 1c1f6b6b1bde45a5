"""Pure: where every planned check stands once all evidence is in.

Here what nobody reported becomes unknown, what was declared away is set aside, and what rests on something unproven is
blocked by it. Losing evidence never helps: failed evidence stays failed, whatever blocks it.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections import deque
from typing import TYPE_CHECKING, Final

from readiness.findings import Finding, Outcome, Planned

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from readiness.config import Waiver
    from readiness.findings import Planned

LOST: Final = "no result: the check was planned and never reported"
_NAMED: Final = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One planned check with a finding for each of its instances; `outcome` is the worst of them."""

    planned: Planned
    findings: tuple[Finding, ...]
    outcome: Outcome

    @property
    def blocked_by(self) -> str | None:
        """The root cause, where the check is unknown only because something else is not proven."""
        if self.outcome is not Outcome.UNKNOWN:
            return None
        roots = [f.blocked_by for f in self.findings if f.outcome is Outcome.UNKNOWN]
        return roots[0] if all(roots) else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """All standings in the plan's order, and what is wrong with the run itself, one sentence each."""

    standings: tuple[Standing, ...]
    trouble: tuple[str, ...]


def settle(plan: Sequence[Planned], findings: Sequence[Finding]) -> Settled:
    """Put findings and plan together. Raises nothing: whatever is missing is unknown."""
    reported = _worst(findings)
    standings, lost = [], []
    for planned in plan:
        if planned.not_applicable is not None:
            gone = Finding(check=planned.check.id, outcome=Outcome.NOT_APPLICABLE, reason=planned.not_applicable)
            standings.append(Standing(planned=planned, findings=(gone,), outcome=Outcome.NOT_APPLICABLE))
            continue
        found = tuple(_found(planned, instance, reported) for instance in _instances(planned))
        if any(finding.reason == LOST for finding in found):
            lost.append(planned.check.id)
        standings.append(standing_of(planned, found))
    trouble = []
    if all(s.outcome is Outcome.NOT_APPLICABLE for s in standings):
        trouble.append("nothing was judged: no check of this run applies")
    elif all(f.outcome is Outcome.NOT_APPLICABLE for f in findings):
        trouble.append("nothing was executed")
    if lost:
        trouble.append(f"{count(len(lost), 'planned check')} never reported: {names(lost)}")
    return Settled(standings=_block(_explained(standings)), trouble=(*trouble, *_strangers(plan, findings)))


def standing_of(planned: Planned, findings: tuple[Finding, ...]) -> Standing:
    """Put one check together; its outcome is the worst of its instances'."""
    if len(findings) == 1:
        return Standing(planned=planned, findings=findings, outcome=findings[0].outcome)
    return Standing(planned=planned, findings=findings, outcome=max((f.outcome for f in findings), key=_rank))


def count(number: int, noun: str) -> str:
    """`1 check`, `2 checks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def names(ids: Sequence[str]) -> str:
    """At most three names, and how many more there are."""
    shown = ", ".join(ids[:_NAMED])
    return shown if len(ids) <= _NAMED else f"{shown} and {len(ids) - _NAMED} more"


def _rank(outcome: Outcome) -> int:
    return outcome.rank


def _instances(planned: Planned) -> tuple[str | None, ...]:
    return tuple(dict.fromkeys(planned.instances)) or (None,)


def _worst(findings: Iterable[Finding]) -> dict[tuple[str, str | None], Finding]:
    worst: dict[tuple[str, str | None], Finding] = {}
    for finding in findings:
        key = (finding.check, finding.instance)
        known = worst.get(key)
        if known is None or finding.outcome.rank > known.outcome.rank:
            worst[key] = finding
    return worst


def _found(planned: Planned, instance: str | None, reported: Mapping[tuple[str, str | None], Finding]) -> Finding:
    finding = reported.get((planned.check.id, instance))
    if finding is None:
        reason = LOST if planned.left_out is None else planned.left_out
        return Finding(check=planned.check.id, instance=instance, outcome=Outcome.UNKNOWN, reason=reason)
    if finding.outcome is Outcome.NOT_APPLICABLE:
        # only the configuration declares something away; nothing at run time can make a check vanish
        return dataclasses.replace(
            finding, outcome=Outcome.UNKNOWN, reason="reported as not applicable, which only the configuration may say"
        )
    return finding


def _strangers(plan: Sequence[Planned], findings: Sequence[Finding]) -> tuple[str, ...]:
    """Results that nothing planned: they cannot be weighed, and must not be dropped in silence."""
    expected = {p.check.id: None if p.not_applicable is not None else _instances(p) for p in plan}
    strange = {}
    for finding in findings:
        instances = expected.get(finding.check, ())
        if instances is not None and finding.instance not in instances:
            where = "" if finding.instance is None else f"[{finding.instance}]"
            strange[f"{finding.check}{where}"] = finding.outcome
    if not strange:
        return ()
    strangers = [f"{name} ({outcome.value})" for name, outcome in strange.items()]
    return (f"{count(len(strangers), 'result')} of what was not planned: {names(strangers)}",)


# --- causes: what a check says of itself, that another one tells why -----------------------------------------------------


def _explained(standings: list[Standing]) -> list[Standing]:
    """Take what checks say of their causes at its word where the check they name bears it out, and drop it elsewhere.

    A failure is explained by another failure alone: what is merely unknown must not hide what is proven bad.
    """
    if not any(finding.blocked_by for standing in standings for finding in standing.findings):
        return standings
    known = {standing.planned.check.id: standing for standing in standings}
    return [
        standing_of(standing.planned, tuple(_explained_finding(finding, known) for finding in standing.findings))
        for standing in standings
    ]


def _explained_finding(finding: Finding, known: Mapping[str, Standing]) -> Finding:
    if finding.blocked_by is None:
        return finding
    root = _told_by(finding, known)
    if root is None:
        return dataclasses.replace(finding, blocked_by=None)
    reason = f"blocked by {root}" + (f": {finding.reason}" if finding.reason else "")
    return dataclasses.replace(finding, outcome=Outcome.UNKNOWN, reason=reason, blocked_by=root)


def _told_by(finding: Finding, known: Mapping[str, Standing]) -> str | None:
    """The last check in the row of causes that bears out what `finding` says; None where none does, or they go in a circle."""
    root, seen, outcome = None, {finding.check}, finding.outcome
    name = finding.blocked_by
    while name is not None:
        if name in seen:
            return None
        seen.add(name)
        cause = known.get(name)
        bears_out = {Outcome.FAILED} if outcome is Outcome.FAILED else {Outcome.FAILED, Outcome.UNKNOWN}
        if cause is None or outcome not in {Outcome.FAILED, Outcome.UNKNOWN} or cause.outcome not in bears_out:
            break
        root, outcome = name, cause.outcome
        name = next((f.blocked_by for f in cause.findings if f.outcome is cause.outcome), None)
    return root


# --- blocking: a check rests on those that its `after` names ----------------------------------------------------------


def _block(standings: list[Standing]) -> tuple[Standing, ...]:
    if not any(s.planned.check.after for s in standings):
        return tuple(standings)
    roots = _roots(standings)
    why = {s.planned.check.id: f" ({s.planned.left_out})" for s in standings if s.planned.left_out}
    return tuple(_blocked(standing, roots.get(standing.planned.check.id), why) for standing in standings)


def _blocked(standing: Standing, root: str | None, why: Mapping[str, str]) -> Standing:
    if root is None or standing.outcome is Outcome.NOT_APPLICABLE or standing.planned.left_out is not None:
        return standing
    reason = f"blocked by {root}{why.get(root, '')}"
    return standing_of(standing.planned, tuple(_blocked_finding(f, root, reason) for f in standing.findings))


def _blocked_finding(finding: Finding, root: str, reason: str) -> Finding:
    if finding.outcome is Outcome.FAILED or finding.reason == LOST:
        return finding  # proven bad, or never reported: what blocks it explains neither
    own = f"its own outcome was {finding.outcome.value}" + (f": {finding.reason}" if finding.reason else "")
    return dataclasses.replace(
        finding, outcome=Outcome.UNKNOWN, reason=reason, blocked_by=root, notes=(*finding.notes, own)
    )


def _roots(standings: Sequence[Standing]) -> dict[str, str]:
    """What is blocked, with the name of its root cause; failed roots are named before unknown ones.

    Not only a failed check blocks: if an unknown one did not, losing a failure would give back what it blocked.
    """
    dependents: dict[str, list[str]] = {}
    for standing in standings:
        if standing.outcome is not Outcome.NOT_APPLICABLE:
            for name in standing.planned.check.after:
                dependents.setdefault(name, []).append(standing.planned.check.id)
    unproven = [s for s in standings if s.outcome in {Outcome.FAILED, Outcome.UNKNOWN}]
    reached = _spread({s.planned.check.id: "" for s in unproven}, dependents)
    free = [s for s in unproven if s.planned.check.id not in reached]
    starts = [
        [s.planned.check.id for s in free if s.outcome is Outcome.FAILED],
        [s.planned.check.id for s in free if s.outcome is Outcome.UNKNOWN],
        # left over: checks that wait for each other in a circle
        [s.planned.check.id for s in unproven if s.planned.check.id in reached],
    ]
    told_by = {s.planned.check.id: s.blocked_by for s in free if s.outcome is Outcome.UNKNOWN and s.blocked_by}
    roots: dict[str, str] = {}
    for start in starts:
        for name, first in _spread({name: name for name in start}, dependents).items():
            if name != first:
                root = told_by.get(first, first)
                # what explains another check and rests on it is blocked by that one, never by itself
                roots.setdefault(name, first if root == name else root)
    return roots


def _spread(start: Mapping[str, str], dependents: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Every check reached from `start`, with the label of the first that reached it."""
    reached: dict[str, str] = {}
    queue = deque(start.items())
    while queue:
        name, label = queue.popleft()
        for dependent in dependents.get(name, ()):
            if dependent not in reached:
                reached[dependent] = label
                queue.append((dependent, label))
    return reached


def apply_waivers(
    findings: Sequence[Finding],
    plan: Sequence[Planned],
    waivers: Sequence[Waiver],
    *,
    today: dt.date,
    known: Collection[str] = (),
) -> tuple[list[Finding], list[str]]:
    """Turn failed findings that a live waiver covers into waived ones; the second value is what to tell people.

    A waiver is live through the day it names. `known` are ids of checks that this run did not select: waivers for
    them are left alone. Nothing but a failure is ever waived.
    """
    planned = {entry.check.id: entry for entry in plan}
    outcomes: dict[str, list[Finding]] = {}
    for finding in findings:
        outcomes.setdefault(finding.check, []).append(finding)
    live: list[Waiver] = []
    notes: list[str] = []
    for waiver in waivers:
        covered = [f for f in outcomes.get(waiver.check, ()) if _covers(waiver, f)]
        problem = _problem(waiver, planned, today, known)
        if problem is None and not any(w.check == waiver.check and w.instance == waiver.instance for w in live):
            live.append(waiver)
        if problem is None and covered and all(f.outcome is Outcome.PASSED for f in covered):
            problem = "stale: the check passes; remove it"
        if problem:
            notes.append(f"waiver for {_name(waiver)} ({waiver.owner}): {problem}")
    return [_waived(finding, live) for finding in findings], list(dict.fromkeys(notes))


def _problem(waiver: Waiver, planned: dict[str, Planned], today: dt.date, known: Collection[str]) -> str | None:
    """Why a waiver does nothing, else None; the empty text: nothing worth telling."""
    if today > waiver.expires:
        return f"expired on {waiver.expires.isoformat()} and ignored"
    entry = planned.get(waiver.check)
    if entry is None:
        if waiver.check in known:
            return ""
        near = difflib.get_close_matches(waiver.check, [*planned, *known], n=1)
        return "no such check in this run" + (f"; did you mean {near[0]}?" if near else "")
    if not entry.check.waivable:
        return "ignored: this check cannot be waived"
    if waiver.instance is not None and waiver.instance not in entry.instances:
        there = ", ".join(str(i) for i in entry.instances[:5] if i is not None) or "none"
        return f"no such instance; there are: {there}"
    return None


def _covers(waiver: Waiver, finding: Finding) -> bool:
    return waiver.check == finding.check and waiver.instance in {None, finding.instance}


def _waived(finding: Finding, live: Sequence[Waiver]) -> Finding:
    if finding.outcome is not Outcome.FAILED:
        return finding
    for waiver in live:
        if _covers(waiver, finding):
            text = f"{waiver.reason} ({waiver.owner}, until {waiver.expires.isoformat()})"
            return dataclasses.replace(finding, outcome=Outcome.WAIVED, waiver=text)
    return finding


def _name(waiver: Waiver) -> str:
    return waiver.check if waiver.instance is None else f"{waiver.check}[{waiver.instance}]"
