"""Carries out a rollback plan: once, written down before each act, verified afterwards, and told.

Killed at any moment it leaves a journal from which `resume` goes on: what ended is not done again, what was begun is
waited for, what never began is begun.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.config.redaction import redactor_for
from readiness.errors import ReadinessError
from readiness.operations.deploys import action as commands
from readiness.operations.deploys import journal, lock, quarantine
from readiness.operations.deploys.record import FILE, DeployRecord, read_record, write_record
from readiness.operations.rollback import environment as called
from readiness.operations.rollback import preconditions, steps, verify
from readiness.operations.rollback.outcome import Event, Outcome, Result, Teller, nobody
from readiness.operations.rollback.phases import judged, seconds
from readiness.operations.rollback.verify import Proof, Prove, prove, to_json
from readiness.support import process_identity
from readiness.support.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from readiness.config.model import Config, RollbackAction
    from readiness.operations.rollback.outcome import Refusal

FOLDER: Final = "rollback"
"""Where journals lie, in the report folder."""
_OUTPUT: Final = 8_000
"""Characters of a command's output that the journal keeps."""
_TOLD: Final = 5
"""Lines of it that are said at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a rollback is carried out, beyond its plan."""

    person: bool = False
    """Whether a person asked for it: gates are told and passed, and that is written down."""
    tell: Teller = nobody
    prove: Prove = prove
    grace: float = commands.GRACE
    on_step: Callable[[str], None] = lambda _: None
    """Called before every step that changes something, by tests that end the process there."""


def execute(  # noqa: PLR0913 - the plan, the settings, and where to say and write what
    plan: Mapping[str, Any],
    config: Config,
    say: Callable[[str], None],
    journal_dir: Path,
    *,
    resume: bool = False,
    how: How | None = None,
) -> Outcome:
    """Carry out `plan`, or with `resume` the unfinished one in `journal_dir`.

    Raises Refused with every reason where it must not be; lock.Held where somebody else is at it; ReadinessError where
    the journal cannot be written. In each of these cases no action was begun by this call.
    """
    way = how or How()
    with lock.held(lock.folder_for(config), "a rollback", journal_dir) as token:
        state = journal.unfinished(journal_dir) if resume else None
        if resume and state is None:
            raise ReadinessError("there is no unfinished rollback to resume")
        known = state.plan if state is not None else dict(plan)
        overridden = preconditions.allowed(known, config, journal_dir, state, person=way.person)
        deploy = _deploy(config, state)
        new = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}.jsonl"
        path = journal_dir / new if state is None else state.path
        way.on_step("open the journal")
        book = journal.Journal(path)
        try:
            return _Rollback(known, config, deploy, say, book=book, way=way, token=token).run(state, overridden)
        finally:
            book.close()


def _deploy(config: Config, state: journal.State | None) -> DeployRecord:
    """The deploy that is rolled back, as the journal has it: the record itself is closed before the very end."""
    if state is not None:
        return DeployRecord.from_json(state.first(journal.BEGIN)["deploy"])
    found = read_record(config.report_dir / FILE)
    if found is None:
        raise ReadinessError("no deploy is recorded")
    return found


