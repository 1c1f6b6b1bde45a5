"""Pure: which failures somebody has taken upon themselves, until when, and which waivers are no longer good."""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING

from readiness.findings import Outcome

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from readiness.config.model import Waiver
    from readiness.findings import Finding, Planned


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
        found = [f for f in outcomes.get(waiver.check, ()) if _covers(waiver, f)]
        problem = _problem(waiver, planned, today, known)
        if problem is None and not any(w.check == waiver.check and w.instance == waiver.instance for w in live):
            live.append(waiver)
        if problem is None and found and all(f.outcome is Outcome.PASSED for f in found):
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
