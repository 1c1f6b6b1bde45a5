"""A deploy command that failed, as people are told of it: no run of checks says it, the command is the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness.errors import ReadinessError
from readiness.operations.release import journal as book
from readiness.operations.rollback.plan import DEPLOY_COMMAND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.config.model import Config
    from readiness.operations.release.journal import State


def document(config: Config, state: State, plan: Mapping[str, Any], words: str) -> dict[str, Any]:
    """What an incident page and a message need of a report: the command stands where a check would."""
    ended = state.of(book.ENDED, "deploy") or {}
    said = [line for line in str(ended.get("output", "")).splitlines() if line.strip()]
    row = {
        "check": DEPLOY_COMMAND,
        "instance": None,
        "title": "The deploy command succeeds.",
        "category": "release/deploy",
        "marker": "release",
        "severity": "critical",
        "outcome": "failed",
        "reason": f"{words}: {said[-1][:300]}" if said else words,
        "expected": "status 0",
        "actual": "",
        "unit": "",
        "remedy": "Read its output in the release's journal.",
        "rollback": "deploy-failure",
    }
    return {
        "run": {
            "id": plan["run"]["id"],
            "started": plan["deploy"]["deployed_at"] if plan["deploy"] else plan["run"]["finished"],
            "finished": plan["run"]["finished"],
            "target": config.target.url or config.target.internal_url,
            "release": str(config.target.release or ""),
            "environment": config.environment,
            "versions": {"hub": str((plan["deploy"] or {}).get("version") or "")},
        },
        "verdict": {
            "status": plan["run"]["status"],
            "decision": plan["run"]["decision"],
            "stage": "after",
            "score": 0.0,
            "headline": 0.0,
            "because": words,
        },
        "findings": [row],
        "rollback": {
            "mode": plan["mode"],
            "fired": ["deploy-failure"],
            "actions": plan["actions"],
            "refused": "; ".join(plan["refused"]) or None,
        },
        "comparison": None,
    }


def tell(config: Config, told: dict[str, Any], acts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the incident page and tell people; lines for the terminal. Raises nothing."""
    from readiness.operations.notify import incident, people
    from readiness.operations.notify.after import told_lines
    from readiness.operations.notify.check import event_of

    try:
        page = incident.write(told, config.report_dir, acts)
        lines = [f"incident report: {page}"]
        event = event_of(told, str(page))
        if event is not None:
            sent = people.tell(event, config, config.report_dir)
            incident.write(told, config.report_dir, acts, sent.lines())
            lines += told_lines(sent)
    except (ReadinessError, KeyError, TypeError, ValueError) as error:
        return [f"people were not told: {error}"]
    return lines
