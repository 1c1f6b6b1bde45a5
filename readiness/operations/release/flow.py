"""A release from its lock to its end: one phase after another, each written down before it begins and after it ended.

Every phase has a defined end, and a release that was killed in any of them goes on from there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import math
import os
import secrets
import time
from typing import TYPE_CHECKING, Any

from readiness.config.redaction import redactor_for
from readiness.errors import ReadinessError
from readiness.operations.deploys import journal, lock, quarantine
from readiness.operations.release import journal as book
from readiness.operations.release import model, tell
from readiness.operations.release.after import After
from readiness.operations.release.before import Before
from readiness.operations.release.bluegreen import BlueGreen
from readiness.operations.release.command import Commands
from readiness.operations.release.model import Outcome, Step, end
from readiness.support.environment import LOCK_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.operations.release.model import End, Order
    from readiness.operations.release.ports import World

ROLLBACKS = "rollback"
"""The folder of rollbacks' journals, in the report folder."""


def release(config: Config, order: Order, world: World) -> End:
    """Carry a release out from the beginning.

    Raises lock.Held where somebody else is at it, ReadinessError where nothing was begun, Interrupted in the middle.
    """
    folder = config.report_dir / book.FOLDER
    with _alone(config, folder) as token:
        _nothing_open(config, folder)
        name = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}"
        world.on_step("open the journal")
        pages = journal.Journal(folder / f"{name}.jsonl")
        try:
            return Releasing(config, order, world, pages, token).run()
        finally:
            pages.close()


def resume(config: Config, world: World, command: tuple[str, ...] = ()) -> End:
    """Go on with the release that was interrupted; `command` is needed once more only where it held a secret.

    Raises as `release` does, and where there is nothing to resume.
    """
    folder = config.report_dir / book.FOLDER
    with _alone(config, folder) as token:
        state = book.unfinished(folder)
        if state is None:
            raise ReadinessError("there is no unfinished release to resume")
        order = tell.order_of(state, command)
        world.on_step("open the journal")
        pages = journal.Journal(state.path)
        try:
            return Releasing(config, order, world, pages, token).run()
        finally:
            pages.close()


def abandon(config: Config, say: Callable[[str], None]) -> None:
    """Write down that nobody goes on with the unfinished release. Raises ReadinessError where there is none, or it still runs."""
    from readiness.support import process_identity

    folder = config.report_dir / book.FOLDER
    with _alone(config, folder):
        state = book.unfinished(folder)
        if state is None:
            raise ReadinessError("there is no unfinished release to give up")
        for entry in state.entries:
            if entry["kind"] != book.STARTED or (entry["boot"], entry["host"]) != (
                process_identity.boot(),
                process_identity.host(),
            ):
                continue
            if process_identity.alive(int(entry["pid"]), entry["start"]):
                raise ReadinessError(
                    f"its command {entry['name']} still runs as process {entry['pid']}: wait or end it"
                )
        pages = journal.Journal(state.path)
        try:
            found = end(Outcome.HELD, "given up by a person: look at the hub")
            pages.write(book.OUTCOME, **found.to_json())
        finally:
            pages.close()
        tell.write(config, book.read(state.path))
        say(f"{state.path} is closed as {found.outcome.value}; look at the hub")


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
    state = book.unfinished(folder)
    if state is not None:
        raise ReadinessError(
            f"{state.path} was not finished: `readiness release --resume` goes on with it, --abandon gives it up"
        )
    other = journal.unfinished(config.report_dir / ROLLBACKS)
    if other is not None:
        raise ReadinessError(
            f"{other.path} was not finished: `readiness rollback --resume` finishes it, --abandon gives it up"
        )


