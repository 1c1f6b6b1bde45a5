"""A release among odd circumstances: a journal that fails halfway, what nobody foresaw, clocks that are set, a window that is over."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.loading import load
from readiness.errors import ReadinessError
from readiness.operations.check_run import acting as check_rollback
from readiness.operations.deploys import journal, lock, quarantine
from readiness.operations.deploys.hub_look import Seen
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.operations.deploys.record import FILE, read_record
from readiness.operations.notify.events import Event, Notified
from readiness.operations.release import bookkeeping as own
from readiness.operations.release import ports as world
from readiness.operations.release.model import Interrupted, ReleaseOutcome
from readiness.operations.rollback.verify import prove
from readiness.support.environment import WINDOW
from tests.operations.release.released import Released
from tests.operations.release.test_candidate import Beside
from tests.operations.release.test_record import NOW, SAME

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What people are told, instead of sending it."""
    events: list[Event] = []

    def tell(event: Event, *_: Any, **__: Any) -> Notified:
        events.append(event)
        return Notified()

    monkeypatch.setattr("readiness.operations.notify.people.tell", tell)
    return events


def test_a_journal_that_fails_after_the_deploy_is_told(
    told: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up while the command runs: 12, never the 1 of a release that was refused, and people hear of it at once."""
    write, full = journal.JournalFile.write, [False]

    def written(self: journal.JournalFile, kind: str, **data: Any) -> None:
        full[:] = [found or (kind == "ended" and data.get("name") == "deploy") for found in full]
        if any(full):
            raise ReadinessError("the journal cannot be written: No space left on device")
        write(self, kind, **data)

    monkeypatch.setattr(journal.JournalFile, "write", written)
    site = Released(tmp_path)
    found = site.release()
    assert (found.outcome, found.exit) == (ReleaseOutcome.HELD, 12)
    assert "No space left" in found.because
    assert [(event.severity.value, "halfway" in event.title) for event in told] == [("critical", True)]
    full.clear()
    assert site.resume().outcome is ReleaseOutcome.KEPT
    assert site.done().count("deploy") == 1


def test_a_journal_that_fails_before_the_deploy_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was begun, so it is an error of the call, and nothing is deployed."""
    write = journal.JournalFile.write

    def written(self: journal.JournalFile, kind: str, **data: Any) -> None:
        if data.get("name") == "preflight":
            raise ReadinessError("no space")
        write(self, kind, **data)

    monkeypatch.setattr(journal.JournalFile, "write", written)
    site = Released(tmp_path)
    with pytest.raises(ReadinessError, match="no space"):
        site.release()
    assert "deploy" not in site.done()


def test_what_nobody_foresaw_has_an_end(told: list[Event], tmp_path: Path) -> None:
    """A phase that breaks off in its own fault is held, and people are told: no release ends in a traceback."""
    site = Released(tmp_path)

    def checks(config: Any, expression: str, environ: Any) -> world.Checked:
        if expression == "health or e2e" and site.serving() == 200:
            raise KeyError("rows")
        return site.checks(config, expression, environ)

    found = site.release(world=site.world(checks=checks))
    assert (found.outcome, found.exit) == (ReleaseOutcome.HELD, 12)
    assert "unforeseen: KeyError" in found.because
    assert len(told) == 1


def test_a_job_that_is_cancelled_after_the_deploy_is_told(told: list[Event], tmp_path: Path) -> None:
    """Nobody sits beside a job: people hear that the release stopped halfway, and that it can be gone on with."""
    site = Released(tmp_path)

    def step(name: str) -> None:
        if name == "write phase verify":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="runs on by itself"):
        site.release(world=site.world(on_step=step))
    assert ["interrupted after the deploy began" in event.lines[0] for event in told] == [True]
    assert site.resume().outcome is ReleaseOutcome.KEPT


@pytest.mark.parametrize(
    ("declared", "named", "said"), [("4.2.1", None, "will be held"), ("4.2.1", "4.3.0", ""), ("4.3.0", None, "")]
)
def test_a_version_that_will_hold_the_deploy_is_told_first(
    declared: str, named: str | None, said: str, tmp_path: Path
) -> None:
    """`[target] version` still names what runs: that is said before anything is deployed, unless --version names the new one."""
    site = Released(tmp_path)
    site.config = dataclasses.replace(site.config, target=dataclasses.replace(site.config.target, version=declared))
    site.release(version=named)
    (before,) = [line for line in site.said if line.startswith("before: ")]
    assert ("will be held" in before) == bool(said)


def test_the_window_stays_open_while_it_bakes(tmp_path: Path) -> None:
    """An alarm late in the hour that is watched leads back, although the window alone would be over."""
    for bake, outcome in ((0.001, ReleaseOutcome.VERIFIED), (0.0, ReleaseOutcome.HELD)):
        site = Released(tmp_path / str(bake), window=0)
        key = "health or alerts" if bake else "health or e2e"
        site.says[key] = ["READY", "NOT READY"] if bake else ["NOT READY"]
        found = site.release(bake=bake)
        assert found.outcome is outcome, found
        assert bake or "window of 0 min is over" in found.because


