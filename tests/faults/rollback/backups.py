"""Programs that are missing, backups that are of no use, and restorations that break off."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import TYPE_CHECKING

from readiness.config.model import RollbackAction
from tests.helpers import fake_systemctl

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.rollback.scene import Scene


def gone_program(scene: Scene) -> None:
    """The action's script was removed."""
    scene.action(command=(str(scene.folder / "gone.sh"),))


def asking_sudo(scene: Scene) -> None:
    """Sudo asks for a password."""
    scene.program("sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    scene.action(command=("sudo", "-n", "systemctl", "restart", "mcp-hub"))


def no_action(scene: Scene) -> None:
    """The action was taken out of readiness.toml."""
    scene.settings(actions=())


def another_action(scene: Scene) -> None:
    """Only another action is left."""
    scene.settings(actions=(RollbackAction(name="x", triggers=("deploy-failure",), command=("true",)),))


def backup(fault: str = "") -> Callable[[Scene], None]:
    """A backup from before the deploy, with something wrong with it."""

    def prepare(scene: Scene) -> None:
        made = scene.restored.back_up("4.3.0" if fault == "the same" else "4.2.1")
        if fault == "too late":
            scene.site.rewrite(deployed_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=9))
        elif fault == "corrupted":
            path = made / "data" / "release" / ".env.production"
            path.chmod(0o600)
            path.write_text("A=evil\n")
        elif fault == "foreign":
            (made / "manifest.json").chmod(0o600)
            (made / "manifest.json").write_text('{"created": "2020-01-01T00:00:00Z"}')
            os.utime(made, (0, 0))

    return prepare


def as_before(scene: Scene) -> None:
    """The new release is in place and runs, untouched."""
    assert (scene.folder / "current").resolve() == scene.restored.new
    assert (scene.folder / "hub").read_text() == "new"


def came_back(scene: Scene) -> None:
    """The old one is in place with its settings, and runs."""
    assert scene.restored.came_back()
    assert scene.restored.starts() == ["old"]


def killed_at(step: int) -> Callable[[Scene], None]:
    """The restoration's own process is killed before that step."""
    return lambda scene: scene.restored.in_child(scene.patch, kill_at=step)


def goes_on(scene: Scene) -> None:
    """Called once more, it goes on where it was."""
    scene.restored.in_child(scene.patch)
    assert scene.act() == 1
    came_back(scene)


def crash_loop(scene: Scene) -> None:
    """The new release crashed until systemd starts it no more."""
    backup()(scene)
    fake_systemctl.install(scene.folder, scene.patch, start=f"{sys.executable} -S -E {scene.folder / 'start.py'}")
    scene.settings(stop=("systemctl", "stop", "mcp-hub"), start=("systemctl", "start", "mcp-hub"))
    scene.target(unit="mcp-hub.service")
    (scene.folder / "hub").unlink()


def forgotten(scene: Scene) -> None:
    """Systemd was told to forget before it was told to start."""
    orders = [call for call in fake_systemctl.calls(scene.folder) if not call.startswith("show")]
    assert orders == ["stop mcp-hub", "reset-failed mcp-hub.service", "start mcp-hub"]
    came_back(scene)
