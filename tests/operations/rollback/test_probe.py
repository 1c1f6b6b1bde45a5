"""A rate or a time acts only once it held for three looks; every look is written down, and load is never given again."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from readiness.errors import ReadinessError
from readiness.operations.check_run import acting as check_rollback
from readiness.operations.check_run import second_look as check_probe
from readiness.operations.check_run.arguments import CheckArguments
from readiness.operations.rollback import document, preconditions, probe
from readiness.operations.rollback import journal as rollback_journal
from readiness.operations.rollback import plan as rules
from readiness.operations.rollback.plan import PROBES, plan_rollback
from tests.operations.rollback.rolled import Site
from tests.operations.rollback.test_plan import judgement
from tests.results.verdict.judging import planned

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.operations.rollback.document import ProbeLook

ENTRIES = [
    planned("tools", "critical", rollback="validation-failure"),
    planned("slow", "critical", rollback="latency", phase="alerts"),
    planned("rate", "critical", rollback="success-rate", phase="alerts"),
    planned("load-slow", "critical", rollback="latency", phase="load"),
]
PHASES = {entry.check.id: entry.check.phase for entry in ENTRIES}
FUNCTIONS = {"tools": "test_tools", "slow": "test_slow", "rate": "test_rate", "load-slow": "test_load"}


class Doubtful(Site):
    """A site in which checks of a rate and of a time may fail; two actions answer to them."""

    def __init__(self, folder: Path, **triggers: tuple[str, ...]) -> None:
        super().__init__(folder, mode="ask")
        given = triggers or {"back": ("latency", "success-rate")}
        first = self.config.rollback.actions[0]
        actions = tuple(dataclasses.replace(first, name=name, triggers=wanted) for name, wanted in given.items())
        object.__setattr__(self.config.rollback, "actions", actions)
        self.rewrite(passed_before=tuple(PHASES))
        self.looks: list[list[str]] = []

    def planned(self, *failed: str) -> document.SavedPlan:
        """The plan and the report of a run in which these failed."""
        now = dt.datetime.now(dt.UTC)
        made = plan_rollback(judgement(*failed, entries=ENTRIES), self.config, self.deploy, now=now)
        run = document.PlanRun(id="run-1", finished=now.isoformat(), status="NOT READY", decision="ROLL BACK")
        told = document.save_plan(made, config=self.config, deploy=self.deploy, run=run, redact=str)
        self.report(self.reports, *failed)
        document.write_plan(self.reports, told)
        return told

    def report(self, folder: Path, *failed: str) -> None:
        """What a run leaves."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            {"check": check, "category": f"{phase}/x", "nodeid": f"a/test_x.py::{FUNCTIONS[check]}[1]",
             "outcome": "failed" if check in failed else "passed", "reason": "p95 6000 ms" if check in failed else ""}
            for check, phase in PHASES.items()
        ]  # fmt: skip
        (folder / "readiness.json").write_text(json.dumps({"findings": rows}))

    def probed(self, made: document.SavedPlan, *looks: str) -> document.SavedPlan:
        """`made` after looks that show, each in turn: `slow`, `rate`, both, neither (`-`), or nothing (`?`)."""
        left = list(looks)

        def looker(asked: check_probe.Asked, _number: int) -> dict[str, ProbeLook]:
            self.looks.append([cause.trigger for cause in asked.causes])
            shown = left.pop(0)
            if shown == "?":
                return check_probe._all_unknown(asked, "nobody answered")
            fired = {PHASES_TRIGGER[check]: (check,) for check in shown.split() if check != "-"}
            self.report(self.folder / "look", *shown.split())
            causes = tuple(document.SavedCause(trigger=trigger, checks=checks) for trigger, checks in fired.items())
            again = document.SavedPlan(run=made.run, causes=causes)
            return check_probe.seen(asked, check_probe._rows(self.folder / "look"), again)

        return check_probe.probed(made, self.config, CheckArguments(), self.said.append, looker)


