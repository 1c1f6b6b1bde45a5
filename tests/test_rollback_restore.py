"""The built-in action: which backup it puts back, what it changes and what it never does, and how it undoes itself."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from readiness.backup import Request, Source, create
from readiness.backup_format import CONFIGURATION, ENVIRONMENT
from readiness.config.model import RollbackAction
from readiness.errors import ReadinessError
from readiness.rollback import backup, restore
from readiness.rollback.look import Seen
from readiness.rollback.outcome import Refused
from readiness.rollback.restore import Restoring
from tests.rolled import Site

if TYPE_CHECKING:
    from pathlib import Path

START = """
import os, sys
here = os.path.realpath("{folder}/current")
with open("{folder}/starts", "a") as file:
    file.write(os.path.basename(here) + "\\n")
if os.path.basename(here) in "{broken}".split():
    sys.exit("cannot start")
open("{folder}/hub", "w").write(os.path.basename(here))
"""


class Restored(Site):
    """A site whose action is the built-in one; the file `hub` stands for a hub that listens, and says which release it is."""

    def __init__(self, folder: Path, *, broken: str = "") -> None:
        super().__init__(folder)
        (folder / "start.py").write_text(START.format(folder=folder, broken=broken))
        (folder / "hub").write_text("new")
        self.old, self.new, self.cache = folder / "releases" / "old", folder / "releases" / "new", folder / "cache"
        for tree, text in ((self.old, "old"), (self.new, "new")):
            (tree / "config").mkdir()
            (tree / "config" / "mcp-hub.json").write_text(json.dumps({"mcpServers": {text: {"command": text}}}))
            (tree / ".env.production").write_text(f"A={text}\n")
        self.cache.mkdir()
        for name in ("tools.json", "gone.json"):
            (self.cache / name).write_text("before")
        self.set(
            stop=("rm", str(folder / "hub")),
            start=(sys.executable, "-S", "-E", str(folder / "start.py")),
            actions=(RollbackAction(name="restore", triggers=("validation-failure",), command=("@restore-backup",)),),
        )
        object.__setattr__(self.config.target, "backups", str(folder / "backups"))

    def set(self, **settings: Any) -> None:
        """Change `[rollback]`."""
        for name, value in settings.items():
            object.__setattr__(self.config.rollback, name, value)

    def back_up(self, version: str = "4.2.1") -> Path:
        """A backup of the old release, as it is made before the deploy; then its files change."""
        sources = (
            Source(root="release", base=self.old, path="config/mcp-hub.json", role=CONFIGURATION, required=True),
            Source(root="release", base=self.old, path=".env.production", role=ENVIRONMENT),
            Source(root="cache", base=self.cache, path=".", role="cache"),
        )
        made = create(Request(folder=self.folder / "backups", sources=sources, commit=None, version=version))
        self.rewrite(deployed_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
        (self.old / "config" / "mcp-hub.json").write_text("{}")
        (self.cache / "tools.json").write_text("newer")
        (self.cache / "gone.json").unlink()
        return made.path

    def run(self, monkeypatch: pytest.MonkeyPatch, *, state: str = "ready") -> None:
        """Restore."""

        def look(_: object) -> Seen:
            there = (self.folder / "hub").exists()
            now = "ready" if (self.folder / "current").resolve() == self.new else state
            return Seen(answers=there, pid=1, state=now, trouble="" if there else "refused")

        monkeypatch.setattr(restore, "look", look)
        monkeypatch.setattr(restore, "READY_SECONDS", 0.3)
        monkeypatch.setattr(restore, "GONE_SECONDS", 0.3)
        Restoring(self.config, self.deploy, backup.proven(self.config, self.deploy)).run()

    def as_before(self) -> bool:
        """Whether the new release is in place, untouched, and runs."""
        return (
            (self.folder / "current").resolve() == self.new
            and (self.folder / "hub").read_text() == "new"
            and (self.old / "config" / "mcp-hub.json").read_text() == "{}"
        )


def test_the_release_before_comes_back_with_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, link switched, configuration put back, started, ready; of the cache only what was missing."""
    site = Restored(tmp_path)
    site.back_up()
    site.run(monkeypatch)
    assert (tmp_path / "hub").read_text() == "old"
    assert (tmp_path / "current").resolve() == site.old
    assert "old" in (site.old / "config" / "mcp-hub.json").read_text()
    assert ((site.cache / "tools.json").read_text(), (site.cache / "gone.json").read_text()) == ("newer", "before")
    assert "new" in (site.new / "config" / "mcp-hub.json").read_text()


@pytest.mark.parametrize(
    ("broken", "state", "words"), [("old", "ready", "cannot start"), ("", "starting", "not ready within")]
)
def test_what_does_not_come_up_is_undone(
    broken: str, state: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not start, or never becomes ready: link and files are as before, and what ran runs again."""
    site = Restored(tmp_path, broken=broken)
    site.back_up()
    with pytest.raises(ReadinessError, match=words):
        site.run(monkeypatch, state=state)
    assert site.as_before()
    assert (tmp_path / "starts").read_text().split() == ["old", "new"]


def test_a_hub_that_does_not_stop_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something still listens: nothing is switched under it, and nothing is started a second time."""
    site = Restored(tmp_path)
    site.back_up()
    site.set(stop=("true",))
    with pytest.raises(ReadinessError, match="still listens"):
        site.run(monkeypatch)
    assert site.as_before()
    assert not (tmp_path / "starts").exists()


def test_a_release_that_is_no_link_is_not_switched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed about a tree in place: it is started again as it is."""
    site = Restored(tmp_path)
    site.back_up()
    object.__setattr__(site.config.target, "release", site.new)
    with pytest.raises(ReadinessError, match="is no link"):
        site.run(monkeypatch)
    assert site.as_before()


@pytest.mark.parametrize("case", ["none", "too late", "the same", "corrupted", "foreign", "no stop", "no start"])
def test_refused_before_anything_is_stopped(case: str, tmp_path: Path) -> None:
    """No backup, one from after the deploy, of the very release, with a changed file, of another's make; no command."""
    site = Restored(tmp_path)
    words = {
        "none": "no backup from before the deploy",
        "too late": "no backup from before the deploy",
        "the same": "of the very release that was deployed",
        "corrupted": "does not verify",
        "foreign": "was not made by",
        "no stop": "stop is not set",
        "no start": "start is not set",
    }[case]
    if case != "none":
        made = site.back_up("4.3.0" if case == "the same" else "4.2.1")
    if case == "too late":
        site.rewrite(deployed_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=9))
    if case == "corrupted":
        path = made / "data" / "release" / ".env.production"
        path.chmod(0o600)
        path.write_text("A=evil\n")
    if case == "foreign":
        (made / "manifest.json").chmod(0o600)
        (made / "manifest.json").write_text('{"created": "2020-01-01T00:00:00Z"}')
        os.utime(made, (0, 0))
    if case in {"no stop", "no start"}:
        site.set(**{case.split()[1]: ()})
    with pytest.raises(Refused, match=words):
        site.execute(person=True)
    assert site.as_before() or case == "none"
    assert (tmp_path / "hub").read_text() == "new"


def test_data_is_never_restored_without_a_person(tmp_path: Path) -> None:
    """In mode auto the built-in action asks: what was written since the backup is lost."""
    plan = Restored(tmp_path).plan()
    assert plan["mode"] == "ask"
    assert [action["mode"] for action in plan["actions"]] == ["ask"]
