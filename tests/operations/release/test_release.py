"""A whole release: every phase has a defined end, and whoever dies when, it is gone on with and nothing is done twice."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.cli import release as release_command
from readiness.errors import ReadinessError
from readiness.operations.deploys import journal, lock, quarantine
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.operations.deploys.record import read_record
from readiness.operations.notify.events import Event, Notified
from readiness.operations.release import flow
from readiness.operations.release import journal as book
from readiness.operations.release.model import EXIT, Interrupted, ReleaseOutcome
from tests.operations.release.released import SWITCH, Released
from tests.operations.rollback.rolled import ended_in_child

if TYPE_CHECKING:
    from pathlib import Path

GOOD = ["lock", "backup", "preflight", "before", "deploy", "ready", "verify", "bake"]


def test_a_good_release_is_kept(tmp_path: Path) -> None:
    """Every phase once, in order; the deploy is on record with what passed before, and all of it is told with its time."""
    site = Released(tmp_path)
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.KEPT, 0), site.said
    assert list(site.phases()) == GOOD
    assert site.phases()["bake"] == "skipped"
    assert site.done() == ["backup", "deploy"]
    assert site.asked() == ["preflight", "before", "health or e2e"]
    record = read_record(site.reports / "deploy.json")
    assert record is not None
    assert (record.version, record.passed_before, record.pid) == ("4.3.0", ("tools",), 200)
    assert record.previous is not None
    assert record.previous.endswith("releases/old")
    page = site.page()
    assert (page["outcome"], page["exit"], [phase["name"] for phase in page["phases"]]) == ("KEPT", 0, GOOD)
    assert all(phase["seconds"] >= 0 for phase in page["phases"])
    assert not (lock.folder_for(site.config) / lock.FILE).exists()
    assert "READINESS_LOCK_TOKEN" not in os.environ


def test_the_exit_codes_are_the_promised_ones() -> None:
    """0 when kept, 1 when refused, aborted, held or back, 13 and 14 as a rollback ends."""
    assert [EXIT[one] for one in ReleaseOutcome] == [0, 1, 1, 1, 1, 13, 14]


def test_a_bad_release_is_rolled_back_and_verified(tmp_path: Path) -> None:
    """The checks fail after the deploy: the action runs once, the old release is proven, the new one quarantined."""
    site = Released(tmp_path)
    site.says["health or e2e"] = ["NOT READY"]
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.VERIFIED, 1), site.said
    assert site.done() == ["backup", "deploy", "back"]
    assert site.link() == "old"
    assert site.phases() | {"verify": "failed", "rollback": "passed"} == site.phases()
    assert "bake" not in site.phases()
    assert quarantine.find(site.reports, ReleaseIdentity(version="4.3.0")) is not None
    assert "tools failed" in found.because
    assert site.page()["outcome"] == "ROLLED_BACK_VERIFIED"


BEFORE = [
    ("preflight", "NOT READY", ReleaseOutcome.REFUSED, 1, "preflight is NOT READY: tools failed"),
    ("preflight", "INCOMPLETE", ReleaseOutcome.REFUSED, 12, "preflight is INCOMPLETE: tools unknown"),
]


@pytest.mark.parametrize(("phase", "verdict", "outcome", "code", "words"), BEFORE)
def test_nothing_is_deployed_that_is_not_ready(  # noqa: PLR0913, PLR0917 - a row of the table
    phase: str, verdict: str, outcome: ReleaseOutcome, code: int, words: str, tmp_path: Path
) -> None:
    """A release on disk that is bad, or not known to be good, never gets as far as the command."""
    site = Released(tmp_path)
    site.says[phase] = [verdict]
    found = site.release()
    assert (found.outcome, found.exit, found.because) == (outcome, code, words)
    assert site.done() == ["backup"]
    assert site.link() == "old"


def test_no_backup_no_release(tmp_path: Path) -> None:
    """A backup that cannot be made refuses the release, and says why."""
    site = Released(tmp_path)

    def full(_: object) -> str:
        raise ReadinessError("/backups: No space left on device")

    found = site.release(world=site.world(backup=full))
    assert (found.outcome, found.exit) == (ReleaseOutcome.REFUSED, 1)
    assert "backup: /backups: No space left on device" in found.because
    assert site.done() == []


DEPLOYS: dict[str, tuple[str, dict[str, Any], ReleaseOutcome, list[str], str]] = {
    # the command's body, what is different about the site, how it ends, what ran, words of the reason
    "fails having changed nothing": ("import sys; print('no'); sys.exit(3)", {}, ReleaseOutcome.ABORTED, [], "nothing to roll"),
    "fails after the switch": (SWITCH + "sys.exit(3)", {}, ReleaseOutcome.VERIFIED, ["deploy", "back"], "status 3"),
    "leaves the hub dead": (
        "import os, sys; os.unlink('{folder}/hub.json'); sys.exit(4)",
        {},
        ReleaseOutcome.HELD,  # the release from before is in place: what lies beside it was never proven, and is no way back
        [],
        "see to it that it runs",
    ),
    "hangs": (SWITCH + "time.sleep(60)", {"release": {"timeout": 0.7}}, ReleaseOutcome.VERIFIED, ["deploy", "back"], "did not end"),
    "fails, and nobody may act": (SWITCH + "sys.exit(3)", {"mode": "plan"}, ReleaseOutcome.HELD, ["deploy"], "readiness rollback"),
    "fails, and no action answers": (
        SWITCH + "sys.exit(3)", {"actions": ()}, ReleaseOutcome.HELD, ["deploy"], "no configured action is planned"),
    "does nothing and says that all is well": ("pass", {}, ReleaseOutcome.ABORTED, [], "changed nothing"),
    "cannot be started": ("", {}, ReleaseOutcome.ABORTED, [], "could not be started"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEPLOYS)
def test_a_deploy_that_goes_wrong(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the command does, the release has an end that is true, and the old release is in place where it can be."""
    monkeypatch.setattr("readiness.operations.release.after.NOTHING_SECONDS", 0.1)
    body, more, outcome, ran, words = DEPLOYS[name]
    site = Released(tmp_path, body, **dict(more))
    if name == "cannot be started":
        found = flow.release(site.config, site.order(command=("/nowhere/deploy",)), site.world())
    else:
        found = site.release()
    assert found.outcome is outcome, (found, site.said)
    assert [one for one in site.done() if one != "backup"] == ran
    assert words in found.because
    assert site.page()["because"] == found.because
    if outcome is not ReleaseOutcome.HELD:
        assert site.link() == "old"


