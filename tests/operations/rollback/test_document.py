"""`rollback-plan.json`: what it holds, what its token binds, and when a run writes or removes it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import RollbackSettings
from readiness.errors import ReadinessError
from readiness.operations.deploys.record import DeployRecord, write_record
from readiness.operations.rollback import document
from readiness.operations.rollback.plan import plan_rollback
from tests.operations.rollback.test_plan import BACK, DEPLOY, NOW, config, judgement
from tests.session.ends.conftest import Project

if TYPE_CHECKING:
    from pathlib import Path

RUN = document.PlanRun(id="run-1", finished=NOW.isoformat(), status="NOT READY", decision="ROLL BACK")
TOOLS = document.SavedCause(trigger="validation-failure", checks=("tools",), phases=("health",))


def made(*failed: str, deploy: DeployRecord | None = DEPLOY, **more: Any) -> document.SavedPlan:
    """The document of a run in which these failed."""
    told = more.pop("told", None) or config(BACK)
    planned = plan_rollback(judgement(*failed or ("tools",)), told, deploy, now=NOW)
    values = {"run": RUN, "redact": lambda text: text} | more
    return document.save_plan(planned, config=told, deploy=deploy, **values)


def test_the_document_says_what_will_be_done_and_for_which_deploy() -> None:
    """Version, run, deploy, causes, actions with their time and verification; the command itself only by its digest."""
    found = made("tools")
    assert (found.run.id, found.wanted, found.mode) == ("run-1", True, "auto")
    assert found.to_json()["schema_version"] == "1"
    assert found.deploy is not None
    assert found.deploy.version == "4.3.0"
    assert found.causes == (TOOLS,)
    (action,) = found.actions
    assert (action.name, action.verify, action.timeout) == ("previous-release", ("health", "e2e"), 600)
    assert action.command_sha256 == document.command_digest(BACK)
    assert found.refused == ()


def test_a_rate_is_to_be_probed_before_anything_acts_on_it() -> None:
    """One look at a latency may be chance: the plan says three looks, ten seconds apart."""
    found = made("speed", "tools")
    assert [(one.trigger, one.probe) for one in found.causes] == [
        ("validation-failure", None),
        ("latency", document.CauseProbe(status="to be probed", times=3, seconds=10.0)),
    ]


def test_every_refusal_is_told_not_only_the_first() -> None:
    """Whoever reads it at night sees all that speaks against going back, and mends it in one go."""
    late = dataclasses.replace(DEPLOY, deployed_at=NOW - dt.timedelta(days=14), previous=None, version="4.2.1")
    found = made("tools", deploy=late)
    assert found.wanted is False
    assert [words for words in found.refused if "window of 30 min is over" in words]
    assert [words for words in found.refused if "no release to return to" in words]
    assert [words for words in found.refused if "is of version 4.2.1" in words]
    assert found.actions == ()


def test_what_does_not_count_is_named_with_its_reason() -> None:
    """Of two failed checks one was bad before: it is dismissed, and the other one alone is the cause."""
    deploy = dataclasses.replace(DEPLOY, failed_before=("tools",), passed_before=("hub-answers",))
    found = made("tools", "hub-answers", "open", deploy=deploy)
    assert [one.checks for one in found.causes] == [("hub-answers",)]
    assert sorted((one.check, one.reason) for one in found.dismissed) == [
        ("open", "it had not passed before the deploy"),
        ("tools", "it failed on the previous release too"),
    ]


def test_the_token_binds_run_deploy_decision_and_command() -> None:
    """Another run, deploy, decision or command gives another token; the same ones the same."""
    other = dataclasses.replace(DEPLOY, deployed_at=NOW - dt.timedelta(minutes=6))
    command = config(dataclasses.replace(BACK, command=("other",)))
    tokens = [
        made().token,
        made(run=dataclasses.replace(RUN, id="run-2")).token,
        made(run=dataclasses.replace(RUN, decision="HOLD")).token,
        made(deploy=other).token,
        made(told=command).token,
    ]
    assert len(set(tokens)) == len(tokens)
    assert made().token == tokens[0]


def test_texts_are_redacted_and_digests_are_not() -> None:
    """What a user or a hub wrote goes through redaction, also where the token is made of it."""
    found = made(redact=lambda text: text.replace("tools", "«redacted»"))
    assert "tools" not in json.dumps(found.to_json(), ensure_ascii=False)
    assert found.actions[0].command_sha256 == document.command_digest(BACK)
    assert found.to_json()["token"] == found.token


def test_a_document_survives_the_way_to_disk(tmp_path: Path) -> None:
    """What is written is read again; None removes it; where there is none, none is read."""
    document.write_plan(tmp_path, made())
    assert document.read_plan(tmp_path) == made()
    document.write_plan(tmp_path, None)
    assert document.read_plan(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("previous-release", "another-action"), "token does not fit"),
        (lambda text: text.replace('"ROLL BACK"', '"HOLD"'), "token does not fit"),
        (lambda text: text.replace('"schema_version": "1"', '"schema_version": "9"'), "is of version '9'"),
        (lambda text: text[:200], "no rollback plan"),
        (lambda _: "[" * 100_000, "no rollback plan"),
        (lambda _: "[]", "no rollback plan"),
        (lambda _: " " * (document.MAX_BYTES + 1), "not a readable file"),
    ],
)
def test_a_plan_that_is_not_as_a_run_wrote_it_is_none(tmp_path: Path, change: Any, words: str) -> None:
    """Edited, torn, foreign or endless: refused with the file's name, never half believed."""
    document.write_plan(tmp_path, made())
    path = tmp_path / document.PLAN_FILE
    path.write_text(change(path.read_text()))
    with pytest.raises(ReadinessError, match=words) as caught:
        document.read_plan(tmp_path)
    assert str(path) in str(caught.value)


