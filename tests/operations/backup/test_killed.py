"""Whatever ends the maker of a backup, and whenever: a backup is whole, or it says that it is not."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from readiness.facts.backup.backup import read_backup
from readiness.facts.backup.layout import PARTIAL, REMOVING
from readiness.operations.backup.backup import BackupError
from tests.operations.backup.tree import back_up, backups, content, one, release, visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepared(folder: Path) -> Path:
    """A release with two older backups and the remains of an ended one: every kind of step is taken."""
    tree = release(folder)
    for _ in range(2):
        back_up(tree)
    (tree / "backups" / f"{PARTIAL}20200101T000000Z-00000000").mkdir()
    return tree


def steps_of(tree: Path) -> list[str]:
    """The names of all steps of one backup."""
    seen: list[str] = []
    back_up(tree, keep=2, on_step=seen.append)
    return seen


def ended_at(step: int, tree: Path, end: Callable[[], object]) -> int:
    """Make a backup in a child that ends itself before the step of that number; how it ended."""
    child = os.fork()
    if not child:
        taken = iter(range(10_000))
        try:
            back_up(tree, keep=2, on_step=lambda _: end() if next(taken) == step else None)
        finally:
            os._exit(99)  # nothing of pytest may run in the child
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


STEPS = 19
"""Steps of the backup below: a test asserts that none is forgotten."""


def test_every_step_is_ended_at(tmp_path: Path) -> None:
    """The number of steps that the next test ends the maker at is the number that there are, and all kinds are among them."""
    steps = steps_of(prepared(tmp_path))
    assert len(steps) == STEPS
    kinds = {name.split()[0] for name in steps}
    assert kinds == {"sweep", "make", "copy", "write", "flush", "name", "place", "rename", "remove"}


@pytest.mark.parametrize("step", range(STEPS))
def test_a_killed_backup_is_whole_or_says_that_it_is_not(step: int, tmp_path: Path) -> None:
    """Killed before any step: every backup there is verifies, an unfinished one is told, the next one clears up."""
    tree = prepared(tmp_path)
    before = [path.name for path in visible(tree / "backups")]
    assert ended_at(step, tree, lambda: os.kill(os.getpid(), signal.SIGKILL)) == -signal.SIGKILL
    folder = tree / "backups"
    there = visible(folder)
    assert len(there) >= 2, "older backups were lost before the new one was there"
    for path in there:
        assert one(path).troubles() == []
        assert one(path).restored([]).troubles == ()
    left = [path for path in folder.iterdir() if path.name.startswith((PARTIAL, REMOVING))]
    for path in left:
        assert one(path).unfinished
        assert "incomplete" in one(path).troubles()[0]
    assert backups(tree).latest() == one(max(there))
    assert {backup.name for backup in backups(tree).all()} == {path.name for path in there}
    made = back_up(tree)
    assert [path for path in folder.iterdir() if path.name.startswith((PARTIAL, REMOVING, ".latest-"))] == []
    assert (folder / "latest").resolve() == max(visible(folder))
    assert one(made.path).troubles() == []
    assert set(before) - {path.name for path in visible(folder)} <= {min(before)}


@pytest.mark.parametrize("step", range(0, 13, 3))
def test_an_exception_leaves_nothing_behind(step: int, tmp_path: Path) -> None:
    """A full disk, or Ctrl-C, at any step before the name: nothing of the unfinished backup stays, older ones do."""
    tree = prepared(tmp_path)
    names = steps_of(tree)
    before = content(tree / "backups")
    taken = iter(range(10_000))

    def fail(_: str) -> None:
        if next(taken) == step:
            raise OSError(28, "No space left on device")

    with pytest.raises(BackupError, match="No space left on device"):
        back_up(tree, keep=None, on_step=fail)
    assert step < names.index("name"), "the steps of this test come before the backup has its name"
    assert content(tree / "backups") == before


def test_backups_at_once_do_not_collide(tmp_path: Path) -> None:
    """Six backups at once: six whole ones of different names, `latest` leads to one of them, nothing else is left."""
    tree = release(tmp_path)
    with ThreadPoolExecutor(6) as pool:
        made = [future.result().path for future in [pool.submit(back_up, tree) for _ in range(6)]]
    assert len(set(made)) == 6
    assert sorted(made) == visible(tree / "backups")
    assert all(one(path).troubles() == [] for path in made)
    assert (tree / "backups" / "latest").resolve() in made
    assert [
        path.name for path in (tree / "backups").iterdir() if path.name[0] == "." and path.name != ".gitignore"
    ] == [".lock"]


def test_a_backup_in_the_making_is_left_alone(tmp_path: Path) -> None:
    """One that another process is making just now is not swept away by the next."""
    tree = release(tmp_path)
    inner: list[Path] = []

    def meanwhile(name: str) -> None:
        if name == "write the manifest" and not inner:
            inner.append(tmp_path)
            inner.append(back_up(tree).path)

    made = back_up(tree, on_step=meanwhile)
    assert one(made.path).troubles() == []
    assert one(inner[1]).troubles() == []
    assert len(visible(tree / "backups")) == 2


def test_what_is_no_backup_is_no_backup(tmp_path: Path) -> None:
    """A hidden folder, a plain one without a manifest and a file are none; a name with a date and no manifest is half one."""
    for name in (".hidden", "lost+found", "20251116-101500"):
        (tmp_path / name).mkdir()
    assert read_backup(tmp_path / ".hidden") is None
    assert read_backup(tmp_path / "lost+found") is None
    assert "never finished" in one(tmp_path / "20251116-101500").troubles()[0]