@pytest.mark.parametrize("status", [0, 3])
def test_a_command_that_broke_what_it_did_not_replace_is_held(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same process, same release, and what passed before fails: nothing to go back from, and no word that all is as it was."""
    monkeypatch.setattr("readiness.operations.release.after.NOTHING_SECONDS", 0.1)
    site = Released(tmp_path, f"import sys; sys.exit({status})")
    site.says["before"] = ["READY", "NOT READY"]
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.HELD, 1)
    assert "what passed before fails now: tools fails" in found.because
    assert [one for one in site.done() if one != "backup"] == []
    assert not (site.reports / "deploy.json").exists()


def test_a_planned_rollback_waits_for_a_person(tmp_path: Path) -> None:
    """In mode plan the release is held; the plan lies there with its token, and `readiness rollback` may carry it out."""
    site = Released(tmp_path, mode="plan")
    site.says["health or e2e"] = ["NOT READY"]
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.HELD, 1)
    assert "readiness rollback" in found.because
    assert site.link() == "new"
    assert json.loads((site.reports / "rollback-plan.json").read_text())["wanted"] is True


def test_what_is_not_known_is_held_and_never_rolled_back(tmp_path: Path) -> None:
    """INCOMPLETE after the deploy ends with 12, and no action ran."""
    site = Released(tmp_path)
    site.says["health or e2e"] = ["INCOMPLETE"]
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.HELD, 12)
    assert site.done() == ["backup", "deploy"]


def test_what_failed_before_triggers_nothing(tmp_path: Path) -> None:
    """The check that fails after the deploy failed before it, too: going back would not help, and that is said."""
    site = Released(tmp_path)
    site.says |= {"before": ["NOT READY"], "health or e2e": ["NOT READY"]}
    history = site.reports / "history"
    history.mkdir(parents=True)
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.HELD, 1)
    assert site.done() == ["backup", "deploy"]


def test_a_first_deploy_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    """No hub answered before: the release goes on, and a failure afterwards is held."""
    site = Released(tmp_path)
    (tmp_path / "hub.json").unlink()
    site.says["health or e2e"] = ["NOT READY"]
    found = site.release()
    assert found.outcome is ReleaseOutcome.HELD
    assert site.phases()["before"] == "unknown"
    assert site.done() == ["backup", "deploy"]


def test_a_hub_that_never_gets_ready_is_for_the_checks_to_judge(tmp_path: Path) -> None:
    """The wait ends by its budget, and the checks name the cause and lead back."""
    body = SWITCH.replace("pid=pid,", "pid=pid, state='starting',")
    site = Released(tmp_path, body)
    site.config = with_budget(site.config, 0.1)
    site.says["health or e2e"] = ["NOT READY"]
    found = site.release()
    assert found.outcome is ReleaseOutcome.VERIFIED
    assert site.phases()["ready"] == "failed"


def test_a_hub_that_was_not_restarted_is_not_ready(tmp_path: Path) -> None:
    """Files changed and the process from before answers: that is no deploy that got through."""
    site = Released(tmp_path, SWITCH.replace("pid=pid,", "pid=100,").replace("float(pid)", "100.0"))
    site.config = with_budget(site.config, 0.1)
    site.says["health or e2e"] = ["NOT READY"]
    site.release()
    (ready,) = [phase for phase in site.state().phases if phase.name == "ready"]
    assert (ready.status, "did not restart the hub" in ready.detail) == ("failed", True)


def with_budget(config: Any, seconds: float) -> Any:
    """The configuration with this start-up budget."""
    return dataclasses.replace(config, probe=dataclasses.replace(config.probe, settle=seconds))


# --- people ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What people are told, instead of sending it."""
    events: list[Event] = []

    def tell(event: Event, *_: Any, **__: Any) -> Notified:
        events.append(event)
        return Notified()

    monkeypatch.setattr("readiness.operations.notify.people.tell", tell)
    return events


@pytest.mark.parametrize("mode", ["auto", "plan"])
def test_a_failed_command_is_told_with_what_was_done(mode: str, told: list[Event], tmp_path: Path) -> None:
    """One critical message that names the command's end, and an incident page with what became of it."""
    site = Released(tmp_path, SWITCH + "print('disk full'); sys.exit(3)", mode=mode)
    site.release()
    (event,) = told
    assert (event.kind, event.severity.value) == ("plan", "critical")
    assert any("ended with status 3: disk full" in line for line in event.lines)
    (page,) = site.reports.glob("incident-*.md")
    text = page.read_text()
    assert "deploy-command" in text
    assert ("ROLLED\\_BACK\\_VERIFIED" in text) == (mode == "auto")


@pytest.mark.parametrize(("says", "severity"), [({"preflight": ["NOT READY"]}, "medium"), ({}, "")])
def test_a_refusal_is_told_and_a_good_release_is_not(
    says: dict[str, list[str]], severity: str, told: list[Event], tmp_path: Path
) -> None:
    """Nobody is woken by what went well; what was refused is told once."""
    site = Released(tmp_path)
    site.says |= says
    site.release()
    assert [event.severity.value for event in told] == ([severity] if severity else [])


# --- baking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "outcome", "code"),
    [
        (["READY"], ReleaseOutcome.KEPT, 0),
        (["READY", "INCOMPLETE", "READY"], ReleaseOutcome.KEPT, 0),
        (["READY", "NOT READY"], ReleaseOutcome.VERIFIED, 1),
        (["READY", "INCOMPLETE"], ReleaseOutcome.HELD, 12),
    ],
)
def test_a_release_is_watched(says: list[str], outcome: ReleaseOutcome, code: int, tmp_path: Path) -> None:
    """A critical alarm while baking leads back; what cannot be told at its end is for a person."""
    site = Released(tmp_path)
    site.says["health or alerts"] = list(says)
    found = site.release(bake=0.002)
    assert (found.outcome, found.exit) == (outcome, code), site.said
    assert site.asked().count("health or alerts") >= len(says)


