"""The release tree on disk: its package, its artifact, its repository, the unit that runs it, its environment."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
from typing import TYPE_CHECKING, Final

from readiness.facts.release import entry_point, service_environment
from readiness.facts.release import env_file as envfile
from readiness.facts.release import package_json as package
from readiness.facts.release import systemd_unit as unit
from readiness.facts.release.git import Git
from readiness.support import Unreadable, child_process, file_reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.release.entry_point import EntryPoint
    from readiness.facts.release.env_file import EnvFile
    from readiness.facts.release.git import GitChange, GitTimeouts
    from readiness.facts.release.package_json import Package
    from readiness.facts.release.service_environment import ServiceEnvironment
    from readiness.facts.release.systemd_unit import SystemdUnit

START_SECONDS: Final = 30.0
"""Seconds an artifact has to say its version."""
_VERSIONS: Final = re.compile(r"(?<![\w.])v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)(?![\w.]*\d)")
_BARE: Final = re.compile(r"\s*(?:[*-]\s*)?(?:\*\*|\[)?(?:version\s+)?v?\d+\.\d+", re.IGNORECASE)
_CODE: Final = frozenset({".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".py", ".go", ".rs"})
_NO_CODE: Final = frozenset({"node_modules", ".git", "logs", "backups", "readiness-backups", "reports"})
_MOST_FILES: Final = 5_000
"""Entries of folders that are looked at for program text."""
_MAY_LOAD: Final = re.compile(r"--env-file|\.env\b|\.sh\b|(?:^|/|\s)(?:ba|da|z)?sh\s")
_FAST_LOGGER: Final = (4, 3)
_HUB: Final = "mcp-hub"
_LARGEST_PROGRAM: Final = 32 * 1024**2
_SAYS_VERSION: Final = re.compile(r"--version|\.version\(|\b(?:yargs|commander|oclif|meow|cac)\b")
"""What stands in the text of a program that knows the option --version."""
CHANGELOGS: Final = ("changelog", "changes", "history", "news", "releases", "release-notes")


class Release:
    """What a release tree holds. Each question reads the disk again; nothing here judges."""

    def __init__(self, root: Path, config: Config, silence: GitTimeouts | None = None) -> None:
        self.root, self.config = root, config
        self.git = Git(root, silence)

    @classmethod
    def of(cls, config: Config, silence: GitTimeouts | None = None) -> Release:
        """The release that the configuration names. Raises Unreadable where there is none to look at."""
        root = config.target.release
        if root is None:
            raise Unreadable("no release to look at: set [target] release, or MCP_HUB_RELEASE", "untold")
        if not root.is_dir():
            problem = "no folder" if file_reading.exists(root) else "missing"
            raise Unreadable(f"the release {root} is {problem}: correct [target] release", "missing", root)
        return cls(root, config, silence)

    def path(self, name: str) -> Path:
        """A file of the release; an absolute `name` stays what it is."""
        return self.root / name

    @staticmethod
    def wrong(look: Callable[[], object]) -> Unreadable | None:
        """Why `look` shows that a file is at fault; None where it is not. Raises Unreadable where nothing is proven."""
        try:
            look()
        except Unreadable as error:
            if not error.proven:
                raise
            return error
        return None

    def shown(self, path: Path) -> str:
        """`path` as it is shown: relative to the release where it is inside it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def package(self) -> Package:
        """package.json. Raises Unreadable."""
        return package.read(self.root)

    @functools.cached_property
    def other_product(self) -> str:
        """The package's name where it is another product than mcp-hub, to which its customs do not apply; else an empty text."""
        try:
            configured = self.package()
        except Unreadable:
            return ""
        names = {configured.name.rpartition("/")[2], *configured.commands, *configured.wanted("dependencies")}
        usual = self.root / type(self.config.target)().config
        starts = " ".join(configured.scripts.values())
        is_hub = _HUB in names or file_reading.exists(usual) or re.search(rf"(?<![\w-]){_HUB}(?![\w-])", starts)
        return "" if is_hub else configured.name

    def unit(self) -> SystemdUnit:
        """The systemd unit that runs this release. Raises Unreadable."""
        return unit.find(self.config.target.unit, self.root)

    def built(self) -> EntryPoint:
        """The entry point that the release itself names. Raises Unreadable."""
        return entry_point.EntryPoint(path=self.root / self.package().entry, source="package.json", folder=self.root)

    def started(self) -> EntryPoint:
        """The entry point that the unit runs. Raises Unreadable."""
        systemd_unit = self.unit()
        start = systemd_unit.start
        if start is None:
            raise Unreadable(f"{systemd_unit.file} has no ExecStart", "broken", systemd_unit.file)
        values = self.environment()
        words = [entry_point.substitute_variables(word, values) for word in systemd_unit.argv]
        folder = self._here(systemd_unit, systemd_unit.folder or self.root)
        configured: Package | None = None
        with contextlib.suppress(Unreadable):
            configured = package.read(folder)
        seen = entry_point.of_words(
            words, systemd_unit.folder or self.root, configured, f"{start.file.name}:{start.line}"
        )
        return dataclasses.replace(seen, path=self._here(systemd_unit, seen.path), folder=folder)

    def begun(self) -> EntryPoint:
        """The entry point that package.json's script `start` starts. Raises Unreadable."""
        configured = self.package()
        text = configured.scripts.get("start")
        if text is None:
            raise Unreadable(f"{configured.file} has no script start", "untold")
        source = "package.json's script start"
        words = entry_point.plain_words(text, source)
        return entry_point.of_words(words, self.root, configured, source, is_managed=True)

    def has_code(self) -> bool:
        """Whether the release holds program text of its own, outside node_modules; True where it is too large to say."""
        folders, seen = [self.root], 0
        while folders:
            folder = folders.pop()
            try:
                entries = sorted(folder.iterdir())
            except OSError:
                continue
            seen += len(entries)
            if seen > _MOST_FILES:
                return True
            for path in entries:
                if path.suffix in _CODE and path.is_file():
                    return True
                if path.is_dir() and not path.is_symlink() and path.name not in _NO_CODE:
                    folders.append(path)
        return False

    def unit_without_env_file(self) -> str:
        """The name of the release's unit if neither it nor a shell that it starts loads an env file; else an empty text."""
        if self.has_env_file():
            return ""
        with contextlib.suppress(Unreadable):
            systemd_unit = self.unit()
            if not systemd_unit.environment_files and not _MAY_LOAD.search(" ".join(systemd_unit.argv)):
                return systemd_unit.file.name
        return ""

    def brings(self, what: EntryPoint) -> bool:
        """Whether an entry point is a dependency's that is installed in this release, which names no command of its own."""
        top = file_reading.real(self.root)
        return (
            what.is_dependency and file_reading.real(what.path).is_relative_to(top) and not self.package().names_entry
        )

    def version_of(self, what: EntryPoint) -> str:
        """The version of the package that an entry point belongs to: its own where it is a dependency. Raises Unreadable."""
        if what.is_dependency:
            found = package.nearest(what.path)
            if found is not None:
                return found.version
        return self.package().version

    def config_files(self) -> tuple[Path, ...]:
        """The hub's configuration: as configured, else what `start` or else the unit names after --config, else in its usual place.

        What is named and not there counts only where nothing else is there.
        """
        target = self.config.target
        usual = target.config_file or self.root / target.config
        if target.config != type(target)().config:
            return (usual,)
        named = [self._named_configs(start) for start in (self.begun, self.started)]
        there = (one for one in (*named, (usual,)) if one and all(map(file_reading.exists, one)))
        return next(there, named[1] or named[0] or (usual,))

    def config_doubt(self) -> str:
        """Why a configuration that is not there proves nothing here; empty where it does, and where it is there."""
        files = self.config_files()
        if all(map(file_reading.exists, files)):
            return ""
        named = self._named_configs(self.begun) or self._named_configs(self.started)
        if not named and self.config.target.config == type(self.config.target)().config:
            other = f', or [target] kind = "mcp" where {self.other_product} is no mcp-hub' if self.other_product else ""
            return f"nothing names the hub's configuration, and {files[-1]} is not there: set [target] config{other}"
        with contextlib.suppress(Unreadable):
            if named and self._is_brought(self.unit()) and not files[-1].is_relative_to(self.root):
                return (
                    f"{self.unit().file.name} lies in the release and names {files[-1]}, which is not on this machine"
                )
        return ""

    def _named_configs(self, start: Callable[[], EntryPoint]) -> tuple[Path, ...]:
        """The files that a way to start the hub names after --config; none where it cannot be told."""
        with contextlib.suppress(Unreadable):
            what = start()
            words = what.options("--config", "-c")
            return tuple(self.here(what.folder / one) for one in words if "$" not in one and not one.startswith("~"))
        return ()

    def here(self, path: Path) -> Path:
        """`path` of the unit in this tree; see `_here`."""
        with contextlib.suppress(Unreadable):
            return self._here(self.unit(), path)
        return path

    def _is_brought(self, unit: SystemdUnit) -> bool:
        """Whether the unit is one that the release brings along, for a machine that need not be this one."""
        real = file_reading.real
        return self.config.target.where == "ci" or real(unit.file).is_relative_to(real(self.root))

    def start_doubt(self, what: EntryPoint) -> str:
        """Why it proves nothing that `what`, which the unit starts, is another file than the release's; else empty."""
        with contextlib.suppress(Unreadable):
            unit, configured = self.unit(), self.package()
            is_command = what.path.parent.name == "bin" and what.path.name in {configured.name, *configured.commands}
            if is_command and self._is_brought(unit) and not file_reading.exists(what.path):
                return (
                    f"{unit.file.name} lies in the release and starts {what.path}, where npm installs the package's "
                    "command, and which is not on this machine"
                )
        return ""

    def _here(self, unit: SystemdUnit, path: Path) -> Path:
        """`path` in this tree, where the unit is one that the release brings along for the place it is deployed to."""
        if self._is_brought(unit) and unit.folder is not None and path.is_relative_to(unit.folder):
            return self.root / path.relative_to(unit.folder)
        return path

    def start_of(self, what: EntryPoint) -> EntryPoint:
        """An entry point as package.json's script `start` starts the same file; itself where that starts another."""
        with contextlib.suppress(Unreadable):
            begun = self.begun()
            return begun if not what.runtime and self.same(begun.path, what.path) else what
        return what

    def knows_version(self, what: EntryPoint) -> bool:
        """Whether the program may be asked its version: mcp-hub's may, another's where its own text knows the option.

        A server that does not know it would simply start, a second time.
        """
        if not self.other_product:
            return True
        with contextlib.suppress(Unreadable):
            return _SAYS_VERSION.search(file_reading.text(what.path, _LARGEST_PROGRAM)) is not None
        return False

    def artifact(self) -> EntryPoint:
        """What is to run: the unit's entry point where a unit is known, else the release's own, else what `start` starts.

        Raises Unreadable.
        """
        try:
            started = self.started()
        except Unreadable as error:
            if error.proven and self.config.target.unit is not None:
                raise
            return self.own_entry()
        return self.own_entry() if self.start_doubt(started) else started

    def own_entry(self) -> EntryPoint:
        """What the release starts without a unit: the command that it brings, else what its script `start` starts.

        Raises Unreadable.
        """
        built = self.built()
        if self.package().names_entry or file_reading.exists(built.path):
            return built
        if "start" not in self.package().scripts:
            return built
        return self.begun()

    def is_package(self, path: Path | None) -> bool:
        """Whether `path` is the release's package.json."""
        return path == self.root / "package.json"

    def astray(self, what: EntryPoint) -> bool:
        """Whether `what` is to run and is another file than the one that package.json names."""
        with contextlib.suppress(Unreadable):
            return not self.same(what.path, self.own_entry().path)
        return False

    def say_version(self, what: EntryPoint) -> child_process.FinishedProcess:
        """Start an entry point with `--version`, in a scratch HOME: every start truncates its HOME's log.

        Raises Unreadable, NotInstalled, CouldNotRun.
        """
        with child_process.scratch_home() as home:
            env = child_process.environment(home, {"NODE_ENV": "production", "PYTHONDONTWRITEBYTECODE": "1"})
            return child_process.run(what.command("--version"), timeout=START_SECONDS, cwd=home, env=env)

    @staticmethod
    def is_crash(done: child_process.FinishedProcess) -> bool:
        """Whether a program could not even be loaded, whatever it was asked."""
        return re.search(r"Cannot find (?:module|package)|SyntaxError|ERR_\w+", done.err) is not None

    @property
    def env_path(self) -> Path:
        """Where the env file is to be."""
        return self.config.target.environment_file or self.root / self.config.target.env_file

    def has_env_file(self) -> bool:
        """Whether there is an env file, or one is named in the configuration or in the unit."""
        target = self.config.target
        if target.env_file != type(target)().env_file or file_reading.exists(self.env_path):
            return True
        with contextlib.suppress(Unreadable):
            systemd_unit = self.unit()
            named = [*systemd_unit.argv, *map(str, systemd_unit.environment_files)]
            return any(self.env_path.name in word for word in named)
        return False

    def env_file_or_none(self) -> EnvFile | None:
        """The env file, parsed; None where none is named and none is there. Raises Unreadable."""
        return self.env_file() if self.has_env_file() else None

    def has_one_logger(self) -> bool:
        """Whether the hub's version is one from before the fast logger (4.3); False where it is not known."""
        with contextlib.suppress(Unreadable):
            numbers = re.match(r"v?(\d{1,6})\.(\d{1,6})", self.version_of(self.artifact()))
            return numbers is not None and (int(numbers[1]), int(numbers[2])) < _FAST_LOGGER
        return False

    def env_file(self) -> EnvFile:
        """The env file, parsed. Raises Unreadable."""
        return envfile.parse(self.env_path)

    def environment(self) -> dict[str, str]:
        """The service's variables that have a known value, according to the files; a file that cannot be read adds nothing."""
        return dict(self.service_environment().values)

    def service_environment(self) -> ServiceEnvironment:
        """What the service is started with: by its unit, its env files and systemd itself."""
        try:
            systemd_unit = self.unit()
        except Unreadable:
            return service_environment.without_unit(self.env_path)
        return service_environment.of_unit(systemd_unit, self.env_path, lambda path: self._here(systemd_unit, path))

    def mode(self, path: Path) -> int:
        """Permission bits. Raises Unreadable."""
        return file_reading.mode(path)

    def size(self, path: Path) -> int:
        """Bytes of a regular file. Raises Unreadable."""
        return file_reading.size(path)

    def is_empty(self, what: EntryPoint) -> bool:
        """Whether the file of an entry point is there, and holds nothing."""
        with contextlib.suppress(Unreadable):
            return self.size(what.path) == 0
        return False

    def parts(self, what: EntryPoint) -> tuple[list[str], int, int]:
        """What an entry point imports and is not there, how many files and packages it is made of, and the bytes of its files."""
        return entry_point.parts(what.path, self.root)

    @staticmethod
    def versions_in(text: str) -> list[str]:
        """What looks like a version in an output, without a leading v."""
        return _VERSIONS.findall(text)

    @staticmethod
    def documents(text: str, version: str) -> bool:
        """Whether a changelog's text has a heading for `version`: `## 4.3.0`, `# [v4.3.0] - 2026-01-31`, or underlined."""
        exact = re.compile(rf"(?<![\w.-])v?{re.escape(version.removeprefix('v'))}(?![\w+-]|\.\d)")
        lines = text.splitlines()
        for number, line in enumerate(lines):
            below = lines[number + 1].strip() if number + 1 < len(lines) else ""
            heading = line.lstrip().startswith(("#", "=")) or (below and set(below) <= set("=-~^"))
            if (heading or _BARE.match(line)) and exact.search(line):
                return True
        return False

    def changes(self) -> list[GitChange]:
        """What differs from the commit, but for what this run itself writes. Raises Unreadable."""
        top, reports = file_reading.real(self.root), file_reading.real(self.config.report_dir)
        own = reports.relative_to(top).as_posix() if reports.is_relative_to(top) else None
        return [
            one for one in self.git.changes() if own is None or not f"{one.path.rstrip('/')}/".startswith(f"{own}/")
        ]

    @staticmethod
    def same(one: Path, other: Path) -> bool:
        """Whether two paths lead to one file."""
        return file_reading.real(one) == file_reading.real(other)

    def differences(self, started: EntryPoint) -> list[str]:
        """How the arguments of what is started differ from this release's configuration and port, in words."""
        contradictions = []
        config = self.config_files()[0]
        configured = started.options("--config", "-c")
        if not configured:
            contradictions.append(f"it names no --config, the release's is {self.shown(config)}")
        elif not any(self.same(self.here(started.folder / name), config) for name in configured):
            contradictions.append(f"--config {configured[-1]}, the release's is {self.shown(config)}")
        port, wanted = started.options("--port", "-p")[-1:], self.environment().get("PORT")
        if port and wanted and port[0] != wanted:
            contradictions.append(f"--port {port[0]}, the env file's PORT is {wanted}")
        return contradictions

    def changelog(self) -> tuple[Path, str]:
        """The changelog and its text. Raises Unreadable."""
        for path in sorted(self._top()):
            if path.name.lower().partition(".")[0] in CHANGELOGS and path.suffix.lower() in {"", ".md", ".txt", ".rst"}:
                return path, file_reading.text(path)
        raise Unreadable(f"{self.root} has no changelog: add CHANGELOG.md", "missing", self.root / "CHANGELOG.md")

    def templates(self) -> list[Path]:
        """The env file's templates: `.env.production.example`, `.env.template`, …."""
        name = self.env_path.name
        stems = {name, ".env", *(path.name for path in self.env_path.parent.glob(".env.production*"))}
        wanted = {f"{stem}{end}" for stem in stems for end in (".example", ".template", ".sample", ".dist")}
        folders = dict.fromkeys((self.env_path.parent, self.root, self.root / "config"))
        return [folder / one for folder in folders for one in sorted(wanted) if file_reading.exists(folder / one)]

    def _top(self) -> list[Path]:
        try:
            return list(self.root.iterdir())
        except OSError as error:
            raise Unreadable(f"{self.root} cannot be listed: {error.strerror or error}", "denied", self.root) from None

    @functools.cached_property
    def group(self) -> int | None:
        """The number of the service's group, by its unit; None where that is not known here."""
        import grp
        import pwd

        try:
            systemd_unit = self.unit()
        except Unreadable:
            return None
        try:
            if systemd_unit.group:
                return (
                    int(systemd_unit.group) if systemd_unit.group.isdigit() else grp.getgrnam(systemd_unit.group).gr_gid
                )
            return pwd.getpwnam(systemd_unit.user or "root").pw_gid
        except KeyError:
            return None
