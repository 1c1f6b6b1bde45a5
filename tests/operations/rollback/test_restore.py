"""The built-in action: which backup it puts back, what it changes and what it never does, and how it undoes itself."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.errors import ReadinessError
from readiness.operations.deploys import journal
from readiness.operations.deploys.hub_look import look
from readiness.operations.rollback import journal as rollback_journal
from readiness.operations.rollback import steps
from readiness.operations.rollback.execute import abandon
from readiness.operations.rollback.outcome import RollbackRefused, RollbackResult
from tests.operations.rollback.restored import Restored
from tests.operations.rollback.rolled import ended_in_child

if TYPE_CHECKING:
    from pathlib import Path


def test_the_release_before_comes_back_with_its_settings(tmp_path: Path) -> None:
    """Stopped, link switched, configuration put back, started, ready; of the cache only what was missing."""
    site = Restored(tmp_path)
    site.back_up()
    site.run()
    assert site.came_back()
    assert steps.interrupted(site.config) is None
    assert not [path for path in (site.reports / steps.FOLDER).rglob("*") if path.name in {"kept", "scratch"}]
    assert "new" in (site.new / "config" / "mcp-hub.json").read_text()


@pytest.mark.parametrize(
    ("broken", "state", "words"), [("old", "ready", "cannot start"), ("", "starting", "not ready within")]
)
def test_what_does_not_come_up_is_undone(broken: str, state: str, words: str, tmp_path: Path) -> None:
    """It does not start, or never becomes ready: link and files are as before, and what ran runs again."""
    site = Restored(tmp_path, broken=broken, becomes=state)
    site.back_up()
    with pytest.raises(ReadinessError, match=words):
        site.run()
    assert site.as_before()
    assert (tmp_path / "starts").read_text().split() == ["old", "new"]


def test_a_hub_that_does_not_stop_is_left_alone(tmp_path: Path) -> None:
    """Something still listens: nothing is switched under it, and nothing is started a second time."""
    site = Restored(tmp_path)
    site.back_up()
    site.set(stop=("true",))
    with pytest.raises(ReadinessError, match="still listens"):
        site.run()
    assert site.as_before()
    assert not (tmp_path / "starts").exists()


def test_a_release_that_is_no_link_is_not_switched(tmp_path: Path) -> None:
    """Nothing is guessed about a tree in place: it is started again as it is."""
    site = Restored(tmp_path)
    site.back_up()
    object.__setattr__(site.config.target, "release", site.new)
    with pytest.raises(ReadinessError, match="is no link"):
        site.run()
    assert site.as_before()


# --- kill -9 at every step --------------------------------------------------------------------------------------------

STEPS = 19
"""Steps of a restoration that goes well; a test asserts that none is forgotten."""
UNDONE = 33
"""Steps of one whose release does not start, and that is undone."""


def killed_at(step: int, site: Restored) -> int:
    """Restore in a child that is killed before the step of that number; how it ended."""
    taken = iter(range(1000))

    def on_step(_: str) -> None:
        if next(taken) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return ended_in_child(lambda: site.run(on_step=on_step))


def steps_of(site: Restored) -> list[str]:
    """The names of all steps."""
    seen: list[str] = []
    site.back_up()
    try:
        site.run(on_step=seen.append)
    except ReadinessError:
        seen.append("failed")
    return seen


def test_every_step_is_killed_at(tmp_path: Path) -> None:
    """The numbers of steps that the next tests kill at are those that there are."""
    well = steps_of(Restored(tmp_path / "a"))
    assert len(well) == STEPS, well
    undone = steps_of(Restored(tmp_path / "b", broken="old"))
    assert len(undone) - 1 == UNDONE, undone
    told = " ".join(undone)
    assert all(word in told for word in ("let stop begin", "switch the link", "keep file 1", "replace file 0", "add to",
                                         "let start begin", "write intent undo", "undo: put", "undo: have")), undone  # fmt: skip


@pytest.mark.parametrize("step", range(STEPS))
def test_a_killed_restoration_is_gone_on_with(step: int, tmp_path: Path) -> None:
    """Killed before any step, the next call finishes it: nothing is started twice, and how files were is known."""
    site = Restored(tmp_path)
    site.back_up()
    assert killed_at(step, site) == -signal.SIGKILL
    site.run()
    assert site.came_back()
    assert site.starts() == ["old"]
    assert steps.interrupted(site.config) is None
    folders = [
        path for path in (site.reports / steps.FOLDER).iterdir() if journal.read_journal(path / steps.FILE).entries
    ]
    assert len(folders) == 1, "it was gone on with, not begun anew"


@pytest.mark.matrix
@pytest.mark.parametrize("step", range(UNDONE))
def test_a_killed_undoing_is_gone_on_with(step: int, tmp_path: Path) -> None:
    """The release does not start: killed before any step, the next call puts back what was there before."""
    site = Restored(tmp_path, broken="old")
    site.back_up()
    assert killed_at(step, site) == -signal.SIGKILL
    with pytest.raises(ReadinessError):
        site.run()
    assert site.as_before()
    assert site.starts() == ["old", "new"]
    assert (site.old / ".env.production").read_text() == "A=old\n"
    assert steps.interrupted(site.config) is None


def test_whoever_started_it_dies_as_well(tmp_path: Path) -> None:
    """A command that goes on by itself is waited for, and not begun beside itself."""
    site = Restored(tmp_path)
    site.back_up()
    site.slow(0.5)

    def on_step(name: str) -> None:
        if name == "let start begin":
            # the command's own process is at the gate: let it through, and die before it has ended
            threading.Timer(0.15, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()

    assert ended_in_child(lambda: site.run(on_step=on_step)) == -signal.SIGKILL
    assert site.starts() == []
    site.run()
    assert site.came_back()
    assert site.starts() == ["old"]


def test_an_interrupted_restoration_belongs_to_its_deploy(tmp_path: Path) -> None:
    """After another deploy nobody goes on with it; a person gives it up, and what was kept stays for that person."""
    site = Restored(tmp_path)
    site.back_up()
    assert killed_at(14, site) == -signal.SIGKILL
    site.rewrite(deployed_at=site.deploy.deployed_at + dt.timedelta(seconds=1))
    with pytest.raises(ReadinessError, match="about another deploy"):
        site.run()
    with pytest.raises(RollbackRefused, match=r"interrupted at: link, file 0.*about another deploy"):
        site.execute(person=True)
    abandon(site.config, site.journals, site.said.append)
    assert "was interrupted at" in site.said[-1]
    assert list((site.reports / steps.FOLDER).glob("*/kept/*"))
    assert steps.interrupted(site.config) is None
    with pytest.raises(ReadinessError, match="no unfinished rollback to give up"):
        abandon(site.config, site.journals, site.said.append)


def test_a_backup_that_went_meanwhile_is_undone(tmp_path: Path) -> None:
    """Nothing can be gone on with without it: what was changed is put back, and what ran runs again."""
    site = Restored(tmp_path)
    made = site.back_up()
    assert killed_at(14, site) == -signal.SIGKILL
    made.rename(tmp_path / "elsewhere")
    with pytest.raises(ReadinessError, match="is gone"):
        site.run()
    assert site.as_before()
    assert site.starts() == ["new"]


def test_a_hub_that_cannot_be_asked_is_not_proven_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, so no answer: what takes connections listens all the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
        seen = look(Config(target=Target(url=url, token_env="NO_SUCH_TOKEN")))
        assert (seen.answers, seen.silent, seen.listens) == (False, False, True)
    assert not look(Config(target=Target(url=url))).listens


@pytest.mark.parametrize("step", [3, 9, 16])
def test_a_restoration_killed_in_a_rollback_is_finished_by_a_person(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROLLBACK_FAILED says that it ended in the middle; calling it again goes on there, although the link is switched."""
    site = Restored(tmp_path)
    site.back_up()
    site.in_child(monkeypatch, kill_at=step)
    found = site.execute(person=True)
    assert (found.exit_code, "in the middle: `readiness rollback --yes` goes on" in found.because) == (14, True), found
    site.in_child(monkeypatch)
    assert site.execute(person=True).result is RollbackResult.VERIFIED
    assert site.came_back()
    assert site.starts() == ["old"]


def test_rollback_and_restoration_killed_both_are_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a machine that runs out of memory leaves it: --resume lets the restoration go on, in the same journal."""
    site = Restored(tmp_path)
    site.back_up()
    site.in_child(monkeypatch, kill_at=9, and_parent=True)
    assert ended_in_child(lambda: site.execute(person=True)) == -signal.SIGKILL
    assert not (tmp_path / "hub").exists()
    site.in_child(monkeypatch)
    assert site.execute(resume=True, person=True).result is RollbackResult.VERIFIED
    assert site.came_back()
    assert site.starts() == ["old"]
    assert len(rollback_journal.rollbacks(site.journals)) == 1