# --- one at a time --------------------------------------------------------------------------------------------------------


def test_of_two_at_once_one_is_refused(tmp_path: Path) -> None:
    """While the command of one runs, another one does not begin, and says who holds the lock."""
    site = Released(tmp_path, wait="1.5")
    child = os.fork()
    if not child:
        try:
            site.release()
        finally:
            os._exit(0)
    try:
        until = time.monotonic() + 10
        while "deploy" not in site.done() and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(lock.LockHeld, match=f"held by process {child}"):
            site.release()
    finally:
        os.waitpid(child, 0)
    assert site.done() == ["backup", "deploy"]


def test_an_unfinished_rollback_comes_first(tmp_path: Path) -> None:
    """Nothing is deployed over a rollback of which nobody knows how far it came."""
    site = Released(tmp_path)
    book_ = journal.JournalFile(site.reports / "rollback" / "x.jsonl")
    book_.write(journal.BEGIN, plan={}, deploy={})
    book_.close()
    with pytest.raises(ReadinessError, match="readiness rollback --resume"):
        site.release()


def test_a_first_look_releases_nothing(tmp_path: Path) -> None:
    """Without a readiness.toml nothing says what the deployment should be."""
    site = Released(tmp_path)
    site.config = dataclasses.replace(site.config, path=None)
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.REFUSED, 1)
    assert "readiness init" in found.because


