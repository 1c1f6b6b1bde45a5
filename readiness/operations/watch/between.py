"""What is different from look to look: another process, servers that come and go. Each look alone may be well."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.hub import ServerTurns
from readiness.findings import Finding, Outcome

if TYPE_CHECKING:
    from readiness.config import Config
    from readiness.facts.hub import Hub, Identity

STEADY: Final = 30.0
"""Seconds that a process which came in another one's place has to run until it counts as up again, unless a limit says another time."""


class BetweenLooks:
    """Compares each look with the ones before it."""

    def __init__(self, config: Config) -> None:
        limits = config.limits.get("hub-stays-up")
        self._steady = STEADY if limits is None or limits.critical is None else limits.critical
        self._wanted = config.expect.servers
        self._last: Identity | None = None
        self._restarts = 0
        self._told = ""
        self._until = 0.0
        self._turns = ServerTurns()
        self._downs: dict[str, int] = {}

    def take(self, hub: Hub) -> None:
        """Take what this look shows. Raises as the hub's health does."""
        health, now, before = hub.health(), None, self._last
        with contextlib.suppress(Unknown):  # a look that does not learn which process answers leaves things as they are
            self._last = now = hub.identity()
        if now is not None and before is not None and now.is_restart_of(before):
            self._restarts += 1
            self._until = time.monotonic() + self._steady
            times = f", {self._restarts} times in this watch" if self._restarts > 1 else ""
            self._told = (
                f"process {before.pid} answered at an earlier look, {now.pid} does now: the hub was restarted{times}"
            )
            # its servers went with it: they did not end by themselves
            self._turns, self._downs = ServerTurns(), {}
        self._turns.take(health.servers)

    def findings(self) -> list[Finding]:
        """How the checks stand that no single look can answer; none of the process where nothing ever named it."""
        return [*([] if self._last is None else [self._process()]), self._servers()]

    def _process(self) -> Finding:
        if self._restarts and time.monotonic() < self._until:
            return _finding("hub-stays-up", Outcome.FAILED, self._told)
        return _finding("hub-stays-up", Outcome.PASSED, "")

    def _servers(self) -> Finding:
        """A server that went away since the last look, and for the second time or more, is a fault; once is a warning."""
        wanted = self._turns.names if self._wanted is None else self._wanted
        news = {name: self._turns.downs(name) for name in wanted if self._turns.downs(name) > self._downs.get(name, 0)}
        self._downs |= news
        words = "; ".join(self._turns.words(name) for name in news)
        outcome = (
            Outcome.FAILED
            if any(count > 1 for count in news.values())
            else Outcome.DEGRADED
            if news
            else Outcome.PASSED
        )
        return _finding("mcp-servers-stay-connected", outcome, words)


def _finding(check: str, outcome: Outcome, reason: str) -> Finding:
    return Finding(check=check, outcome=outcome, reason=reason)
