"""Once a rollback has acted, the report of the run that planned it says how that ended."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config
from readiness.operations.deploys import journal
from readiness.operations.rollback import follow_up as rollback_page
from readiness.operations.rollback.document import PlanRun, SavedPlan
from readiness.results import render
from readiness.results.report import iso
from tests.results.report.scenes import hub_down

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, result: str) -> str:
    """A report in `folder`, and the journal of a rollback that its run planned; the run's id."""
    run = hub_down()
    run = dataclasses.replace(run, release_run=None)
    render.write_all(run, folder)
    book = journal.JournalFile(folder / "rollback" / "one.jsonl")
    of_run = PlanRun(id=run.run.id, finished=iso(run.run.finished), status="NOT READY", decision="ROLL BACK")
    book.write(journal.BEGIN, plan=SavedPlan(run=of_run).to_json(), deploy={})
    seconds = {"detect": 5.0, "decide": 0.5, "act": 2.0, "verify": 3.0}
    book.write(journal.OUTCOME, result=result, because="<b>as the proof says</b>", seconds=seconds)
    book.close()
    return run.run.id


@pytest.mark.parametrize(
    ("result", "status", "chip"),
    [
        ("ROLLED_BACK_VERIFIED", "passed", "ROLLED BACK"),
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
