"""A plan is carried out once, whatever ends whoever carries it out: what is acted on, written, refused and told."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from readiness.errors import ReadinessError
from readiness.operations.deploys import journal, lock, quarantine
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.operations.deploys.record import read_record, write_record
from readiness.operations.rollback import journal as rollback_journal
from readiness.operations.rollback.execute import abandon, execute
from readiness.operations.rollback.outcome import EXIT, RollbackOutcome, RollbackRefused, RollbackResult
from readiness.support import process_identity
from tests.operations.rollback.rolled import BACK, Site, ended_in_child

STEPS = 12
"""Steps of a rollback with one action: a test asserts that none is forgotten."""
TWICE = 17
"""Steps of one with two actions."""


def test_a_rollback_acts_once_proves_it_and_closes_the_window(tmp_path: Path) -> None:
    """The action ran, the proof was asked for its phases, the release is in quarantine, and nothing can go back further."""
    site = Site(tmp_path)
    found = site.execute()
    assert (found.result, found.exit_code) == (RollbackResult.VERIFIED, 1)
    assert site.done() == ["back"]
    assert (tmp_path / "current").resolve().name == "old"
    assert (tmp_path / "proved").read_text() == "health\n"
    assert site.kinds() == ["begin", "intent", "started", "ended", "verify", "verified", "outcome"]
    assert set(found.seconds) == {"detect", "decide", "act", "verify"}
    assert found.recovery < 15
    record = read_record(site.reports / "deploy.json")
    assert record is not None
    assert record.previous is None
    assert quarantine.find(site.reports, ReleaseIdentity(version="4.3.0")) is not None
    assert [event.kind for event in site.told] == ["start", "outcome"]
    assert ["staging http://127.0.0.1:9" in event.title for event in site.told] == [True, True]
    assert [event.ends_alarm for event in site.told] == [False, True]
    assert not site.lock.exists()


def test_the_exit_codes_are_the_promised_ones() -> None:
    """1, 13 and 14."""
    assert [EXIT[result] for result in RollbackResult] == [1, 13, 14]


# --- kill -9 at every step --------------------------------------------------------------------------------------------


def steps_of(site: Site) -> list[str]:
    """The names of all steps of this rollback."""
    seen: list[str] = []
    site.execute(on_step=seen.append)
    return seen


def killed_at(step: int, site: Site, *, resume: bool = False) -> int:
    """Carry it out in a child that is killed before the step of that number; how it ended."""
    taken = iter(range(1000))

    def on_step(_: str) -> None:
        if next(taken) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return ended_in_child(lambda: site.execute(resume=resume, on_step=on_step))


def killed_while_acting(site: Site) -> None:
    """Carry it out in a child that is killed as soon as the action has done its work, and still runs."""
    child = os.fork()
    if not child:
        try:
            site.execute()
        finally:
            os._exit(0)
    until = time.monotonic() + 10
    while not site.done() and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_every_step_is_killed_at(tmp_path: Path) -> None:
    """The numbers of steps that the next tests kill at are those that there are."""
    steps = steps_of(Site(tmp_path / "a"))
    assert len(steps) == STEPS, steps
    assert len(steps_of(Site(tmp_path / "b", BACK.replace("os.symlink", "sys.argv[1] == 'one' or os.symlink").replace(
        "os.replace", "sys.argv[1] == 'one' or os.replace"), "one", "two"))) == TWICE  # fmt: skip
    assert {step.split()[0] for step in steps} == {"open", "write", "let", "back", "close", "quarantine"}


def assert_sound(site: Site, names: list[str]) -> None:
    """After whatever happened: no action ran twice, and what is finished says the truth about the link."""
    assert len(site.done()) == len(set(site.done())), "an action ran twice"
    assert site.done() == names[: len(site.done())], "an action was passed over"
    state = site.state()
    assert state.outcome is not None
    if state.outcome.result is RollbackResult.VERIFIED:
        assert site.done() == names
        assert (site.folder / "current").resolve().name == "old"
    assert [action for action in site.done() if state.started(action) is None] == []


def pid_of(site: Site) -> int:
    """The process of the action."""
    started = site.state().started("back")
    assert started is not None
    return started.pid


def resumed(site: Site) -> str:
    """Finish what is left, or begin where nothing was; the result."""
    time.sleep(0.1)  # an action that was begun goes on without the one that was killed
    if rollback_journal.unfinished_rollback(site.journals) is None and not rollback_journal.rollbacks(site.journals):
        return str(site.execute().result)
    if rollback_journal.unfinished_rollback(site.journals) is not None:
        return str(site.execute(resume=True).result)
    outcome = site.state().outcome
    assert outcome is not None
    return str(outcome.result)


@pytest.mark.parametrize("step", range(STEPS))
def test_a_killed_rollback_is_resumed_and_nothing_is_done_twice(step: int, tmp_path: Path) -> None:
    """Killed before any step: resume finishes it, whether the command had begun, was about to, or had ended."""
    site = Site(tmp_path)
    assert killed_at(step, site) == -signal.SIGKILL
    result = resumed(site)
    assert_sound(site, ["back"])
    assert result == RollbackResult.VERIFIED
    assert site.done() == ["back"]
    with pytest.raises(ReadinessError, match="no unfinished rollback"):
        site.execute(resume=True)


@pytest.mark.matrix
@pytest.mark.parametrize("second", [0, 2, 4, 7])
@pytest.mark.parametrize("first", range(TWICE))
def test_killed_twice_with_two_actions(first: int, second: int, tmp_path: Path) -> None:
    """Killed, resumed, killed again, resumed: two actions, each at most once, in their order, and a true journal."""
    body = BACK.replace("os.symlink", "sys.argv[1] == 'one' or os.symlink")
    site = Site(tmp_path, body.replace("os.replace", "sys.argv[1] == 'one' or os.replace"), "one", "two")
    assert killed_at(first, site) == -signal.SIGKILL
    time.sleep(0.1)
    if rollback_journal.unfinished_rollback(site.journals) is not None:
        killed_at(second, site, resume=True)
    resumed(site)
    assert_sound(site, ["one", "two"])


@pytest.mark.matrix
@pytest.mark.parametrize("number", range(50))
def test_a_rollback_that_is_killed_at_any_moment_is_resumed(number: int, tmp_path: Path) -> None:
    """Killed in the middle of a step, a write or an action, twice: each action runs once, and the journal is true."""
    site, chance = Site(tmp_path), random.Random(number)
    for _ in range(2):
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                resumed(site)
            os._exit(0)
        time.sleep(chance.uniform(0, 0.4))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert resumed(site) == RollbackResult.VERIFIED
    assert_sound(site, ["back"])
    assert site.done() == ["back"]
    assert not site.lock.exists()


def test_a_long_action_of_a_killed_rollback_is_waited_for(tmp_path: Path) -> None:
    """Its process goes on; resume finds it by number and start, waits, and never begins another."""
    site = Site(tmp_path, BACK + "\nimport time; time.sleep(1)\n")
    killed_while_acting(site)
    with pytest.raises(RollbackRefused, match="was not finished"):
        site.execute()
    assert site.execute(resume=True).result is RollbackResult.VERIFIED
    assert site.done() == ["back"]
    assert [line for line in site.said if "waiting for process" in line]


def test_a_resumed_action_past_its_time_is_ended(tmp_path: Path) -> None:
    """The time of an action counts from its beginning, whoever watches it."""
    site = Site(tmp_path, BACK + "\nimport time; time.sleep(60)\n", timeout=1.0)
    killed_while_acting(site)
    pid = pid_of(site)
    found = site.execute(resume=True)
    assert found.result is RollbackResult.FAILED
    assert "did not end" in found.because
    assert process_identity.start_of(pid) is None


def test_an_interrupted_rollback_may_be_given_up(tmp_path: Path) -> None:
    """A person took over: the journal says so, and the next one is not held up; not while its command still runs."""
    site = Site(tmp_path, BACK + "\nimport time; time.sleep(1)\n", cooldown=0)
    with pytest.raises(ReadinessError, match="no unfinished rollback"):
        abandon(site.config, site.journals, site.said.append)
    killed_while_acting(site)
    pid = pid_of(site)
    with pytest.raises(ReadinessError, match="still runs"):
        abandon(site.config, site.journals, site.said.append)
    until = time.monotonic() + 10
    while process_identity.start_of(pid) is not None and time.monotonic() < until:
        time.sleep(0.05)
    abandon(site.config, site.journals, site.said.append)
    outcome = site.state().outcome
    assert outcome is not None
    assert outcome.result is RollbackResult.FAILED
    assert "look at the hub" in site.said[-1]


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_whoever_holds_the_lock_may_start_a_rollback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that holds it hands its token down, and still holds it afterwards."""
    site = Site(tmp_path)
    with lock.held(site.lock.parent, "a release") as token:
        monkeypatch.setenv("READINESS_LOCK_TOKEN", token)
        assert site.execute().result is RollbackResult.VERIFIED
        assert site.lock.exists()
    assert not site.lock.exists()


