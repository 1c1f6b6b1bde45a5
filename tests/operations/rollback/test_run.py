"""A bad deploy on the embedded hub, caught by `readiness check`, rolled back and verified; and what stays undone, with its reason."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tomli_w import dumps

from readiness import demo
from readiness.config.demo import demo_settings
from readiness.operations.deploys import journal, quarantine
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.operations.deploys.record import DeployRecord, write_record
from readiness.operations.rollback import document
from readiness.operations.rollback import journal as rollback_journal
from tests.operations.release.test_record import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASK = """
import pathlib, sys, time
folder = pathlib.Path({folder!r})
(folder / "wanted").touch()
until = time.monotonic() + 20
while not (folder / "restored").exists() and time.monotonic() < until:
    time.sleep(0.02)
print("the release before was asked for", {extra!r})
sys.exit(0 if (folder / "restored").exists() else 1)
"""


class Supervised(Site):
    """A site whose hub somebody outside the rollback starts anew from the release before, when an action asks for it."""

    def __init__(self, folder: Path, mode: str = "auto", *, trigger: str = "validation-failure") -> None:
        self.trigger = trigger
        self.mode, self.back_with, self.ending = mode, "", threading.Event()
        self.built_in = False
        self.old = folder / "old"
        (folder / "ask.py").write_text(ASK.format(folder=str(folder), extra=""))
        super().__init__(folder)
        self.old.symlink_to(self.link.resolve())
        self.thread = threading.Thread(target=self._supervise, daemon=True)
        self.thread.start()

    def configure(self) -> None:
        """As a file that a user wrote, with the action and its mode."""
        settings = demo_settings(self.hub.release)
        settings["target"] |= {"url": self.hub.url, "release": str(self.link), "state": str(self.hub.state_dir)}
        action = {
            "name": "previous-release",
            "triggers": ["startup-failure", self.trigger],
            "command": [sys.executable, str(self.folder / "ask.py")],
            "timeout": 30,
            "verify": ["health"],
        }
        if self.built_in:
            action["command"] = ["@restore-backup"]
        settings["target"]["backups"] = str(self.old / "backups")
        settings["release"]["previous"] = str(self.old)
        settings.pop("contacts")
        commands = {name: [sys.executable, str(self.folder / f"{name}.py")] for name in ("stop", "ask")}
        settings["rollback"] = {
            "mode": self.mode,
            "steady": 0,
            "action": [action],
            "stop": commands["stop"],
            "start": commands["ask"],
        }
        (self.folder / "readiness.toml").write_text(dumps(settings))

    def _supervise(self) -> None:
        while not self.ending.wait(0.02):
            if (self.folder / "stop").exists():
                self.hub.stop()
                (self.folder / "stop").unlink()
            if (self.folder / "wanted").exists():
                (self.folder / "wanted").unlink()
                port = self.hub.port
                self.hub.stop()
                self.hub = demo.start(self.back_with or None, port=port)
                # the embedded hub always brings its release along: what is in place is the one that was kept
                (self.folder / "back").symlink_to(self.old.resolve())
                (self.folder / "back").replace(self.link)
                self.configure()
                (self.folder / "restored").touch()

    def end(self) -> None:
        """End all that was started."""
        self.ending.set()
        self.thread.join(10)
        self.hub.stop()

    def deployed(self, fault: str, passed: tuple[str, ...] = ("mcp-servers-are-connected", "hub-is-ready")) -> None:
        """A broken release, recorded as `release --record` does it."""
        self.deploy(fault)
        record = DeployRecord(
            deployed_at=dt.datetime.now(dt.UTC), version="4.3.0", passed_before=passed, previous=str(self.old)
        )
        write_record(self.folder / "reports" / "deploy.json", record)

    @property
    def state(self) -> rollback_journal.RollbackState:
        """The newest journal of a rollback."""
        return rollback_journal.rollbacks(self.folder / "reports" / "rollback")[-1]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Supervised]:
    """A healthy site in mode auto."""
    found = Supervised(tmp_path)
    yield found
    found.end()


def test_a_bad_deploy_is_caught_rolled_back_and_verified(site: Supervised) -> None:
    """Noted, deployed, recorded, judged, acted upon, proven: ROLLED_BACK_VERIFIED and 1, each phase timed."""
    assert site.call("check", "-m", "health").returncode == 0
    assert site.call("release", "--record").returncode == 0
    site.deploy("server-down")
    assert site.call("release", "--record").returncode == 0
    done = site.call("check", "-m", "health", "-q")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ROLLED_BACK_VERIFIED" in done.stdout, done.stdout + done.stderr
    outcome, proof = site.state.outcome, site.state.proof
    assert outcome is not None
    assert proof is not None
    assert outcome.result == "ROLLED_BACK_VERIFIED"
    assert outcome.seconds["decide"] < 3, "from the failed verdict to the action; one second where nobody else works"
    assert proof.bad == ()
    assert proof.passed > 15
    assert quarantine.every(site.folder / "reports")
    again = site.call("check", "-m", "health")
    assert again.returncode == 0, again.stdout


@pytest.mark.matrix
def test_a_previous_release_that_is_broken_too_ends_with_14(site: Supervised) -> None:
    """What came back fails what had passed: ROLLBACK_FAILED, and it is not tried again by itself."""
    site.back_with = "server-down"
    site.deployed("server-down")
    done = site.call("check", "-m", "health", "-q")
    assert (done.returncode, "ROLLBACK_FAILED" in done.stdout) == (14, True), done.stdout + done.stderr
    once_more = site.call("check", "-m", "health", "-q")
    assert once_more.returncode == 1
    assert "not rolled back" in once_more.stderr
    assert "cooldown" in once_more.stderr
    assert len(rollback_journal.rollbacks(site.folder / "reports" / "rollback")) == 1


@pytest.mark.matrix
def test_an_action_that_changes_nothing_is_found_out(site: Supervised) -> None:
    """It says that all is well; the same process answers, and the checks still fail: 14."""
    (site.folder / "ask.py").write_text("print('rolled back')\n")
    site.deployed("server-down")
    done = site.call("check", "-m", "health", "-q")
    assert done.returncode == 14, done.stdout + done.stderr
    assert site.state.proof is not None
    proof = site.state.proof.bad
    assert [text for text in proof if "which ran before the rollback began" in text]


@pytest.mark.matrix
def test_nothing_acts_inside_pytest_or_when_the_mode_forbids(site: Supervised) -> None:
    """Plain pytest only plans; a broken hub outside the window is left alone; `show` changes nothing."""
    site.deployed("server-down")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    from readiness.session.invocation import suite_folders

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "health"]
    done = subprocess.run(
        [*command, str(suite_folders()["smoke"])],
        cwd=site.folder,
        env=env,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert not (site.folder / "reports" / "rollback").exists()
    shown = site.call("rollback")
    assert shown.returncode == 0, shown.stderr
    assert "previous-release" in shown.stdout
    assert "nothing was done" in shown.stdout
    assert rollback_journal.rollbacks(site.folder / "reports" / "rollback") == []
    carried = site.call("rollback", "--yes")
    assert carried.returncode == 1
    assert "ROLLED_BACK_VERIFIED" in carried.stdout, carried.stdout + carried.stderr


@pytest.mark.matrix
def test_mode_ask_asks_nobody_without_a_terminal(tmp_path: Path) -> None:
    """It says what to call, and ends: it never waits for an answer that cannot come."""
    site = Supervised(tmp_path, "ask")
    try:
        site.deployed("server-down")
        done = site.call("check", "-m", "health", "-q")
        assert done.returncode == 1
        assert "`readiness rollback` shows what is planned" in done.stdout
        assert not (tmp_path / "wanted").exists()
    finally:
        site.end()


SOON = "from readiness.operations.rollback import plan; plan.PROBE_SECONDS = 0.2; from readiness.__main__ import main; raise SystemExit(main())"
"""`readiness` that makes less of a pause between two looks."""


def on_terminal(site: Supervised, answer: str, *arguments: str) -> tuple[int, str]:
    """Call `readiness` on a terminal and type `answer` where it asks; its status and what it said."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    child, terminal = pty.fork()
    if not child:
        os.chdir(site.folder)
        os.execve(sys.executable, [sys.executable, "-c", SOON, *arguments], env)
    said, typed, until = "", False, time.monotonic() + 60
    with contextlib.suppress(OSError):
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.2)[0]:
                said += os.read(terminal, 4096).decode("utf-8", "replace")
            if not typed and "to roll it back in" in said:
                os.write(terminal, f"{answer}\n".encode())
                typed = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


