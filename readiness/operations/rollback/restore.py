"""The built-in action `@restore-backup`: verify, stop, restore, start, wait until ready; undone where any of it fails.

The release goes back by its link, or by git to the recorded commit; configuration and environment come from the newest
backup from before the deploy; of the cache only what is missing. Logs are never touched. Every step is written down before
it is taken: killed at any of them, the next call goes on there, or on with undoing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys import BEGIN, FILE, INTENT, STARTED, look, read_record, startup_seconds, systemd
from readiness.operations.rollback import steps
from readiness.operations.rollback.document import deploy_digest
from readiness.operations.rollback.target import folder_of, proven_backup, working_folder
from readiness.support import console, git

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness.config import Config
    from readiness.facts.backup import Backup, Manifest
    from readiness.operations.deploys import DeployRecord, JournalEntry, JournalState

GONE_SECONDS: Final = 30.0
"""The start-up budget unless `[probe] settle` gives one."""
_STEP: Final = 0.1
_ROLES: Final = frozenset({"configuration", "environment"})
_READY: Final = frozenset({"ready", "restarted"})


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the release before is ready again; 1 when not, with what was there before put back."""
    parser = argparse.ArgumentParser(
        prog="readiness.operations.rollback.restore", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--readiness-config", type=Path)
    parser.add_argument("--readiness-report", type=Path, required=True)
    given = parser.parse_args(argv)
    from readiness.config import load

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        config = load(file=given.readiness_config, report_dir=given.readiness_report)
        restore(config)
    except ReadinessError as error:
        _say(f"not restored: {error}")
        return 1
    return 0


def restore(config: Config, on_step: Callable[[str], None] = lambda _: None) -> None:
    """Restore the backup from before the recorded deploy, or go on where an earlier restoration was interrupted.

    Raises ReadinessError, with everything put back as far as that went. `on_step` is called before every step.
    """
    deploy = read_record(config.report_dir / FILE)
    known = steps.interrupted(config)
    if known is None:
        backup = proven_backup(config, deploy)
        assert deploy is not None
        Restoring(config, deploy, backup, steps.Steps.new(config, on_step)).run()
        return
    _say(steps.words(known))
    release = str(config.target.release)
    if deploy is None or not steps.of_deploy(known, deploy) or _begun(known, "release") != release:
        raise ReadinessError(f"{known.path} is about another deploy: `readiness rollback --abandon` gives it up")
    done = steps.Steps(known.path.parent, on_step)
    try:
        backup = _same(known)
    except ReadinessError as error:
        assert config.target.release is not None
        Undoing(config, config.target.release, done, _say).run(str(error))
        raise
    Restoring(config, deploy, backup, done).run()


def _begun(known: JournalState, key: str) -> str:
    """What the interrupted restoration noted at its beginning."""
    begun = known.first(BEGIN)
    return "" if begun is None else str(begun.data[key])


def _same(known: JournalState) -> Backup:
    """The backup that the interrupted restoration had chosen, by its place: another one may be the newest by now."""
    from readiness.facts.backup import read_backup

    path = Path(_begun(known, "backup"))
    found = read_backup(path)
    if found is None or found.manifest is None:
        raise ReadinessError(f"the backup {path}, which an interrupted restoration had begun to put back, is gone")
    return found


def _interrupt(_signal: int, _frame: object) -> None:
    raise ReadinessError("told to end")


def _say(text: str) -> None:
    # its output may be a file on a full disk: a line that is lost must not leave half a restoration
    console.say(text)


class Restoring:
    """One restoration; what it changed is put back, last first, where a later step fails."""

    def __init__(self, config: Config, deploy: DeployRecord, backup: Backup, done: steps.Steps) -> None:
        """`backup` is proven; `done` are the steps so far."""
        if config.target.release is None or backup.manifest is None:
            raise ReadinessError("[target] release is not set")
        self.config, self.deploy, self.backup, self.steps = config, deploy, backup, done
        self.release, self.manifest = config.target.release, backup.manifest
        # resolved now: the folder of backups may lie in the tree that goes
        self.source = backup.path.resolve()

    def run(self) -> None:
        """Do what is left. Raises ReadinessError, with everything put back as far as that went."""
        try:
            if self.steps.state.last(INTENT, steps.UNDO) is not None:
                raise ReadinessError("it was being undone")  # noqa: TRY301 - as any other reason to undo it
            with self.steps.scratch() as scratch:
                self._steps(scratch)
        except BaseException as error:
            # what ends this now would leave half of it
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            Undoing(self.config, self.release, self.steps, _say).run(str(error) or type(error).__name__)
            if isinstance(error, OSError):
                raise ReadinessError(f"{error.filename or 'a file'}: {error.strerror or error}") from error
            raise
        self.steps.close("restored")

    def _steps(self, scratch: Path) -> None:
        self._unpacked(scratch / "backup")
        if not self.steps.state.entries:
            self.steps.write(
                BEGIN,
                backup=str(self.source),
                release=str(self.release),
                deploy_sha256=deploy_digest(self.deploy),
            )
        self._stop()
        self._gone()
        self._release()
        for number, entry in enumerate(e for e in self.manifest.files if e.role in _ROLES):
            self._file(scratch / "backup" / entry.path, self._place(entry.path), number)
        for entry in (e for e in self.manifest.files if e.role == "cache"):
            place = self._place(entry.path)
            if not os.path.lexists(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                self.steps.on_step("add to the cache")
                steps.copy(scratch / "backup" / entry.path, place)
        self._start()
        self._ready()

    # --- the steps ----------------------------------------------------------------------------------------------------

    def _unpacked(self, into: Path) -> None:
        from readiness.facts.backup import restore_backup as unpack

        manifest: Manifest = self.manifest
        unpacked = unpack(self.source, manifest, into)
        if unpacked.troubles:
            raise ReadinessError(f"{self.backup.name} does not restore: {unpacked.troubles[0]}")
        _say(f"{self.backup.name} verifies")

    def _command(self, step: str, argv: Sequence[str], *, fine: Callable[[bool], bool] = lambda _: False) -> None:
        """Run it; `fine` says whether a failure is none, given whether it had begun before."""
        ended, again = self.steps.command(step, argv, working_folder(self.config))
        _say(f"{step}: {ended.words}")
        if not ended.ok and not fine(again):
            raise ReadinessError(f"{step} {ended.words}: {ended.output.strip()[-300:]}")

    def _stop(self) -> None:
        # begun once more after a kill: what is stopped already may not be stopped again
        self._command("stop", self.config.rollback.stop, fine=lambda again: again and not look(self.config).listens)

    def _start(self) -> None:
        for line in filter(None, [systemd.forget_failures(self.config)]):
            _say(line)
        ended, _ = self.steps.command("start", self.config.rollback.start, working_folder(self.config), once=True)
        _say(f"start: {ended.words}")
        if not ended.ok and ended.code is not None:
            raise ReadinessError(f"start {ended.words}: {ended.output.strip()[-300:]}")

    def _gone(self) -> None:
        """The old process is proven gone: nothing listens any more."""
        if self.steps.state.last(STARTED, "start") is not None:
            return  # what listens now is what was started
        until = time.monotonic() + GONE_SECONDS
        while time.monotonic() < until:
            if not look(self.config).listens:
                return
            time.sleep(_STEP)
        raise ReadinessError(f"the hub still listens {GONE_SECONDS:.0f} s after it was stopped")

    def _release(self) -> None:
        previous = self.deploy.previous or ""
        folder = folder_of(previous, self.config)
        if folder is None:
            self._checkout(previous)
            return
        if not self.release.is_symlink():
            raise ReadinessError(f"{self.release} is no link, so it cannot be switched to {folder}")
        self.steps.changing("link", before=str(self.release.readlink()), to=str(folder))
        self.steps.on_step("switch the link")
        steps.link(self.release, folder)
        _say(f"{self.release} points to {folder}")

    def _checkout(self, commit: str) -> None:
        from readiness.facts.backup import head_commit

        self.steps.changing("checkout", before=head_commit(self.release), to=commit)
        self._command("git", ["git", *git.GUARDED, "-C", str(self.release), "checkout", "--quiet", "--force", commit])

    def _place(self, path: str) -> Path:
        """Where a backup's file belongs now: the release's own into the release that is in place."""
        root, _, rest = path.partition("/")
        return self.release.resolve() / rest if root == "release" else Path(self.manifest.roots[root]) / rest

    def _file(self, source: Path, place: Path, number: int) -> None:
        """Replace one file by the backup's, whole or not at all; how it was before is kept."""
        step = f"file {number}"
        if self.steps.state.last(INTENT, step) is None:
            self.steps.on_step(f"keep {step}")
            kept = self.steps.keep(place, number) if place.is_file() else None
            self.steps.changing(step, place=str(place), kept=None if kept is None else str(kept))
        place.parent.mkdir(parents=True, exist_ok=True)
        self.steps.on_step(f"replace {step}")
        steps.copy(source, place)

    def _ready(self) -> None:
        began = time.monotonic()
        while True:
            seen = look(self.config)
            budget = startup_seconds(self.config, seen)
            if seen.answers and seen.state in _READY:
                _say(f"{seen.process} is ready")
                return
            if time.monotonic() - began > budget:
                raise ReadinessError(f"not ready within {budget:.0f} s: {seen.state or seen.trouble}")
            time.sleep(_STEP)


class Undoing:
    """Undoes a restoration that failed: what it changed is put back, the last first, and what ran before runs again.

    It may be called again after a kill: each of its steps looks at what is so before it does anything, and nothing is started
    twice. Nothing stops it: what cannot be undone is said, and the next thing is tried.
    """

    def __init__(self, config: Config, release: Path, done: steps.Steps, say: Callable[[str], None]) -> None:
        """`done` are the steps that were taken."""
        self.config, self.release, self.steps, self.say = config, release, done, say
        self.troubles: list[str] = []

    def run(self, why: str) -> None:
        """Undo it all, and write down what came of it. Raises nothing but what the journal's end raises."""
        if not self.steps.state.entries:
            self.steps.discard()  # nothing was begun
            return
        self.say(f"{why}; putting back what was there before")
        with contextlib.suppress(ReadinessError):  # a full disk must not keep anything from being put back
            self.steps.changing(steps.UNDO, why=why)
        self.steps.wait_for_all()
        state = self.steps.state
        if state.last(STARTED, "start") is not None:
            self._try("stop what was started", self._stop)
        for entry in reversed(self.steps.changes()):
            self._changed(entry)
        if state.last(STARTED, "stop") is not None:
            self._try("have the hub run again", self._have_it_run)
        with contextlib.suppress(ReadinessError):
            self.steps.close("partly undone" if self.troubles else "undone", troubles=self.troubles)

    def _changed(self, entry: JournalEntry) -> None:
        step, before = entry.about, entry.data
        if step == "link":
            target = Path(before["before"])
            self._try(f"let {self.release} point to {target}", lambda: steps.link(self.release, target))
        elif step == "checkout" and before["before"] is not None:
            self._try(f"check {before['before'][:12]} out", lambda: self._check_out(before["before"]))
        elif step.startswith("file "):
            place = Path(before["place"])
            if before["kept"] is None:
                self._try(f"remove {place}", lambda: place.unlink(missing_ok=True))
            else:
                self._try(f"put {place} back", lambda: steps.copy(Path(before["kept"]), place))

    def _try(self, words: str, step: Callable[[], object]) -> None:
        self.steps.on_step(f"undo: {words}")
        try:
            step()
        except (ReadinessError, OSError) as error:
            self.troubles.append(f"{words}: {error}")
            self.say(f"NOT undone, do it by hand: {words}: {error}")
        else:
            self.say(f"undone: {words}")

    def _command(self, step: str, argv: tuple[str, ...], *, once: bool = False) -> None:
        ended, _ = self.steps.command(step, argv, working_folder(self.config), once=once)
        self.say(f"{step}: {ended.words}")
        if not ended.ok and ended.code is not None:
            raise ReadinessError(f"{step} {ended.words}: {ended.output.strip()[-300:]}")

    def _stop(self) -> None:
        try:
            self._command("undo-stop", self.config.rollback.stop)
        except ReadinessError:
            if look(self.config).listens:
                raise  # what does not listen is stopped, whatever the command made of it

    def _check_out(self, commit: str) -> None:
        self._command(
            "undo-git", ("git", *git.GUARDED, "-C", str(self.release), "checkout", "--quiet", "--force", commit)
        )

    def _have_it_run(self) -> None:
        if look(self.config).listens:
            return
        for line in filter(None, [systemd.forget_failures(self.config)]):
            self.say(line)
        self._command("undo-start", self.config.rollback.start, once=True)


if __name__ == "__main__":
    sys.exit(main())
