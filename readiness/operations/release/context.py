"""What all phases of one release share: the settings, the order, the journal, and the commands that it runs."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import TYPE_CHECKING, Any, Final

from readiness.config import redactor_for
from readiness.operations.deploys import JournalledCommands
from readiness.operations.release.journal import ReleaseState, read_release
from readiness.support import LOCK_TOKEN, for_command, visible_text
from readiness.support.redaction import hidden_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config import Config
    from readiness.operations.deploys import EndedCommand, JournalFile
    from readiness.operations.release.model import ReleaseOrder
    from readiness.operations.release.ports import ReleasePorts

_SHOWN: Final = 12
"""Lines of a command's output that are said."""


class ReleaseContext:
    """One release on its way, as its phases see it."""

    def __init__(
        self, config: Config, order: ReleaseOrder, ports: ReleasePorts, journal: JournalFile, token: str
    ) -> None:
        """`journal` is open; what stands in it was done already. `token` is that of the lock, which commands inherit."""
        # as long as it is watched, its deploy is not over
        window = config.rollback.window + math.ceil(order.bake)
        self.config = dataclasses.replace(config, rollback=dataclasses.replace(config.rollback, window=window))
        self.order, self.ports, self.journal, self.token = order, ports, journal, token
        self.redactor = redactor_for(config, os.environ)
        for value in hidden_values(order.command):
            self.redactor.learn("argument", value)  # what a command is given it may print
        self.commands = JournalledCommands(
            journal.path, self.write, say=ports.say, clean=self.clean, on_step=ports.on_step, grace=ports.grace,
            subject="name",
        )  # fmt: skip

    @property
    def state(self) -> ReleaseState:
        """What the journal tells by now."""
        return read_release(self.journal.path)

    def write(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any plain value
        """Append to the journal, on disk when this returns. Raises ReadinessError."""
        self.ports.on_step(f"write {kind} {data.get('name', '')}".strip())
        self.journal.write(kind, **data)

    def run_command(self, name: str, argv: Sequence[str]) -> EndedCommand:
        """Run one of the release's commands, or learn what became of it where it was begun before."""
        known = self.state.ended(name)
        if known is not None:
            return known
        ended = self.commands.run(
            name, argv, cwd=self.order.folder, env=for_command(os.environ) | {LOCK_TOKEN: self.token},
            timeout=self.config.release.timeout,
        )  # fmt: skip
        for line in [line for line in ended.output.splitlines() if line.strip()][-_SHOWN:]:
            self.ports.say(f"  | {line[:300]}")
        return ended

    def clean(self, text: str, limit: int) -> str:
        """`text` without secrets and control characters."""
        return visible_text(self.redactor.clean(text, limit), limit)
