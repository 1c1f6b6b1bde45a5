"""What every drill does: asks whether it may, says what it will do, breaks one thing, and puts it back whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.errors import Unknown
from readiness.facts.http import port_of
from readiness.operations.drills import permit
from readiness.operations.drills.state import Now, Watch
from readiness.operations.drills.victim import Victim, find
from readiness.support import child_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from readiness.config import Config

_OUTPUT: Final = 64 * 1024
"""Bytes kept of a command's output."""
_SESSION: Final = ("HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST")
"""What service managers need besides to find the caller's services."""
KILLED: Final = 10.0
"""Seconds in which a process that was sent SIGKILL is gone."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Restored:
    """How the hub came back: by itself, by `[drill] start`, or not (`why`)."""

    by: str = ""
    """"untouched", "itself", "late" (after its budget), "start", or nothing."""
    why: str = ""
    unrest: str = ""
    """What is not yet as before although the hub is back: an uptime of 0, slowness."""

    @property
    def told(self) -> str:
        """It in words."""
        if self.by == "untouched":
            return "it still runs as before"
        if self.by == "itself":
            return "it is back by itself"
        if self.by == "start":
            return "it was started again by [drill] start"
        if self.by == "late":
            return "it came back by itself after its time"
        return f"it is NOT back ({self.why}): start it by hand now"


class DrillRun:
    """What every drill of one process of a run stands on; it remembers what an earlier one could not put back."""

    def __init__(
        self, config: Config, *, say: Callable[[str], None], replaced: Callable[[], None] | None = None
    ) -> None:
        """`say` tells people at once and keeps it for the report; `replaced` hears that another process answers now."""
        self.config, self.say = config, say
        self.replaced = replaced or (lambda: None)
        self.left = ""
        """What an earlier drill could not put back."""

    @contextlib.contextmanager
    def scene(self, minutes: float = 0.0) -> Iterator[Scene]:
        """A hub that may be broken, for so long, and is well. Raises Unknown, with nothing done, where it is not so."""
        why = permit.refusal(self.config, minutes=minutes)
        if why:
            raise Unknown(why)
        if self.left:
            raise Unknown(f"not drilled: the hub is not as it was before an earlier drill: {self.left}")
        with permit.alone(self.config):
            watch = Watch(self.config)
            before = watch.well()
            yield Scene(self, watch, before, watch.seconds())

    def run(self, argv: Sequence[str]) -> str:
        """Run a command of `[drill]` that ends with all it started; why it did not end well, or an empty text."""
        try:
            done = child_process.run(
                argv, timeout=self.config.drill.timeout, cwd=self._folder, env=self._environment(), limit=_OUTPUT
            )
        except Unknown as error:
            return str(error)
        return "" if done.ok else f"{argv[0]} {done.ending}: {done.last_words()}"

    def launch(self, argv: Sequence[str]) -> str:
        """Run a command of `[drill]` that leaves something running; why it did not end well, or an empty text.

        What it left is not ended, and gets no output of ours that it would find closed one day.
        """
        limit = self.config.drill.timeout
        try:
            process = subprocess.Popen(  # noqa: S603 - an argument list of readiness.toml, no shell
                list(argv),
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"{argv[0]} cannot be started: {error}"
        try:
            code = process.wait(limit)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(KILLED)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"{argv[0]} did not end within {limit:g} s: it must leave the hub behind and return"
        return "" if code == 0 else f"{argv[0]} ended with status {code}: run it by hand to see why"

    @property
    def _folder(self) -> Path | None:
        """Where commands run: the release where it is here, else where pytest does."""
        release = self.config.target.release
        return release if release is not None and release.is_dir() else None

    @staticmethod
    def _environment() -> dict[str, str]:
        return child_process.environment(extra={name: os.environ[name] for name in _SESSION if name in os.environ})


class Scene:
    """One drill under way: how the hub was, and how it comes back."""

    def __init__(self, drills: DrillRun, watch: Watch, before: Now, speed: float) -> None:
        self.drills, self.watch, self.before, self.speed = drills, watch, before, speed
        self.config = drills.config
        self.restored = Restored()
        self.expired = False
        """Whether the hub has had its time to come back by itself."""

    def victim(self) -> Victim:
        """The hub's process. Raises Unknown where it may not be signalled."""
        with self.watch.hub() as hub:
            return find(hub)

    def tell(self, intention: str) -> None:
        """Say what will be done, before it is."""
        self.drills.say(f"drill: {intention}")

    @contextlib.contextmanager
    def process_put_back(self, victim: Victim) -> Iterator[None]:
        """Whatever happens inside (a Ctrl-C, too), wait for the hub or start it, within twice its start-up budget."""
        try:
            yield
        finally:
            self.drills.say(f"drill: putting the hub back, for up to {2 * self.watch.budget:g} s")
            self.restored = self._bring_back(victim)
            if not self.restored.by:
                self.drills.left = self.restored.why
            self.drills.replaced()
            self.drills.say(f"drill: {self.restored.told}")

    def _bring_back(self, victim: Victim) -> Restored:
        untouched, own = victim.alive, 0.0 if self.expired else self.watch.budget
        found = self.watch.back(self.before, 0.0 if untouched else own, other=not untouched)
        by, why = "untouched" if untouched else "late" if self.expired else "itself", ""
        if found.seconds is None:
            if untouched:
                with contextlib.suppress(Unknown):
                    victim.send(signal.SIGKILL)
                victim.wait(KILLED)
            by = "late"
            # never beside a hub that somebody else is starting: two of them on one port are worse than none
            if self.config.drill.start and not self.listens():
                by, why = "start", self.drills.launch(self.config.drill.start)
            found = self.watch.back(self.before, self.watch.budget, other=True)
        if found.seconds is None:
            return Restored(why=f"{why}; {found.why}" if why else found.why)
        return Restored(by=by, unrest=self.watch.calm(self.before, self.speed))

    def revive(self) -> None:
        """Where a drill took the whole hub down with it: wait for a supervisor, else start it. Returns when it is tried."""
        if self.listens():
            # it may have been replaced at once: whoever comes next must know the new one
            if self.watch.back(self.before, 0.0, other=False).pid != self.before.pid:
                self.drills.replaced()
            return
        self.drills.say(f"drill: the hub is down; bringing it back, for up to {2 * self.watch.budget:g} s")
        found = self.watch.back(self.before, self.watch.budget, other=True)
        if found.seconds is None and self.config.drill.start and not self.listens():
            why = self.drills.launch(self.config.drill.start)
            found = self.watch.back(self.before, self.watch.budget, other=True)
            self.drills.say(f"drill: [drill] start {f'failed: {why}' if why else 'was run'}")
        self.drills.replaced()

    def listens(self) -> bool:
        """Whether anything accepts connections where the hub answers: then nothing more is started there."""
        base = self.config.target.facts_url or ""
        try:
            with socket.create_connection((urlsplit(base).hostname or "", port_of(base) or 0), timeout=1.0):
                return True
        except OSError:
            return False
