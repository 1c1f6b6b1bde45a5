"""What a run has to tell people: an event made from its report, or none where all is as it was."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from readiness.findings import Severity
from readiness.operations.notify.events import Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.operations.notify.events import Kind

Document = dict[str, Any]
SHOWN: Final = 6
"""Findings that a message names; the report names all."""


def event_of(document: Document, report: str, *, why_not: str = "") -> Event | None:
    """The event of one run's report (`readiness.json`, read back); None where nobody needs to hear of it.

    `why_not` says why nothing is done about a decision to roll back, where that is known already.
    A decision to roll back is critical whatever failed; before a deploy nothing is critical yet, since nobody is served
    by what was judged. Raises KeyError, TypeError or ValueError where `document` is no report.
    """
    verdict = document["verdict"]
    bad = [row for row in document["findings"] if row["outcome"] == "failed"]
    unproven = [row for row in document["findings"] if row["outcome"] == "unknown"]
    if verdict["status"] == "READY" or (verdict["status"] == "CONDITIONAL" and not bad):
        return _recovered(document, report)
    shown = bad or unproven
    rolling, refused = verdict["decision"] == "ROLL BACK", (document["rollback"] or {}).get("refused")
    kind: Kind = (
        "plan" if rolling and not why_not else "refused" if (refused and _fired(document)) or why_not else "alarm"
    )
    return Event(
        kind=kind,
        severity=Severity.CRITICAL if rolling else _severity(document, bad),
        title=f"{_headline(document)}: {_count(bad, 'failed') or _count(unproven, 'unknown') or verdict['because']}",
        lines=(verdict["because"], *[told(row) for row in shown[:SHOWN]], *_more(shown), *done(document, why_not)),
        report=report,
        checks=tuple(sorted(_key(row) for row in shown)),
        since=since(document, shown),
        security=any(concerns_security(row) for row in bad),
        # what fails blocks no more: whoever heard that it did hears this as well
        ends_alarm=verdict["status"] == "CONDITIONAL",
    )


def no_verdict(status: int) -> Event:
    """The event of a run that left no report at all."""
    return Event(
        kind="alarm",
        severity=Severity.HIGH,
        title=f"readiness check ended with status {status} and left no report",
        lines=("Nothing is proven: look at the output of the run.",),
    )


def told(row: Mapping[str, Any]) -> str:
    """One finding: what, and measured against what."""
    unit = f" {row['unit']}" if row.get("unit") else ""
    measured = ""
    if row.get("expected") or row.get("actual"):
        measured = f" (expected {row.get('expected') or '?'}, measured {row.get('actual') or '?'}{unit})"
    return f"{_key(row)}: {row['reason'] or row['title']}{measured}"


def done(document: Document, why_not: str = "") -> tuple[str, ...]:
    """What is done about it, or why nothing is."""
    plan = document["rollback"] or {}
    if not _fired(document):
        return ()
    if plan.get("refused") or why_not:
        return (f"no rollback: {plan.get('refused') or why_not}",)
    names = ", ".join(action["name"] for action in plan["actions"])
    return (f"rollback planned: {names or 'no action is configured'} (mode {plan['mode']})",)


def since(document: Document, rows: Sequence[Mapping[str, Any]]) -> dt.datetime | None:
    """Since when the first of `rows` has been failing, as far as the history knows; else when the run began.

    Of a decision to roll back only what led to it counts: what failed before the deploy is not its fault.
    """
    fired = set((document["rollback"] or {}).get("fired", ()))
    rolling = document["verdict"]["decision"] == "ROLL BACK"
    keys = {_key(row) for row in rows if not rolling or row.get("rollback") in fired}
    known = [e["since"] for e in (document["comparison"] or {}).get("still_failing", ()) if e["name"] in keys]
    for text in (*sorted(known), document["run"]["started"]):
        with contextlib.suppress(ValueError):
            moment = dt.datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment
    return None


def concerns_security(row: Mapping[str, Any]) -> bool:
    """Whether a finding is one that the security contact hears of."""
    return str(row["category"]).endswith("/security") or row.get("rollback") == "security"


def _recovered(document: Document, report: str) -> Event | None:
    """All is well: that is told once, where it was not before."""
    fixed = (document["comparison"] or {}).get("fixed", ())
    if not fixed:
        return None
    names = ", ".join(fixed[:SHOWN]) + (f" and {len(fixed) - SHOWN} more" if len(fixed) > SHOWN else "")
    return Event(
        kind="changed",
        severity=Severity.MEDIUM,
        title=f"{_headline(document)}: mended",
        lines=(f"passed again: {names}",),
        report=report,
        checks=tuple(sorted(fixed)),
        ends_alarm=True,
    )


def _severity(document: Document, bad: Sequence[Mapping[str, Any]]) -> Severity:
    severities = [Severity(row["severity"]) for row in bad]
    worst = max(severities, key=lambda severity: severity.weight, default=Severity.HIGH)
    if document["verdict"]["status"] == "CONDITIONAL":
        return Severity.MEDIUM
    early = document["verdict"]["stage"] == "before"
    return Severity.HIGH if early or worst is not Severity.CRITICAL else worst


def _headline(document: Document) -> str:
    run, verdict = document["run"], document["verdict"]
    where = run["target"] or run["release"] or "the hub"
    return f"{verdict['decision']} · {run['environment']} {where} is {verdict['status']}"


def _count(rows: Sequence[Mapping[str, Any]], word: str) -> str:
    checks = len({row["check"] for row in rows})
    return f"{checks} check{'s' if checks > 1 else ''} {word}" if checks else ""


def _more(rows: Sequence[object]) -> tuple[str, ...]:
    return (f"and {len(rows) - SHOWN} more",) if len(rows) > SHOWN else ()


def _fired(document: Document) -> bool:
    return bool((document["rollback"] or {}).get("fired"))


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['check']}[{row['instance']}]" if row.get("instance") else str(row["check"])
