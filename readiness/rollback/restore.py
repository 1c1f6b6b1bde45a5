"""The built-in action `@restore-backup`: verify, stop, restore, start, wait until ready; undone where any of it fails.

The release goes back by its link, or by git to the recorded commit; configuration and environment come from the newest
backup from before the deploy; of the cache only what is missing. Logs are never touched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.rollback import action
from readiness.rollback.backup import proven
from readiness.rollback.look import look
from readiness.rollback.preconditions import folder_of, working_folder
from readiness.rollback.record import FILE, read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness.config.model import Config
    from readiness.facts.backup_one import Backup
    from readiness.rollback.record import DeployRecord

COMMAND_SECONDS: Final = 60.0
"""Seconds that stopping, starting and git may take, each."""
GONE_SECONDS: Final = 30.0
READY_SECONDS: Final = 30.0
"""The start-up budget unless `[probe] settle` gives one."""
_STEP: Final = 0.1
_ROLES: Final = frozenset({"configuration", "environment"})
_READY: Final = frozenset({"ready", "restarted"})


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the release before is ready again; 1 when not, with what was there before put back."""
    parser = argparse.ArgumentParser(prog="readiness.rollback.restore", description=__doc__, allow_abbrev=False)
    parser.add_argument("--readiness-config", type=Path)
    parser.add_argument("--readiness-report", type=Path, required=True)
    given = parser.parse_args(argv)
    from readiness.config.load import load

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        config = load(file=given.readiness_config, report_dir=given.readiness_report)
        deploy = read_record(config.report_dir / FILE)
        found = proven(config, deploy)
        assert deploy is not None
        Restoring(config, deploy, found).run()
    except ReadinessError as error:
        _say(f"not restored: {error}")
        return 1
    return 0


def _interrupt(_signal: int, _frame: object) -> None:
    raise ReadinessError("told to end")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Restoring:
    """One restoration; what it changed is put back, last first, where a later step fails."""

    def __init__(self, config: Config, deploy: DeployRecord, backup: Backup) -> None:
        """`backup` is proven."""
        if config.target.release is None:
            raise ReadinessError("[target] release is not set")
        self.config, self.deploy, self.backup = config, deploy, backup
        self.release = config.target.release
        # resolved now: the folder of backups may lie in the tree that goes
        self.source = backup.path.resolve()
        self.undo: list[tuple[str, Callable[[], Any]]] = []

    def run(self) -> None:
        """Do it. Raises ReadinessError, with everything put back as far as that went."""
        with tempfile.TemporaryDirectory(prefix="readiness-restore-") as name:
            try:
                self._steps(Path(name))
            except BaseException as error:
                self._put_back(str(error) or type(error).__name__)
                if isinstance(error, OSError):
                    raise ReadinessError(f"{error.filename or 'a file'}: {error.strerror or error}") from error
                raise

    def _steps(self, scratch: Path) -> None:
        from readiness.facts.backup_restore import restore

        manifest = self.backup.manifest
        assert manifest is not None
        found = restore(self.source, manifest, scratch / "backup")
        if found.troubles:
            raise ReadinessError(f"{self.backup.name} does not restore: {found.troubles[0]}")
        _say(f"{self.backup.name} verifies")
        self.undo.append(("have the hub run again", self._have_it_run))
        self._command("stop", self.config.rollback.stop)
        self._gone()
        self._release()
        for number, entry in enumerate(e for e in manifest.files if e.role in _ROLES):
            self._file(scratch / "backup" / entry.path, self._place(entry.path), scratch / f"old-{number}")
        for entry in (e for e in manifest.files if e.role == "cache"):
            place = self._place(entry.path)
            if not os.path.lexists(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(scratch / "backup" / entry.path, place)
        self.undo.append(("stop what was started", lambda: self._command("stop", self.config.rollback.stop)))
        self._start()
        self._ready()

    # --- the steps ----------------------------------------------------------------------------------------------------

    def _command(self, what: str, argv: Sequence[str]) -> None:
        ended = action.run(
            argv,
            cwd=working_folder(self.config),
            env=os.environ,
            timeout=COMMAND_SECONDS,
            on_started=lambda _pid, _start: None,
        )
        _say(f"{what}: {ended.words}")
        if not ended.ok:
            raise ReadinessError(f"{what} {ended.words}: {ended.output.strip()[-300:]}")

    def _start(self) -> None:
        self._command("start", self.config.rollback.start)

    def _have_it_run(self) -> None:
        if not look(self.config).answers:
            self._start()

    def _gone(self) -> None:
        """The old process is proven gone: nothing listens any more."""
        until = time.monotonic() + GONE_SECONDS
        while time.monotonic() < until:
            seen = look(self.config)
            if not seen.answers and not seen.silent:
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
        before = self.release.readlink()
        self.undo.append((f"let {self.release} point to {before}", lambda: self._link(before)))
        self._link(folder)
        _say(f"{self.release} points to {folder}")

    def _link(self, target: Path) -> None:
        new = self.release.with_name(f".{self.release.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(self.release)

    def _checkout(self, commit: str) -> None:
        from readiness.facts.commits import head

        before = head(self.release)
        git = ["git", "-C", str(self.release), "checkout", "--quiet", "--force"]
        if before is not None:
            self.undo.append((f"check {before[:12]} out", lambda: self._command("git", [*git, before])))
        self._command("git", [*git, commit])

    def _place(self, path: str) -> Path:
        """Where a backup's file belongs now: the release's own into the release that is in place."""
        root, _, rest = path.partition("/")
        manifest = self.backup.manifest
        assert manifest is not None
        return self.release.resolve() / rest if root == "release" else Path(manifest.roots[root]) / rest

    def _file(self, source: Path, place: Path, kept: Path) -> None:
        """Replace one file by the backup's, whole or not at all."""
        if place.is_file():
            shutil.copy2(place, kept)
            self.undo.append((f"put {place} back", lambda: _replace(kept, place)))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            self.undo.append((f"remove {place}", lambda: place.unlink(missing_ok=True)))
        _replace(source, place)

    def _ready(self) -> None:
        budget = READY_SECONDS if self.config.probe.settle is None else self.config.probe.settle
        until = time.monotonic() + budget
        while True:
            seen = look(self.config)
            if seen.answers and seen.state in _READY:
                _say(f"{seen.process} is ready")
                return
            if time.monotonic() > until:
                raise ReadinessError(f"not ready within {budget:.0f} s: {seen.state or seen.trouble}")
            time.sleep(_STEP)

    def _put_back(self, why: str) -> None:
        _say(f"{why}; putting back what was there before")
        # what ends this now would leave half of it
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for words, step in reversed(self.undo):
            try:
                step()
                _say(f"undone: {words}")
            except (ReadinessError, OSError) as error:
                _say(f"NOT undone, do it by hand: {words}: {error}")


def _replace(source: Path, place: Path) -> None:
    new = place.with_name(f".{place.name}.{os.getpid()}.new")
    shutil.copy2(source, new)
    new.replace(place)


if __name__ == "__main__":
    sys.exit(main())
