"""Whoever else is at it, or was: locks, killed rollbacks, a deployment, a frozen hub, a full disk."""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from readiness.errors import ReadinessError
from readiness.operations.check_run import acting as check_rollback
from readiness.operations.deploys import hub_look as looking
from readiness.operations.deploys import journal, lock
from readiness.operations.deploys.hub_look import Seen
from readiness.operations.rollback import document, steps
from readiness.operations.rollback.outcome import Proof

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.rollback.scene import Scene


def held(**changes: Any) -> Callable[[Scene], None]:
    """A lock lies there, as another process left it."""

    def prepare(scene: Scene) -> None:
        with lock.held(scene.site.lock.parent, "another rollback"):
            text = scene.site.lock.read_text()
        scene.site.lock.write_text(json.dumps(json.loads(text) | changes))

    return prepare


def torn_lock(scene: Scene) -> None:
    """Half a lock lies there."""
    scene.site.lock.parent.mkdir()
    scene.site.lock.write_text('{"pid": 1')


def left_elsewhere(scene: Scene) -> None:
    """A rollback that wrote its journal in another report folder was killed."""
    other = scene.folder / "other" / "rollback"
    book = journal.JournalFile(other / "1.jsonl")
    book.write(journal.BEGIN, plan={})
    book.close()
    held(pid=2**22 - 3, start="1", journals=str(other))(scene)


def no_lock(scene: Scene) -> None:
    """Let go of the lock that the fault laid."""
    scene.site.lock.unlink()


def deploying(scene: Scene) -> None:
    """A deployment is running."""
    holder = scene.stack.enter_context(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"]))
    scene.stack.callback(holder.kill)
    (scene.folder / "releases" / "new" / ".deploy.lock").write_text(f"{holder.pid}\n")


def at_once(scene: Scene) -> None:
    """Another process carries the same plan out while this one begins."""
    plan = document.read_plan(scene.site.reports)
    assert plan is not None

    def attempt() -> None:
        try:
            scene.site.execute(plan)
        except ReadinessError:
            scene.site.said.append("the other one was refused")

    other = threading.Thread(target=attempt)
    other.start()
    scene.stack.callback(other.join)
    until = time.monotonic() + 10
    while not scene.site.done() and time.monotonic() < until:
        time.sleep(0.01)


def once_before(times: int) -> Callable[[Scene], None]:
    """The deploy was rolled back before, in vain, as often as that."""

    def prepare(scene: Scene) -> None:
        for _ in range(times):
            scene.site.execute(person=True, prove=lambda *_: Proof(bad=("still bad",)))
            (scene.folder / "current").unlink()
            (scene.folder / "current").symlink_to(scene.folder / "releases" / "new")
        (scene.folder / "done").unlink()

    return prepare


def unfinished(scene: Scene) -> None:
    """An earlier rollback was killed."""
    book = journal.JournalFile(scene.site.journals / "20260101T000000Z-a.jsonl")
    book.write(journal.BEGIN, plan={}, deploy=scene.site.deploy.to_json())
    book.close()


def interrupted_elsewhere(scene: Scene) -> None:
    """A restoration for another deploy was killed and nobody gave it up."""
    done = steps.Steps.new(scene.site.config)
    done.write(journal.BEGIN, backup="/b", release="/r", deploy_sha256="other")
    done.write(journal.INTENT, action="link")
    done.close()


def frozen(scene: Scene) -> None:
    """Our own run froze the hub: it is silent, and half a minute later it answers."""
    server = scene.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    scene.target(url=f"http://127.0.0.1:{server.getsockname()[1]}")
    quick = functools.partial(looking.clearly_not_silent, seconds=0.1)
    scene.patch.setattr(looking, "clearly_not_silent", quick)
    shown = [Seen(answers=False, silent=True), Seen(answers=True)]
    scene.patch.setattr(looking, "look", lambda _: shown.pop(0))
    scene.patch.setattr(check_rollback, "FROZEN_SECONDS", 0.01)
    scene.patch.setattr(check_rollback, "_frozen", FROZEN)


FROZEN = check_rollback._frozen
"""What asks whether the hub was frozen; a scene without such a hub does not ask."""


def full_disk(at: str) -> Callable[[Scene], None]:
    """There is no room for the journal's entry of that kind."""

    def prepare(scene: Scene) -> None:
        written = os.write

        def write(descriptor: int, data: bytes) -> int:
            if b'{"kind": "%s"' % at.encode() in data[:40]:
                raise OSError(28, "No space left on device")
            return written(descriptor, data)

        scene.patch.setattr(journal.os, "write", write)

    return prepare
