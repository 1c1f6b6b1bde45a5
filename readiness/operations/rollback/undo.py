"""Undoes a restoration that failed: what it changed is put back, the last first, and what ran before runs again.

It may be called again after a kill: each of its steps looks at what is so before it does anything, and nothing is started
twice.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readiness.errors import ReadinessError
from readiness.operations.deploys import journal, systemd
from readiness.operations.deploys.look import look
from readiness.operations.rollback import steps
from readiness.operations.rollback.preconditions import working_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.config.model import Config


class Undoing:
    """One undoing. Nothing stops it: what cannot be undone is said, and the next thing is tried."""

    def __init__(self, config: Config, release: Path, done: steps.Steps, say: Callable[[str], None]) -> None:
        """`done` are the steps that were taken."""
        self.config, self.release, self.steps, self.say = config, release, done, say
        self.troubles: list[str] = []

    def run(self, why: str) -> None:
        """Undo it all, and write down what came of it. Raises nothing but what the journal's end raises."""
        if not self.steps.state.entries:
            self.steps.discard()  # nothing was begun
            return
        self.say(f"{why}; putting back what was there before")
        with contextlib.suppress(ReadinessError):  # a full disk must not keep anything from being put back
            self.steps.changing(steps.UNDO, why=why)
        self.steps.wait_for_all()
        state = self.steps.state
        if state.of(journal.STARTED, "start") is not None:
            self._try("stop what was started", self._stop)
        for entry in reversed(self.steps.changes()):
            self._changed(entry)
        if state.of(journal.STARTED, "stop") is not None:
            self._try("have the hub run again", self._have_it_run)
        with contextlib.suppress(ReadinessError):
            self.steps.close("partly undone" if self.troubles else "undone", troubles=self.troubles)

    def _changed(self, entry: Mapping[str, Any]) -> None:
        step = str(entry["action"])
        if step == "link":
            before = Path(entry["before"])
            self._try(f"let {self.release} point to {before}", lambda: steps.link(self.release, before))
        elif step == "checkout" and entry["before"] is not None:
            self._try(f"check {entry['before'][:12]} out", lambda: self._check_out(entry["before"]))
        elif step.startswith("file "):
            place = Path(entry["place"])
            if entry["kept"] is None:
                self._try(f"remove {place}", lambda: place.unlink(missing_ok=True))
            else:
                self._try(f"put {place} back", lambda: steps.copy(Path(entry["kept"]), place))

    def _try(self, words: str, step: Callable[[], object]) -> None:
        self.steps.on_step(f"undo: {words}")
        try:
            step()
        except (ReadinessError, OSError) as error:
            self.troubles.append(f"{words}: {error}")
            self.say(f"NOT undone, do it by hand: {words}: {error}")
        else:
            self.say(f"undone: {words}")

    def _command(self, step: str, argv: tuple[str, ...], *, once: bool = False) -> None:
        ended, _ = self.steps.command(step, argv, working_folder(self.config), once=once)
        self.say(f"{step}: {ended.words}")
        if not ended.ok and ended.code is not None:
            raise ReadinessError(f"{step} {ended.words}: {ended.output.strip()[-300:]}")

    def _stop(self) -> None:
        try:
            self._command("undo-stop", self.config.rollback.stop)
        except ReadinessError:
            if look(self.config).listens:
                raise  # what does not listen is stopped, whatever the command made of it

    def _check_out(self, commit: str) -> None:
        self._command("undo-git", ("git", "-C", str(self.release), "checkout", "--quiet", "--force", commit))

    def _have_it_run(self) -> None:
        if look(self.config).listens:
            return
        for line in filter(None, [systemd.forget_failures(self.config)]):
            self.say(line)
        self._command("undo-start", self.config.rollback.start, once=True)