def test_a_run_of_a_release_is_told_its_window(tmp_path: Path) -> None:
    """The file's own is what counts otherwise."""
    file = tmp_path / "readiness.toml"
    file.write_text('[target]\nurl = "http://127.0.0.1:7000"\n[rollback]\nwindow = 7\n')
    assert load(file=file, environ={}).rollback.window == 7
    assert load(file=file, environ={WINDOW: "90"}).rollback.window == 90
    assert load(file=file, environ={WINDOW: "soon"}).rollback.window == 7


def test_a_clock_that_is_set_is_no_deploy() -> None:
    """The start of a process in time of day moves with the clock; the kernel's count of it does not."""
    before = dataclasses.replace(SAME, start="551766")
    assert dataclasses.replace(before, started=3700.0).changes(before) == []
    assert dataclasses.replace(before, start="551767").changes(before) == ["the process"]
    assert dataclasses.replace(SAME, started=3700.0).changes(SAME) == ["the process"]
    first = Seen(answers=True, pid=42, started=100.0, start="551766")
    assert first.is_other_than(dataclasses.replace(first, started=3700.0)) is False
    assert first.is_other_than(dataclasses.replace(first, start="9")) is True
    # a note that an older version wrote has none
    note = own.Note(noted_at=NOW, running=before, passed=(), failed=())
    written = own.note_json(note)
    del written["running"]["start"]
    assert own.note_from(written).running == SAME


def test_a_quarantined_version_is_not_deployed_by_name(tmp_path: Path) -> None:
    """It was rolled back: refused before anything is begun, with what lifts it."""
    site = Released(tmp_path)
    quarantine.add(site.reports, ReleaseIdentity(version="4.3.0", commit="c" * 40), "tools failed after the deploy")
    found = site.release(version="4.3.0")
    assert found.outcome is ReleaseOutcome.REFUSED
    assert f"--lift {'c' * 40}" in found.because
    assert site.done() == []
    assert quarantine.lift(site.reports, "c" * 40)
    assert site.release(version="4.3.0").outcome is ReleaseOutcome.KEPT


def test_a_full_disk_while_proving_is_not_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers is asked all the same, and the rollback has an outcome."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("readiness.operations.rollback.verify._checked", full)
    site = Released(tmp_path)
    site.release()
    record = read_record(site.reports / FILE)
    assert record is not None
    proof = prove(site.config, record, ("health",), tmp_path / "proof", 0.0)
    assert any("No space left" in text for text in proof.unproven)
    assert any("does not answer" in text for text in proof.bad)


@pytest.mark.parametrize(
    ("candidate", "old", "outcome", "words"),
    [
        (None, 100, ReleaseOutcome.ABORTED, "candidate's process cannot be told"),
        (200, None, ReleaseOutcome.REFUSED, "which process serves now cannot be told"),
    ],
)
def test_nobody_is_switched_to_whose_process_cannot_be_told(
    candidate: int | None, old: int | None, outcome: ReleaseOutcome, words: str, tmp_path: Path
) -> None:
    """Nothing could prove afterwards whom clients reach: so it ends before the switch."""
    site = Beside(tmp_path)
    look = site.look

    def seen(config: Any, seconds: float) -> Seen:
        found = look(config, seconds)
        return dataclasses.replace(found, pid=candidate if found.pid == 200 else old) if found.answers else found

    found = site.beside(world=site.world(look=seen))
    assert found.outcome is outcome, found
    assert words in found.because
    assert "switch" not in site.done()


def test_without_the_hubs_own_port_nothing_is_switched(tmp_path: Path) -> None:
    """Behind one address both hubs look alike, and the one to switch back to could not be seen."""
    site = Beside(tmp_path)
    site.config = dataclasses.replace(site.config, target=dataclasses.replace(site.config.target, internal_url=None))
    with pytest.raises(ReadinessError, match="internal_url is not set"):
        site.beside()
    assert site.done() == []


def test_a_check_that_the_command_calls_does_not_act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would pass the release's lock; a token that outlived its release, in a hub's environment, forbids nothing."""
    config = Released(tmp_path).config
    folder = lock.folder_for(config)
    with lock.held(folder, "a release") as token:
        assert check_rollback.outside(config) is config
        monkeypatch.setenv("READINESS_LOCK_TOKEN", token)
        with pytest.raises(ReadinessError, match="judges the hub itself"):
            check_rollback.outside(config)
    assert check_rollback.outside(config) is config
    with lock.held(folder, "another release"):
        assert check_rollback.outside(config) is config