PHASES_TRIGGER = {entry.check.id: str(entry.check.rollback) for entry in ENTRIES}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No time passes between two looks; the pauses that would be made."""
    pauses: list[float] = []
    monkeypatch.setattr(check_probe, "time", SimpleNamespace(sleep=pauses.append, time=time.time))
    return pauses


def test_what_holds_three_times_is_acted_on(tmp_path: Path, soon: list[float]) -> None:
    """Three looks, ten seconds apart: the cause stands, the gate is gone, and the journal tells of all looks."""
    site = Doubtful(tmp_path)
    made = site.planned("slow")
    assert [one.text for one in gates(site, made)] == ["latency was seen once, and has to hold for 3 looks, 10 s apart"]
    kept = site.probed(made, "slow", "slow", "slow")
    assert soon == [rules.PROBE_SECONDS] * (PROBES - 1)
    assert status_of(kept) == "held"
    assert gates(site, kept) == []
    assert document.read_plan(site.reports) == kept, "the plan that lies there is the one that was probed"
    (entry,) = rollback_journal.entries_of(site.reports, "run-1")
    assert (entry["kind"], entry["held"], len(entry["looks"])) == ("probe", True, 3)
    assert site.execute(kept).exit_code == 1
    assert plan_of(site).probed[0].words.startswith("latency held for 3 looks")


def plan_of(site: Site) -> document.SavedPlan:
    """The plan that the newest rollback carries out."""
    plan = site.state().plan
    assert plan is not None
    return plan


def status_of(plan: document.SavedPlan) -> str:
    """What came of looking at its first cause again."""
    probe = plan.causes[0].probe
    assert probe is not None
    return probe.status


def gates(site: Site, made: document.SavedPlan) -> list[Any]:
    """What speaks against it and a person may pass."""
    return preconditions.refusals(made, site.config, site.journals, dt.datetime.now(dt.UTC))


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        (("-",), "latency did not hold at look 1 of 3: slow passed"),
        (("slow", "-"), "latency did not hold at look 2 of 3"),
        (("slow", "slow", "-"), "latency did not hold at look 3 of 3"),
        (("slow", "?"), "latency could not be told at look 2 of 3: nobody answered"),
    ],
)
def test_what_does_not_hold_does_nothing(looks: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """Once not found, or not told, is enough: no look more, nothing is done, and it is said and written why."""
    site = Doubtful(tmp_path)
    kept = site.probed(site.planned("slow"), *looks)
    assert (kept.actions, kept.causes, kept.wanted) == ((), (), False)
    assert words in site.said[-1]
    assert len(site.looks) == len(looks)
    assert words in kept.dismissed[-1].reason
    assert [entry["held"] for entry in rollback_journal.entries_of(site.reports, "run-1")] == [False]
    assert rollback_journal.rollbacks(site.journals) == [], "looking is no rollback that could be resumed"


def test_one_cause_goes_and_the_other_stays(tmp_path: Path) -> None:
    """Each is asked for as long as it holds; the action stands on what is left of it."""
    site = Doubtful(tmp_path)
    kept = site.probed(site.planned("slow", "rate"), "slow rate", "rate", "rate")
    assert site.looks == [["success-rate", "latency"], ["success-rate", "latency"], ["success-rate"]]
    assert [cause.trigger for cause in kept.causes] == ["success-rate"]
    assert kept.actions[0].triggers == ("success-rate",)
    assert kept.actions[0].because == "rate failed after the deploy"
    assert kept.token != site.planned("slow", "rate").token


def test_a_sure_trigger_is_not_held_up(tmp_path: Path) -> None:
    """An action that a failed validation wants as well is right without the doubtful cause; one that stands alone waits."""
    shared = Doubtful(tmp_path / "a", back=("validation-failure", "latency"))
    made = shared.planned("tools", "slow")
    assert probe.doubtful_causes(made) == []
    assert shared.probed(made) == made
    alone = Doubtful(tmp_path / "b", back=("validation-failure",), other=("latency",))
    made = alone.planned("tools", "slow")
    kept = alone.probed(made, "-")
    assert [action.name for action in kept.actions] == ["back"]


def test_load_is_never_given_again(tmp_path: Path) -> None:
    """Not asked again, kept for a person, and out of mode auto; beside it the other checks of the trigger are asked."""
    site = Doubtful(tmp_path)
    made = dataclasses.replace(site.planned("load-slow"), mode="auto")
    kept = site.probed(made)
    assert (site.looks, kept.mode) == ([], "ask")
    assert "never run again" in site.said[-1]
    assert [gate.gate for gate in gates(site, kept)] == [True]
    both = Doubtful(tmp_path / "both")
    kept = both.probed(both.planned("slow", "load-slow"), "-")
    assert kept.causes[0].checks == ("load-slow",)
    assert status_of(kept) == document.FOR_A_PERSON


def test_check_acts_in_no_mode_on_what_did_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status of the verdict stays, and the terminal says why nothing was done."""
    site = Doubtful(tmp_path)
    made = dataclasses.replace(site.planned("slow"), mode="auto")
    monkeypatch.setattr(check_probe, "_asked", lambda asked, *_: check_probe._all_unknown(asked, "nobody answered"))
    monkeypatch.setattr(check_rollback, "_frozen", lambda _: "")
    with pytest.raises(ReadinessError, match="could not be told at look 1"):
        check_rollback._ready(made, site.config, CheckArguments())
    assert site.done() == []


def test_a_look_runs_the_causing_checks_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh child, the first run's arguments, after them what it is narrowed to and writes, and what checks remember."""
    from readiness.support import child_process

    site, calls = Doubtful(tmp_path), list[tuple[list[str], dict[str, str]]]()
    made = site.planned("slow", "load-slow")
    (site.reports / "telemetry.json").write_text("{}")

    def run(argv: list[str], *, timeout: float, env: dict[str, str]) -> child_process.FinishedProcess:
        calls.append((argv, env))
        folder = tmp_path / argv[argv.index("--readiness-report") + 1]
        assert (folder / "telemetry.json").exists()
        assert (folder / "deploy.json").exists()
        assert not (folder / document.PLAN_FILE).exists()
        return child_process.FinishedProcess(argv=(), code=12, out="", err="", timed_out=timeout < 1, seconds=1)

    monkeypatch.setattr(child_process, "run", run)
    given = ("-m", "alerts or load", "--junitxml=a.xml", "-kslow", "--readiness-config", "x.toml", "--lf", "mine/")
    asked = CheckArguments(given=given, pages=("--junitxml",))
    kept = check_probe.probed(made, site.config, asked, site.said.append)
    ((command, env),) = calls
    folder = command[command.index("--readiness-report") + 1]
    assert command[command.index("check") :] == ["check", *given, "-m", "alerts", "-k", "test_slow", "-q", "--readiness-report", folder,
                           "-o", f"cache_dir={folder}/cache", "--junitxml="]  # fmt: skip
    assert env["READINESS_VERIFYING"] == "1"
    assert kept.causes[0].checks == ("load-slow",), "a look without a report found nothing"
    assert "no report of a run" in site.said[-1]


def test_a_person_passes_the_looks_as_a_gate(tmp_path: Path) -> None:
    """`readiness rollback --yes` is not held up: it is told, and written down."""
    site = Doubtful(tmp_path)
    made = site.planned("slow")
    assert site.execute(made, person=True).exit_code == 1
    assert "has to hold for 3 looks" in site.state().entries[0].data["overridden"][0]