# --- kill -9 at every step ------------------------------------------------------------------------------------------------


def steps_of(site: Released) -> list[str]:
    """The names of all steps of this release, its rollback's among them."""
    seen: list[str] = []
    site.on_step = seen.append  # type: ignore[method-assign]
    site.release(bake=0.001)
    return seen


def killed_at(step: int, site: Released, work: Any) -> int:
    """Do it in a child that is killed before the step of that number; how it ended."""
    taken = iter(range(10_000))

    def on_step(_: str) -> None:
        if next(taken) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    site.on_step = on_step  # type: ignore[method-assign]
    try:
        return ended_in_child(work)
    finally:
        site.on_step = lambda _: None  # type: ignore[method-assign]


def gone_on_with(site: Released) -> str:
    """Finish what is left, or begin where nothing was; the outcome."""
    folder = site.reports / book.FOLDER
    if book.unfinished_release(folder) is not None:
        return site.resume().outcome.value
    if book.last_release(folder) is None:
        return site.release(bake=0.001).outcome.value
    end = site.state().end
    assert end is not None
    return end.outcome.value


KEPT_STEPS = 27
"""Steps of a release that is kept; a test asserts that none is forgotten."""
BACK_STEPS = 40
"""Steps of one that is rolled back."""


def test_every_step_is_killed_at(tmp_path: Path) -> None:
    """The numbers of steps that the next tests kill at are those that there are."""
    kept = steps_of(Released(tmp_path / "a"))
    bad = Released(tmp_path / "b")
    bad.says["health or e2e"] = ["NOT READY"]
    back = steps_of(bad)
    assert (len(kept), len(back)) == (KEPT_STEPS, BACK_STEPS), "\n".join([*kept, "--", *back])


@pytest.mark.parametrize("step", range(KEPT_STEPS))
def test_a_killed_release_is_gone_on_with(step: int, tmp_path: Path) -> None:
    """Killed before any step of a good release: resumed it is kept, and the command ran once."""
    site = Released(tmp_path)
    assert killed_at(step, site, lambda: site.release(bake=0.001)) == -signal.SIGKILL
    assert gone_on_with(site) == "KEPT"
    assert site.done().count("deploy") == 1
    assert site.state().is_finished
    with pytest.raises(ReadinessError, match="no unfinished release"):
        site.resume()


@pytest.mark.matrix
@pytest.mark.parametrize("step", range(11, BACK_STEPS))
def test_a_killed_release_that_is_rolled_back_is_gone_on_with(step: int, tmp_path: Path) -> None:
    """Killed before any step after the deploy: resumed it is back and verified, and each command ran once."""
    site = Released(tmp_path)
    site.says["health or e2e"] = ["NOT READY"]
    assert killed_at(step, site, site.release) == -signal.SIGKILL
    time.sleep(0.05)
    assert gone_on_with(site) == "ROLLED_BACK_VERIFIED"
    assert (site.done().count("deploy"), site.done().count("back")) == (1, 1)
    assert site.link() == "old"
    (one,) = site.rollbacks()
    assert one.is_finished


