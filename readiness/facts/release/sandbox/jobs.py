"""Building, testing and linting a release in a copy of it, with a scratch HOME and no secret in the environment."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from readiness.facts.release.package_json import JOBS
from readiness.facts.release.sandbox import copies, npm_scripts
from readiness.facts.release.sandbox import test_counts as counts
from readiness.support import Unreadable, child_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.facts.release.release import Release

Job = Literal["build", "test", "lint"]
NOT_FOUND: Final = 127
"""The status of a shell that did not find a command."""
_LEFT_OUT: Final = ("logs", ".cache")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobCommand:
    """What is run for a job, and the shell text behind it where it is a package's script."""

    argv: tuple[str, ...]
    text: str
    scripts: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return shlex.join(self.argv)

    @property
    def checks_nothing(self) -> bool:
        """Whether it only prints something."""
        return npm_scripts.checks_nothing(self.text, self.scripts)

    @property
    def always_succeeds(self) -> bool:
        """Whether it ends with status 0 whatever happened."""
        return npm_scripts.always_succeeds(self.text, self.scripts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What came of a job. `touched` are files of the original that changed meanwhile, relative to it."""

    command: JobCommand
    done: child_process.FinishedProcess
    touched: tuple[str, ...] = ()
    artifact: bool = False
    """Whether the entry point is there afterwards, and not empty."""
    rebuilt: bool = False
    """Whether this job wrote it."""

    @property
    def counts(self) -> counts.Counts | None:
        """How many tests the runner says it ran; None where it says nothing that is understood."""
        return counts.read(f"{self.done.err}\n{self.done.out}")


class Sandbox:
    """Does the three jobs of a release, each in a copy of its own."""

    def __init__(self, release: Release) -> None:
        self.release = release

    def command(self, job: Job) -> JobCommand:
        """What is run: as configured, else the package's script. Raises Unreadable where neither says."""
        configured: tuple[str, ...] = getattr(self.release.config.release, job)
        scripts: dict[str, str] = {}
        manager = "npm"
        with contextlib.suppress(Unreadable):
            package = self.release.package()
            scripts, manager = package.scripts, package.manager
        if configured:
            return JobCommand(
                argv=configured, text=npm_scripts.nested(configured, scripts) or shlex.join(configured), scripts=scripts
            )
        if job in scripts:
            return JobCommand(argv=(manager, "run", job), text=scripts[job], scripts=scripts)
        raise Unreadable(
            f"no {job} command: set [release] {job}, give package.json a {job} script, or declare [expect] "
            f"{JOBS[job]} as not expected",
            "untold",
        )

    def run(self, job: Job) -> JobResult:
        """Run a job. Raises Unreadable where it cannot be set up, NotInstalled where a tool is missing."""
        command = self.command(job)
        config, root = self.release.config, self.release.root
        leave = self._left_out()
        before = copies.stamps(root, leave)
        with self._copy(leave) as (copy, home):
            env = child_process.environment(
                home, {"CI": "1", "npm_config_update_notifier": "false", "npm_config_fund": "false"}
            )
            built = self._artifact(copy)
            earlier = _stamp(built)
            done = child_process.run(command.argv, timeout=config.release.timeout, cwd=copy, env=env)
            if done.code == NOT_FOUND:
                raise child_process.ToolNotInstalled(
                    f"`{command}` needs a tool that is not there ({done.last_words(120)}): install the release's "
                    "dependencies first"
                )
            later = _stamp(built)
            now = copies.stamps(root, leave)
        touched = [self.release.shown(Path(path)) for path in copies.changed(before, now)]
        return JobResult(
            command=command,
            done=done,
            touched=tuple(touched),
            artifact=later is not None and later[0] > 0,
            rebuilt=later is not None and later != earlier,
        )

    def _artifact(self, copy: Path) -> Path:
        with contextlib.suppress(Unreadable):
            own = self.release.own_entry().path
            if own.is_relative_to(self.release.root):
                return copy / own.relative_to(self.release.root)
        return copy / "dist" / "cli.js"

    def _left_out(self) -> frozenset[Path]:
        config, root = self.release.config, self.release.root
        chosen = (
            *config.target.backups_dirs,
            config.target.state_dir,
            config.report_dir,
            config.target.environment_file,
        )
        left_out = {root / name for name in _LEFT_OUT} | {root / ".git" / "index.lock"}
        return frozenset(left_out | {path for path in chosen if path is not None})

    @contextlib.contextmanager
    def _copy(self, leave: frozenset[Path]) -> Iterator[tuple[Path, Path]]:
        with tempfile.TemporaryDirectory(prefix="readiness-copy-", ignore_cleanup_errors=True) as name:
            copy = Path(name) / "release"
            copies.copy(self.release.root, copy, leave)
            with child_process.scratch_home() as home:
                yield copy, home


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        at = path.stat()
    except OSError:
        return None
    return (at.st_size, at.st_mtime_ns)
