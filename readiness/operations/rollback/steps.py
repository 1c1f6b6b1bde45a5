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
from readiness.operations.deploys import BEGIN, INTENT, OUTCOME, STARTED, JournalFile, JournalledCommands, read_journal
from readiness.operations.rollback.document import deploy_digest
from readiness.support import file_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.deploys import DeployRecord, EndedCommand, JournalEntry, JournalState

FOLDER: Final = "rollback/restore"
"""Below the report folder."""
FILE: Final = "steps.jsonl"
UNDO: Final = "undo"
_COMMAND_SECONDS: Final = 60.0
"""Seconds that a command of a restoration may take."""
_KEPT: Final = "kept"
_SCRATCH: Final = "scratch"


def interrupted(config: Config) -> JournalState | None:
    """The steps of the restoration that was begun and came to no outcome; None: there is none. Raises ReadinessError."""
    folder = config.report_dir / FOLDER
    states = [read_journal(path) for path in sorted(folder.glob(f"*/{FILE}"))]
    return next((state for state in reversed(states) if state.is_begun and not state.is_finished), None)


def of_deploy(state: JournalState, deploy: DeployRecord | None) -> bool:
    """Whether a restoration was begun for this very deploy."""
    begun = state.first(BEGIN)
    return deploy is not None and begun is not None and begun.data.get("deploy_sha256") == deploy_digest(deploy)


def words(state: JournalState) -> str:
    """What an interrupted restoration had done, for a person."""
    done = [entry.about for entry in state.entries if entry.kind == INTENT]
    return f"{state.path} was interrupted at: {', '.join(done) or 'its beginning'}"


class Steps:
    """The steps of one restoration, begun or gone on with."""

    def __init__(self, folder: Path, on_step: Callable[[str], None] = lambda _: None) -> None:
        """Open them in `folder`, made where it is not there. `on_step` is called before anything is changed or written."""
        self.folder, self.on_step = folder, on_step
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.journal = JournalFile(folder / FILE)
        self.commands = JournalledCommands(
            self.journal.path, self.write, on_step=on_step, clean=lambda text, limit: text[:limit]
        )

    @classmethod
    def new(cls, config: Config, on_step: Callable[[str], None] = lambda _: None) -> Steps:
        """Those of a restoration that begins. Raises ReadinessError."""
        stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}"
        return cls(config.report_dir / FOLDER / stamp, on_step)

    @property
    def state(self) -> JournalState:
        """What is written."""
        return read_journal(self.journal.path)

    def write(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any plain value
        """Write it down. Raises ReadinessError."""
        self.on_step(f"write {kind} {data.get('action', '')}".rstrip())
        self.journal.write(kind, **data)

    def changing(self, step: str, **before: Any) -> None:  # noqa: ANN401 - any plain value
        """Write down what is about to be changed and how it was; where that is written already, the first word counts."""
        if self.state.last(INTENT, step) is None:
            self.write(INTENT, action=step, **before)

    def changes(self) -> list[JournalEntry]:
        """What was changed, in order."""
        return [entry for entry in self.state.entries if entry.kind == INTENT]

    # --- commands -----------------------------------------------------------------------------------------------------

    def command(self, step: str, argv: Sequence[str], cwd: Path, *, once: bool = False) -> tuple[EndedCommand, bool]:
        """Run it unless it ended already; how it ended, and whether it had begun before.

        One that was begun and that nobody saw ending is waited for. `once`: it is not run again then, and its status
        stays unknown.
        """
        known = self.state.ended(step)
        if known is not None:
            return known, True
        before = self.commands.wait(step, _COMMAND_SECONDS)
        if before is not None and once:
            return before, True
        ended = self.commands.begin(step, argv, cwd=cwd, env=os.environ, timeout=_COMMAND_SECONDS)
        return self.commands.keep(step, ended), before is not None

    def wait_for_all(self) -> None:
        """Wait for every command that was begun and that nobody saw ending."""
        state = self.state
        for step in {entry.about for entry in state.entries if entry.kind == STARTED}:
            if state.ended(step) is None:
                self.commands.wait(step, _COMMAND_SECONDS)

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
                self.write(OUTCOME, result=result, **data)
                if not data.get("troubles"):
                    _wipe(self.folder / _KEPT)
        finally:
            self.journal.close()

    def discard(self) -> None:
        """Give the file back and leave nothing: nothing was begun."""
        self.journal.close()
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


def give_up(config: Config) -> JournalState | None:
    """Write down that nobody goes on with the interrupted restoration, and return it; None where there is none.

    Raises ReadinessError where one of its commands still runs.
    """
    state = interrupted(config)
    if state is None:
        return None
    running = state.running
    if running is not None:
        raise ReadinessError(f"its step {running.name} still runs as process {running.pid}: wait or end it")
    Steps(state.path.parent).close(
        "given up by a person", troubles=["a person took over"], seconds=time.time() - state.last_at
    )
    return state


def _wipe(folder: Path) -> None:
    """Remove a folder and all below it, also what a backup's modes protect."""
    if folder.is_dir() and not folder.is_symlink():
        for path, _, _ in os.walk(folder):
            with contextlib.suppress(OSError):
                os.chmod(path, 0o700)  # noqa: PTH101 - a text from os.walk
        shutil.rmtree(folder, ignore_errors=True)
