"""Reports made by hand for the tests of renderings and history: small, readable, and as odd as needed."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

from readiness.config.model import Config, RollbackAction, RollbackSettings, Target
from readiness.findings import Check, Finding, Outcome, Severity, Stage
from readiness.results.report import Report, RunInfo, build
from readiness.results.verdict.verdict import (
    CategoryScore,
    Decision,
    Judged,
    Judgement,
    PlannedAction,
    RollbackCause,
    RollbackMode,
    RollbackPlan,
    Status,
)

STARTED = 1_790_000_000.25
SETTINGS = Path("readiness.toml")


def planned_action(name: str, triggers: tuple[str, ...], because: str, status: str) -> PlannedAction:
    """One action of a rollback plan."""
    return PlannedAction(name=name, triggers=triggers, because=because, status=status, mode="auto")


def rollback_plan(
    mode: RollbackMode = "plan",
    actions: tuple[PlannedAction, ...] = (),
    refused: str | None = None,
    fired: tuple[str, ...] = (),
) -> RollbackPlan:
    """A rollback plan; wanted where it has actions and nothing refuses it."""
    causes = tuple(RollbackCause(trigger=trigger, checks=("hub-answers",)) for trigger in fired)
    return RollbackPlan(mode=mode, actions=actions, refused=refused, causes=causes)


def judged(check_id: str, outcome: Outcome = Outcome.PASSED, lost: float = 0, **more: Any) -> Judged:
    """One row; `more` goes to the check or the finding, whichever has such a field; limits to both."""
    names = {field.name for field in dataclasses.fields(Check)} - {"id"}
    declared = {"title": f"The statement {check_id} holds.", "phase": "health", "topic": "health",
                "severity": Severity.MEDIUM, **{k: v for k, v in more.items() if k in names}}  # fmt: skip
    found = {"nodeid": f"smoke/test_health.py::test_{check_id}", "seconds": 0.01} | {
        k: v for k, v in more.items() if k not in names or k == "limits"
    }
    return Judged(
        check=Check(id=check_id, **declared),
        finding=Finding(check=check_id, outcome=outcome, **found),
        points_lost=Fraction(lost).limit_denominator(1000),
    )


def judgement(rows: list[Judged], status: Status = Status.READY, **more: Any) -> Judgement:
    """A judgement of `rows` whose numbers are plausible unless `more` says otherwise."""
    lost = sum((row.points_lost for row in rows), start=Fraction(0))
    unknown = sum((r.points_lost for r in rows if r.finding.outcome is Outcome.UNKNOWN), start=Fraction(0))
    score = 100 - lost
    names = dict.fromkeys(row.check.category for row in rows)
    values: dict[str, Any] = {
        "status": status,
        "score": score,
        "best_case": score + unknown,
        "proven": Fraction(1) - unknown / 100,
        "headline": score,
        "because": "Everything that was asked is proven.",
        "cap": None,
        "stage": Stage.AFTER,
        "categories": tuple(CategoryScore(name=name, score=score, weight=Fraction(1)) for name in names),
        "rows": tuple(rows),
    }
    return Judgement(**values | more)


def run_info(number: int = 1, **more: Any) -> RunInfo:
    """The `number`th run of a day, an hour after the one before."""
    started = STARTED + number * 3600
    values: dict[str, Any] = {
        "id": f"run{number:04d}",
        "started": started,
        "finished": started + 1.5,
        "seconds": 1.5,
        "selection": "health",
        "versions": {"hub": "4.3.0", "readiness": "0.1.0", "pytest": "9.2.0", "python": "3.11.15"},
        "plan_hash": "8f2c1d90ab34",
    }
    return RunInfo(**values | more)


def config(**more: Any) -> Config:
    """A configuration of a production hub."""
    values: dict[str, Any] = {
        "path": SETTINGS,
        "target": Target(url="https://hub.example.com", release=Path("/opt/mcp-hub"), version="4.3.0"),
        "contacts": {"on_call": "Ops rota, +44 20 7946 0018", "tech_lead": "Maya Lindqvist, maya@example.com"},
        "rollback": RollbackSettings(
            actions=(
                RollbackAction(
                    name="previous-release", triggers=("startup-failure",), command=("scripts/rollback.sh", "--yes")
                ),
            )
        ),
    }
    return Config(**values | more)


def report(
    rows: list[Judged] | None = None,
    status: Status = Status.READY,
    decision: Decision = Decision.KEEP,
    *,
    about: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    **more: Any,
) -> Report:
    """A report of `rows`; `about` goes to the judgement, `settings` to the configuration, the rest to `build`."""
    rows = [judged("hub-answers", severity=Severity.CRITICAL), judged("hub-is-ready")] if rows is None else rows
    values: dict[str, Any] = {"decision": decision, "config": config(**settings or {}), "run": run_info()}
    return build(judgement(rows, status, **about or {}), **values | more)


HEALTH = (
    ("hub-is-ready", "The hub reports that it is ready, not merely alive.", "critical"),
    ("hub-is-the-expected-release", "The release that answers is the one that was deployed.", "critical"),
    ("hub-process-is-the-one-deployed", "The process that answers is the one the deploy started.", "critical"),
    ("mcp-servers-are-connected", "Every MCP server is connected and alive.", "critical"),
    ("tools-are-listed", "The hub lists the tools of its servers.", "critical"),
    ("mcp-endpoint-answers", "An agent can initialise a session and ping it.", "critical"),
    ("hub-stays-up", "The same process still runs at the end of the run.", "critical"),
    ("filtering-is-enabled", "Tool filtering is on, in the mode that was configured.", "high"),
    ("llm-provider-is-active", "The LLM provider that filtering needs is active.", "high"),
    ("running-config-is-the-deployed-one", "The hub runs with the configuration that was deployed.", "high"),
    ("running-environment-has-its-keys", "The running process has the keys its configuration names.", "high"),
    ("api-matches-its-contract", "Every answer has the shape that clients rely on.", "high"),
    ("no-tool-disappeared", "No tool is missing that the last good run saw.", "high"),
    ("llm-cache-works", "Repeated prompts are answered from the cache.", "medium"),
    ("api-answers-fast", "The API answers within half a second.", "medium"),
    ("events-stream", "The event stream opens and says which process speaks.", "medium"),
    ("logs-are-clean-since-deploy", "The log holds no error since the deploy.", "medium"),
)
SECURITY = (
    ("api-requires-authentication", "Nobody reaches the API without proving who they are.", "critical"),
    ("admin-routes-are-closed", "Routes that change the hub are closed to strangers.", "critical"),
    ("api-discloses-no-secret", "No answer of the API holds a secret.", "critical"),
    ("errors-hide-internals", "Errors do not show the hub's insides.", "medium"),
    ("cors-is-restricted", "Only known origins may call the API from a browser.", "medium"),
    ("http-redirects-to-https", "Plain HTTP leads to HTTPS.", "medium"),
)


def health_rows(outcome: Outcome = Outcome.PASSED, lost: float = 0, **more: Any) -> dict[str, Judged]:
    """Every check of the health phase but `hub-answers`, by id, all with one outcome."""
    return {
        name: judged(name, outcome, lost, title=title, severity=Severity(severity), topic=topic, **more)
        for topic, entries in (("health", HEALTH), ("security", SECURITY))
        for name, title, severity in entries
    }
