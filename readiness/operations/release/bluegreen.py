"""A release beside the one that runs: the candidate is proven first, then switched to, and switched back where that fails.

The old hub keeps running until a person ends it, so going back is one command and loses nothing.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from readiness.errors import ReadinessError
from readiness.operations.release import model
from readiness.operations.release import ports as world
from readiness.operations.release.after import READY_SECONDS, After
from readiness.operations.release.before import EXPRESSION
from readiness.operations.release.model import Outcome, Step, end
from readiness.operations.rollback.verify import compared_with
from readiness.support.environment import EXPECTED_VERSION, INTERNAL_URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.config.model import Config
    from readiness.operations.deploys.look import Seen
    from readiness.operations.release.flow import Releasing
    from readiness.operations.release.ports import Checked

HEALTH = "health"
"""What is asked once clients reach another hub: nothing that takes long."""
AGREED_SECONDS = 10.0
"""Seconds after a switch in which clients must reach the other hub: a proxy reloads, connections drain."""


class BlueGreen(After):
    """The phases of a release with a candidate."""

    def __init__(self, whole: Releasing) -> None:
        """Raises ReadinessError where nothing says how to switch."""
        super().__init__(whole)
        release = self.config.release
        for key, command in (("switch", release.switch), ("switch_back", release.switch_back)):
            if not command:
                raise ReadinessError(
                    f"[release] {key} is not set, so nothing says how to switch the candidate in or out"
                )
        if self.config.target.url is None:
            raise ReadinessError("[target] url is not set: what clients use tells whether they were switched")
        if self.config.target.internal_url is None:
            raise ReadinessError(
                "[target] internal_url is not set: the hub that runs has to be reached on its own port when clients reach the "
                "other one, or nobody could tell that it is still there to switch back to"
            )

    def steps(self) -> dict[str, Callable[[], Step]]:
        """By name, in their order."""
        return {
            model.DEPLOY: self.deploy,
            model.READY: self.ready,
            model.VERIFY: self.verify,
            model.SWITCH: self.switch,
            model.BAKE: self.bake,
            model.ROLLBACK: self.rollback,
        }

    # --- the candidate ------------------------------------------------------------------------------------------------

    def deploy(self) -> Step:
        """The command starts the candidate; until the switch nothing that users reach has changed."""
        if self.note.running.pid is None:
            why = "which process serves now cannot be told, so switching back could not be proven; nothing was begun"
            return Step(status="failed", detail=why, end=end(Outcome.REFUSED, why))
        ended = self.whole.commands.run("deploy", self.order.command, self.order.folder, self.config.release.timeout)
        words = f"the command {ended.words}"
        if ended.ok or (ended.code is None and not ended.timed_out):
            return Step(status="passed" if ended.ok else "unknown", detail=words)
        return Step(status="failed", detail=words, end=end(Outcome.ABORTED, f"{words}; nothing was switched"))

    def ready(self) -> Step:
        """Wait for the candidate, which must be another process than the one that serves."""
        budget = READY_SECONDS if self.config.probe.settle is None else self.config.probe.settle
        until = time.monotonic() + budget
        while True:
            seen = self.look()
            up = seen.answers and seen.state in {"ready", "restarted"} and not self._is_the_old_one(seen)
            if up and seen.pid is None:
                words = "the candidate's process cannot be told, so nothing could prove that clients reach it"
                return Step(status="failed", detail=words, end=end(Outcome.ABORTED, f"{words}; nothing was switched"))
            if up:
                return Step(
                    status="passed",
                    detail=f"{seen.process} is {seen.state} at {self.order.candidate}",
                    data={"pid": seen.pid, "started": seen.started},
                )
            if time.monotonic() > until:
                words = f"the candidate is not ready within {budget:.0f} s: {self._not_up(seen)}"
                return Step(status="failed", detail=words, end=end(Outcome.ABORTED, f"{words}; nothing was switched"))
            self.world.sleep(self.world.poll)

    def verify(self) -> Step:
        """The checks against the candidate; one that is not well is never switched to."""
        found = self.world.checks(self.config, EXPRESSION, self.environ())
        data = {"run": found.run_id, "status": found.status}
        if found.verdict in model.WELL:
            return Step(status="passed", detail=found.detail, data=data)
        status: model.Status = "unknown" if found.verdict == "INCOMPLETE" else "failed"
        told = f"the candidate is {found.verdict}: {found.because}; nothing was switched"
        return Step(status=status, detail=found.detail, end=end(Outcome.ABORTED, told, found.exit), data=data)

    # --- the switch ---------------------------------------------------------------------------------------------------

    def switch(self) -> Step:
        """Switch, then look with clients' eyes."""
        ended = self.whole.commands.run(
            "switch", self.config.release.switch, self.order.folder, self.config.release.timeout
        )
        words = f"the switch {ended.words}"
        if not ended.ok and ended.code is not None:
            return Step(status="failed", detail=words, then=model.ROLLBACK)
        if not self.clients_reach(self._candidates_pid()):
            told = f"{words}, and clients do not reach the candidate within {AGREED_SECONDS:.0f} s"
            return Step(status="failed", detail=told, then=model.ROLLBACK)
        found = self.world.checks(self.config, HEALTH, self.environ())
        return self.decided(found, HEALTH)

    def decided(self, found: Checked, expression: str) -> Step:
        """After a switch every proven failure of what passed before leads back; what is unknown is for a person."""
        data = {"run": found.run_id, "status": found.status, "expression": expression}
        if found.verdict in model.WELL:
            return Step(status="passed", detail=found.detail, data=data)
        self.tell_people(found.run_id, found.status)
        worse = [] if found.document is None else compared_with(found.document, self.note.passed).bad
        if found.verdict == "NOT READY" and worse:
            return Step(status="failed", detail=found.detail, then=model.ROLLBACK, data=data)
        status: model.Status = "unknown" if found.verdict == "INCOMPLETE" else "failed"
        why = f"{found.verdict}: {found.because}" + ("" if worse else "; nothing that passed before fails now")
        return Step(status=status, detail=found.detail, end=end(Outcome.HELD, why, found.exit), data=data)

    def rollback(self) -> Step:
        """Switch back to the hub that kept running, as far as `[rollback] mode` allows, and prove that it serves."""
        mode, command = self.config.rollback.mode, self.config.release.switch_back
        begun = self.whole.state.of("intent", "switch-back") is not None
        if not begun and mode == "plan":
            return self._held("[rollback] mode is plan: switch back by hand, " + " ".join(command))
        if not begun and mode == "ask" and not self.world.confirmed(self.config, "switch back", "back"):
            return self._held("nobody confirmed switching back: do it by hand, " + " ".join(command))
        old = self.world.look(self.config, world.LOOK_SECONDS)
        if not begun and not (old.answers and self._is_the_old_one(old)):
            return self._held(f"the hub to switch back to is gone: {old.trouble or old.process}")
        ended = self.whole.commands.run("switch-back", command, self.order.folder, self.config.release.timeout)
        if not ended.ok and ended.code is not None:
            told = f"switching back {ended.words}"
            return Step(status="failed", detail=told, end=end(Outcome.FAILED, told))
        if not self.clients_reach(self.note.running.pid):
            told = "switched back, and clients do not reach the hub from before"
            return Step(status="failed", detail=told, end=end(Outcome.FAILED, told))
        return self._proven()

    def _proven(self) -> Step:
        environ = {} if self.note.running.version is None else {EXPECTED_VERSION: self.note.running.version}
        found = self.world.checks(self.config, HEALTH, environ)
        if found.document is None:
            return Step(status="unknown", detail=found.detail, end=end(Outcome.UNVERIFIED, found.detail))
        proof = compared_with(found.document, self.note.passed)
        if proof.bad:
            return Step(status="failed", detail=proof.bad[0], end=end(Outcome.FAILED, proof.bad[0]))
        if proof.unproven:
            return Step(status="unknown", detail=proof.unproven[0], end=end(Outcome.UNVERIFIED, proof.unproven[0]))
        told = f"clients reach the hub from before, and all {proof.passed} checks that passed before pass again"
        return Step(status="passed", detail=told, end=end(Outcome.VERIFIED, self._because(told)))

    def _held(self, why: str) -> Step:
        return Step(status="unknown", detail=why, end=end(Outcome.HELD, f"not switched back: {why}"))

    # --- small things -------------------------------------------------------------------------------------------------

    def look(self) -> Seen:
        """One look at the candidate."""
        return self.world.look(self._at(self.order.candidate), world.LOOK_SECONDS)

    def environ(self) -> dict[str, str]:
        """Checks of the candidate look at its own port."""
        return super().environ() | {INTERNAL_URL: self.order.candidate or ""}

    def clients_reach(self, pid: int | None) -> bool:
        """Whether clients reach process `pid` in time, through the address that they use."""
        clients = self._at(self.config.target.url)
        until = time.monotonic() + AGREED_SECONDS
        while True:
            seen = self.world.look(clients, world.LOOK_SECONDS)
            if seen.answers and pid is not None and seen.pid == pid:
                return True
            if time.monotonic() > until:
                return False
            self.world.sleep(self.world.poll)

    def _candidates_pid(self) -> int | None:
        pid = self.data_of(model.READY).get("pid")
        return pid if isinstance(pid, int) else None

    def _at(self, url: str | None) -> Config:
        return dataclasses.replace(self.config, target=dataclasses.replace(self.config.target, internal_url=url))
