"""When a rollback is planned, what it consists of, and the sentence of every refusal."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import pytest

from readiness.config.model import Config, GateSettings, RollbackAction, RollbackSettings, Target
from readiness.errors import ReadinessError
from readiness.findings import TRIGGERS, Finding, Planned, Stage
from readiness.operations.deploys.record import MAX_BYTES, DeployRecord, read_record, write_record
from readiness.operations.rollback.plan import plan_after_failed_deploy, plan_rollback
from readiness.results.verdict.verdict import BY_HAND, Evidence, Judgement, RollbackPlan, Status, decide, judge
from tests.results.verdict.judging import found, planned

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
BACK = RollbackAction(name="previous-release", triggers=("startup-failure", "validation-failure"), command=("back",))
DEPLOY_FAILED = RollbackAction(name="back", triggers=("deploy-failure",), command=("back",))
DEPLOY = DeployRecord(
    deployed_at=NOW - dt.timedelta(minutes=5),
    version="4.3.0",
    commit="abc",
    pid=42,
    passed_before=("hub-answers", "tools", "speed", "open"),
    previous="releases/4.2.1",
)


def config(*actions: RollbackAction, mode: Any = "auto", window: int = 30, **more: Any) -> Config:
    """A production hub seen on its own port."""
    target = Target(url="https://hub.test", internal_url="http://127.0.0.1:7000", version="4.3.0")
    defaults = {"path": Path("readiness.toml"), "target": target}
    return Config(**defaults | more, rollback=RollbackSettings(mode=mode, window=window, actions=actions))


def checks(**more: Any) -> list[Planned]:
    """Checks of a running hub, one a trigger, and one that carries none."""
    return [
        planned("hub-answers", "critical", rollback="startup-failure", **more),
        planned("tools", "critical", rollback="validation-failure", **more),
        planned("speed", "critical", rollback="latency", **more),
        planned("open", "critical", rollback="security", **more),
        planned("plain", "critical", **more),
    ]


def judgement(*failed: str, entries: list[Planned] | None = None, **findings: Finding) -> Judgement:
    """What is judged when these failed and the others passed."""
    entries = entries or checks()
    given = [
        findings.get(p.check.id) or found(p.check.id, "failed" if p.check.id in failed else "passed") for p in entries
    ]
    return judge(Evidence(plan=entries, findings=given), GateSettings())


def assert_refused(result: RollbackPlan, words: str) -> None:
    """A trigger fired and nothing is wanted, for a reason that holds these words."""
    assert result.fired
    assert not result.wanted
    assert result.actions == ()
    assert result.refused is not None
    assert words in result.refused


def test_a_new_failure_inside_the_window_plans_the_configured_action() -> None:
    """The plan names trigger, checks, action and mode, and the decision is ROLL BACK."""
    bad = judgement("tools", "plain")
    result = plan_rollback(bad, config(BACK), DEPLOY, now=NOW)
    assert (result.fired, result.refused, result.mode, result.wanted) == (("validation-failure",), None, "auto", True)
    (action,) = result.actions
    assert (action.name, action.triggers, action.status) == ("previous-release", ("validation-failure",), "planned")
    assert action.because == "tools failed after the deploy"
    assert decide(bad, roll_back=result.wanted).value == "ROLL BACK"


def test_a_commit_to_be_built_in_place_is_for_a_person() -> None:
    """Automatic only to a folder that is kept, prebuilt: for a commit the mode is ask, and the reason is told."""
    in_place = dataclasses.replace(DEPLOY, previous="b" * 40)
    for result in (
        plan_rollback(judgement("tools"), config(BACK), in_place, now=NOW),
        plan_after_failed_deploy(config(DEPLOY_FAILED), in_place, now=NOW, because="status 3"),
    ):
        (action,) = result.actions
        assert (result.mode, action.mode) == ("ask", "ask")
        assert "built in place" in action.because
    assert plan_rollback(judgement("tools"), config(BACK, mode="plan"), in_place, now=NOW).mode == "plan"


def test_a_release_that_was_not_well_is_returned_to_by_a_person() -> None:
    """One that failed what leads back by itself was not healthy: asked, since the deploy may have been the cure."""
    unwell = dataclasses.replace(DEPLOY, passed_before=("tools",), failed_before=("hub-answers",))
    result = plan_rollback(judgement("tools"), config(BACK), unwell, now=NOW)
    assert (result.wanted, result.mode) == (True, "ask")
    assert "not well either (hub-answers)" in result.actions[0].because
    failed = plan_after_failed_deploy(config(DEPLOY_FAILED), DEPLOY, now=NOW, because="status 3", was_well=False)
    assert (failed.mode, plan_after_failed_deploy(config(DEPLOY_FAILED), DEPLOY, now=NOW, because="3").mode) == (
        "ask",
        "auto",
    )
    # what asks anyway says nothing about that
    slow = dataclasses.replace(DEPLOY, passed_before=("tools",), failed_before=("speed", "plain"))
    assert plan_rollback(judgement("tools"), config(BACK), slow, now=NOW).mode == "auto"


def test_nothing_fired_is_no_refusal() -> None:
    """A failure that carries no trigger plans nothing and needs no excuse."""
    result = plan_rollback(judgement("plain"), config(BACK), DEPLOY, now=NOW)
    assert (result.fired, result.actions, result.refused, result.wanted) == ((), (), None, False)


@pytest.mark.parametrize(
    ("finding", "changes"),
    [
        (found("tools", "unknown"), {}),
        (found("tools", "waived"), {}),
        (found("tools", "degraded"), {}),
        (found("tools", "failed", fires=False), {}),
        (found("tools", "failed"), {"stage": Stage.BEFORE}),
        (found("tools", "failed"), {"phase": "infra"}),
        (found("tools", "failed"), {"phase": "preflight"}),
        (found("tools", "failed"), {"phase": "load", "rollback": "security"}),
    ],
)
def test_what_never_fires(finding: Finding, changes: dict[str, Any]) -> None:
    """Unknown, waived, inside the rollback limit, before a deploy, of preflight or infra: no trigger."""
    entry = planned("tools", "critical", **{"rollback": "validation-failure"} | changes)
    result = plan_rollback(judgement(entries=[entry], tools=finding), config(BACK), DEPLOY, now=NOW)
    assert (result.fired, result.wanted) == ((), False)


@pytest.mark.parametrize(
    ("settings", "deploy", "words"),
    [
        ({}, None, "no deploy is recorded"),
        ({"path": None}, DEPLOY, "a first look never rolls back"),
        ({"target": Target(url="https://hub.test", version="4.3.0")}, DEPLOY, "seen only through its proxy"),
        ({"target": Target(url="http://127.evil.test", version="4.3.0")}, DEPLOY, "seen only through its proxy"),
        ({"window": 4}, DEPLOY, "the last deploy was at 2026-03-01 11:55 UTC, and the window of 4 min is over"),
        ({}, dataclasses.replace(DEPLOY, deployed_at=NOW + dt.timedelta(minutes=2)), "lies in the future"),
        ({}, dataclasses.replace(DEPLOY, previous=None), "there is no release to return to"),
        ({}, dataclasses.replace(DEPLOY, version="4.2.1"), "is of version 4.2.1, and version 4.3.0 was judged"),
        ({}, dataclasses.replace(DEPLOY, version=None), "nothing proves that the judged release is the recorded one"),
        ({}, dataclasses.replace(DEPLOY, failed_before=("tools",)), "tools failed on the previous release too"),
        ({}, dataclasses.replace(DEPLOY, passed_before=()), "tools had not passed before the deploy"),
    ],
)
def test_every_refusal_has_its_sentence(settings: dict[str, Any], deploy: DeployRecord | None, words: str) -> None:
    """Whatever speaks against a rollback is said, and the decision is HOLD."""
    bad = judgement("tools")
    result = plan_rollback(bad, config(BACK, **settings), deploy, now=NOW)
    assert_refused(result, words)
    assert decide(bad, roll_back=result.wanted).value == "HOLD"


@pytest.mark.parametrize("status", [Status.READY, Status.CONDITIONAL, Status.INCOMPLETE])
def test_only_not_ready_rolls_back(status: Status) -> None:
    """A fired trigger beside any other verdict is refused."""
    bad = dataclasses.replace(judgement("tools"), status=status)
    assert_refused(plan_rollback(bad, config(BACK), DEPLOY, now=NOW), f"the verdict is {status.value}")


@pytest.mark.parametrize(
    "settings",
    [
        {"window": 5},
        {"target": Target(url="http://127.0.0.1:3000", version="4.3.0")},
        {"target": Target(url="http://[::1]:3000", version="v4.3.0")},
        {"target": Target(url="http://localhost:3000", version="4.3.0")},
        {"environment": "staging", "target": Target(url="https://hub.test", version="4.3.0")},
        {"path": None, "demo": True},
    ],
)
def test_what_is_no_reason_to_refuse(settings: dict[str, Any]) -> None:
    """Exactly at the window's end, on loopback, outside production, on the embedded hub with a record: planned."""
    assert plan_rollback(judgement("tools"), config(BACK, **settings), DEPLOY, now=NOW).wanted


