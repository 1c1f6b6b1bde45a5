"""From the deploy to the end: the command, the hub ready, proven, kept and watched, or rolled back and proven.

A deploy command's exit status proves nothing by itself: what changed, and what the checks say of it, does.
"""

from __future__ import annotations

import datetime as dt
import shlex
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys import ENDED, FILE, quarantine, read_record, same_start, startup_seconds
from readiness.operations.notify import after as notify_after
from readiness.operations.release import bookkeeping as release_record
from readiness.operations.release import model, tell
from readiness.operations.release.before import EXPRESSION
from readiness.operations.release.bookkeeping import THE_PROCESS
from readiness.operations.release.journal import RECORDED
from readiness.operations.release.model import PhaseFacts, PhaseResult, ReleaseOutcome, end
from readiness.operations.release.ports import LOOK_SECONDS, Telling
from readiness.operations.rollback import FOLDER as ROLLBACKS
from readiness.operations.rollback import (
    PlanRun,
    compared,
    plan_after_failed_deploy,
    read_plan,
    rollback_of,
    save_plan,
    write_plan,
)
from readiness.support import EXPECTED_VERSION, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.operations.deploys import EndedCommand, PhaseStatus, Seen
    from readiness.operations.notify import Announcement
    from readiness.operations.release.bookkeeping import Note
    from readiness.operations.release.context import ReleaseContext
    from readiness.operations.release.journal import ReleaseState
    from readiness.operations.release.ports import Checked
    from readiness.operations.rollback import RollbackState

THE_SAME: Final = "process, release and settings are the same"
NOTHING_SECONDS: Final = 10.0
"""Seconds that a deploy has to show once its command is through: a supervisor may restart the hub a little later."""
BAKE: Final = "health or alerts"
"""What is asked while baking: nothing that opens sessions again and again."""
_READY: Final = frozenset({"ready", "restarted"})


def command_run(state: ReleaseState) -> str:
    """What stands for a run where the deploy command itself failed."""
    return f"{state.id}-deploy"