@pytest.mark.parametrize("is_bad", [False, True])
@pytest.mark.matrix
@pytest.mark.parametrize("number", range(50))
def test_a_release_that_is_killed_at_any_moment_is_gone_on_with(number: int, is_bad: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Killed in the middle of a step, a write or a command, twice: nothing is lost, nothing is done twice, the end is the same."""
    site = Released(tmp_path, wait="0.05")
    if is_bad:
        site.says["health or e2e"] = ["NOT READY"]
    chance = random.Random(f"{number} {is_bad}")
    for _ in range(2):
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                gone_on_with(site)
            os._exit(0)
        time.sleep(chance.uniform(0, 0.5))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert gone_on_with(site) == ("ROLLED_BACK_VERIFIED" if is_bad else "KEPT")
    done = site.done()
    assert (done.count("deploy"), done.count("back")) == (1, int(is_bad))
    assert site.link() == ("old" if is_bad else "new")
    assert site.state().is_finished
    assert all(one.is_finished for one in site.rollbacks())


def test_a_long_command_of_a_killed_release_is_waited_for(tmp_path: Path) -> None:
    """Whoever resumes waits for the command that still runs, and does not begin it again."""
    site = Released(tmp_path, wait="1.0")
    child = os.fork()
    if not child:
        try:
            site.release()
        finally:
            os._exit(0)
    until = time.monotonic() + 10
    while "deploy" not in site.done() and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert site.link() == "old"
    with pytest.raises(ReadinessError, match="still runs as process"):
        flow.abandon(site.config, site.said.append)
    assert site.resume().outcome is ReleaseOutcome.KEPT
    assert site.done() == ["backup", "deploy"]
    assert site.link() == "new"


def test_an_interrupted_release_says_how_to_go_on(tmp_path: Path) -> None:
    """Ctrl-C in the middle: nothing is undone behind anybody's back, and the words name the two ways on."""
    site = Released(tmp_path)

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="readiness release --resume"):
        site.release(world=site.world(checks=interrupted))
    with pytest.raises(ReadinessError, match="--abandon gives it up"):
        site.release()
    flow.abandon(site.config, site.said.append)
    assert site.page()["outcome"] == "HELD"
    assert site.release().outcome is ReleaseOutcome.KEPT


def test_a_word_that_a_secret_option_is_given_is_not_kept(tmp_path: Path) -> None:
    """No shape gives it away, and no variable holds it: the option does, and what the command prints of it is hidden too."""
    body = SWITCH + "print('logging in with', sys.argv[5])\n"
    site = Released(tmp_path, body)
    command = (sys.executable, "-S", "-E", str(site.script), "new", "200", "deploy", "--db-password", "correcthorse")
    assert site.release(command=command).outcome is ReleaseOutcome.KEPT, site.said
    kept = "".join(path.read_text() for path in site.reports.rglob("*.json*")) + "\n".join(site.said)
    assert "correcthorse" not in kept
    assert "--db-password" in site.page()["command"]
    assert "logging in with" in kept


def test_a_secret_on_the_command_line_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal holds a digest; whoever resumes before the command began gives it once more, and only that one."""
    secret = "sk-" + "S3cret" * 8
    monkeypatch.setenv("DEPLOY_TOKEN", secret)
    site = Released(tmp_path)
    command = (sys.executable, "-S", "-E", str(site.script), "new", "200", "deploy", f"--token={secret}")

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        flow.release(site.config, site.order(command=command), site.world(checks=interrupted))
    assert secret not in "".join(path.read_text() for path in site.reports.rglob("*.json*"))
    with pytest.raises(ReadinessError, match="give it once more"):
        site.resume()
    with pytest.raises(ReadinessError, match="not the command of the release"):
        site.resume((*command[:-1], "--token=other"))
    assert site.resume(command).outcome is ReleaseOutcome.KEPT
    assert secret not in "".join(path.read_text() for path in site.reports.rglob("*.json*"))


# --- calls ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to do"),
        (["--"], "say what to do"),
        (["--abandon", "--", "true"], "a command goes with a release"),
        (["--record", "--", "true"], "a command goes with a release"),
        (["--resume", "--bake", "3"], "belong to a new release"),
        (["--candidate-url", "127.0.0.1:7001", "--", "true"], "expected the address"),
        (["--bake", "-1", "--", "true"], "0 to 10080 minutes"),
        (["--resume", "--record"], "not allowed with"),
    ],
)
def test_a_wrong_call_is_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 4, with what is wrong and how it is called."""
    assert release_command.main(arguments) == 4
    assert words in capsys.readouterr().err