def test_two_report_folders_of_one_hub_exclude_each_other(tmp_path: Path) -> None:
    """The lock lies beside the release: whoever writes its reports elsewhere meets it, by whatever path it is named."""
    site = Site(tmp_path)
    other = dataclasses.replace(site.config, report_dir=tmp_path / "elsewhere")
    (tmp_path / "by-another-name").symlink_to(tmp_path)
    named = dataclasses.replace(other, target=dataclasses.replace(
        other.target, release=tmp_path / "by-another-name" / "current"))  # fmt: skip
    assert lock.folder_for(other) == lock.folder_for(named) == tmp_path / ".current.readiness-lock"
    with lock.held(lock.folder_for(named), "a release"), pytest.raises(lock.LockHeld, match="a release since"):
        site.execute()
    assert site.done() == []
    assert (site.lock.parent / ".gitignore").read_text().endswith("*\n")


def test_where_the_lock_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside readiness.toml where no release is named, in the report folder where neither may be written."""
    site = Site(tmp_path)
    bare = dataclasses.replace(site.config, target=dataclasses.replace(site.config.target, release=None))
    assert lock.folder_for(bare) == tmp_path / ".readiness-lock"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert lock.folder_for(site.config) == site.journals
    site.lock.parent.mkdir()
    assert lock.folder_for(site.config) == site.lock.parent
    with pytest.raises(ReadinessError, match="may not write"), lock.held(lock.folder_for(site.config), "a rollback"):
        pytest.fail("it was taken")


def test_what_the_dead_left_unfinished_elsewhere_comes_first(tmp_path: Path) -> None:
    """Killed in the middle, with its journal in one report folder: a rollback from another one is told where to go on."""
    site = Site(tmp_path)
    assert killed_at(6, site) == -signal.SIGKILL
    other = dataclasses.replace(site.config, report_dir=tmp_path / "elsewhere")
    write_record(other.report_dir / "deploy.json", site.deploy)
    with pytest.raises(lock.LockHeld, match=f"--readiness-report {site.reports}"):
        execute(site.plan(), other, site.said.append, other.report_dir / "rollback", how=site.how())
    assert site.execute(resume=True).result is RollbackResult.VERIFIED
    assert not site.lock.exists()


# --- the journal ------------------------------------------------------------------------------------------------------


def test_a_torn_line_is_passed_over_and_ended(tmp_path: Path) -> None:
    """What a loss of power leaves costs that line alone, and the next one does not grow onto it."""
    path = tmp_path / "a.jsonl"
    book = journal.JournalFile(path)
    book.write(journal.BEGIN, plan={})
    book.close()
    with path.open("a") as file:
        file.write('{"kind": "intent", "at": 1')
    book = journal.JournalFile(path)
    book.write(rollback_journal.NOTE, text="on")
    book.close()
    assert [entry.kind for entry in journal.read_journal(path).entries] == ["begin", "note"]
    assert path.stat().st_mode & 0o777 == 0o600


def _fill(path: Path) -> None:
    """Write until there is no room."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for _ in range(10_000):
            file.write(b"x" * 1024)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
