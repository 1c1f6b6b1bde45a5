"""Building, testing and linting a release in a copy of it, with a scratch HOME and no secret in the environment."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from readiness.facts.release import entry_point
from readiness.facts.release.dependencies import installs, locked
from readiness.facts.release.package_json import JOBS
from readiness.facts.release.sandbox import copies, npm_scripts
from readiness.facts.release.sandbox import test_counts as counts
from readiness.support import Unreadable, child_process, file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness.facts.release.dependencies.installs import Install
    from readiness.facts.release.release import Release

Job = Literal["build", "test", "lint"]
NOT_FOUND: Final = 127
"""The status of a shell that did not find a command."""
_SCRIPT_FILE: Final = re.compile(r"(?:\./)?[\w@][\w./@-]*\.(?:[cm]?[jt]s|py)")
_LEFT_OUT: Final = ("logs", ".cache", "node_modules/.cache", "coverage")


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
    without: Install | None = None
    """The release's own install that leaves devDependencies out, as this job was done; None: with whatever is installed."""

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
        without = self._production_install() if job == "build" else None
        absent = self._development_only() if without is not None else frozenset[Path]()
        # a copy may take minutes, and shows nothing that is not known before
        self._look_for_tools(command)
        leave = self._left_out()
        before = copies.stamps(root, leave)
        with self._copy(leave | absent) as (copy, home):
            env = child_process.environment(
                home, {"CI": "1", "npm_config_update_notifier": "false", "npm_config_fund": "false"}
            )
            built = self._artifact(copy)
            earlier = _stamp(built)
            done = child_process.run(command.argv, timeout=config.release.timeout, cwd=copy, env=env)
            if done.code == NOT_FOUND and not self._names_one_of(absent, done.last_words()):
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
            without=without if absent else None,
        )

    def _look_for_tools(self, command: JobCommand) -> None:
        """Raise ToolNotInstalled where what is run, or the first command of the package's script, is not there."""
        names = [command.argv[0]] if "/" not in command.argv[0] else []
        inner = npm_scripts.nested(command.argv, command.scripts)
        first = next(iter(npm_scripts.steps(inner) or ()), None) if inner is not None else None
        words = first.words if first is not None else ()
        names += [word for word in words if "=" not in word][:1]
        self._look_for_script(command, words)
        names = [name for name in names if npm_scripts.PLAIN_NAME.fullmatch(name)]
        root = self.release.root
        bins = [folder / "node_modules" / ".bin" for folder in (root, *root.parents)]
        for name in names:
            there = shutil.which(name) or any(file_reading.exists(folder / name) for folder in bins)
            if not there and not npm_scripts.is_built_in(name):
                raise child_process.ToolNotInstalled(
                    f"`{command}` needs {name}, which is not installed: install it, or the release's dependencies, first"
                )

    def _look_for_script(self, command: JobCommand, words: Sequence[str]) -> None:
        """Raise Unreadable where the package's script runs a file that published packages leave out."""
        if len(words) < 2 or not entry_point.RUNTIMES.fullmatch(words[0]) or not _SCRIPT_FILE.fullmatch(words[1]):  # noqa: PLR2004 - a program and its file
            return
        if file_reading.exists(self.release.root / words[1]):
            return
        with contextlib.suppress(Unreadable):
            if self.release.git.tracked(words[1]):
                return
        raise Unreadable(
            f"`{command}` runs {words[1]}, which this tree never had: a published package leaves it out; set [release] "
            f"{command.argv[-1]}, or declare it in [expect] as not expected",
            "untold",
        )

    def _production_install(self) -> Install | None:
        with contextlib.suppress(Unreadable):
            return installs.before_build(self.release.root, self.release.package())
        return None

    def _development_only(self) -> frozenset[Path]:
        """What of node_modules an install for production leaves out. Raises Unreadable where that cannot be told."""
        package = self.release.package()
        names = {name for lock in package.locks for name, _ in locked.production(package, lock)}
        names |= set(package.wanted(*locked.RUNNING))
        modules = self.release.root / "node_modules"
        installed = [path for pattern in ("[!.@]*", "@*/*") for path in modules.glob(pattern)]
        return frozenset(
            path
            for path in installed
            if path.relative_to(modules).as_posix() not in names and file_reading.exists(path / "package.json")
        )

    def _names_one_of(self, absent: frozenset[Path], words: str) -> bool:
        """Whether a command that was not found is one of the packages that were left out."""
        bins = self.release.root / "node_modules" / ".bin"
        with contextlib.suppress(OSError):
            return any(
                re.search(rf"(?<![\w-]){re.escape(link.name)}(?![\w-])", words)
                for link in bins.iterdir()
                if any(file_reading.real(link).is_relative_to(file_reading.real(path)) for path in absent)
            )
        return False

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
            # a member of a workspace builds with what is installed at its top
            top = self._top()
            copies.copy(top, copy, leave)
            with child_process.scratch_home() as home:
                yield copy / file_reading.real(self.release.root).relative_to(file_reading.real(top)), home

    def _top(self) -> Path:
        with contextlib.suppress(Unreadable):
            return self.release.package().top
        return self.release.root


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        at = path.stat()
    except OSError:
        return None
    return (at.st_size, at.st_mtime_ns)