class _Rollback:
    """One rollback on its way."""

    def __init__(  # noqa: PLR0913 - all it works with
        self,
        plan: Mapping[str, Any],
        config: Config,
        deploy: DeployRecord,
        say: Callable[[str], None],
        *,
        book: journal.Journal,
        way: How,
        token: str,
    ) -> None:
        self.plan, self.config, self.deploy, self.say, self.book = plan, config, deploy, say, book
        self.way, self.token = way, token
        self.redactor = redactor_for(config, os.environ)
        self.actions = preconditions.runnable(plan, config)
        self.left_out = ""

    def run(self, state: journal.State | None, overridden: Sequence[Refusal]) -> Outcome:
        for refusal in overridden:
            self.say(f"passed over, as asked: {refusal.text}")
        if state is None:
            self._step(
                journal.BEGIN,
                plan=dict(self.plan),
                deploy=self.deploy.to_json(),
                overridden=[one.text for one in overridden],
            )
        else:
            self._step(journal.NOTE, text="resumed", overridden=[one.text for one in overridden])
        title = f"rolling back to {self.deploy.previous}"
        self._tell(Event(kind="start", severity="high", title=title, lines=(self._because(),)))
        bad = self._act(journal.read(self.book.path))
        return self._finish(bad or self._verified())

    # --- acting -------------------------------------------------------------------------------------------------------

    def _act(self, state: journal.State) -> Proof | None:
        """Do what is left to do; what went wrong, or None."""
        for index, action in enumerate(self.actions):
            known = state.of(journal.ENDED, action.name)
            ended = self._one(action, state) if known is None else _from_entry(known)
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

    def _one(self, action: RollbackAction, state: journal.State) -> commands.Ended:
        started = state.of(journal.STARTED, action.name)
        ended = None if started is None else self._adopted(action, started, state)
        if ended is None:
            self._step(journal.INTENT, action=action.name, command=self._clean(" ".join(action.command), 1_000))
            self.say(f"{action.name}: begun")
            ended = self._begun(action)
        output = self._clean(ended.output, _OUTPUT)
        self._step(
            journal.ENDED, action=action.name, code=ended.code, timed_out=ended.timed_out, seconds=ended.seconds,
            trouble=self._clean(ended.trouble, 300), output=output,
        )  # fmt: skip
        self.say(f"{action.name}: {ended.words} after {ended.seconds:.1f} s")
        for line in [line for line in output.splitlines() if line.strip()][-_TOLD:]:
            self.say(f"  | {line[:300]}")
        return ended

    def _adopted(self, action: RollbackAction, started: journal.Entry, state: journal.State) -> commands.Ended | None:
        """What came of a command whose process another one wrote down; None where it never began."""
        ended = commands.Ended(code=None, seconds=0.0)
        if (started["boot"], started["host"]) == (process_identity.boot(), process_identity.host()):
            self.say(f"{action.name} was begun before: waiting for process {started['pid']}")
            until = float(started["at"]) + action.timeout
            ended = commands.adopt(int(started["pid"]), started["start"], until=until, grace=self.way.grace)
        # asked once the process is gone: until then it may be about to begin
        if not state.begun(action.name):
            return None
        # what was ended in the middle of a restoration goes on where it was
        return None if action.restores and steps.interrupted(self.config) is not None else ended

    def _begun(self, action: RollbackAction) -> commands.Ended:
        def on_started(pid: int, start: str | None) -> None:
            self._step(
                journal.STARTED,
                action=action.name,
                pid=pid,
                start=start,
                boot=process_identity.boot(),
                host=process_identity.host(),
            )
            self.way.on_step("let it begin")

        journal.mark(self.book.path, action.name).unlink(missing_ok=True)
        ended = commands.run(
            called.command_of(action, self.config),
            cwd=preconditions.working_folder(self.config),
            env=called.environment(self.config, self.deploy, self.token),
            timeout=action.timeout,
            on_started=on_started,
            mark=journal.mark(self.book.path, action.name),
            grace=self.way.grace,
        )
        self.way.on_step("it has ended")
        return ended

    # --- proving ------------------------------------------------------------------------------------------------------

    def _verified(self) -> Proof:
        state = journal.read(self.book.path)
        known = state.first(journal.VERIFIED)
        if known:
            proof = known["proof"]
            return Proof(bad=tuple(proof["bad"]), unproven=tuple(proof["unproven"]), passed=int(proof["passed"]))
        phases = verify.phases(self.actions, self.plan)
        self._step(journal.VERIFY, phases=phases)
        self.say(f"verifying by {', '.join(phases) or 'nothing'}")
        acted_at = float(state.first(journal.STARTED).get("at", time.time()))
        folder, own = self.book.path.with_suffix(""), list(self.plan["run"].get("own_checks", ()))
        proof = self.way.prove(self.config, self.deploy, phases, folder, acted_at, own)
        clean = Proof(
            bad=tuple(self._clean(text, 400) for text in proof.bad),
            unproven=tuple(
                self._clean(text, 400)
                for text in (self.left_out, *proof.unproven, *verify.unasked(folder, self.plan))
                if text
            ),
            passed=proof.passed,
        )
        self._step(journal.VERIFIED, proof=to_json(clean))
        return clean

    def _finish(self, proof: Proof) -> Outcome:
        result, because = judged(proof)
        self._settle(closing=result is not Result.FAILED)
        found = Outcome(
            result=result,
            because=because,
            seconds=seconds(journal.read(self.book.path), self.plan, self.deploy),
            objective=self.config.rollback.objective * 60.0,
            journal=self.book.path,
        )
        self._step(journal.OUTCOME, result=result.value, because=because, seconds=dict(found.seconds))
        for line in found.lines:
            self.say(line)
        well = result is Result.VERIFIED
        self._tell(
            Event(
                kind="outcome",
                severity="high" if well else "critical",
                title=result.value,
                lines=tuple(found.lines),
            )
        )
        return found

    def _settle(self, *, closing: bool) -> None:
        """Close the window and quarantine the release; that this fails is said, and changes nothing about what was done."""
        try:
            if closing:
                self.way.on_step("close the window")
                # who returned has nothing to return to: never a rollback of a rollback
                write_record(self.config.report_dir / FILE, dataclasses.replace(self.deploy, previous=None))
            self.way.on_step("quarantine")
            quarantine.add(self.config.report_dir, self.deploy.commit, self.deploy.version, self._because())
        except ReadinessError as error:
            self._step(journal.NOTE, text=str(error))
            self.say(f"do this by hand: {error}")

    # --- small things -------------------------------------------------------------------------------------------------

    def _step(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any plain value
        self.way.on_step(f"write {kind}")
        self.book.write(kind, **data)

    def _because(self) -> str:
        return "; ".join(str(action["because"]) for action in self.plan["actions"])[:400] or "asked for by a person"

    def _tell(self, event: Event) -> None:
        try:
            self.way.tell(event)
        except Exception as error:  # noqa: BLE001 - a dead channel never holds up a rollback
            self.say(f"people were not told: {type(error).__name__}")

    def _clean(self, text: str, limit: int) -> str:
        return plain(self.redactor.clean(text, limit), limit)


def _from_entry(entry: Mapping[str, Any]) -> commands.Ended:
    return commands.Ended(
        code=entry["code"], timed_out=entry["timed_out"], seconds=entry["seconds"], trouble=entry["trouble"]
    )