class After:
    """The phases of a deploy in place."""

    def __init__(self, context: ReleaseContext) -> None:
        """`context` is the release that they belong to."""
        self.context, self.config, self.ports, self.order = context, context.config, context.ports, context.order

    def steps(self) -> dict[str, Callable[[], PhaseResult]]:
        """By name, in their order."""
        return {
            model.DEPLOY: self.deploy,
            model.READY: self.ready,
            model.VERIFY: self.verify,
            model.BAKE: self.bake,
            model.ROLLBACK: self.rollback,
        }

    # --- deploy -------------------------------------------------------------------------------------------------------

    def deploy(self) -> PhaseResult:
        """The command; where it failed, back to before, or nothing where nothing changed."""
        ended = self.context.run_command("deploy", self.order.command)
        words = f"the command {ended.words}"
        if ended.ok or (ended.code is None and not ended.timed_out):
            return PhaseResult(status="passed" if ended.ok else "unknown", detail=words)
        seen = self.look()
        changes = self.changes(seen)
        if not changes and (seen.answers or not self.before_answered):
            step = self.judge_unchanged(words)
            if step is not None:
                return step
            changes = self.changes(self.look())
        self.record(changes)
        return self._planned(words, ended, changes)

    def _planned(self, words: str, ended: EndedCommand, changes: list[str]) -> PhaseResult:
        """A failed deploy command is a trigger of its own: no check has to say more."""
        deploy = read_record(self.config.report_dir / FILE)
        now = dt.datetime.now(dt.UTC)
        before = self.context.state.done(model.BEFORE)
        was_well = before is None or before.status != "failed"
        plan = plan_after_failed_deploy(self.config, deploy, now=now, because=words, was_well=was_well)
        run_id = command_run(self.context.state)
        run = PlanRun(
            id=run_id, finished=now.isoformat(), target=self.config.target.url, status="NOT READY",
            environment=self.config.environment, decision="ROLL BACK" if plan.wanted else "HOLD",
        )  # fmt: skip
        saved = save_plan(
            plan, config=self.config, deploy=deploy, run=run, redact=lambda text: self.context.clean(text, 2_000)
        )
        write_plan(self.config.report_dir, saved)
        # without secrets first: half of one would not be recognised
        output_lines = self.context.clean(ended.output, 8_000).strip().splitlines()
        detail = f"{words}: {output_lines[-1][:200]}" if output_lines else words
        if not plan.wanted:
            self.tell_people(run_id, 1)
            why = f"{words}; {plan.refused}{self.not_restored(changes)}"
            return PhaseResult(status="failed", detail=detail, end=end(ReleaseOutcome.HELD, why))
        return PhaseResult(
            status="failed",
            detail=detail,
            then=model.ROLLBACK,
            facts=PhaseFacts(run=run_id, status=1, expression=EXPRESSION),
        )

    def record(self, changes: list[str]) -> None:
        """The record of the deploy, which opens the window: once, however often this is resumed."""
        if self.context.state.is_recorded:
            return
        running_now = release_record.running(self.config, self.look())
        ended = self.context.state.last(ENDED, "deploy")
        moment = dt.datetime.fromtimestamp(time.time() if ended is None else ended.at, dt.UTC)
        command = shlex.join(self.context.state.command)
        release_record.record(self.config, self.note, running_now, moment, command=command)
        self.context.write(RECORDED, changes=changes)
        entry = quarantine.find(self.config.report_dir, running_now.identity)
        if entry is not None:
            self.ports.say(f"{entry.name} was rolled back on {entry.since} and is in quarantine: {entry.because}")

    # --- a deploy that changed nothing to be seen: aborted where what passed before passes still, else for a person ---

    def judge_unchanged(self, words: str) -> PhaseResult | None:
        """How a release ends whose command (`words`) changed nothing; None where something has changed meanwhile."""
        sentence = f"{words} and changed nothing: {THE_SAME}; nothing to roll back"
        if not self.before_answered:
            return PhaseResult(status="failed", detail=words, end=end(ReleaseOutcome.ABORTED, sentence))
        before = self.note.running.version
        checked = self.ports.checks(self.config, EXPRESSION, {} if before is None else {EXPECTED_VERSION: before})
        if self.changes(self.look()):
            return None
        facts = PhaseFacts(run=checked.run_id, status=checked.status)
        bad, unproven = self._worse(checked)
        if bad:
            # nothing was deployed, so there is nothing to go back from: what was broken is for a person to find
            why = f"{words}; {THE_SAME}, and what passed before fails now: {bad[0]}"
            self.tell_people(checked.run_id, checked.status)
            return PhaseResult(
                status="failed", detail=words, end=end(ReleaseOutcome.HELD, why, checked.exit), facts=facts
            )
        if unproven:
            sentence += f"; not all that passed before could be proven again: {unproven[0]}"
        return PhaseResult(status="failed", detail=words, end=end(ReleaseOutcome.ABORTED, sentence), facts=facts)

    def not_restored(self, changes: list[str]) -> str:
        """What is to be said of a hub that was ended or started anew with the release from before in place; else nothing."""
        if set(changes) - {THE_PROCESS}:
            return ""
        seen = self.look()
        state = f"{seen.process} is {seen.state}" if seen.answers else f"the hub does not answer ({seen.trouble})"
        return f"; release and settings are the ones from before, and {state}: see to it that it runs"

    def _worse(self, checked: Checked) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if checked.report is None:
            return (), (checked.words,)
        proof = compared(checked.report, self.note.passed)
        return proof.bad, proof.unproven

    # --- ready --------------------------------------------------------------------------------------------------------

    def ready(self) -> PhaseResult:
        """Wait until what was deployed is ready; the record of the deploy is made as soon as it shows."""
        began = time.monotonic()
        changes: list[str] = []
        while True:
            seen = self.look()
            budget = startup_seconds(self.config, seen)
            changes = changes or self.changes(seen)
            passed = time.monotonic() - began
            if changes and self._is_up(seen):
                self.record(changes)
                return PhaseResult(
                    status="passed", detail=f"{seen.process} is {seen.state}; changed: {', '.join(changes)}"
                )
            if not changes and passed > min(budget, NOTHING_SECONDS):
                step = self.judge_unchanged("the command is through")
                if step is not None:
                    return step
            if passed > budget:
                self.record(changes)
                # what that means is for the checks to say: they name the cause, and their triggers lead back
                return PhaseResult(status="failed", detail=f"not ready within {budget:.0f} s: {self._not_up(seen)}")
            self.ports.sleep(self.ports.poll)

    def _is_up(self, seen: Seen) -> bool:
        other = self.note.running.pid is None or seen.pid is None or not self._is_the_old_one(seen)
        return seen.answers and seen.state in _READY and other

    def _is_the_old_one(self, seen: Seen) -> bool:
        before = self.note.running
        return seen.pid == before.pid and same_start(seen, before)

    def _not_up(self, seen: Seen) -> str:
        if not seen.answers:
            return seen.trouble or "it does not answer"
        if seen.state in _READY:
            return f"{seen.process} is the one from before: the deploy did not restart the hub"
        return f"{seen.process} is {seen.state}"

    # --- verify and bake ----------------------------------------------------------------------------------------------

    def verify(self) -> PhaseResult:
        """The same checks as before, and what they decide."""
        checked = self.ports.checks(self.config, EXPRESSION, self.environ())
        return self.decided(checked, EXPRESSION)

    def decided(self, checked: Checked, expression: str) -> PhaseResult:
        """What a run's verdict means for the release."""
        facts = PhaseFacts(run=checked.run_id, status=checked.status, expression=expression)
        if checked.verdict in model.WELL:
            return PhaseResult(status="passed", detail=checked.detail, facts=facts)
        if checked.rolls_back:
            return PhaseResult(status="failed", detail=checked.detail, then=model.ROLLBACK, facts=facts)
        refused = (
            f"; no rollback: {checked.report.refused}" if checked.report is not None and checked.report.refused else ""
        )
        status: PhaseStatus = "unknown" if checked.verdict == "INCOMPLETE" else "failed"
        held = end(ReleaseOutcome.HELD, f"{checked.verdict}: {checked.because}{refused}", checked.exit)
        self.tell_people(checked.run_id, checked.status)
        return PhaseResult(status=status, detail=checked.detail, end=held, facts=facts)

    def bake(self) -> PhaseResult:
        """Watch it for a while: no critical alarm."""
        if self.order.bake <= 0:
            return PhaseResult(status="skipped", detail="[release] bake is 0: nobody watches it afterwards")
        began, most = self.context.state.began(model.BAKE) or time.time(), self.order.bake * 60
        # what is left by the wall clock, which may be set meanwhile: then by one that is not
        until = time.monotonic() + min(max(began + most - time.time(), 0.0), most)
        self.ports.say(f"watching for {self.order.bake:g} min; Ctrl-C stops here, `readiness release --resume` goes on")
        looks, odd = 0, 0
        while True:
            checked = self.ports.checks(self.config, BAKE, self.environ())
            looks, odd = looks + 1, odd + (checked.verdict == "INCOMPLETE")
            over = time.monotonic() + self.ports.bake_every > until
            if checked.verdict == "NOT READY" or (over and checked.verdict == "INCOMPLETE"):
                return self.decided(checked, BAKE)
            if over:
                also = f", {odd} of them incomplete" if odd else ""
                return PhaseResult(
                    status="passed",
                    detail=f"{looks} looks{also}; the last one: {checked.detail}",
                    facts=PhaseFacts(run=checked.run_id),
                )
            self.ports.sleep(min(self.ports.bake_every, max(0.0, until - time.monotonic())))

    # --- rollback -----------------------------------------------------------------------------------------------------

    def rollback(self) -> PhaseResult:
        """Carry the plan out as far as its mode allows; what was begun before is finished."""
        run_id, status, expression = self._decided_by()
        known = self._rolled_back(run_id)
        if known is not None and not known.is_finished:
            self.ports.resume(self.config)
        elif known is None:
            self.ports.on_step("roll back")
            telling = Telling(
                tell=lambda why_not: self.tell_people(run_id, status, why_not),
                announce=lambda: self.announcement(run_id),
            )
            _, refused = self.ports.act(self.config, run_id, status, expression, telling)
            known = self._rolled_back(run_id)
            if known is None:
                why = refused or "it is planned: `readiness rollback` shows it and carries it out"
                return PhaseResult(
                    status="unknown", detail=why, end=end(ReleaseOutcome.HELD, self._because(f"not rolled back: {why}"))
                )
        state = self._rolled_back(run_id)
        rollback_outcome = None if state is None else state.outcome
        if rollback_outcome is None:
            return PhaseResult(status="unknown", detail="the rollback was not finished", end=end(
                ReleaseOutcome.HELD, "the rollback was not finished: `readiness rollback --resume`", model.INCOMPLETE))  # fmt: skip
        outcome = ReleaseOutcome(rollback_outcome.result.value)
        well: PhaseStatus = "passed" if outcome is ReleaseOutcome.VERIFIED else "failed"
        if outcome is ReleaseOutcome.UNVERIFIED:
            well = "unknown"
        return PhaseResult(
            status=well, detail=rollback_outcome.because, end=end(outcome, self._because(rollback_outcome.because))
        )

    def _because(self, proof: str) -> str:
        reason = next((p.detail for p in reversed(self.context.state.phases) if p.status in {"failed", "unknown"}), "")
        return f"{reason}; {proof}" if reason else proof

    def _decided_by(self) -> tuple[str, int, str]:
        """The run whose plan is carried out, its exit status, and what it asked."""
        for result in reversed(self.context.state.results):
            facts = result.facts
            if result.then == model.ROLLBACK and facts.run is not None:
                return facts.run, facts.status or 0, facts.expression or EXPRESSION
        return "", model.INCOMPLETE, EXPRESSION

    def _rolled_back(self, run_id: str) -> RollbackState | None:
        """The journal of the rollback that this run planned."""
        return rollback_of(self.config.report_dir / ROLLBACKS, run_id)

    # --- small things -------------------------------------------------------------------------------------------------

    @property
    def note(self) -> Note:
        """What was so before."""
        result = self.context.state.done(model.BEFORE)
        if result is None or result.facts.note is None:
            raise ReadinessError("what was so before the deploy was not noted")
        return result.facts.note

    @property
    def before_answered(self) -> bool:
        """Whether a hub answered before the deploy."""
        return self.note.running.pid is not None or bool(self.note.passed)

    def look(self) -> Seen:
        """One look at the hub that was deployed."""
        return self.ports.look(self.config, LOOK_SECONDS)

    def changes(self, seen: Seen) -> list[str]:
        """What is different from before the deploy, in words."""
        return release_record.running(self.config, seen).changes(self.note.running)

    def environ(self) -> dict[str, str]:
        """What a run of checks is told beyond readiness.toml."""
        version = {} if self.order.version is None else {EXPECTED_VERSION: self.order.version}
        return version | {WINDOW: str(self.config.rollback.window)}

    def tell_people(self, run_id: str, status: int, why_not: str = "") -> None:
        """Tell people of a run's verdict, or of the deploy command that failed, and why nothing is done about it."""
        if run_id == command_run(self.context.state):
            report = self._failed_command_report()
            notice_lines = [] if report is None else tell.tell_failed_command(self.config, report, why_not)
        else:
            notice_lines = tell.people(self.config, run_id, status, why_not)
        for line in notice_lines:
            self.ports.say(line)

    def announcement(self, run_id: str) -> Announcement | None:
        """What people hear of the decision of a run, or of the deploy command that failed, before it is carried out."""
        is_command = run_id == command_run(self.context.state)
        folder = self.config.report_dir
        document = self._failed_command_report() if is_command else notify_after.find(folder, run_id)
        return notify_after.announcement(document, folder)

    def _failed_command_report(self) -> dict[str, Any] | None:
        """What stands for the report of a run where the deploy command itself failed."""
        plan, ended = read_plan(self.config.report_dir), self.context.state.ended("deploy")
        words = f"the deploy command {'failed' if ended is None else ended.words}"
        return None if plan is None else tell.failed_command_report(self.config, self.context.state, plan, words)
