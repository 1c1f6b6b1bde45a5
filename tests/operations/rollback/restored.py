"""A site whose action is the built-in one: its backup, its commands, and a file that stands for a hub that listens."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, RollbackAction, RollbackSettings, Target
from readiness.errors import ReadinessError
from readiness.facts.backup.layout import CONFIGURATION, ENVIRONMENT
from readiness.operations.backup.backup import BackupRequest, BackupSource, create
from readiness.operations.deploys.hub_look import Seen
from readiness.operations.rollback import execute as called
from readiness.operations.rollback import restore
from tests.operations.rollback.rolled import Site
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

START = """
import os, sys, time
time.sleep({slow})
here = os.path.realpath("{folder}/current")
with open("{folder}/starts", "a") as file:
    file.write(os.path.basename(here) + "\\n")
if os.path.basename(here) in "{broken}".split():
    sys.exit("cannot start")
open("{folder}/hub", "w").write(os.path.basename(here))
"""


def commands(folder: Path) -> dict[str, Any]:
    """What stops and starts the hub of the site in `folder`."""
    return {"stop": ("rm", str(folder / "hub")), "start": (sys.executable, "-S", "-E", str(folder / "start.py"))}


class Restored(Site):
    """A site whose action is the built-in one; the file `hub` stands for a hub that listens, and says which release it is."""

    def __init__(self, folder: Path, *, broken: str = "", becomes: str = "ready") -> None:
        super().__init__(folder)
        self.becomes = becomes
        self.broken = broken
        self.slow(0)
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
            **commands(folder),
            actions=(RollbackAction(name="restore", triggers=("validation-failure",), command=("@restore-backup",)),),
        )
        object.__setattr__(self.config.target, "backups", str(folder / "backups"))

    def slow(self, seconds: float) -> None:
        """How long the command that starts the hub takes."""
        (self.folder / "start.py").write_text(START.format(folder=self.folder, broken=self.broken, slow=seconds))

    def set(self, **settings: Any) -> None:
        """Change `[rollback]`."""
        for name, value in settings.items():
            object.__setattr__(self.config.rollback, name, value)

    def back_up(self, version: str = "4.2.1") -> Path:
        """A backup of the old release, as it is made before the deploy; then its files change."""
        sources = (
            BackupSource(root="release", base=self.old, path="config/mcp-hub.json", role=CONFIGURATION, required=True),
            BackupSource(root="release", base=self.old, path=".env.production", role=ENVIRONMENT),
            BackupSource(root="cache", base=self.cache, path=".", role="cache"),
        )
        made = create(BackupRequest(folder=self.folder / "backups", sources=sources, commit=None, version=version))
        self.rewrite(deployed_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
        (self.old / "config" / "mcp-hub.json").write_text("{}")
        (self.cache / "tools.json").write_text("newer")
        (self.cache / "gone.json").unlink()
        return made.path

    def look(self, _: object) -> Seen:
        """What a look shows: the file."""
        there = (self.folder / "hub").exists()
        now = "ready" if (self.folder / "current").resolve() == self.new else self.becomes
        return Seen(answers=there, pid=1, state=now, trouble="" if there else "refused")

    def run(self, *, on_step: Callable[[str], None] = lambda _: None) -> None:
        """Restore, or go on with it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(restore, "look", self.look)
            patch.setattr(restore, "startup_seconds", lambda *_: 0.2)
            patch.setattr(restore, "GONE_SECONDS", 0.2)
            restore.restore(self.config, on_step)

    def in_child(self, patch: pytest.MonkeyPatch, *, kill_at: int = -1, and_parent: bool = False) -> None:
        """Let the built-in action of a rollback be this site's, in its own process; killed before a step, maybe with its parent."""

        def command_of(*_: object) -> list[str]:
            own = self.config.rollback
            told = {"stop": own.stop, "start": own.start, "unit": self.config.target.unit}
            (self.folder / "child.json").write_text(json.dumps(told))
            return [
                sys.executable,
                "-m",
                "tests.operations.rollback.restored",
                str(self.folder),
                str(kill_at),
                str(int(and_parent)),
            ]

        patch.setattr(called, "command_of", command_of)
        patch.setenv("PYTHONPATH", str(ROOT))

    def starts(self) -> list[str]:
        """Which releases were started, in order."""
        path = self.folder / "starts"
        return path.read_text().split() if path.exists() else []

    def came_back(self) -> bool:
        """Whether the old release is in place with its settings, and runs."""
        return (
            (self.folder / "current").resolve() == self.old
            and (self.folder / "hub").read_text() == "old"
            and "old" in (self.old / "config" / "mcp-hub.json").read_text()
            and (self.cache / "tools.json").read_text() == "newer"
            and (self.cache / "gone.json").read_text() == "before"
        )

    def as_before(self) -> bool:
        """Whether the new release is in place, untouched, and runs."""
        return (
            (self.folder / "current").resolve() == self.new
            and (self.folder / "hub").read_text() == "new"
            and (self.old / "config" / "mcp-hub.json").read_text() == "{}"
        )


def main(folder: Path, kill_at: int, *, and_parent: bool) -> int:
    """Restore the site in `folder`, as the built-in action's own process does; 1 where it failed."""
    taken = iter(range(1000))

    def on_step(_: str) -> None:
        if next(taken) == kill_at:
            if and_parent:
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    site = Restored.__new__(Restored)
    site.folder, site.reports, site.becomes, site.broken = folder, folder / "reports", "ready", ""
    site.old, site.new, site.cache = folder / "releases" / "old", folder / "releases" / "new", folder / "cache"
    told = json.loads((folder / "child.json").read_text())
    unit, given = told.pop("unit"), {name: tuple(argv) for name, argv in told.items()}
    target = Target(url="http://127.0.0.1:9", release=folder / "current", backups=str(folder / "backups"), unit=unit)
    site.config = Config(report_dir=site.reports, target=target, rollback=RollbackSettings(**given))
    try:
        site.run(on_step=on_step)
    except ReadinessError as error:
        sys.stdout.write(f"not restored: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), and_parent=sys.argv[3] == "1"))