class Releasing:
    """One release on its way."""

    def __init__(self, config: Config, order: Order, world: World, pages: journal.Journal, token: str) -> None:
        """`pages` is its open journal; what stands in it was done already."""
        # as long as it is watched, its deploy is not over
        window = config.rollback.window + math.ceil(order.bake)
        self.config = dataclasses.replace(config, rollback=dataclasses.replace(config.rollback, window=window))
        self.order, self.world, self.pages = order, world, pages
        self.redactor = redactor_for(config, os.environ)
        self.commands = Commands(pages.path, self.write, self.redactor, world, token)
        self.steps: dict[str, Callable[[], Step]] = {model.LOCK: self._lock}
        self.steps |= Before(self).steps()
        self.steps |= (BlueGreen(self) if order.candidate else After(self)).steps()

    def run(self) -> End:
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

    def _phases(self) -> End:
        if not self.state.first(book.BEGIN):
            self.write(book.BEGIN, order=tell.order_json(self.order, self.commands.clean), by=os.getpid())
        elif not self.state.finished:
            self.write(book.RESUMED, by=os.getpid())
        known = self.state.end
        if known is not None:
            return known
        names = list(self.steps)
        name = names[0]
        while True:
            step = self._known(name) or self._gone_through(name)
            if step.end is not None:
                return step.end
            following = names[names.index(name) + 1 :]
            if step.then is None and (not following or following[0] == model.ROLLBACK):
                return end(Outcome.KEPT, tell.kept(self.state, self.order))
            name = step.then or following[0]

    def _known(self, name: str) -> Step | None:
        """What came of a phase that is over already."""
        entry = self.state.of(book.DONE, name)
        if entry is None:
            return None
        return Step(
            status=entry["status"],
            detail=entry["detail"],
            end=None if entry["end"] is None else model.End.from_json(entry["end"]),
            then=entry["then"],
            data=entry["data"],
        )

    def _gone_through(self, name: str) -> Step:
        self.write(book.PHASE, name=name)
        self.world.say(f"{name} …")
        try:
            step = self.steps[name]()
        except ReadinessError as error:
            if isinstance(error, model.Interrupted):
                raise
            step = self._doubtful(name, str(error))
        except Exception as error:  # noqa: BLE001 - what nobody foresaw has to have an end of which people are told as well
            step = self._doubtful(name, f"unforeseen: {type(error).__name__}: {error}")
        began = self.state.began(name) or time.time()
        took = max(0.0, round(time.time() - began, 3))
        detail = self.commands.clean(step.detail, 600)
        self.write(
            book.DONE, name=name, status=step.status, seconds=took, detail=detail, data=dict(step.data), then=step.then,
            end=None if step.end is None else step.end.to_json(),
        )  # fmt: skip
        self.world.say(f"{name}: {step.status} after {took:.1f} s: {detail}")
        return step

    def _doubtful(self, name: str, why: str) -> Step:
        """A phase that could not be gone through: nothing was deployed yet, or a person has to look."""
        before = model.PHASES.index(name) < model.PHASES.index(model.DEPLOY)
        outcome = Outcome.REFUSED if before else Outcome.HELD
        code = 1 if before else model.INCOMPLETE
        return Step(
            status="failed" if before else "unknown",
            detail=why,
            end=end(outcome, f"{name}: {why}", code),
            data={"doubtful": True},
        )

    def _lock(self) -> Step:
        if self.config.first_look:
            raise ReadinessError(
                "nothing was declared about this deployment: write a readiness.toml (`readiness init`)"
            )
        named = self.order.version
        entry = None if named is None else quarantine.find(self.config.report_dir, None, named)
        if entry is not None:
            raise ReadinessError(
                f"{entry.name} was rolled back on {entry.since} and is in quarantine ({entry.because}): "
                f"`readiness rollback --lift {entry.name}` once that is mended"
            )
        return Step(status="passed", detail=f"no other release or rollback of this hub, {lock.folder_for(self.config)}")

    def _deployed(self) -> bool:
        """Whether the command may have begun."""
        try:
            return self.state.of(book.INTENT, model.DEPLOY) is not None
        except ReadinessError:
            return True  # nobody knows

    def _interrupted(self) -> str:
        """What is to be said; people are told where the deploy has begun, since a job that was cancelled has nobody beside it."""
        told = f"interrupted; {self.pages.path} tells how far it came: `readiness release --resume` goes on"
        if not self._deployed():
            return told
        found = end(Outcome.HELD, "interrupted after the deploy began; a command that was begun runs on")
        for line in tell.stopped(self.config, self.pages.path, found):
            self.world.say(line)
        return f"{told}; a command that was begun runs on by itself"

    def _stopped(self, why: str) -> End:
        """Something was deployed, and what is to be written down first cannot be: people are told, since nothing else can be done."""
        found = end(Outcome.HELD, f"stopped after the deploy began: {why}", model.INCOMPLETE)
        self.world.say(
            f"{found.outcome.value}: {found.because}; `readiness release --resume` goes on once that is mended"
        )
        for line in tell.stopped(self.config, self.pages.path, found):
            self.world.say(line)
        return found

    # --- the end ------------------------------------------------------------------------------------------------------

    def _finish(self, found: End) -> End:
        found = model.End(outcome=found.outcome, because=self.commands.clean(found.because, 600), exit=found.exit)
        if not self.state.finished:
            self.write(book.OUTCOME, **found.to_json())
        self.world.on_step("write the release's page")
        pages: list[Path] = []
        try:
            tell.write(self.config, self.state)
            pages = self.world.page(self.config, self.state)
        except ReadinessError as error:
            self.world.say(f"the release's report could not be written: {error}")
        for line in (*tell.lines(self.state, found), *tell.ended(self.config, self.state, found)):
            self.world.say(line)
        for page in pages:
            if page.suffix == ".html":
                self.world.say(f"  report: {page}")
        return found

    # --- small things -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> book.State:
        """What the journal tells by now."""
        return book.read(self.pages.path)

    def write(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any plain value
        """Append to the journal, on disk when this returns. Raises ReadinessError."""
        self.world.on_step(f"write {kind} {data.get('name', '')}".strip())
        self.pages.write(kind, **data)
