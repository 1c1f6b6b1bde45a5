"""Carries out a rollback plan: once, written down before each act, verified afterwards, and told.

Killed at any moment it leaves a journal from which the next call goes on: what ended is not done again, what was begun is
waited for, what never began is begun.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.config import redactor_for
from readiness.errors import ReadinessError
from readiness.operations.deploys import (
    BEGIN,
    FILE,
    GRACE,
    OUTCOME,
    DeployRecord,
    JournalFile,
    JournalledCommands,
    lock,
    quarantine,
    read_record,
    systemd,
    write_record,
)
from readiness.operations.notify import hub_of
from readiness.operations.rollback import preconditions, steps, verify
from readiness.operations.rollback.journal import (
    NOTE,
    VERIFIED,
    VERIFY,
    RollbackState,
    read_rollback,
    unfinished_rollback,
)
from readiness.operations.rollback.outcome import (
    Proof,
    RollbackEvent,
    RollbackOutcome,
    RollbackResult,
    Teller,
    judged,
    nobody,
)
from readiness.operations.rollback.target import working_folder
from readiness.operations.rollback.verify import Prove, prove
from readiness.support import LOCK_TOKEN, PREVIOUS, ROLLBACK, UNIT, for_command, visible_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from readiness.config import Config, RollbackAction
    from readiness.operations.deploys import EndedCommand
    from readiness.operations.rollback.document import SavedPlan
    from readiness.operations.rollback.outcome import RollbackRefusal

_SHOWN: Final = 5
"""Lines of a command's output that are said at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackOptions:
    """RollbackOptions a rollback is carried out, beyond its plan."""

    person: bool = False
    """Whether a person asked for it: gates are told and passed, and that is written down."""
    tell: Teller = nobody
    prove: Prove = prove
    grace: float = GRACE
    on_step: Callable[[str], None] = lambda _: None
    """Called before every step that changes something, by tests that end the process there."""


def execute(
    plan: SavedPlan | None,
    config: Config,
    say: Callable[[str], None],
    journal_dir: Path,
    *,
    how: RollbackOptions | None = None,
) -> RollbackOutcome:
    """Carry out `plan`; without one, go on with the unfinished rollback in `journal_dir`.

    Raises RollbackRefused with every reason where it must not be; lock.LockHeld where somebody else is at it; ReadinessError
    where the journal cannot be written. In each of these cases no action was begun by this call.
    """
    way = how or RollbackOptions()
    with lock.held(lock.folder_for(config), "a rollback", journal_dir) as token:
        state = unfinished_rollback(journal_dir) if plan is None else None
        whole = plan if state is None else state.plan
        if state is not None and whole is None:
            raise ReadinessError(f"{state.path} does not say what was planned: --abandon gives it up")
        if whole is None:
            raise ReadinessError("there is no unfinished rollback to resume")
        overridden = preconditions.allowed(whole, config, journal_dir, state, person=way.person)
        deploy = read_record(config.report_dir / FILE) if state is None else state.deploy
        if deploy is None:
            raise ReadinessError("no deploy is recorded")
        new = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}.jsonl"
        path = journal_dir / new if state is None else state.path
        way.on_step("open the journal")
        journal = JournalFile(path)
        try:
            rollback = _Rollback(whole, config, deploy, say, journal=journal, way=way, token=token)
            return rollback.run(overridden, resumed=state is not None)
        finally:
            journal.close()


def abandon(config: Config, folder: Path, say: Callable[[str], None]) -> None:
    """Write down that the unfinished rollback in `folder` failed and nobody goes on with it: a person took over.

    Raises ReadinessError where there is none, or where its command still runs; lock.LockHeld where somebody is at it.
    """
    with lock.held(lock.folder_for(config), "giving a rollback up", folder):
        state = unfinished_rollback(folder)
        given_up = steps.give_up(config)
        if given_up is not None:
            say(f"{steps.words(given_up)}; how files were before is kept beside it")
        if state is None and given_up is not None:
            return
        if state is None:
            raise ReadinessError("there is no unfinished rollback to give up")
        running = state.running
        if running is not None:
            raise ReadinessError(f"its action {running.name} still runs as process {running.pid}: wait or end it")
        journal = JournalFile(state.path)
        try:
            journal.write(OUTCOME, result=RollbackResult.FAILED.value, because="given up by a person", seconds={})
        finally:
            journal.close()
        say(f"{state.path} is closed as {RollbackResult.FAILED.value}; look at the hub")


