"""What a restoration has done so far: each step is on disk before it is taken, so that whoever comes after knows.

A folder of its own for each restoration, below that of the journals: its steps, the files as they were before, and
scratch. It is interrupted where its steps came to no outcome: then the next one goes on there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys import action, journal
from readiness.operations.rollback import document
from readiness.support import file_writing, process_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.operations.deploys.record import DeployRecord

FOLDER: Final = "rollback/restore"
"""Below the report folder."""
FILE: Final = "steps.jsonl"
UNDO: Final = "undo"
_COMMAND_SECONDS: Final = 60.0
"""Seconds that a command of a restoration may take."""
_KEPT: Final = "kept"
_SCRATCH: Final = "scratch"


def interrupted(config: Config) -> journal.State | None:
    """The steps of the restoration that was begun and came to no outcome; None: there is none. Raises ReadinessError."""
    folder = config.report_dir / FOLDER
    found = [journal.read(path) for path in sorted(folder.glob(f"*/{FILE}"))]
    return next((state for state in reversed(found) if state.first(journal.BEGIN) and not state.finished), None)


def of_deploy(state: journal.State, deploy: DeployRecord | None) -> bool:
    """Whether a restoration was begun for this very deploy."""
    return deploy is not None and state.first(journal.BEGIN).get("deploy_sha256") == document.deploy_digest(deploy)


def words(state: journal.State) -> str:
    """What an interrupted restoration had done, for a person."""
    done = [str(entry["action"]) for entry in state.entries if entry["kind"] == journal.INTENT]
    return f"{state.path} was interrupted at: {', '.join(done) or 'its beginning'}"


class Steps:
    """The steps of one restoration, begun or gone on with."""

    def __init__(self, folder: Path, on_step: Callable[[str], None] = lambda _: None) -> None:
        """Open them in `folder`, made where it is not there. `on_step` is called before anything is changed or written."""
        self.folder, self.on_step = folder, on_step
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.book = journal.Journal(folder / FILE)

    @classmethod
    def new(cls, config: Config, on_step: Callable[[str], None] = lambda _: None) -> Steps:
        """Those of a restoration that begins. Raises ReadinessError."""
        stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}"
        return cls(config.report_dir / FOLDER / stamp, on_step)

    @property
    def state(self) -> journal.State:
        """What is written."""
        return journal.read(self.book.path)

    def write(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any plain value
        """Write it down. Raises ReadinessError."""
        self.on_step(f"write {kind} {data.get('action', '')}".rstrip())
        self.book.write(kind, **data)

    def changing(self, step: str, **before: Any) -> dict[str, Any]:  # noqa: ANN401 - any plain value
        """Write down what is about to be changed and how it was; where that is written already, the first word counts."""
        known = self.state.of(journal.INTENT, step)
        if known is None:
            self.write(journal.INTENT, action=step, **before)
            return before
        return known

    def changes(self) -> list[journal.Entry]:
        """What was changed, in order."""
        return [entry for entry in self.state.entries if entry["kind"] == journal.INTENT]

    # --- commands -----------------------------------------------------------------------------------------------------

    def command(self, step: str, argv: Sequence[str], cwd: Path, *, once: bool = False) -> tuple[action.Ended, bool]:
        """Run it unless it ended already; how it ended, and whether it had begun before.

        One that was begun and that nobody saw ending is waited for. `once`: it is not run again then, and its status
        stays unknown.
        """
        state = self.state
        known = state.of(journal.ENDED, step)
        if known is not None:
            return _ended(known), True
        began = state.of(journal.STARTED, step) is not None
        if began:
            self.wait(step)
            began = state.begun(step)
            if began and once:
                return action.Ended(code=None, seconds=0.0), True
        mark = journal.mark(self.book.path, step)
        mark.unlink(missing_ok=True)

        def on_started(pid: int, start: str | None) -> None:
            self.write(
                journal.STARTED, action=step, pid=pid, start=start, boot=process_identity.boot(), host=process_identity.host(), at_most=_COMMAND_SECONDS
            )  # fmt: skip
            self.on_step(f"let {step} begin")

        ended = action.run(argv, cwd=cwd, env=os.environ, timeout=_COMMAND_SECONDS, on_started=on_started, mark=mark)
        self.on_step(f"{step} has ended")
        self.write(journal.ENDED, action=step, code=ended.code, timed_out=ended.timed_out, trouble=ended.trouble)
        return ended, began

    def wait(self, step: str) -> None:
        """Wait for the step's process, should it still run; nothing where it was begun on another boot."""
        started, ended = self.state.of(journal.STARTED, step), self.state.of(journal.ENDED, step)
        if (
            started is None
            or ended is not None
            or (started["boot"], started["host"]) != (process_identity.boot(), process_identity.host())
        ):
            return
        action.adopt(int(started["pid"]), started["start"], until=float(started["at"]) + _COMMAND_SECONDS)

    def wait_for_all(self) -> None:
        """Wait for every command that was begun."""
        for step in {str(entry["action"]) for entry in self.state.entries if entry["kind"] == journal.STARTED}:
            self.wait(step)

    # --- files --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder that is gone afterwards; one that a killed process left is emptied first."""
        folder = self.folder / _SCRATCH
        _wipe(folder)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _wipe(folder)

    def keep(self, place: Path, number: int) -> Path:
        """A copy of the file at `place` as it is now, on disk."""
        kept = self.folder / _KEPT / str(number)
        kept.parent.mkdir(exist_ok=True, mode=0o700)
        copy(place, kept)
        return kept

    def close(self, result: str | None = None, **data: Any) -> None:  # noqa: ANN401 - any plain value
        """Give the file back, with an outcome where it came to one; what was kept goes unless `troubles` need it."""
        try:
            if result is not None:
                self.write(journal.OUTCOME, result=result, **data)
                if not data.get("troubles"):
                    _wipe(self.folder / _KEPT)
        finally:
            self.book.close()

    def discard(self) -> None:
        """Give the file back and leave nothing: nothing was begun."""
        self.book.close()
        _wipe(self.folder)