@pytest.mark.matrix
def test_on_a_terminal_the_releases_name_is_typed(tmp_path: Path) -> None:
    """Another word does nothing; the name carries it out, after what will happen was shown."""
    site = Supervised(tmp_path, "ask")
    try:
        site.deployed("server-down")
        status, said = on_terminal(site, "yes", "check", "-m", "health", "-q")
        assert (status, "nothing was done" in said) == (1, True), said
        assert not (tmp_path / "restored").exists()
        status, said = on_terminal(site, "4.3.0", "rollback")
        assert status == 1, said
        assert "mcp-servers-are-connected" in said or "validation-failure" in said
        assert "ROLLED_BACK_VERIFIED" in said
    finally:
        site.end()


@pytest.mark.matrix
def test_a_p95_past_its_limit_is_looked_at_three_times(tmp_path: Path) -> None:
    """Three fresh runs of that check alone; it holds, a person agrees, and the release before is proven faster."""
    site = Supervised(tmp_path, "ask", trigger="latency")
    try:
        site.deployed("llm-slow", passed=("hub-is-ready", "llm-p95-latency"))
        status, said = on_terminal(site, "4.3.0", "check", "-m", "health or alerts", "-q")
        assert "looking again, 3 of 3: latency" in said, said
        assert "latency held for 3 looks" in said
        assert (status, "ROLLED_BACK_VERIFIED" in said) == (1, True), said
        looks = sorted((tmp_path / "reports" / "rollback").glob("*-probes/*/readiness.json"))
        assert len(looks) == 3
        asked = [
            row["check"]
            for row in json.loads(looks[0].read_text())["findings"]
            if row["outcome"] not in {"unknown", "not_applicable"}
        ]
        assert asked == ["llm-p95-latency"]
        assert [e.data["phases"] for e in site.state.entries if e.kind == rollback_journal.VERIFY] == [
            ["health", "alerts"]
        ], "where the cause was found is verified"
    finally:
        site.end()


