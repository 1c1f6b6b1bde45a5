"""The scenes a report is looked at in: every verdict, a dead hub, a broken run, the embedded hub, hostile text."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from readiness.config.model import Target
from readiness.findings import Limits, Outcome, Severity
from readiness.results.report import Comparison, PastCheck, ReleasePhase, ReleaseRun, tool_inventory
from readiness.results.verdict.verdict import CategoryScore, Decision, Stage, Status
from readiness.support.text import one_line
from tests.results.report.factory import STARTED, health_rows, judged, planned_action, report, rollback_plan
from tests.results.report.past import history

if TYPE_CHECKING:
    from readiness.results.report import Report

HOSTILE = (
    "<img src=x onerror=alert(1)>&quot;'\"`{{ 7*7 }}{% raw %}</style></script><script>alert(2)</script>"
    "\x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07\x00\x08\x7f\x9b31m"
    "\u202egnp.exe\u2066\u200b\u200d\ufeff\ud800\udfff\U000e0041\ufffe\uffff"
    "e\u0301\u0301\u0301\u0301\u0301\u0301 \u4e2d\u6587 \U0001f600 ]]> -->"
)
ZERO = Fraction(0)


def _categories(health: float, security: float) -> tuple[CategoryScore, ...]:
    return (
        CategoryScore(name="health/health", score=Fraction(str(health)), weight=Fraction(1)),
        CategoryScore(name="health/security", score=Fraction(str(security)), weight=Fraction(1)),
    )


def ready() -> Report:
    """Everything proven, two checks declared away."""
    rows = health_rows()
    for name, why in (
        ("llm-provider-is-active", "[expect] llm: 4.3.0 publishes no LLM metrics"),
        ("http-redirects-to-https", "[expect] tls: terminated by the load balancer"),
    ):
        rows[name] = judged(name, Outcome.NOT_APPLICABLE, title=rows[name].check.title, reason=why)
    first = judged("hub-answers", title="The hub answers at all.", severity=Severity.CRITICAL)
    return report(
        [first, *rows.values()], about={"categories": _categories(100, 100)}, rollback=rollback_plan(), exit_code=0
    )


def conditional() -> Report:
    """One failed, one degraded, one unknown, one waived; a comparison with a changed plan."""
    rows = health_rows()
    rows["cors-is-restricted"] = judged(
        "cors-is-restricted", Outcome.FAILED, 4.688, title=rows["cors-is-restricted"].check.title, topic="security",
        reason="The API allows every origin to read its answers.", actual="Access-Control-Allow-Origin: *",
        expected="no header, or one of the configured origins",
        remedy="Name the origins in the proxy: `add_header Access-Control-Allow-Origin https://app.example.com always;`, then `nginx -t && systemctl reload nginx`.",
    )  # fmt: skip
    rows["api-answers-fast"] = judged(
        "api-answers-fast", Outcome.DEGRADED, 1.4, title=rows["api-answers-fast"].check.title, attempts=3,
        reason="p95 612 ms is past its warning limit of 500 ms", actual="612", unit="ms",
        limits=Limits(warning=500, critical=2000, unit="ms"),
        expected="expected ≤ 2000, warning past 500", remedy="Look for a slow MCP server with `readiness watch`.",
    )  # fmt: skip
    rows["llm-cache-works"] = judged(
        "llm-cache-works", Outcome.UNKNOWN, 1.4, title=rows["llm-cache-works"].check.title,
        reason="4.3.0 publishes no llmCache in /api/filtering/stats: nothing to read the hit rate from",
        remedy="Declare it in `[expect]` with a reason, or deploy a hub that publishes `llmCache.hitRate`.",
    )  # fmt: skip
    rows["errors-hide-internals"] = judged(
        "errors-hide-internals", Outcome.WAIVED, 4.688, title=rows["errors-hide-internals"].check.title,
        topic="security", reason="An error answer holds a stack trace with file names.",
        waiver="known upstream, mended in 4.3.1 (Maya Lindqvist, until 2026-12-15)",
        remedy="Set `NODE_ENV=production` for the unit.",
    )  # fmt: skip
    order = sorted(rows.values(), key=lambda row: -row.points_lost)
    return report(
        [*order, judged("hub-answers", severity=Severity.CRITICAL)], Status.CONDITIONAL, Decision.KEEP_AND_WATCH,
        about={"because": "cors-is-restricted failed, and 3 more checks are not proven good.",
               "headline": Fraction("87.824"),
               "categories": _categories(97.1, 78.5)},
        rollback=rollback_plan(mode="ask"),
        comparison=Comparison(
            previous="run0000", previous_started="2026-09-21T13:06:40.250000Z", same_plan=False, score_change=-6.1,
            outcome_change=-4.7, plan_change=-1.4, added=("llm-cache-works",), newly_failing=("cors-is-restricted",),
            fixed=("events-stream",), still_failing=(("errors-hide-internals", "2026-09-18T06:00:00.000000Z"),)),
        exit_code=0, notes=("The waiver of logs-are-clean-since-deploy is stale: the check passes.",),
        inventory=tool_inventory(
            {"everything": {"echo": "0f3a", "add": "77b1", "print-" * 15: ""}}, {"everything": {"echo": "1111", "old": ""}},
            "2026-09-21T13:06:40Z"),
    )  # fmt: skip


def hub_down() -> Report:
    """One root cause that blocks everything else; a rollback is planned."""
    rows = health_rows(Outcome.UNKNOWN, 4.0, blocked_by="hub-answers", reason="blocked by hub-answers")
    root = judged(
        "hub-answers", Outcome.FAILED, 8.0, title="The hub answers at all.", severity=Severity.CRITICAL, attempts=3,
        rollback="startup-failure", seconds=4.1,
        reason="GET http://127.0.0.1:7000/api/health: connection refused, 3 times within 4 s",
        actual="connection refused", expected="an answer within 5 s",
        remedy="Look at the hub's log and its unit:\n    journalctl -u mcp-hub -n 100 --no-pager\n    systemctl status mcp-hub",
    )  # fmt: skip
    return report(
        [root, *rows.values()], Status.NOT_READY, Decision.ROLL_BACK,
        about={"because": "The critical check hub-answers failed: connection refused.", "score": ZERO,
               "best_case": Fraction(92), "headline": ZERO, "proven": Fraction("0.06"), "categories": _categories(0, 0)},
        rollback=rollback_plan(mode="auto", fired=("startup-failure",), actions=(
            planned_action("previous-release", ("startup-failure",), "hub-answers failed 6 min after the deploy of 4.3.0", "planned"),)),
        comparison=Comparison(
            previous="run0000", previous_started="2026-09-21T13:06:40.250000Z", same_plan=True, score_change=-100.0,
            outcome_change=-100.0, plan_change=0.0, newly_failing=("hub-answers",), newly_unknown=tuple(rows)),
        exit_code=1,
    )  # fmt: skip


def incomplete() -> Report:
    """A dead worker and a suite that could not be collected."""
    rows = health_rows()
    for name in ("tools-are-listed", "mcp-endpoint-answers", "events-stream"):
        rows[name] = judged(
            name, Outcome.UNKNOWN, 6.5, title=rows[name].check.title, severity=rows[name].check.severity,
            reason="planned, but no result was ever reported",
        )  # fmt: skip
    rows["no-tool-disappeared"] = judged(
        "no-tool-disappeared", Outcome.UNKNOWN, 3.9, title=rows["no-tool-disappeared"].check.title,
        severity=Severity.HIGH, reason="blocked by tools-are-listed", blocked_by="tools-are-listed",
    )  # fmt: skip
    order = sorted(rows.values(), key=lambda row: -row.points_lost)
    return report(
        order, Status.INCOMPLETE, Decision.HOLD,
        about={"because": "The run itself broke: worker gw1 died, and 3 planned checks have no result.",
               "headline": Fraction("74.9"), "cap": "score 76.6, shown as 74.9 because the verdict is INCOMPLETE"},
        trouble=("Worker gw1 died while it ran smoke/test_health.py::test_tools_are_listed.",
                 "smoke/test_alerts.py could not be collected: ModuleNotFoundError: No module named 'telemetry_units'."),
        rollback=rollback_plan(mode="auto", refused="the run is incomplete, and an incomplete run never rolls back"), exit_code=12,
    )  # fmt: skip


def demo() -> Report:
    """The embedded hub, healthy."""
    return report(
        list(health_rows().values()), settings={"demo": True, "path": None, "environment": "local"}, exit_code=0
    )


def first_look() -> Report:
    """No configuration: capped, and the next command is named."""
    rows = health_rows()
    rows["filtering-is-enabled"] = judged("filtering-is-enabled", Outcome.UNKNOWN, 3.1, severity=Severity.HIGH,
        title=rows["filtering-is-enabled"].check.title, reason="never declared: is filtering meant to be on?")  # fmt: skip
    return report(
        sorted(rows.values(), key=lambda row: -row.points_lost), Status.CONDITIONAL, Decision.KEEP_AND_WATCH,
        settings={"path": None, "contacts": {}, "environment": "local",
                  "target": Target(url="http://127.0.0.1:3000", release=Path("/opt/mcp hub"))},
        about={"because": "Nothing was declared: a first look is CONDITIONAL at best.", "headline": Fraction("89.9"),
               "cap": "score 96.9, shown as 89.9 because the verdict is CONDITIONAL"}, exit_code=0,
    )  # fmt: skip


def hostile() -> Report:
    """Every text that can be hostile is."""
    long = "A" * 5000 + HOSTILE
    rows = [
        judged(f"check-{n}", outcome, 5.0, instance=HOSTILE + str(n), title=HOSTILE, reason=HOSTILE + long, actual=long,
               expected=HOSTILE, unit=HOSTILE, remedy=f"`{HOSTILE}` then\n    {HOSTILE}", nodeid=HOSTILE, notes=(HOSTILE,),
               waiver=HOSTILE if outcome is Outcome.WAIVED else None, severity=Severity.CRITICAL, rollback="security",
               topic="<img src=x>")
        for n, outcome in enumerate(Outcome)
    ]  # fmt: skip
    rows.append(judged("blocked", Outcome.UNKNOWN, 1, blocked_by=HOSTILE, reason=HOSTILE))
    made = report(
        rows, Status.NOT_READY, Decision.HOLD,
        about={"because": HOSTILE, "cap": HOSTILE, "headline": Fraction(50)}, trouble=(HOSTILE, long), notes=(HOSTILE,),
        settings={"environment": HOSTILE, "contacts": {HOSTILE: HOSTILE, "on_call": HOSTILE}, "path": None,
                  "target": Target(url="https://user:pw@hub.example.com/" + HOSTILE, release=Path("/opt/a b;`x`"))},
        rollback=rollback_plan(refused=HOSTILE, fired=(HOSTILE,), actions=(planned_action(HOSTILE, (HOSTILE,), HOSTILE, HOSTILE),)),
        comparison=Comparison(
            previous="x", previous_started="x", same_plan=False, score_change=-1.0, outcome_change=-1.0, plan_change=0.0,
            added=("<img src=x>",), newly_failing=("<img src=x>",), still_failing=(("<img src=x>", "<b>"),)),
        exit_code=1, inventory=tool_inventory({HOSTILE: {HOSTILE: HOSTILE, long: ""}}, {HOSTILE: {"<b>": ""}}, HOSTILE),
    )  # fmt: skip
    past, odd = history(), one_line(HOSTILE, 400)
    checks = (PastCheck(key=odd, outcomes=past.checks[0].outcomes), *past.checks)
    since = (
        dataclasses.replace(past.since_ready, newly_failing=(odd,), versions=((odd, odd, ""),))
        if past.since_ready
        else None
    )
    phases = (
        ReleasePhase(name=odd, status="failed", seconds=1.0, detail=odd),
        ReleasePhase(name="rollback", status="failed", seconds=0.0),
    )
    return dataclasses.replace(
        made,
        history=dataclasses.replace(past, checks=checks, flaky=(odd,), since_ready=since),
        release_run=ReleaseRun(id=odd, outcome="", because=odd, command=odd, started=0.0, finished=None, phases=phases),
    )


def rolled_back() -> Report:
    """A release that did not become ready, was rolled back and proven; with a history."""
    rows = health_rows(Outcome.UNKNOWN, 3.0, blocked_by="hub-is-ready", reason="blocked by hub-is-ready")
    rows["hub-is-ready"] = judged(
        "hub-is-ready", Outcome.FAILED, 9.0, title="The hub reports that it is ready, not merely alive.",
        severity=Severity.CRITICAL, rollback="startup-failure", seconds=30.0, attempts=12,
        reason="still starting 30 s after the deploy: the server billing never connects", actual="30",
        expected="expected ≤ 20, warning past 10", unit="s", limits=Limits(warning=10, critical=20, unit="s"),
        remedy="Look at the hub's log; a server that never connects keeps it starting:\n    journalctl -u mcp-hub -n 100",
    )  # fmt: skip
    rows["errors-hide-internals"] = judged(
        "errors-hide-internals", Outcome.WAIVED, 1.5, topic="security", title=rows["errors-hide-internals"].check.title,
        reason="An error answer holds a stack trace.", waiver="known upstream (Maya Lindqvist, until 2026-12-15)")  # fmt: skip
    rows["events-stream"] = judged("events-stream", Outcome.PASSED, title=rows["events-stream"].check.title)
    phases = (
        ReleasePhase(name="lock", status="passed", seconds=0.02),
        ReleasePhase(
            name="backup", status="passed", seconds=1.4, detail="mcp-hub-20260921-1406, 14 files, checksums match"
        ),
        ReleasePhase(name="before", status="passed", seconds=2.8),
        ReleasePhase(name="preflight", status="passed", seconds=4.1),
        ReleasePhase(name="deploy", status="passed", seconds=11.7),
        ReleasePhase(name="ready", status="failed", seconds=30.0, detail="still starting after 30 s"),
        ReleasePhase(name="verify", status="failed", seconds=3.3),
        ReleasePhase(name="bake", status="skipped", seconds=0.0),
        ReleasePhase(
            name="rollback",
            status="passed",
            seconds=38.6,
            detail="the release before answers, and all 24 checks that passed before pass again",
        ),
    )
    made = report(
        sorted(rows.values(), key=lambda row: -row.points_lost), Status.NOT_READY, Decision.ROLL_BACK,
        settings={"contacts": {"on_call": "Ops rota, +44 20 7946 0018", "tech_lead": "Maya Lindqvist, maya@example.com",
                               "product": "Tomás Rey, +34 91 496 0123"}},
        about={"because": "1 critical check failed: hub-is-ready", "categories": _categories(28, 34)},
        rollback=rollback_plan(mode="auto", fired=("startup-failure",), actions=(
            planned_action("previous-release", ("startup-failure",), "hub-is-ready failed 1 min after the deploy of 4.3.0", "planned"),)),
        comparison=Comparison(
            previous="past0016", previous_started="2026-09-21T13:06:40.250000Z", same_plan=True, score_change=-25.1,
            outcome_change=-25.1, plan_change=0.0, newly_failing=("hub-is-ready",), newly_unknown=("tools-are-listed",),
            still_failing=(("errors-hide-internals", "2026-09-20T20:00:00.000000Z"),)),
        release_run=ReleaseRun(
            id="20260921-1406-4.3.0", outcome="ROLLED_BACK_VERIFIED", command="scripts/deploy.sh --release 4.3.0",
            because="hub-is-ready failed after the deploy; 4.2.1 answers again, and nothing that passed before fails now",
            started=STARTED, finished=STARTED + 91.9, phases=phases, deployed="4.3.0", before="4.2.1"),
        exit_code=1,
    )  # fmt: skip
    return dataclasses.replace(made, history=history())


def long_list() -> Report:
    """Enough to mend that a reader wants to see a part of it: forty findings of every severity."""
    kinds = (Outcome.FAILED, Outcome.DEGRADED, Outcome.UNKNOWN, Outcome.FAILED)
    rows = [
        judged(
            f"check-number-{n:02d}", kinds[n % 4], 2.4 - n / 20, severity=list(Severity)[(n * 7 + n // 4) % 4],
            reason=f"scripts/step-{n}.sh does not do what it says", path=f"scripts/step-{n}.sh", line=n + 1,
            remedy=f"Mend line {n + 1} of it.", phase="preflight", topic="scripts" if n % 3 else "backup", stage=Stage.BEFORE,
        )
        for n in range(40)
    ]  # fmt: skip
    return report(
        rows, Status.NOT_READY, Decision.DO_NOT_DEPLOY, exit_code=1,
        about={"because": "5 critical checks failed: check-number-00 and 4 more", "stage": Stage.BEFORE,
               "categories": _categories(41, 38)},
    )  # fmt: skip


def before_deploy() -> Report:
    """Preflight that must not be deployed."""
    row = judged("no-secret-in-tracked-files", Outcome.FAILED, 30, phase="preflight", topic="secrets",
                 severity=Severity.CRITICAL, stage=Stage.BEFORE, title="No tracked file holds a secret.",
                 reason="config/mcp-hub.json:14 holds an OpenAI key (sha256 4f1c…)", actual="1 secret", expected="none",
                 remedy="Revoke the key, then replace it by `${OPENAI_API_KEY}`.")  # fmt: skip
    return report([row], Status.NOT_READY, Decision.DO_NOT_DEPLOY, about={
        "because": "The critical check no-secret-in-tracked-files failed.", "stage": Stage.BEFORE}, exit_code=1)  # fmt: skip


SCENES = {
    scene.__name__: scene
    for scene in (
        ready,
        conditional,
        hub_down,
        incomplete,
        demo,
        first_look,
        hostile,
        before_deploy,
        rolled_back,
        long_list,
    )
}