# --- by a run ---------------------------------------------------------------------------------------------------------

BAD = '@check("bad", severity="critical", rollback="validation-failure")\ndef test_bad():\n    """Bad."""\n    assert {}, "x"\n'
TOML = '[rollback]\nmode = "ask"\n[[rollback.action]]\nname = "back"\ntriggers = ["validation-failure"]\ncommand = ["true"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose one check fails and whose deploy was recorded just now."""
    found = Project(tmp_path)
    toml = (tmp_path / "readiness.toml").read_text().replace("[probe]", 'version = "4.3.0"\n[probe]')
    (tmp_path / "readiness.toml").write_text(toml + TOML)
    found.suite(BAD.format("0"))
    record(tmp_path, dt.timedelta())
    return found


def record(folder: Path, ago: dt.timedelta) -> None:
    """Record a deploy of that long ago, before which the check passed."""
    moment = dt.datetime.now(dt.UTC) - ago
    deploy = DeployRecord(deployed_at=moment, version="4.3.0", passed_before=("bad",), previous="releases/4.2.1")
    write_record(folder / "reports" / "deploy.json", deploy)


def test_a_run_writes_its_plan_beside_its_report_and_the_next_good_one_removes_it(project: Project) -> None:
    """NOT READY inside the window: ROLL BACK and a plan; mended: no plan is left that anybody could act on."""
    ended = project.run("-m", "health")
    assert ended.report is not None
    assert (ended.code, ended.report["verdict"]["decision"]) == (1, "ROLL BACK")
    found = document.read_plan(project.folder / "reports")
    assert found is not None
    assert (found.run.id, found.wanted, found.mode) == (ended.report["run"]["id"], True, "ask")
    assert [action.name for action in found.actions] == ["back"]
    project.suite(BAD.format("1"))
    assert project.run("-m", "health").code == 0
    assert document.read_plan(project.folder / "reports") is None


def test_two_weeks_later_the_plan_says_why_nothing_is_rolled_back(project: Project) -> None:
    """The window is over: HOLD, and the plan holds no action but the reason."""
    record(project.folder, dt.timedelta(days=14))
    ended = project.run("-m", "health", "-n2")
    assert ended.report is not None
    assert ended.report["verdict"]["decision"] == "HOLD"
    found = document.read_plan(project.folder / "reports")
    assert found is not None
    assert (found.wanted, found.actions) == (False, ())
    assert "the window of 30 min is over" in found.refused[0]
    assert found.causes == (dataclasses.replace(TOOLS, checks=("bad",)),)


def test_a_broken_record_is_the_reason(project: Project) -> None:
    """A record that cannot be read is told as what it is, and nothing is rolled back."""
    (project.folder / "reports" / "deploy.json").write_text("{}")
    project.run("-m", "health")
    found = document.read_plan(project.folder / "reports")
    assert found is not None
    assert found.wanted is False
    assert "not a record of a deploy" in found.refused[0]


def test_the_effective_mode_is_in_the_plan() -> None:
    """Configured `plan` stays `plan`, whatever the trigger would allow."""
    told = dataclasses.replace(config(BACK), rollback=RollbackSettings(mode="plan", actions=(BACK,)))
    assert made(told=told).mode == "plan"