def test_a_commit_proves_the_release_too() -> None:
    """The commit decides where the version is not known, and a contradiction refuses."""
    anonymous = config(BACK, target=Target(internal_url="http://127.0.0.1:7000"))
    assert plan_rollback(judgement("tools"), anonymous, DEPLOY, now=NOW, commit="abc").wanted
    assert plan_rollback(judgement("tools"), anonymous, DEPLOY, now=NOW, version="4.3.0").wanted
    assert_refused(
        plan_rollback(judgement("tools"), anonymous, DEPLOY, now=NOW, commit="def"), "of commit abc, and commit def"
    )


def test_what_the_previous_release_is_known_to_have_failed_does_not_count() -> None:
    """History counts like the record: only the failure that is new remains in the plan."""
    result = plan_rollback(
        judgement("tools", "hub-answers"), config(BACK), DEPLOY, now=NOW, failed_on_previous={"tools"}
    )
    assert result.fired == ("startup-failure",)
    assert result.actions[0].because == "hub-answers failed after the deploy"
    assert_refused(
        plan_rollback(judgement("tools"), config(BACK), DEPLOY, now=NOW, failed_on_previous={"tools"}),
        "previous release too",
    )


def test_actions_are_planned_once_and_in_order() -> None:
    """Many failures, one action; actions follow the triggers' order, then the file's; the rest is left to a person."""
    other = RollbackAction(name="restart", triggers=("latency", "validation-failure"), command=("restart",))
    late = RollbackAction(name="late", triggers=("latency",), command=("late",))
    bad = judgement("tools", "hub-answers", "speed", "open")
    result = plan_rollback(bad, config(late, other, BACK), DEPLOY, now=NOW)
    assert result.fired == ("startup-failure", "validation-failure", "latency", "security")
    assert [(a.name, a.triggers, a.status) for a in result.actions] == [
        ("previous-release", ("startup-failure", "validation-failure"), "planned"),
        ("restart", ("validation-failure", "latency"), "planned"),
        ("late", ("latency",), "planned"),
        (BY_HAND, ("security",), BY_HAND),
    ]