def command_of(action: RollbackAction, config: Config) -> Sequence[str]:
    """What is run for an action; the built-in one is a module of this program."""
    if not action.restores:
        return action.command
    module = "readiness.operations.rollback.restore"
    own = [sys.executable, "-P", "-m", module, "--readiness-report", str(config.report_dir)]
    return own if config.path is None else [*own, "--readiness-config", str(config.path)]


def environment(config: Config, deploy: DeployRecord, token: str) -> dict[str, str]:
    """What a command inherits: the release to return to, the hub's systemd unit where it has one, and the lock's token."""
    own = {ROLLBACK: "1", PREVIOUS: deploy.previous or "", LOCK_TOKEN: token}
    unit = systemd.unit_of(config)
    return for_command(os.environ) | own | ({} if unit is None else {UNIT: unit})


class _Rollback:
    """One rollback on its way."""

    def __init__(  # noqa: PLR0913 - all it works with
        self,
        plan: SavedPlan,
        config: Config,
        deploy: DeployRecord,
        say: Callable[[str], None],
        *,
        journal: JournalFile,
        way: RollbackOptions,
        token: str,
    ) -> None:
        self.plan, self.config, self.deploy, self.say, self.journal = plan, config, deploy, say, journal
        self.way, self.token = way, token
        self.redactor = redactor_for(config, os.environ)
        self.actions = preconditions.runnable(plan, config)
        self.left_out = ""
        self.commands = JournalledCommands(
            journal.path, self._step, say=say, clean=self._clean, on_step=way.on_step, grace=way.grace
        )

    @property
    def state(self) -> RollbackState:
        return read_rollback(self.journal.path)

    def run(self, overridden: Sequence[RollbackRefusal], *, resumed: bool) -> RollbackOutcome:
        reasons = [refusal.text for refusal in overridden]
        for reason in reasons:
            self.say(f"passed over, as asked: {reason}")
        if resumed:
            self._step(NOTE, text="resumed", overridden=reasons)
        else:
            self._step(BEGIN, plan=self.plan.to_json(), deploy=self.deploy.to_json(), overridden=reasons)
        words = "going on with rolling back" if resumed else "rolling back"
        release, before = self.deploy.name or "what was deployed", self.deploy.before_name or self.deploy.previous
        title = f"{words} {release} to {before} · {hub_of(self.config)}"
        lines = (
            self._because(),
            f"to {self.deploy.previous}",
            f"by {', '.join(action.name for action in self.actions)}; how it ends is told as well",
        )
        self._tell(RollbackEvent(kind="start", severity=self._severity, title=title, lines=lines))
        return self._finish(self._act() or self._verified())

    # --- acting -------------------------------------------------------------------------------------------------------

    def _act(self) -> Proof | None:
        """Do what is left to do; what went wrong, or None."""
        for index, action in enumerate(self.actions):
            ended = self._one(action)
            if ended.timed_out or (not ended.ok and ended.code is not None):
                return Proof(bad=(f"action {action.name} {ended.words}{self._halfway(action)}",))
            if ended.code is None and index + 1 < len(self.actions):
                # it may never have begun, and the next one stands on it
                left = ", ".join(one.name for one in self.actions[index + 1 :])
                self.left_out = f"{left} was not begun, since nobody saw how {action.name} ended"
                return None
        return None

    def _halfway(self, action: RollbackAction) -> str:
        """What is to be said of a restoration that was ended in the middle: it knows how far it came."""
        if not action.restores or steps.interrupted(self.config) is None:
            return ""
        return " in the middle: `readiness rollback --yes` goes on where it was"

    def _one(self, action: RollbackAction) -> EndedCommand:
        known = self.state.ended(action.name)
        if known is not None:
            return known
        ended = self.commands.run(
            action.name,
            command_of(action, self.config),
            cwd=working_folder(self.config),
            env=environment(self.config, self.deploy, self.token),
            timeout=action.timeout,
            # what was ended in the middle of a restoration goes on where it was
            again=lambda: action.restores and steps.interrupted(self.config) is not None,
        )
        self.say(f"{action.name}: {ended.words} after {ended.seconds:.1f} s")
        for line in [line for line in ended.output.splitlines() if line.strip()][-_SHOWN:]:
            self.say(f"  | {line[:300]}")
        return ended

    # --- proving ------------------------------------------------------------------------------------------------------

    def _verified(self) -> Proof:
        state = self.state
        if state.proof is not None:
            return state.proof
        phases = verify.phases(self.actions, self.plan)
        self._step(VERIFY, phases=phases)
        self.say(f"verifying by {', '.join(phases) or 'nothing'}")
        folder = self.journal.path.with_suffix("")
        proof = self.way.prove(
            self.config, self.deploy, phases, folder, state.started_at or time.time(), self.plan.run.own_checks
        )
        unproven = (self.left_out, *proof.unproven, *verify.unasked(folder, self.plan))
        clean = Proof(
            bad=tuple(self._clean(text, 400) for text in proof.bad),
            unproven=tuple(self._clean(text, 400) for text in unproven if text),
            passed=proof.passed,
        )
        self._step(VERIFIED, proof=dataclasses.asdict(clean))
        return clean

    def _finish(self, proof: Proof) -> RollbackOutcome:
        result, because = judged(proof)
        self._settle(closing=result is not RollbackResult.FAILED)
        outcome = RollbackOutcome(
            result=result,
            because=because,
            seconds=self._seconds(),
            objective=self.config.rollback.objective * 60.0,
            journal=self.journal.path,
        )
        self._step(OUTCOME, result=result.value, because=because, seconds=dict(outcome.seconds))
        for line in outcome.lines:
            self.say(line)
        well = result is RollbackResult.VERIFIED
        self._tell(
            RollbackEvent(
                kind="outcome",
                severity=self._severity if well else "critical",
                title=f"{result.value} · {hub_of(self.config)}",
                lines=(*self._gone(well=well), *(line.strip() for line in outcome.lines)),
                ends_alarm=well,
            )
        )
        return outcome

    def _seconds(self) -> dict[str, float]:
        """Seconds of each phase, by the wall clock: a rollback outlives the process that began it."""
        state, now = self.state, time.time()
        verdict = dt.datetime.fromisoformat(self.plan.run.finished).timestamp()
        begun, acted = state.intended_at or now, state.acted_at or now
        phases = {
            "detect": verdict - self.deploy.deployed_at.timestamp(),
            "decide": begun - verdict,
            "act": acted - begun,
        }
        if state.acted_at is not None:
            phases["verify"] = now - acted
        return {phase: max(0.0, round(took, 3)) for phase, took in phases.items()}

    def _settle(self, *, closing: bool) -> None:
        """Close the window and quarantine the release; that this fails is said, and changes nothing about what was done."""
        try:
            if closing:
                self.way.on_step("close the window")
                # who returned has nothing to return to: never a rollback of a rollback
                write_record(self.config.report_dir / FILE, dataclasses.replace(self.deploy, previous=None))
            self.way.on_step("quarantine")
            quarantine.add(self.config.report_dir, self.deploy.distinct, self._because())
        except ReadinessError as error:
            self._step(NOTE, text=str(error))
            self.say(f"do this by hand: {error}")

    # --- small things -------------------------------------------------------------------------------------------------

    def _step(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any plain value
        self.way.on_step(f"write {kind}")
        self.journal.write(kind, **data)

    def _gone(self, *, well: bool) -> tuple[str, ...]:
        """What became of the release, where that is proven."""
        release, before = self.deploy.name or "what was deployed", self.deploy.before_name or "the release before"
        return (f"{release} was rolled back, and {before} answers again",) if well else ()

    @property
    def _severity(self) -> Literal["critical", "high"]:
        """As severe as the decision that people heard: who heard that one hears what becomes of it."""
        return "critical" if self.plan.run.decision == "ROLL BACK" else "high"

    def _because(self) -> str:
        return "; ".join(action.because for action in self.plan.actions)[:400] or "asked for by a person"

    def _tell(self, event: RollbackEvent) -> None:
        try:
            self.way.tell(event)
        except Exception as error:  # noqa: BLE001 - a dead channel never holds up a rollback
            self.say(f"people were not told: {type(error).__name__}")

    def _clean(self, text: str, limit: int) -> str:
        return visible_text(self.redactor.clean(text, limit), limit)
