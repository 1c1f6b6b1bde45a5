"""A release from its lock to its end: one phase after another, each written down before it begins and after it ended.

Every phase has a defined end, and a release that was killed in any of them goes on from there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import time
from typing import TYPE_CHECKING

from readiness.errors import ReadinessError
from readiness.operations.deploys import (
    BEGIN,
    INTENT,
    OUTCOME,
    JournalFile,
    ReleaseIdentity,
    lock,
    quarantine,
    write_summary,
)
from readiness.operations.release import model, tell
from readiness.operations.release.after import After
from readiness.operations.release.before import Before
from readiness.operations.release.bluegreen import BlueGreen
from readiness.operations.release.context import ReleaseContext
from readiness.operations.release.journal import (
    DONE,
    FOLDER,
    PHASE,
    RESUMED,
    order_json,
    read_release,
    unfinished_release,
)
from readiness.operations.release.model import PhaseFacts, PhaseResult, ReleaseOutcome, end
from readiness.operations.rollback import FOLDER as ROLLBACKS
from readiness.operations.rollback import unfinished_rollback
from readiness.support import LOCK_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.release.model import ReleaseEnd, ReleaseOrder
    from readiness.operations.release.ports import ReleasePorts


def release(config: Config, order: ReleaseOrder, ports: ReleasePorts) -> ReleaseEnd:
    """Carry a release out from the beginning.

    Raises lock.Held where somebody else is at it, ReadinessError where nothing was begun, Interrupted in the middle.
    """
    folder = config.report_dir / FOLDER
    with _alone(config, folder) as token:
        _nothing_open(config, folder)
        name = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}"
        ports.on_step("open the journal")
        journal = JournalFile(folder / f"{name}.jsonl")
        try:
            return Releasing(ReleaseContext(config, order, ports, journal, token)).run()
        finally:
            journal.close()


def resume(config: Config, ports: ReleasePorts, command: tuple[str, ...] = ()) -> ReleaseEnd:
    """Go on with the release that was interrupted; `command` is needed once more only where it held a secret.

    Raises as `release` does, and where there is nothing to resume.
    """
    folder = config.report_dir / FOLDER
    with _alone(config, folder) as token:
        state = unfinished_release(folder)
        if state is None:
            raise ReadinessError("there is no unfinished release to resume")
        order = state.order(command)
        ports.on_step("open the journal")
        journal = JournalFile(state.path)
        try:
            return Releasing(ReleaseContext(config, order, ports, journal, token)).run()
        finally:
            journal.close()


def abandon(config: Config, say: Callable[[str], None]) -> None:
    """Write down that nobody goes on with the unfinished release. Raises ReadinessError where there is none, or it still runs."""
    folder = config.report_dir / FOLDER
    with _alone(config, folder):
        state = unfinished_release(folder)
        if state is None:
            raise ReadinessError("there is no unfinished release to give up")
        running = state.running
        if running is not None:
            raise ReadinessError(f"its command {running.name} still runs as process {running.pid}: wait or end it")
        journal = JournalFile(state.path)
        try:
            release_end = end(ReleaseOutcome.HELD, "given up by a person: look at the hub")
            journal.write(OUTCOME, **release_end.to_json())
        finally:
            journal.close()
        write_summary(config.report_dir, tell.summary(read_release(state.path)))
        say(f"{state.path} is closed as {release_end.outcome.value}; look at the hub")


@contextlib.contextmanager
def _alone(config: Config, folder: Path) -> Iterator[str]:
    with lock.held(lock.folder_for(config), "a release", folder) as token:
        before = os.environ.get(LOCK_TOKEN)
        os.environ[LOCK_TOKEN] = token
        try:
            yield token
        finally:
            os.environ.pop(LOCK_TOKEN)
            if before is not None:
                os.environ[LOCK_TOKEN] = before


def _nothing_open(config: Config, folder: Path) -> None:
    state = unfinished_release(folder)
    if state is not None:
        raise ReadinessError(
            f"{state.path} was not finished: `readiness release --resume` goes on with it, --abandon gives it up"
        )
    other = unfinished_rollback(config.report_dir / ROLLBACKS)
    if other is not None:
        raise ReadinessError(
            f"{other.path} was not finished: `readiness rollback --resume` finishes it, --abandon gives it up"
        )


class Releasing:
    """One release on its way."""

    def __init__(self, context: ReleaseContext) -> None:
        """`context` is what its phases share."""
        self.context, self.config, self.order, self.ports = context, context.config, context.order, context.ports
        self.steps: dict[str, Callable[[], PhaseResult]] = {model.LOCK: self._lock}
        self.steps |= Before(context).steps()
        self.steps |= (BlueGreen(context) if self.order.candidate else After(context)).steps()

    def run(self) -> ReleaseEnd:
        """Go through all phases that are left; how it ended. Raises Interrupted."""
        try:
            return self._finish(self._phases())
        except ReadinessError as error:
            if isinstance(error, model.Interrupted) or not self._deployed():
                raise
            return self._stopped(str(error))
        except KeyboardInterrupt:
            raise model.Interrupted(self._interrupted()) from None

    # --- phases -------------------------------------------------------------------------------------------------------

    def _phases(self) -> ReleaseEnd:
        if not self.context.state.is_begun:
            self.context.write(BEGIN, order=order_json(self.order, self.context.clean), by=os.getpid())
        elif not self.context.state.is_finished:
            self.context.write(RESUMED, by=os.getpid())
        known = self.context.state.end
        if known is not None:
            return known
        names = list(self.steps)
        name = names[0]
        while True:
            step = self.context.state.done(name) or self._gone_through(name)
            if step.end is not None:
                return step.end
            following = names[names.index(name) + 1 :]
            if step.then is None and (not following or following[0] == model.ROLLBACK):
                return end(ReleaseOutcome.KEPT, tell.kept(self.context.state, self.order))
            name = step.then or following[0]

    def _gone_through(self, name: str) -> PhaseResult:
        self.context.write(PHASE, name=name)
        self.ports.say(f"{name} …")
        try:
            step = self.steps[name]()
        except ReadinessError as error:
            if isinstance(error, model.Interrupted):
                raise
            step = self._doubtful(name, str(error))
        except Exception as error:  # noqa: BLE001 - what nobody foresaw has to have an end of which people are told as well
            step = self._doubtful(name, f"unforeseen: {type(error).__name__}: {error}")
        began = self.context.state.began(name) or time.time()
        took = max(0.0, round(time.time() - began, 3))
        detail = self.context.clean(step.detail, 600)
        self.context.write(
            DONE, name=name, status=step.status, seconds=took, detail=detail, data=step.facts.to_json(), then=step.then,
            end=None if step.end is None else step.end.to_json(),
        )  # fmt: skip
        self.ports.say(f"{name}: {step.status} after {took:.1f} s: {detail}")
        return step

    def _doubtful(self, name: str, why: str) -> PhaseResult:
        """A phase that could not be gone through: nothing was deployed yet, or a person has to look."""
        before = model.PHASES.index(name) < model.PHASES.index(model.DEPLOY)
        outcome = ReleaseOutcome.REFUSED if before else ReleaseOutcome.HELD
        code = 1 if before else model.INCOMPLETE
        return PhaseResult(
            status="failed" if before else "unknown",
            detail=why,
            end=end(outcome, f"{name}: {why}", code),
            facts=PhaseFacts(doubtful=True),
        )

    def _lock(self) -> PhaseResult:
        if self.config.first_look:
            raise ReadinessError(
                "nothing was declared about this deployment: write a readiness.toml (`readiness init`)"
            )
        named = self.order.version
        entry = None if named is None else quarantine.find(self.config.report_dir, ReleaseIdentity(version=named))
        if entry is not None:
            raise ReadinessError(
                f"{entry.name} was rolled back on {entry.since} and is in quarantine ({entry.because}): "
                f"`readiness rollback --lift {entry.name}` once that is mended"
            )
        return PhaseResult(
            status="passed", detail=f"no other release or rollback of this hub, {lock.folder_for(self.config)}"
        )

    def _deployed(self) -> bool:
        """Whether the command may have begun."""
        try:
            return self.context.state.last(INTENT, model.DEPLOY) is not None
        except ReadinessError:
            return True  # nobody knows

    def _interrupted(self) -> str:
        """What is to be said; people are told where the deploy has begun, since a job that was cancelled has nobody beside it."""
        sentence = (
            f"interrupted; {self.context.journal.path} tells how far it came: `readiness release --resume` goes on"
        )
        if not self._deployed():
            return sentence
        release_end = end(ReleaseOutcome.HELD, "interrupted after the deploy began; a command that was begun runs on")
        for line in tell.stopped(self.config, self.context.journal.path, release_end):
            self.ports.say(line)
        return f"{sentence}; a command that was begun runs on by itself"

    def _stopped(self, why: str) -> ReleaseEnd:
        """Something was deployed, and what is to be written down first cannot be: people are told, since nothing else can be done."""
        release_end = end(ReleaseOutcome.HELD, f"stopped after the deploy began: {why}", model.INCOMPLETE)
        self.ports.say(
            f"{release_end.outcome.value}: {release_end.because}; `readiness release --resume` goes on once that is mended"
        )
        for line in tell.stopped(self.config, self.context.journal.path, release_end):
            self.ports.say(line)
        return release_end

    # --- the end ------------------------------------------------------------------------------------------------------

    def _finish(self, release_end: ReleaseEnd) -> ReleaseEnd:
        release_end = model.ReleaseEnd(
            outcome=release_end.outcome, because=self.context.clean(release_end.because, 600), exit=release_end.exit
        )
        if not self.context.state.is_finished:
            self.context.write(OUTCOME, **release_end.to_json())
        self.ports.on_step("write the release's page")
        pages: list[Path] = []
        try:
            write_summary(self.config.report_dir, tell.summary(self.context.state))
            pages = self.ports.page(self.config, self.context.state)
        except ReadinessError as error:
            self.ports.say(f"the release's report could not be written: {error}")
        for line in (
            *tell.lines(self.context.state, release_end),
            *tell.ended(self.config, self.context.state, release_end),
        ):
            self.ports.say(line)
        for page in pages:
            if page.suffix == ".html":
                self.ports.say(f"  report: {page}")
        return release_end
