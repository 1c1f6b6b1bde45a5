"""Once a rollback has acted, the report of the run that planned it says how that ended."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from readiness.cli import nagios as nagios_command
from readiness.config.model import Config, ReportSettings
from readiness.operations.deploys import journal
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.operations.deploys.record import DeployRecord
from readiness.operations.notify import incident
from readiness.operations.rollback import follow_up as rollback_page
from readiness.operations.rollback.document import PlanRun, SavedPlan
from readiness.results import render
from readiness.results.history import store as history_store
from readiness.results.report import iso, read, to_json
from tests.results.report.scenes import hub_down

if TYPE_CHECKING:
    from pathlib import Path


DEPLOY = DeployRecord(
    deployed_at=dt.datetime(2026, 9, 21, 15, 10, tzinfo=dt.UTC),
    version="4.3.1",
    previous="/srv/releases/4.2.1",
    before=ReleaseIdentity(version="4.2.1"),
    command="scripts/deploy.sh 4.3.1",
    by="ada on build7",
)


def written(folder: Path, result: str, deploy: dict[str, Any] | None = None) -> str:
    """A report in `folder`, and the journal of a rollback that its run planned; the run's id."""
    run = hub_down()
    run = dataclasses.replace(run, release_run=None)
    render.write_all(run, folder)
    book = journal.JournalFile(folder / "rollback" / "one.jsonl")
    of_run = PlanRun(id=run.run.id, finished=iso(run.run.finished), status="NOT READY", decision="ROLL BACK")
    book.write(journal.BEGIN, plan=SavedPlan(run=of_run).to_json(), deploy=deploy or {})
    seconds = {"detect": 5.0, "decide": 0.5, "act": 2.0, "verify": 3.0}
    book.write(journal.OUTCOME, result=result, because="<b>as the proof says</b>", seconds=seconds)
    book.close()
    return run.run.id


@pytest.mark.parametrize(
    ("result", "status", "chip"),
    [
        ("ROLLED_BACK_VERIFIED", "passed", "SERVICE OK"),
        ("ROLLED_BACK_UNVERIFIED", "unknown", "ROLLED BACK, UNPROVEN"),
        ("ROLLBACK_FAILED", "failed", "ROLLBACK FAILED"),
    ],
)
def test_the_report_says_how_the_rollback_ended(result: str, status: str, chip: str, tmp_path: Path) -> None:
    """The page's first screen and the document tell the outcome, the time and the proof; the verdict stays the run's own."""
    run_id = written(tmp_path, result)
    assert rollback_page.render_outcome(Config(report_dir=tmp_path), run_id) == ""
    told = json.loads((tmp_path / "readiness.json").read_text())
    assert (told["verdict"]["status"], told["release_run"]["outcome"]) == ("NOT READY", result)
    (phase,) = told["release_run"]["phases"]
    assert (phase["name"], phase["status"], phase["seconds"]) == ("rollback", status, 5.5)
    page = (tmp_path / "readiness.html").read_text()
    assert chip in page
    assert "<b>as the proof says" not in page


def test_nothing_is_changed_where_no_rollback_ended(tmp_path: Path) -> None:
    """Another run's report, or one whose rollback is under way, stays as it is."""
    written(tmp_path, "ROLLED_BACK_VERIFIED")
    before = (tmp_path / "readiness.json").read_text()
    assert rollback_page.render_outcome(Config(report_dir=tmp_path), "another") == ""
    assert (tmp_path / "readiness.json").read_text() == before


def test_within_a_release_its_own_end_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release's report has all phases: this one would leave only the last."""
    run_id = written(tmp_path, "ROLLED_BACK_VERIFIED")
    monkeypatch.setenv("READINESS_LOCK_TOKEN", "of-a-release")
    assert rollback_page.render_outcome(Config(report_dir=tmp_path), run_id) == ""
    assert json.loads((tmp_path / "readiness.json").read_text())["release_run"] is None


def test_a_report_that_is_damaged_costs_nothing_but_itself(tmp_path: Path) -> None:
    """The rollback is over: what cannot be written is said, and raises nothing."""
    run_id = written(tmp_path, "ROLLED_BACK_VERIFIED")
    document = json.loads((tmp_path / "readiness.json").read_text())
    document["findings"] = "none"
    (tmp_path / "readiness.json").write_text(json.dumps(document))
    assert rollback_page.render_outcome(Config(report_dir=tmp_path), run_id).startswith(
        "the report could not be written anew"
    )


