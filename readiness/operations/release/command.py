"""A command of a release: begun once, its process written down first, waited for by whoever resumes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from readiness.operations.deploys import action, journal
from readiness.operations.release import journal as book
from readiness.support import process_identity
from readiness.support.environment import LOCK_TOKEN, for_command
from readiness.support.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from readiness.operations.release.ports import World
    from readiness.support.redaction.redactor import Redactor

_OUTPUT: Final = 8_000
"""Characters of its output that the journal keeps."""
_TOLD: Final = 12
"""Lines of it that are said."""


def from_entry(known: book.Entry) -> action.Ended:
    """How a command ended, as the journal has it."""
    return action.Ended(
        code=known["code"],
        timed_out=known["timed_out"],
        seconds=known["seconds"],
        trouble=known["trouble"],
        output=known["output"],
    )


class Commands:
    """Runs the commands of one release."""

    def __init__(self, path: Path, write: Callable[..., None], redactor: Redactor, world: World, token: str) -> None:
        """`path` is the journal, `write` appends to it, `token` is that of the lock, which what is run inherits."""
        self.path, self.write, self.redactor, self.world, self.token = path, write, redactor, world, token

    def run(self, name: str, argv: Sequence[str], folder: Path, timeout: float) -> action.Ended:
        """Run it, or learn what became of it where it was begun before. `name` is what the journal calls it."""
        state = book.read(self.path)
        known = state.of(book.ENDED, name)
        if known is not None:
            return from_entry(known)
        started = state.of(book.STARTED, name)
        ended = None if started is None else self._adopted(name, started, timeout)
        if ended is None:
            ended = self._begun(name, argv, folder, timeout)
        output = self.clean(ended.output, _OUTPUT)
        self.write(
            book.ENDED, name=name, code=ended.code, timed_out=ended.timed_out, seconds=ended.seconds,
            trouble=self.clean(ended.trouble, 300), output=output,
        )  # fmt: skip
        for line in [line for line in output.splitlines() if line.strip()][-_TOLD:]:
            self.world.say(f"  | {line[:300]}")
        return ended

    def _begun(self, name: str, argv: Sequence[str], folder: Path, timeout: float) -> action.Ended:
        self.write(book.INTENT, name=name, command=self.clean(" ".join(argv), 1_000))

        def on_started(pid: int, start: str | None) -> None:
            self.write(
                book.STARTED,
                name=name,
                pid=pid,
                start=start,
                boot=process_identity.boot(),
                host=process_identity.host(),
            )
            self.world.on_step(f"let {name} begin")

        ended = action.run(
            argv,
            cwd=folder,
            env=for_command(os.environ) | {LOCK_TOKEN: self.token},
            timeout=timeout,
            on_started=on_started,
            mark=journal.mark(self.path, name),
            grace=self.world.grace,
        )
        self.world.on_step(f"{name} has ended")
        return ended

    def _adopted(self, name: str, started: book.Entry, timeout: float) -> action.Ended | None:
        """What came of a command that another process began; None where it never began."""
        ended = action.Ended(code=None, seconds=0.0)
        if (started["boot"], started["host"]) == (process_identity.boot(), process_identity.host()):
            self.world.say(f"{name} was begun before: waiting for process {started['pid']}")
            until = float(started["at"]) + timeout
            ended = action.adopt(int(started["pid"]), started["start"], until=until, grace=self.world.grace)
        # asked once the process is gone: until then it may be about to begin
        return ended if journal.mark(self.path, name).exists() else None

    def clean(self, text: str, limit: int) -> str:
        """`text` without secrets and control characters."""
        return plain(self.redactor.clean(text, limit), limit)
