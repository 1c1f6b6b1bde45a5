"""What a run has to tell: the event made from its report, the page about a rollback, and `readiness check` itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config
from readiness.findings import Outcome, Severity, Stage
from readiness.operations.check_run.arguments import CheckArguments
from readiness.operations.check_run.run import tell_people
from readiness.operations.deploys.journal import JournalFile
from readiness.operations.notify import after as notify_after
from readiness.operations.notify import incident
from readiness.operations.notify.check import event_of
from readiness.operations.notify.events import Pacing
from readiness.operations.rollback import follow_up as rollback_page
from readiness.operations.rollback.document import PlanRun, SavedPlan
from readiness.results.report import to_json
from readiness.results.verdict.verdict import Decision, Status
from readiness.support.environment import VERIFYING
from tests.operations.notify.people_doubles import Hooks, serving
from tests.results.report.factory import judged, planned_action, report, rollback_plan
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "@channel <img src=x> [a](http://evil.example) **x** | y `z`\x1b[31m\u202e www.evil.example"


def bad(name: str = "hub-is-ready", **more: Any) -> Any:
    """A critical check that failed."""
    values: dict[str, Any] = {
        "severity": Severity.CRITICAL, "reason": "the hub is not ready", "expected": "200", "actual": "503",
    }  # fmt: skip
    return judged(name, Outcome.FAILED, 20, **values | more)


def rolling_back(**more: Any) -> dict[str, Any]:
    """The report of a deploy that went wrong and is to be rolled back."""
    plan = rollback_plan(
        fired=("startup-failure",),
        actions=(planned_action("previous-release", ("startup-failure",), "hub-is-ready failed", "planned"),),
    )  # fmt: skip
    values = {"rows": [bad(rollback="startup-failure")], "status": Status.NOT_READY, "decision": Decision.ROLL_BACK}
    return to_json(report(**values | {"rollback": plan} | more))


def test_a_rollback_is_critical_and_names_what_was_measured() -> None:
    """The event of a rollback says what failed, measured against what, since when, and what is planned."""
    event = event_of(rolling_back(), "reports/readiness.html")
    assert event is not None
    assert (event.kind, event.severity, event.checks) == ("plan", Severity.CRITICAL, ("hub-is-ready",))
    assert event.title == "ROLL BACK · production https://hub.example.com is NOT READY: 1 check failed"
    assert "hub-is-ready: the hub is not ready (expected 200, measured 503)" in event.lines
    assert "rollback planned: previous-release (mode plan)" in event.lines
    assert event.since is not None
    assert event.report == "reports/readiness.html"


def test_a_refused_rollback_says_why() -> None:
    """A trigger that fired and a rollback that is refused are told as a refusal, with the reason."""
    plan = rollback_plan(fired=("startup-failure",), refused="the deploy was 14 days ago")
    event = event_of(rolling_back(rollback=plan, decision=Decision.HOLD), "r")
    assert event is not None
    assert (event.kind, event.severity) == ("refused", Severity.CRITICAL)
    assert "no rollback: the deploy was 14 days ago" in event.lines


@pytest.mark.parametrize(
    ("rows", "status", "stage", "expected"),
    [
        ([bad()], Status.NOT_READY, Stage.AFTER, (Severity.CRITICAL, False)),
        ([bad()], Status.NOT_READY, Stage.BEFORE, (Severity.HIGH, False)),
        ([bad(severity=Severity.LOW)], Status.NOT_READY, Stage.AFTER, (Severity.HIGH, False)),
        ([bad(severity=Severity.LOW)], Status.CONDITIONAL, Stage.AFTER, (Severity.MEDIUM, False)),
        ([bad(topic="security")], Status.NOT_READY, Stage.AFTER, (Severity.CRITICAL, True)),
        ([bad(rollback="security")], Status.NOT_READY, Stage.AFTER, (Severity.CRITICAL, True)),
        ([judged("a", Outcome.UNKNOWN, 20)], Status.INCOMPLETE, Stage.AFTER, (Severity.HIGH, False)),
        ([judged("a", Outcome.DEGRADED, 2)], Status.CONDITIONAL, Stage.AFTER, None),
        ([judged("a")], Status.READY, Stage.AFTER, None),
    ],
)
def test_severity_follows_what_failed_and_when(
    rows: list[Any], status: Status, stage: Stage, expected: tuple[Severity, bool] | None
) -> None:
    """Before a deploy nothing is critical yet; what is fine is not told; leaks are marked for security."""
    event = event_of(to_json(report(rows, status, Decision.HOLD, about={"stage": stage})), "r")
    assert (None if event is None else (event.severity, event.security)) == expected


def test_a_recovery_is_told_once() -> None:
    """READY is told only where something failed before."""
    document = to_json(report())
    document["comparison"] = {"fixed": ["hub-is-ready"], "still_failing": []}
    event = event_of(document, "r")
    assert event is not None
    assert (event.kind, event.lines) == ("changed", ("passed again: hub-is-ready",))


def test_since_is_when_the_history_first_saw_it() -> None:
    """What has been failing for days says so."""
    document = rolling_back()
    document["comparison"] = {"still_failing": [{"name": "hub-is-ready", "since": "2026-01-02T03:04:05.000000Z"}]}
    event = event_of(document, "r")
    assert event is not None
    assert event.since is not None
    assert event.since.isoformat() == "2026-01-02T03:04:05+00:00"


def after(folder: Path, document: dict[str, Any] | None, config: Config, **more: Any) -> list[str]:
    """What follows a run that left `document`."""
    if document is not None:
        (folder / "readiness.json").write_text(json.dumps(document))
    run_id = document["run"]["id"] if document else "gone"
    values: dict[str, Any] = {"run_id": run_id, "status": 1, "environ": {}, "pacing": Pacing(pauses=())}
    return notify_after.after(folder=folder, config=lambda: config, **values | more)


def test_a_rollback_leaves_a_page_that_says_who_was_told(tmp_path: Path) -> None:
    """The incident report is written before people are told, and tells afterwards what came of that."""
    config = Config(notify=MappingProxyType({"critical": ("${PAGER}",)}))
    lines = after(tmp_path, rolling_back(), config)
    page = tmp_path / "incident-run0001.md"
    assert lines == [
        f"readiness: incident report: {page}",
        "readiness: told people: failed: [notify.critical] PAGER: the variable PAGER is not set",
    ]
    assert "the variable PAGER is not set" in page.read_text()


def test_a_page_that_cannot_be_written_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    """Something in the way of the page is said, and people are told."""
    (tmp_path / "incident-run0001.md").mkdir()
    lines = after(tmp_path, rolling_back(), Config(notify=MappingProxyType({"low": ("${A}",)})))
    assert "the incident report could not be written" in lines[0]
    assert "the variable A is not set" in lines[1]


def test_a_run_without_a_report_is_told(tmp_path: Path) -> None:
    """A gate that says NOT READY or INCOMPLETE and leaves no report is an alarm; a usage error is not."""
    config = Config(notify=MappingProxyType({"high": ("${A}",)}))
    assert "the variable A is not set" in after(tmp_path, None, config, status=12)[0]
    assert after(tmp_path, None, config, status=4) == []


def test_another_runs_report_is_not_told(tmp_path: Path) -> None:
    """A report that an earlier run left is passed over; the history has the right one."""
    (tmp_path / "history").mkdir()
    (tmp_path / "readiness.json").write_text(json.dumps(to_json(report())))
    mine = rolling_back()
    mine["run"]["id"] = "mine"
    (tmp_path / "history" / "20260101T000000.000000Z-mine.json").write_text(json.dumps(mine))
    found = notify_after.find(tmp_path, "mine")
    assert found is not None
    assert found["verdict"]["decision"] == "ROLL BACK"
    assert notify_after.find(tmp_path, "other") is None


def test_a_broken_report_ends_in_a_sentence(tmp_path: Path) -> None:
    """A document of another shape is our fault and no traceback."""
    lines = after(tmp_path, {"run": {"id": "x"}}, Config())
    assert lines == ["readiness: people were not told, by a fault of ours: KeyError: 'verdict'"]


def test_the_page_tells_the_incident() -> None:
    """Each section of the incident report is filled from the report and the journal."""
    journal = [
        {"kind": "begin", "at": 1_790_003_602.0, "plan": {"secret": 1}},
        {"kind": "ended", "at": 1_790_003_605.5, "action": "previous-release", "code": 0},
        {"kind": "outcome", "at": 1_790_003_610.0, "result": "ROLLED_BACK_VERIFIED"},
    ]
    page = incident.markdown(rolling_back(), journal, ["sent: [notify.critical] PAGER (json, 127.0.0.1)"])
    assert page.startswith("# Incident run0001: the release was rolled back\n")
    assert incident.markdown(rolling_back()).startswith("# Incident run0001: ROLL BACK\n")
    assert "| hub-is-ready | critical | the hub is not ready | 200 | 503 |" in page
    assert "- planned: previous-release, because hub-is-ready failed" in page
    assert r"- outcome (result ROLLED\_BACK\_VERIFIED)" in page
    assert r"- sent: \[notify.critical\] PAGER (json, 127.0.0.1)" in page
    assert "- hub: 4.3.0" in page
    times = re.findall(r"^\| (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \|", page, re.MULTILINE)
    assert times == sorted(times)
    assert len(times) == 5
    assert "How did it end?" not in page
    assert "How did it end?" in incident.markdown(rolling_back())


def test_nothing_hostile_is_obeyed_by_the_page() -> None:
    """Markup, mentions, links, HTML and control characters of a hub are shown, in the page's every part."""
    row = bad(reason=HOSTILE, actual=HOSTILE, remedy=HOSTILE)
    page = incident.markdown(rolling_back(rows=[row]), [{"kind": HOSTILE, "at": "x", HOSTILE: HOSTILE}], [HOSTILE])
    assert page.count("evil") >= 8
    for obeyed in ("<img", "[a](", "**x", "@channel", "\x1b", "\u202e", "://evil", "www.evil", "`z`"):
        assert obeyed not in page.replace("\\" + obeyed, "")
    for line in page.splitlines():
        if line.startswith("| hub-is-ready"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 7


@pytest.mark.parametrize(
    ("text", "shown"), [("# x", r"\# x"), ("- x", r"\- x"), ("1. x", r"1\. x"), ("===", r"\==="), ("a-b.c", "a-b.c")]
)
def test_no_text_begins_a_block(text: str, shown: str) -> None:
    """What would be a heading, a list or a rule at the beginning of a line stays text."""
    assert incident.escaped(text) == shown


def checked(folder: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A real `readiness check` of one check that fails, or passes, in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "readiness", "check", "-q", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_readiness_check_tells_people_and_keeps_its_status(tmp_path: Path) -> None:
    """A failed check of a real run reaches the hook once; the second run, and a dead hook, change no exit status."""
    (tmp_path / "test_mine.py").write_text(
        "import readiness\n\n"
        '@readiness.check(id="mine", phase="health", topic="health", severity="critical")\n'
        'def test_mine():\n    """Mine holds."""\n    assert 1 == 2, "one is not two"\n'
    )
    (tmp_path / "readiness.toml").write_text(
        'environment = "staging"\n[target]\nurl = "http://127.0.0.1:9"\n[notify.high]\nurls = ["${HOOK}", "${DEAD}"]\n'
    )
    with serving(Hooks()) as hooks:
        environ = {"HOOK": hooks.url("ok/q7Zp4XvN9mKL8sTw2RbY"), "DEAD": ""}
        first, second = (checked(tmp_path, environ, "test_mine.py") for _ in range(2))
        assert (first.returncode, second.returncode) == (1, 1), first.stdout + first.stderr
        assert "told people: sent: [notify.high] HOOK (json, 127.0.0.1)" in first.stdout
        assert "told people: failed: [notify.high] DEAD: the variable DEAD is not set" in first.stdout
        assert "told people: suppressed: [notify.high] HOOK" in second.stdout
        assert "q7Zp4XvN9mKL8sTw2RbY" not in first.stdout + first.stderr
        [got] = hooks.got
    assert "1 check failed" in got["title"]
    assert "mine: " in got["message"]


def test_a_plain_pytest_run_tells_nobody(tmp_path: Path) -> None:
    """Only `readiness check` tells: the plugin imports none of it."""
    code = (
        "import sys, readiness.plugin, readiness.session.controller; print([m for m in sys.modules if 'notify' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_a_rollbacks_own_verification_tells_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that proves a rollback leaves telling to the rollback."""
    monkeypatch.setattr("readiness.operations.notify.after.after", lambda **_: pytest.fail("people were told"))
    monkeypatch.setenv(VERIFYING, "1")
    tell_people(CheckArguments(report=str(tmp_path)), "run", 12)


def planned_by(run_id: str) -> dict[str, Any]:
    """A plan, as the journal of its rollback holds it."""
    return SavedPlan(run=PlanRun(id=run_id, finished="", status="NOT READY", decision="ROLL BACK")).to_json()


def test_the_page_is_written_anew_once_a_rollback_has_acted(tmp_path: Path) -> None:
    """After a rollback the page has what its journal tells, and everyone who was told, before and after."""
    (tmp_path / "readiness.json").write_text(json.dumps(rolling_back()))
    after(tmp_path, rolling_back(), Config(notify=MappingProxyType({"low": ("${A}",)})))
    book = JournalFile(tmp_path / "rollback" / "one.jsonl")
    book.write("begin", plan=planned_by("run0001"))
    book.write("outcome", result="ROLLED_BACK_VERIFIED")
    book.close()
    other = JournalFile(tmp_path / "rollback" / "other.jsonl")
    other.write("begin", plan=planned_by("another"))
    other.write("outcome", result="ROLLBACK_FAILED")
    other.close()
    line = rollback_page.write_incident(tmp_path, "run0001", ["sent: [notify.low] A (slack)"])
    page = (tmp_path / "incident-run0001.md").read_text()
    assert line == f"incident report: {tmp_path / 'incident-run0001.md'}"
    assert r"ROLLED\_BACK\_VERIFIED" in page
    assert "FAILED)" not in page
    told = page.partition("## Who was told\n\n")[2].partition("\n\n")[0].splitlines()
    assert told == [r"- failed: \[notify.low\] A: the variable A is not set", r"- sent: \[notify.low\] A (slack)"]
    assert rollback_page.write_incident(tmp_path, "by hand") == ""