def test_without_a_configured_action_a_person_goes_back() -> None:
    """The rollback is wanted all the same, and nothing runs by itself."""
    result = plan_rollback(judgement("tools"), config(), DEPLOY, now=NOW)
    assert (result.wanted, result.mode) == (True, "plan")
    assert [(a.name, a.status, a.mode) for a in result.actions] == [(BY_HAND, BY_HAND, "plan")]


@pytest.mark.parametrize("mode", ["plan", "ask", "auto"])
@pytest.mark.parametrize("trigger", list(TRIGGERS))
def test_the_effective_mode_is_the_milder_one(mode: str, trigger: str) -> None:
    """Of the configured mode and the trigger's default."""
    modes = ["plan", "ask", "auto"]
    action = RollbackAction(name="any", triggers=(trigger,), command=("any",))
    bad = judgement("tools", entries=[planned("tools", "critical", rollback=trigger)])
    result = plan_rollback(bad, config(action, mode=mode), DEPLOY, now=NOW)
    assert modes.index(result.mode) == min(modes.index(mode), modes.index(TRIGGERS[trigger]))
    assert result.actions[0].mode == result.mode


def test_a_plan_is_no_bolder_than_its_mildest_action() -> None:
    """One action may run by itself, another only when asked: the plan as a whole asks."""
    ask = RollbackAction(name="ask", triggers=("latency",), command=("ask",))
    result = plan_rollback(judgement("tools", "speed"), config(BACK, ask), DEPLOY, now=NOW)
    assert ([a.mode for a in result.actions], result.mode) == (["auto", "ask"], "ask")