def test_a_full_disk_keeps_everything_from_being_done(tmp_path: Path) -> None:
    """The journal cannot be written: the action does not begin, and the reason says why."""
    site = Site(tmp_path)
    plan = site.plan()
    site.journals.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(site.journals)]
    if subprocess.run(mount, capture_output=True, check=False, timeout=20).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        _fill(site.journals / "ballast")
        with pytest.raises(ReadinessError, match=r"cannot write|cannot be written"):
            site.execute(plan)
        assert site.done() == []
    finally:
        subprocess.run(["umount", str(site.journals)], check=True, timeout=20)


def test_a_journal_that_fills_up_in_the_middle_keeps_the_action_from_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that says which process begins cannot be written: that process leaves without having done anything."""
    site = Site(tmp_path)
    written = journal.JournalFile.write

    def write(book: journal.JournalFile, kind: str, **data: Any) -> None:
        if kind == journal.STARTED:
            raise ReadinessError("the journal cannot be written: No space left on device")
        written(book, kind, **data)

    monkeypatch.setattr(journal.JournalFile, "write", write)
    with pytest.raises(ReadinessError, match="No space left"):
        site.execute()
    assert site.done() == []
    monkeypatch.undo()
    assert site.execute(resume=True).result is RollbackResult.VERIFIED
    assert site.done() == ["back"]


def test_quarantine_is_lifted_by_a_person(tmp_path: Path) -> None:
    """By seven digits of the commit; another release is not found."""
    bad = ReleaseIdentity(version="4.3.0", commit="a" * 40)
    quarantine.add(tmp_path, bad, "tools failed")
    quarantine.add(tmp_path, bad, "again")
    assert quarantine.find(tmp_path, ReleaseIdentity(version="4.3.0", commit="b" * 40)) is None
    assert quarantine.find(tmp_path, ReleaseIdentity(commit="a" * 40)) is not None
    assert not quarantine.lift(tmp_path, "aaa")
    assert quarantine.lift(tmp_path, "a" * 7)
    assert quarantine.every(tmp_path) == []


def test_a_dead_channel_holds_up_nothing(tmp_path: Path) -> None:
    """Whoever tells people may break: the outcome stands and says so."""
    site = Site(tmp_path)

    def broken(_: object) -> None:
        raise RuntimeError("no network")

    assert site.execute(tell=broken).result is RollbackResult.VERIFIED
    assert [line for line in site.said if "people were not told: RuntimeError" in line]
    assert site.state().is_finished


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (RollbackResult.VERIFIED, "recovered in 3.5 s, within the objective of 60 s"),
        (RollbackResult.UNVERIFIED, "recovery is not proven after 3.5 s"),
        (RollbackResult.FAILED, "not recovered after 3.5 s"),
    ],
)
def test_only_what_is_proven_is_called_recovered(result: RollbackResult, words: str) -> None:
    """An objective is kept by a hub that is well again, never by an attempt that was quick."""
    outcome = RollbackOutcome(result=result, because="", seconds={"act": 3.5}, objective=60.0, journal=Path("x.jsonl"))
    assert outcome.lines[1] == f"  act 3.5 s; {words}"
    assert ("objective" in " ".join(outcome.lines)) == (result is RollbackResult.VERIFIED)