def test_every_view_agrees_that_it_is_over(tmp_path: Path) -> None:
    """Page, terminal, Markdown, nagios, badge, the page over all runs and the incident: the service is well, nobody is called."""
    run = dataclasses.replace(hub_down(), release_run=None)
    history_store.keep(run, tmp_path, 10)
    render.runs.write(tmp_path)
    run_id = written(tmp_path, "ROLLED_BACK_VERIFIED", deploy=DEPLOY.to_json())
    formats = ("json", "html", "markdown", "nagios", "badge", "prometheus")
    config = Config(report_dir=tmp_path, report=ReportSettings(formats=formats))
    assert rollback_page.render_outcome(config, run_id) == ""
    assert rollback_page.write_incident(tmp_path, run_id)
    page = (tmp_path / "readiness.html").read_text()
    assert '<body class="ready">' in page
    assert "4.3.1 was rolled back" in page
    assert "<title>SERVICE OK, 4.3.1 was rolled back: " in page
    assert ' <b class="now">now</b>' not in page
    assert "of 100" not in page[: page.index("</header>")]
    assert "Mend in 4.3.1 before it is deployed again" in page or 'id="_mend"' not in page
    assert (tmp_path / "readiness.md").read_text().startswith("## ✅ SERVICE OK: 4.3.1 was rolled back\n")
    assert (tmp_path / "readiness.nagios").read_text().startswith("READINESS OK - SERVICE OK, 4.3.1 was rolled back: ")
    assert re.search(r"(?m)^readiness_rolled_back\{[^}]*\} 1\.0$", (tmp_path / "readiness.prom").read_text())
    assert '"isError": false' in (tmp_path / "readiness.badge.json").read_text()
    text, status = nagios_command.answer(tmp_path / "readiness.json", run.run.finished + 1, 60)
    assert (status, text.startswith("READINESS OK")) == (0, True)
    report = read(json.loads((tmp_path / "readiness.json").read_text()))
    told = render.lines(report, 200, color=False)
    assert told[0] == "SERVICE OK: 4.3.1 was rolled back"
    assert [line for line in told if line.startswith(("on call", "next: ", "rollback planned"))] == []
    index = (tmp_path / "history" / "index.html").read_text()
    assert "SERVICE OK, ROLLED BACK" in index
    (kept,) = (tmp_path / "history").glob("*.json")
    assert json.loads(kept.read_text())["release_run"]["outcome"] == "ROLLED_BACK_VERIFIED"
    incident = (tmp_path / f"incident-{run_id}.md").read_text()
    assert incident.startswith(f"# Incident {run_id}: 4.3.1 was rolled back\n")
    assert "**It is over:** 4.3.1 was rolled back" in incident


def test_a_rollback_that_failed_stays_red(tmp_path: Path) -> None:
    """Only what is proven is over: otherwise every view keeps the verdict, and says what was tried."""
    run_id = written(tmp_path, "ROLLBACK_FAILED", deploy=DEPLOY.to_json())
    config = Config(report_dir=tmp_path, report=ReportSettings(formats=("json", "html", "markdown", "nagios")))
    assert rollback_page.render_outcome(config, run_id) == ""
    assert "<title>NOT READY, ROLLBACK FAILED: " in (tmp_path / "readiness.html").read_text()
    assert "READINESS CRITICAL - NOT READY, ROLLBACK FAILED" in (tmp_path / "readiness.nagios").read_text()
    assert "NOT READY: ROLLBACK FAILED" in (tmp_path / "readiness.md").read_text()
    rollback_page.write_incident(tmp_path, run_id)
    assert "It is over" not in (tmp_path / f"incident-{run_id}.md").read_text()


def test_the_timeline_begins_with_the_deploy(tmp_path: Path) -> None:
    """When, what over what, by which command and whom; and what failed before the deploy is not first seen after it."""
    document = to_json(hub_down())
    failed = [row["check"] for row in document["findings"] if row["outcome"] == "failed"]
    early = dataclasses.replace(DEPLOY, passed_before=(failed[0],))
    old = [{"name": name, "since": "2026-01-02T03:04:05.000000Z"} for name in failed]
    document["comparison"] = {"still_failing": old}
    timeline = incident.markdown(document, deploy=early.to_json()).partition("## Timeline\n\n")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in timeline.splitlines()[2:]]
    assert rows[0][1] == ("deployed: 4.3.1, over 4.2.1, by scripts/deploy.sh 4.3.1, started by ada on build7 |"), rows[
        0
    ]
    seen = [row[1] for row in rows if "first seen failing" in row[1]]
    assert seen == [f"first seen failing: {failed[0]} |"]
    assert "2026-01-02" not in timeline