def copy(source: Path, place: Path) -> None:
    """Replace `place` by a copy of `source`, whole or not at all, flushed to disk, in the hands of whom it belonged to."""
    new = place.with_name(f".{place.name}.readiness-new")
    new.unlink(missing_ok=True)
    shutil.copy2(source, new)
    owner = place if place.exists() else place.parent
    with contextlib.suppress(OSError):  # only root may give a file away
        facts = owner.stat()
        os.chown(new, facts.st_uid, facts.st_gid)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(place)
    file_writing.flush_folder(place.parent)


def link(place: Path, target: Path) -> None:
    """Let the link at `place` lead to `target`, at once."""
    new = place.with_name(f".{place.name}.readiness-new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(place)
    file_writing.flush_folder(place.parent)


def give_up(config: Config) -> journal.State | None:
    """Write down that nobody goes on with the interrupted restoration, and return it; None where there is none.

    Raises ReadinessError where one of its commands still runs.
    """
    state = interrupted(config)
    if state is None:
        return None
    for entry in state.entries:
        here = entry["kind"] == journal.STARTED and (entry["boot"], entry["host"]) == (
            process_identity.boot(),
            process_identity.host(),
        )
        if here and process_identity.alive(int(entry["pid"]), entry["start"]):
            raise ReadinessError(f"its step {entry['action']} still runs as process {entry['pid']}: wait or end it")
    Steps(state.path.parent).close(
        "given up by a person", troubles=["a person took over"], seconds=time.time() - state.last
    )
    return state


def _ended(entry: journal.Entry) -> action.Ended:
    return action.Ended(code=entry["code"], timed_out=entry["timed_out"], trouble=entry["trouble"], seconds=0.0)


def _wipe(folder: Path) -> None:
    """Remove a folder and all below it, also what a backup's modes protect."""
    if folder.is_dir() and not folder.is_symlink():
        for path, _, _ in os.walk(folder):
            with contextlib.suppress(OSError):
                os.chmod(path, 0o700)  # noqa: PTH101 - a text from os.walk
        shutil.rmtree(folder, ignore_errors=True)
