"""A release beside the one that runs: the candidate is proven first, then switched to, and switched back where that fails.

The old hub keeps running until a person ends it, so going back is one command and loses nothing.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from readiness.errors import ReadinessError
from readiness.operations.deploys import INTENT, startup_seconds
from readiness.operations.release import model
from readiness.operations.release.after import After
from readiness.operations.release.before import EXPRESSION
from readiness.operations.release.model import PhaseFacts, PhaseResult, ReleaseOutcome, end
from readiness.operations.release.ports import LOOK_SECONDS
from readiness.operations.rollback import compared
from readiness.support import EXPECTED_VERSION, INTERNAL_URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.config import Config
    from readiness.operations.deploys import PhaseStatus, Seen
    from readiness.operations.release.context import ReleaseContext
    from readiness.operations.release.ports import Checked

HEALTH = "health"
"""What is asked once clients reach another hub: nothing that takes long."""
AGREED_SECONDS = 10.0
"""Seconds after a switch in which clients must reach the other hub: a proxy reloads, connections drain."""


class BlueGreen(After):
    """The phases of a release with a candidate."""

    def __init__(self, context: ReleaseContext) -> None:
        """Raises ReadinessError where nothing says how to switch."""
        super().__init__(context)
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

    def steps(self) -> dict[str, Callable[[], PhaseResult]]:
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

    def deploy(self) -> PhaseResult:
        """The command starts the candidate; until the switch nothing that users reach has changed."""
        if self.note.running.pid is None:
            why = "which process serves now cannot be told, so switching back could not be proven; nothing was begun"
            return PhaseResult(status="failed", detail=why, end=end(ReleaseOutcome.REFUSED, why))
        ended = self.context.run_command("deploy", self.order.command)
        words = f"the command {ended.words}"
        if ended.ok or (ended.code is None and not ended.timed_out):
            return PhaseResult(status="passed" if ended.ok else "unknown", detail=words)
        return PhaseResult(
            status="failed", detail=words, end=end(ReleaseOutcome.ABORTED, f"{words}; nothing was switched")
        )

    def ready(self) -> PhaseResult:
        """Wait for the candidate, which must be another process than the one that serves."""
        began = time.monotonic()
        while True:
            seen = self.look()
            budget = startup_seconds(self.config, seen)
            up = seen.answers and seen.state in {"ready", "restarted"} and not self._is_the_old_one(seen)
            if up and seen.pid is None:
                words = "the candidate's process cannot be told, so nothing could prove that clients reach it"
                return PhaseResult(
                    status="failed", detail=words, end=end(ReleaseOutcome.ABORTED, f"{words}; nothing was switched")
                )
            if up:
                return PhaseResult(
                    status="passed",
                    detail=f"{seen.process} is {seen.state} at {self.order.candidate}",
                    facts=PhaseFacts(pid=seen.pid),
                )
            if time.monotonic() - began > budget:
                words = f"the candidate is not ready within {budget:.0f} s: {self._not_up(seen)}"
                return PhaseResult(
                    status="failed", detail=words, end=end(ReleaseOutcome.ABORTED, f"{words}; nothing was switched")
                )
            self.ports.sleep(self.ports.poll)

    def verify(self) -> PhaseResult:
        """The checks against the candidate; one that is not well is never switched to."""
        checked = self.ports.checks(self.config, EXPRESSION, self.environ())
        facts = PhaseFacts(run=checked.run_id, status=checked.status)
        if checked.verdict in model.WELL:
            return PhaseResult(status="passed", detail=checked.detail, facts=facts)
        status: PhaseStatus = "unknown" if checked.verdict == "INCOMPLETE" else "failed"
        sentence = f"the candidate is {checked.verdict}: {checked.because}; nothing was switched"
        return PhaseResult(
            status=status, detail=checked.detail, end=end(ReleaseOutcome.ABORTED, sentence, checked.exit), facts=facts
        )

    # --- the switch ---------------------------------------------------------------------------------------------------

    def switch(self) -> PhaseResult:
        """Switch, then look with clients' eyes."""
        ended = self.context.run_command("switch", self.config.release.switch)
        words = f"the switch {ended.words}"
        if not ended.ok and ended.code is not None:
            return PhaseResult(status="failed", detail=words, then=model.ROLLBACK)
        if not self.clients_reach(self._candidates_pid()):
            sentence = f"{words}, and clients do not reach the candidate within {AGREED_SECONDS:.0f} s"
            return PhaseResult(status="failed", detail=sentence, then=model.ROLLBACK)
        checked = self.ports.checks(self.config, HEALTH, self.environ())
        return self.decided(checked, HEALTH)

    def decided(self, checked: Checked, expression: str) -> PhaseResult:
        """After a switch every proven failure of what passed before leads back; what is unknown is for a person."""
        facts = PhaseFacts(run=checked.run_id, status=checked.status, expression=expression)
        if checked.verdict in model.WELL:
            return PhaseResult(status="passed", detail=checked.detail, facts=facts)
        self.tell_people(checked.run_id, checked.status)
        worse = () if checked.report is None else compared(checked.report, self.note.passed).bad
        if checked.verdict == "NOT READY" and worse:
            return PhaseResult(status="failed", detail=checked.detail, then=model.ROLLBACK, facts=facts)
        status: PhaseStatus = "unknown" if checked.verdict == "INCOMPLETE" else "failed"
        why = f"{checked.verdict}: {checked.because}" + ("" if worse else "; nothing that passed before fails now")
        return PhaseResult(
            status=status, detail=checked.detail, end=end(ReleaseOutcome.HELD, why, checked.exit), facts=facts
        )

    def rollback(self) -> PhaseResult:
        """Switch back to the hub that kept running, as far as `[rollback] mode` allows, and prove that it serves."""
        mode, command = self.config.rollback.mode, self.config.release.switch_back
        begun = self.context.state.last(INTENT, "switch-back") is not None
        if not begun and mode == "plan":
            return self._held("[rollback] mode is plan: switch back by hand, " + " ".join(command))
        if not begun and mode == "ask" and not self.ports.confirmed(self.config, "switch back", "back"):
            return self._held("nobody confirmed switching back: do it by hand, " + " ".join(command))
        old = self.ports.look(self.config, LOOK_SECONDS)
        if not begun and not (old.answers and self._is_the_old_one(old)):
            return self._held(f"the hub to switch back to is gone: {old.trouble or old.process}")
        ended = self.context.run_command("switch-back", command)
        if not ended.ok and ended.code is not None:
            sentence = f"switching back {ended.words}"
            return PhaseResult(status="failed", detail=sentence, end=end(ReleaseOutcome.FAILED, sentence))
        if not self.clients_reach(self.note.running.pid):
            sentence = "switched back, and clients do not reach the hub from before"
            return PhaseResult(status="failed", detail=sentence, end=end(ReleaseOutcome.FAILED, sentence))
        return self._proven()

    def _proven(self) -> PhaseResult:
        environ = {} if self.note.running.version is None else {EXPECTED_VERSION: self.note.running.version}
        checked = self.ports.checks(self.config, HEALTH, environ)
        if checked.report is None:
            return PhaseResult(
                status="unknown", detail=checked.detail, end=end(ReleaseOutcome.UNVERIFIED, checked.detail)
            )
        proof = compared(checked.report, self.note.passed)
        if proof.bad:
            return PhaseResult(status="failed", detail=proof.bad[0], end=end(ReleaseOutcome.FAILED, proof.bad[0]))
        if proof.unproven:
            return PhaseResult(
                status="unknown", detail=proof.unproven[0], end=end(ReleaseOutcome.UNVERIFIED, proof.unproven[0])
            )
        sentence = f"clients reach the hub from before, and all {proof.passed} checks that passed before pass again"
        return PhaseResult(status="passed", detail=sentence, end=end(ReleaseOutcome.VERIFIED, self._because(sentence)))

    def _held(self, why: str) -> PhaseResult:
        return PhaseResult(status="unknown", detail=why, end=end(ReleaseOutcome.HELD, f"not switched back: {why}"))

    # --- small things -------------------------------------------------------------------------------------------------

    def look(self) -> Seen:
        """One look at the candidate."""
        return self.ports.look(self._at(self.order.candidate), LOOK_SECONDS)

    def environ(self) -> dict[str, str]:
        """Checks of the candidate look at its own port."""
        return super().environ() | {INTERNAL_URL: self.order.candidate or ""}

    def clients_reach(self, pid: int | None) -> bool:
        """Whether clients reach process `pid` in time, through the address that they use."""
        clients = self._at(self.config.target.url)
        until = time.monotonic() + AGREED_SECONDS
        while True:
            seen = self.ports.look(clients, LOOK_SECONDS)
            if seen.answers and pid is not None and seen.pid == pid:
                return True
            if time.monotonic() > until:
                return False
            self.ports.sleep(self.ports.poll)

    def _candidates_pid(self) -> int | None:
        ready = self.context.state.done(model.READY)
        return None if ready is None else ready.facts.pid

    def _at(self, url: str | None) -> Config:
        return dataclasses.replace(self.config, target=dataclasses.replace(self.config.target, internal_url=url))