THIRTY = """
import pytest
from readiness import check
pytestmark = pytest.mark.health
TRIGGERS = ("startup-failure", "validation-failure", "success-rate", "latency", "circuit-breaker", "memory-leak", "security")

def made(number):
    @check(f"own-{number}", severity="critical", rollback=TRIGGERS[number % len(TRIGGERS)])
    def test_own():
        "It holds."
        assert not "broken", "as deployed"
    return test_own

for number in range(30):
    globals()[f"test_own_{number}"] = made(number)
"""


@pytest.mark.matrix
def test_thirty_checks_fail_in_two_workers_and_each_action_runs_once(tmp_path: Path) -> None:
    """The controller alone acts, once, in the order of the triggers; nothing answers afterwards, and that is said."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "test_own.py").write_text(THIRTY)
    (tmp_path / "hub").mkdir()
    triggers = {"second": ["validation-failure", "latency", "security"], "first": ["startup-failure", "success-rate"]}
    actions = [
        {"name": name, "triggers": wanted, "command": ["sh", "-c", f"echo {name} >> ../done"], "verify": []}
        for name, wanted in triggers.items()
    ]
    settings = {
        "environment": "staging",
        "target": {"url": "http://127.0.0.1:9", "version": "4.3.0", "release": str(tmp_path / "hub")},
        "rollback": {"mode": "auto", "steady": 0, "action": actions},
    }
    (tmp_path / "readiness.toml").write_text(dumps(settings))
    (tmp_path / "old").mkdir()
    passed = tuple(f"own-{number}" for number in range(30))
    record = DeployRecord(
        deployed_at=dt.datetime.now(dt.UTC), version="4.3.0", passed_before=passed, previous=str(tmp_path / "old")
    )
    write_record(tmp_path / "reports" / "deploy.json", record)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    command = [sys.executable, "-m", "readiness", "check", "-m", "health", "-q", "-n2", "checks"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 14, done.stdout + done.stderr
    assert (tmp_path / "done").read_text().split() == ["first", "second"]
    (state,) = rollback_journal.rollbacks(tmp_path / "reports" / "rollback")
    assert state.plan is not None
    assert state.outcome is not None
    causes = state.plan.causes
    assert sorted(check for cause in causes for check in cause.checks) == sorted(passed)
    assert [cause.trigger for cause in causes][:2] == ["startup-failure", "validation-failure"]
    assert "does not answer" in state.outcome.because


@pytest.mark.matrix
def test_an_expired_token_two_weeks_later_rolls_nothing_back(site: Supervised) -> None:
    """A server that waits for somebody to log in, long after the deploy: HOLD, in mode auto too."""
    site.deployed("server-unauthorized")
    path = site.folder / "reports" / "deploy.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"deployed_at": "2026-01-01T00:00:00Z"}))
    done = site.call("check", "-m", "health", "-q")
    assert done.returncode == 1
    assert (site.decision(), (site.folder / "reports" / "rollback").exists()) == ("HOLD", False)


def calls(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`readiness rollback` in a folder without a hub."""
    return subprocess.run(
        [sys.executable, "-m", "readiness", "rollback", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_verb_without_a_plan(tmp_path: Path) -> None:
    """Nothing planned, nothing to resume, an action that nobody configured, a plan that was edited: each says so."""
    (tmp_path / "readiness.toml").write_text('environment = "test"\n[target]\nurl = "http://127.0.0.1:9"\n')
    nothing = calls(tmp_path)
    assert (nothing.returncode, "nothing is planned" in nothing.stdout) == (0, True), nothing
    resume = calls(tmp_path, "--resume")
    assert (resume.returncode, "no unfinished rollback" in resume.stderr) == (1, True)
    action = calls(tmp_path, "--action", "x")
    assert (action.returncode, "no [[rollback.action]] is named x" in action.stderr) == (1, True)
    (tmp_path / "reports").mkdir(exist_ok=True)
    (tmp_path / "reports" / document.PLAN_FILE).write_text("{}")
    assert "no rollback plan" in calls(tmp_path, "--yes").stderr
    quarantine.add(tmp_path / "reports", ReleaseIdentity(version="4.3.0"), "bad")
    assert calls(tmp_path, "--lift", "4.3.0").returncode == 0
    assert quarantine.every(tmp_path / "reports") == []


def test_a_plan_of_another_run_is_not_carried_out(site: Supervised) -> None:
    """The plan that lies there must be this run's own: an older one is nobody's order."""
    from readiness.operations.check_run.acting import act
    from readiness.operations.check_run.arguments import CheckArguments

    site.deployed("server-down")
    (site.folder / "reports").mkdir(exist_ok=True)
    run = document.PlanRun(id="another", finished="", status="NOT READY", decision="ROLL BACK")
    document.write_plan(site.folder / "reports", document.SavedPlan(run=run, mode="auto"))
    reports, asked = site.folder / "reports", CheckArguments()
    assert act("mine", 1, reports, lambda: pytest.fail("the configuration was asked for"), asked=asked) == 1


@pytest.mark.parametrize(("later", "acted"), [(True, False), (False, True)])
def test_a_hub_that_is_silent_is_looked_at_again(
    later: bool,  # noqa: FBT001 - a parameter of the test
    acted: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Our own run may have frozen it: where it answers again nothing is done, where it stays silent it is rolled back."""
    from readiness.config.model import Config
    from readiness.operations.check_run import acting as check_rollback
    from readiness.operations.deploys import hub_look as look
    from readiness.operations.deploys.hub_look import Seen

    looks = [Seen(answers=False, silent=True), Seen(answers=later)]
    monkeypatch.setattr(look, "look", lambda _: looks.pop(0))
    monkeypatch.setattr(check_rollback, "FROZEN_SECONDS", 0.01)
    assert (check_rollback._frozen(Config()) == "") == acted
    assert looks == []


@pytest.mark.matrix
def test_a_killed_check_is_resumed_by_a_person(site: Supervised) -> None:
    """SIGKILL for `readiness check` while its action runs: the action goes on, and --resume verifies what it did."""
    acting = site.folder / "acting"
    begins = f"import pathlib, time\npathlib.Path({str(acting)!r}).touch()\ntime.sleep(1.5)\n"
    (site.folder / "ask.py").write_text(begins + ASK.format(folder=str(site.folder), extra="late"))
    site.deployed("server-down")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    command = [sys.executable, "-m", "readiness", "check", "-m", "health", "-q"]
    process = subprocess.Popen(command, cwd=site.folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    # the journal says so before the command begins: killed in between, there would be nothing that goes on
    while time.monotonic() < until and not acting.exists():
        time.sleep(0.02)
    assert acting.exists()
    process.kill()
    process.wait()
    refused = site.call("rollback", "--yes")
    assert (refused.returncode, "was not finished" in refused.stderr) == (1, True), refused
    done = site.call("rollback", "--resume")
    assert "ROLLED_BACK_VERIFIED" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    assert len([entry for entry in site.state.entries if entry.kind == journal.STARTED]) == 1


STOP = """
import pathlib, time
folder = pathlib.Path({folder!r})
(folder / "stop").touch()
while (folder / "stop").exists():
    time.sleep(0.02)
"""


@pytest.mark.matrix
def test_the_built_in_action_brings_the_release_before_back(tmp_path: Path) -> None:
    """Its backup verified, the hub proven stopped, the link switched, started, ready, and verified by the checks."""
    from readiness.facts.backup.commits import head_commit

    site = Supervised(tmp_path, "ask")
    try:
        (tmp_path / "stop.py").write_text(STOP.format(folder=str(tmp_path)))
        site.built_in = True
        site.deployed("server-down")
        path = tmp_path / "reports" / "deploy.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"commit": head_commit(site.hub.release)}))
        assert site.call("check", "-m", "health", "-q").returncode == 1
        done = site.call("rollback", "--yes")
        assert "ROLLED_BACK_VERIFIED" in done.stdout, done.stdout + done.stderr
        ended = site.state.ended("previous-release")
        output = "" if ended is None else ended.output
        assert "verifies" in output
        assert "is ready" in output
    finally:
        site.end()