def test_further_failures_never_make_an_action_milder() -> None:
    """An action that one trigger may start by itself still may when another, milder one fires too."""
    both = RollbackAction(name="both", triggers=("latency", "validation-failure"), command=("both",))
    assert plan_rollback(judgement("tools", "speed"), config(both), DEPLOY, now=NOW).mode == "auto"


# --- the record -------------------------------------------------------------------------------------------------------


def test_a_record_survives_the_way_to_disk_and_back(tmp_path: Path) -> None:
    """What is written is read again, in UTC, and nothing else is left in the folder but what keeps it out of git."""
    path = tmp_path / "reports" / "deploy.json"
    elsewhere = DEPLOY.deployed_at.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    write_record(path, dataclasses.replace(DEPLOY, deployed_at=elsewhere))
    assert read_record(path) == DEPLOY
    assert json.loads(path.read_text())["deployed_at"] == "2026-03-01T11:55:00.000000Z"
    write_record(path, dataclasses.replace(DEPLOY, pid=None, version=None, commit=None, previous=None))
    assert read_record(path) == dataclasses.replace(DEPLOY, pid=None, version=None, commit=None, previous=None)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".gitignore", "deploy.json"]


def test_no_record_is_none(tmp_path: Path) -> None:
    """A hub that nobody deployed with this tool has no record, and that is no error."""
    assert read_record(tmp_path / "deploy.json") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a record of a deploy"),
        ("[]", "expected an object, got list"),
        ("[" * 100_000, "not a record of a deploy"),
        ("{}", "deployed_at: expected an ISO 8601 time in UTC, got None"),
        ('{"deployed_at": "yesterday"}', "deployed_at: expected an ISO 8601 time in UTC, got 'yesterday'"),
        ('{"deployed_at": "2026-03-01T12:00:00"}', "has no time zone"),
        ('{"deployed_at": "0001-01-01T00:00:00+14:00"}', "no time that this program can reckon with"),
        ('{"deployed_at": "2026-03-01T12:00:00Z", "pid": true}', "pid: expected a positive integer or null, got True"),
        ('{"deployed_at": "2026-03-01T12:00:00Z", "version": 4}', "version: expected a text or null, got 4"),
        ('{"deployed_at": "2026-03-01T12:00:00Z", "previous": ""}', "previous: expected a text or null, got ''"),
        (
            '{"deployed_at": "2026-03-01T12:00:00Z", "passed_before": "a"}',
            "passed_before: expected a list of check ids",
        ),
        (
            '{"deployed_at": "2026-03-01T12:00:00Z", "failed_before": [1]}',
            "failed_before: expected a list of check ids",
        ),
        (" " * (MAX_BYTES + 1), "not a readable file of at most"),
    ],
)
def test_a_malformed_record_is_named(tmp_path: Path, text: str, words: str) -> None:
    """A record that cannot be trusted is an error with the file and the key, never a guess."""
    path = tmp_path / "deploy.json"
    path.write_text(text)
    with pytest.raises(ReadinessError) as caught:
        read_record(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_file_is_no_record(tmp_path: Path) -> None:
    """A folder, a pipe or a link to nothing is refused, and never waited for."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for name in ("folder", "pipe", "link"):
        with pytest.raises(ReadinessError, match="not a readable file"):
            read_record(tmp_path / name)


def test_a_time_without_a_zone_is_no_record() -> None:
    """A naive time would be another moment on every host."""
    with pytest.raises(ValueError, match="time zone"):
        DeployRecord(deployed_at=NOW.replace(tzinfo=None))


# --- what mutation testing found nobody to notice ---------------------------------------------------------------------


def test_actions_stand_in_the_order_of_their_triggers_and_a_restoration_is_asked_about() -> None:
    """The most urgent trigger's action comes first, wherever it is configured; what loses data is never automatic."""
    slow = RollbackAction(name="slow", triggers=("latency",), command=("slow",))
    again = RollbackAction(name="again", triggers=("validation-failure",), command=("again",))
    restore = RollbackAction(name="restore", triggers=("startup-failure",), command=("@restore-backup",))
    assert restore.restores
    result = plan_rollback(
        judgement("hub-answers", "tools", "speed", "open"), config(slow, again, BACK, restore), DEPLOY, now=NOW
    )
    assert [action.name for action in result.actions] == ["previous-release", "restore", "again", "slow", BY_HAND]
    modes = {action.name: action.mode for action in result.actions}
    assert modes["restore"] == "ask"
    assert modes["previous-release"] == "auto"
    assert (result.actions[-1].triggers, modes[BY_HAND]) == (("security",), "plan")
    milder = plan_rollback(judgement("hub-answers"), config(restore, mode="plan"), DEPLOY, now=NOW)
    assert [action.mode for action in milder.actions] == ["plan"]


def test_why_going_back_would_not_help_names_only_what_is_so() -> None:
    """What failed before and what was not seen before are told apart, and one of them alone stands alone."""
    bad = judgement("hub-answers", "tools")
    old = dataclasses.replace(DEPLOY, passed_before=("speed",), failed_before=("hub-answers", "tools"))
    unseen = dataclasses.replace(DEPLOY, passed_before=("speed",))
    both = dataclasses.replace(DEPLOY, passed_before=("speed",), failed_before=("tools",))
    reasons = {
        name: plan_rollback(bad, config(BACK), deploy, now=NOW).refused
        for name, deploy in {"old": old, "unseen": unseen, "both": both}.items()
    }
    assert reasons == {
        "old": "hub-answers, tools failed on the previous release too: going back would not help",
        "unseen": "hub-answers, tools had not passed before the deploy: going back would not help",
        "both": "tools failed on the previous release too and hub-answers had not passed before the deploy: "
        "going back would not help",
    }


@pytest.mark.parametrize(
    ("deploy", "refused"),
    [
        (None, "no deploy is recorded, so nothing shows that one caused this: hold, restart, page"),
        (dataclasses.replace(DEPLOY, previous=None), "there is no release to return to: hold"),
        (
            dataclasses.replace(DEPLOY, deployed_at=NOW.astimezone(dt.timezone(dt.timedelta(hours=5))) - dt.timedelta(hours=1)),
            "the last deploy was at 2026-03-01 11:00 UTC, and the window of 30 min is over: hold, restart, page",
        ),
        (
            dataclasses.replace(DEPLOY, deployed_at=NOW + dt.timedelta(hours=1)),
            "the recorded deploy of 2026-03-01 13:00 UTC lies in the future: set the clocks right",
        ),
        (dataclasses.replace(DEPLOY, passed_before=()), "nothing passed before the deploy, so going back would prove nothing: hold"),
    ],
)  # fmt: skip
def test_a_failed_deploy_is_refused_in_these_words(deploy: DeployRecord | None, refused: str) -> None:
    """Each way in which a deploy's own failure leads nowhere, word for word."""
    result = plan_after_failed_deploy(config(DEPLOY_FAILED), deploy, now=NOW, because="status 3")
    assert result.refused == refused
    assert (result.fired, result.wanted) == (("deploy-failure",), False)


def test_a_failed_deploy_is_gone_back_from_by_the_action_that_is_for_it() -> None:
    """Its own command is the evidence, the mildest action's mode is the plan's, and a first look goes nowhere."""
    result = plan_after_failed_deploy(config(DEPLOY_FAILED), DEPLOY, now=NOW, because="status 3")
    assert [(action.name, action.because, action.mode) for action in result.actions] == [("back", "status 3", "auto")]
    assert (result.mode, result.causes[0].checks) == ("auto", ("deploy-command",))
    restore = RollbackAction(name="restore", triggers=("deploy-failure",), command=("@restore-backup",))
    both = plan_after_failed_deploy(config(DEPLOY_FAILED, restore), DEPLOY, now=NOW, because="status 3")
    assert ([action.mode for action in both.actions], both.mode) == (["auto", "ask"], "ask")
    alone = plan_after_failed_deploy(config(BACK), DEPLOY, now=NOW, because="status 3")
    assert ([action.status for action in alone.actions], alone.mode) == ([BY_HAND], "plan")
    first = plan_after_failed_deploy(config(DEPLOY_FAILED, path=None), None, now=NOW, because="status 3")
    assert first.refused == "a first look never rolls back: nothing was declared about this deployment"
