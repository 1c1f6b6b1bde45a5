"""From the deploy to the end: the command, the hub ready, proven, kept and watched, or rolled back and proven.

A deploy command's exit status proves nothing by itself: what changed, and what the checks say of it, does.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.operations.deploys import journal, quarantine
from readiness.operations.deploys.look import same_start
from readiness.operations.deploys.record import FILE, read_record
from readiness.operations.release import bookkeeping as release_record
from readiness.operations.release import command as commands
from readiness.operations.release import failed, model, tell, unchanged
from readiness.operations.release import journal as book
from readiness.operations.release import ports as world
from readiness.operations.release.before import EXPRESSION, note_of
from readiness.operations.release.model import Outcome, Step, end
from readiness.operations.rollback import document
from readiness.operations.rollback.plan import plan_after_failed_deploy
from readiness.support.environment import EXPECTED_VERSION, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.operations.deploys.action import Ended
    from readiness.operations.deploys.look import Seen
    from readiness.operations.release.bookkeeping import Note
    from readiness.operations.release.flow import Releasing
    from readiness.operations.release.ports import Checked

READY_SECONDS: Final = 30.0
"""The start-up budget unless `[probe] settle` gives one, as for `hub-is-ready`."""
NOTHING_SECONDS: Final = 10.0
"""Seconds that a deploy has to show once its command is through: a supervisor may restart the hub a little later."""
BAKE: Final = "health or alerts"
"""What is asked while baking: nothing that opens sessions again and again."""
_READY: Final = frozenset({"ready", "restarted"})


def command_run(state: book.State) -> str:
    """What stands for a run where the deploy command itself failed."""
    return f"{state.id}-deploy"


class After:
    """The phases of a deploy in place."""

    def __init__(self, whole: Releasing) -> None:
        """`whole` is the release that they belong to."""
        self.whole, self.config, self.world, self.order = whole, whole.config, whole.world, whole.order

    def steps(self) -> dict[str, Callable[[], Step]]:
        """By name, in their order."""
        return {
            model.DEPLOY: self.deploy,
            model.READY: self.ready,
            model.VERIFY: self.verify,
            model.BAKE: self.bake,
            model.ROLLBACK: self.rollback,
        }

    # --- deploy -------------------------------------------------------------------------------------------------------

    def deploy(self) -> Step:
        """The command; where it failed, back to before, or nothing where nothing changed."""
        ended = self.whole.commands.run("deploy", self.order.command, self.order.folder, self.config.release.timeout)
        words = f"the command {ended.words}"
        if ended.ok or (ended.code is None and not ended.timed_out):
            return Step(status="passed" if ended.ok else "unknown", detail=words)
        seen = self.look()
        changes = self.changes(seen)
        if not changes and (seen.answers or not self.before_answered):
            step = unchanged.judged(self, words)
            if step is not None:
                return step
            changes = self.changes(self.look())
        self.record(changes)
        return self._planned(words, ended, changes)

    def _planned(self, words: str, ended: Ended, changes: list[str]) -> Step:
        """A failed deploy command is a trigger of its own: no check has to say more."""
        deploy = read_record(self.config.report_dir / FILE)
        now = dt.datetime.now(dt.UTC)
        was_well = (self.whole.state.of(book.DONE, model.BEFORE) or {}).get("status") != "failed"
        plan = plan_after_failed_deploy(self.config, deploy, now=now, because=words, was_well=was_well)
        run_id = command_run(self.whole.state)
        run = {
            "id": run_id, "finished": now.isoformat(), "target": self.config.target.url, "status": "NOT READY",
            "environment": self.config.environment, "decision": "ROLL BACK" if plan.wanted else "HOLD",
        }  # fmt: skip
        told = document.document(
            plan, config=self.config, deploy=deploy, run=run, redact=lambda text: self.whole.commands.clean(text, 2_000)
        )
        document.write(self.config.report_dir, told)
        # without secrets first: half of one would not be recognised
        said = self.whole.commands.clean(ended.output, 8_000).strip().splitlines()
        detail = f"{words}: {said[-1][:200]}" if said else words
        if not plan.wanted:
            self.tell_people(run_id, 1)
            why = f"{words}; {plan.refused}{unchanged.not_restored(self, changes)}"
            return Step(status="failed", detail=detail, end=end(Outcome.HELD, why))
        return Step(
            status="failed",
            detail=detail,
            then=model.ROLLBACK,
            data={"run": run_id, "status": 1, "expression": EXPRESSION},
        )

    def record(self, changes: list[str]) -> None:
        """The record of the deploy, which opens the window: once, however often this is resumed."""
        if self.whole.state.first(book.RECORDED):
            return
        found = release_record.running(self.config, self.look())
        ended = self.whole.state.of(book.ENDED, "deploy") or {}
        moment = dt.datetime.fromtimestamp(float(ended.get("at", time.time())), dt.UTC)
        release_record.record(self.config, self.note, found, moment)
        self.whole.write(book.RECORDED, changes=changes)
        entry = quarantine.find(self.config.report_dir, found.commit, found.version)
        if entry is not None:
            self.world.say(f"{entry.name} was rolled back on {entry.since} and is in quarantine: {entry.because}")

    # --- ready --------------------------------------------------------------------------------------------------------

    def ready(self) -> Step:
        """Wait until what was deployed is ready; the record of the deploy is made as soon as it shows."""
        budget = READY_SECONDS if self.config.probe.settle is None else self.config.probe.settle
        began = time.monotonic()
        changes: list[str] = []
        while True:
            seen = self.look()
            changes = changes or self.changes(seen)
            passed = time.monotonic() - began
            if changes and self._is_up(seen):
                self.record(changes)
                return Step(status="passed", detail=f"{seen.process} is {seen.state}; changed: {', '.join(changes)}")
            if not changes and passed > min(budget, NOTHING_SECONDS):
                step = unchanged.judged(self, "the command is through")
                if step is not None:
                    return step
            if passed > budget:
                self.record(changes)
                # what that means is for the checks to say: they name the cause, and their triggers lead back
                return Step(status="failed", detail=f"not ready within {budget:.0f} s: {self._not_up(seen)}")
            self.world.sleep(self.world.poll)

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

    def verify(self) -> Step:
        """The same checks as before, and what they decide."""
        found = self.world.checks(self.config, EXPRESSION, self.environ())
        return self.decided(found, EXPRESSION)

    def decided(self, found: Checked, expression: str) -> Step:
        """What a run's verdict means for the release."""
        data = {"run": found.run_id, "status": found.status, "expression": expression}
        if found.verdict in model.WELL:
            return Step(status="passed", detail=found.detail, data=data)
        if found.rolls_back:
            return Step(status="failed", detail=found.detail, then=model.ROLLBACK, data=data)
        why = (found.document or {}).get("rollback") or {}
        refused = f"; no rollback: {why['refused']}" if why.get("refused") else ""
        status: model.Status = "unknown" if found.verdict == "INCOMPLETE" else "failed"
        told = end(Outcome.HELD, f"{found.verdict}: {found.because}{refused}", found.exit)
        self.tell_people(found.run_id, found.status)
        return Step(status=status, detail=found.detail, end=told, data=data)

    def bake(self) -> Step:
        """Watch it for a while: no critical alarm."""
        if self.order.bake <= 0:
            return Step(status="skipped", detail="[release] bake is 0: nobody watches it afterwards")
        began, most = self.whole.state.began(model.BAKE) or time.time(), self.order.bake * 60
        # what is left by the wall clock, which may be set meanwhile: then by one that is not
        until = time.monotonic() + min(max(began + most - time.time(), 0.0), most)
        self.world.say(f"watching for {self.order.bake:g} min; Ctrl-C stops here, `readiness release --resume` goes on")
        looks, odd = 0, 0
        while True:
            found = self.world.checks(self.config, BAKE, self.environ())
            looks, odd = looks + 1, odd + (found.verdict == "INCOMPLETE")
            over = time.monotonic() + self.world.bake_every > until
            if found.verdict == "NOT READY" or (over and found.verdict == "INCOMPLETE"):
                return self.decided(found, BAKE)
            if over:
                also = f", {odd} of them incomplete" if odd else ""
                return Step(
                    status="passed",
                    detail=f"{looks} looks{also}; the last one: {found.detail}",
                    data={"run": found.run_id},
                )
            self.world.sleep(min(self.world.bake_every, max(0.0, until - time.monotonic())))

    # --- rollback -----------------------------------------------------------------------------------------------------

    def rollback(self) -> Step:
        """Carry the plan out as far as its mode allows; what was begun before is finished."""
        run_id, status, expression = self._decided_by()
        known = self._rolled_back(run_id)
        if known is not None and not known.finished:
            self.world.resume(self.config)
        elif known is None:
            self.world.on_step("roll back")
            _, refused = self.world.act(
                self.config, run_id, status, expression, lambda: self.tell_people(run_id, status)
            )
            known = self._rolled_back(run_id)
            if known is None:
                why = refused or "it is planned: `readiness rollback` shows it and carries it out"
                return Step(
                    status="unknown", detail=why, end=end(Outcome.HELD, self._because(f"not rolled back: {why}"))
                )
        state = self._rolled_back(run_id)
        found = state.first(journal.OUTCOME) if state is not None else {}
        if not found:
            return Step(status="unknown", detail="the rollback was not finished", end=end(
                Outcome.HELD, "the rollback was not finished: `readiness rollback --resume`", model.INCOMPLETE))  # fmt: skip
        outcome = Outcome(found["result"])
        well: model.Status = "passed" if outcome is Outcome.VERIFIED else "failed"
        if outcome is Outcome.UNVERIFIED:
            well = "unknown"
        return Step(status=well, detail=str(found["because"]), end=end(outcome, self._because(str(found["because"]))))

    def _because(self, proof: str) -> str:
        reason = next((p.detail for p in reversed(self.whole.state.phases) if p.status in {"failed", "unknown"}), "")
        return f"{reason}; {proof}" if reason else proof

    def _decided_by(self) -> tuple[str, int, str]:
        """The run whose plan is carried out, its exit status, and what it asked."""
        for entry in reversed(self.whole.state.entries):
            if entry["kind"] == book.DONE and entry["then"] == model.ROLLBACK:
                data = entry["data"]
                return str(data["run"]), int(data["status"]), str(data["expression"])
        return "", model.INCOMPLETE, EXPRESSION

    def _rolled_back(self, run_id: str) -> journal.State | None:
        """The journal of the rollback that this run planned."""
        found = journal.every(self.config.report_dir / "rollback")
        return next((s for s in reversed(found) if (s.plan.get("run") or {}).get("id") == run_id), None)

    # --- small things -------------------------------------------------------------------------------------------------

    @property
    def note(self) -> Note:
        """What was so before."""
        entry = self.whole.state.of(book.DONE, model.BEFORE)
        return note_of(entry["data"] if entry is not None else {})

    @property
    def before_answered(self) -> bool:
        """Whether a hub answered before the deploy."""
        return self.note.running.pid is not None or bool(self.note.passed)

    def look(self) -> Seen:
        """One look at the hub that was deployed."""
        return self.world.look(self.config, world.LOOK_SECONDS)

    def changes(self, seen: Seen) -> list[str]:
        """What is different from before the deploy, in words."""
        return release_record.running(self.config, seen).changes(self.note.running)

    def environ(self) -> dict[str, str]:
        """What a run of checks is told beyond readiness.toml."""
        version = {} if self.order.version is None else {EXPECTED_VERSION: self.order.version}
        return version | {WINDOW: str(self.config.rollback.window)}

    def tell_people(self, run_id: str, status: int) -> None:
        """Tell people of a run's verdict, or of the deploy command that failed, once what is done about it is done."""
        state = self.whole.state
        if run_id == command_run(state):
            plan = document.read(self.config.report_dir) or {}
            entry = state.of(book.ENDED, "deploy")
            words = f"the deploy command {'failed' if entry is None else commands.from_entry(entry).words}"
            known = self._rolled_back(run_id)
            acts = () if known is None else known.entries
            said = failed.tell(self.config, failed.document(self.config, state, plan, words), acts)
        else:
            said = tell.people(self.config, run_id, status)
        for line in said:
            self.world.say(line)

    def data_of(self, phase: str) -> dict[str, Any]:
        """What a phase that is over left in the journal."""
        entry = self.whole.state.of(book.DONE, phase)
        return {} if entry is None else dict(entry["data"])
