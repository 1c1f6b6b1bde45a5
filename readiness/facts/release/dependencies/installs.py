"""Where a release's scripts, image and CI install its packages, and whether each install takes exactly what the lock file says."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.release.sandbox import npm_scripts
from readiness.support import Unreadable, file_reading, require_extra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.facts.release.package_json import Package

_PLACES: Final = ("", "scripts", "bin", "deploy", "deployment", "docker", "ops", "tools", "ci", ".ci", "build", "infra")
"""Folders whose scripts and images belong to the release itself; examples and documentation do not."""
_WORKFLOWS: Final = (".github/workflows/*.yml", ".github/workflows/*.yaml", ".gitlab-ci.yml", ".circleci/config.yml")
_MOST: Final = 200
_BEFORE: Final = frozenset(
    {"sudo", "exec", "time", "nice", "env", "command", "corepack", "if", "then", "do", "else", "!", "{", "run"}
)
"""What may stand before a command."""
_INSTALLING: Final = frozenset({"install", "i", "add", "ci", "clean-install", "install-clean"})
_VALUED: Final = frozenset(
    {
        "--prefix",
        "--registry",
        "--cache",
        "--cwd",
        "-C",
        "--dir",
        "--network-timeout",
        "--userconfig",
        "--filter",
        "-F",
        "--mutex",
        "--cache-folder",
        "--loglevel",
    }
)
_RUN: Final = frozenset({"run", "script", "before_script", "after_script", "command"})
"""Keys of a workflow that hold shell text."""
_CLEAN: Final = frozenset({"ci", "clean-install", "install-clean"})
_LOOSE: Final = frozenset({"--no-frozen-lockfile", "--no-immutable", "--frozen-lockfile=false", "--immutable=false"})
_FROZEN: Final = frozenset(
    {"--frozen-lockfile", "--immutable", "--frozen-lockfile=true", "--immutable=true", "--immutable-cache"}
)
_SETTINGS: Final = {
    "pnpm": ((".npmrc", r"^\s*frozen-lockfile\s*=\s*true"), ("pnpm-workspace.yaml", r"^frozenLockfile\s*:\s*true")),
    "yarn": (
        (".yarnrc.yml", r"^\s*enableImmutableInstalls\s*:\s*[\"']?true"),
        (".yarnrc", r"^--install\.frozen-lockfile\s+[\"']?true"),
    ),
    "bun": (("bunfig.toml", r"^\s*frozenLockfile\s*=\s*true"),),
}
"""Settings of each manager that make every install take the lock file as it is."""
_PRODUCTION: Final = "NODE_ENV=production"
_WITHOUT_DEVELOPMENT: Final = frozenset(
    {"--production", "--production=true", "--omit=dev", "--only=production", "--only=prod", "--prod", "-P"}
)
_HEREDOC: Final = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """An install of what package.json asks for. `frozen`: it takes the lock file as it is, or fails."""

    file: Path
    line: int
    command: str
    frozen: bool
    development: bool
    """Whether it brings devDependencies as well."""
    manager: str

    @property
    def better(self) -> str:
        """The command that takes the lock file as it is."""
        return {
            "npm": "npm ci",
            "pnpm": "pnpm install --frozen-lockfile",
            "yarn": "yarn install --immutable (yarn 1: --frozen-lockfile)",
            "bun": "bun install --frozen-lockfile",
        }[self.manager]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a script: its words, without what stands before it."""

    file: Path
    line: int
    words: tuple[str, ...] = ()
    in_ci: bool = False
    folder: str = ""
    """Where a `cd` before it went, as it is written."""
    production: bool = False
    """Whether NODE_ENV says production where it runs."""


def of_release(root: Path, package: Package) -> list[Install]:
    """Every install of the release's own packages, file by file. What cannot be read installs nothing."""
    return [one for command in commands(root) if (one := as_install(command, root, package)) is not None]


def commands(root: Path) -> list[Command]:
    """The commands of managers of packages in the release's scripts, images and workflows, in the order of their lines."""
    found: list[Command] = []
    for path in _files(root):
        with contextlib.suppress(Unreadable):
            text = file_reading.text(path)
            if path.suffix in {".yml", ".yaml"}:
                found += _workflow(path, text)
            elif _is_image(path):
                found += _image(path, text)
            else:
                found += _shell(text, Command(file=path, line=1))
    return found


def _is_image(path: Path) -> bool:
    return path.name.startswith(("Dockerfile", "Containerfile")) or path.suffix == ".dockerfile"


def _files(root: Path) -> list[Path]:
    found: list[Path] = []
    for place in _PLACES:
        folder = root / place
        with contextlib.suppress(OSError):
            found += [
                path
                for path in sorted(folder.iterdir())
                if path.is_file() and (path.suffix in {".sh", ".bash"} or _is_image(path) or _is_script(path))
            ]
    found += [path for pattern in _WORKFLOWS for path in sorted(root.glob(pattern))]
    return found[:_MOST]


def _is_script(path: Path) -> bool:
    if path.suffix:
        return False
    with contextlib.suppress(Unreadable):
        return bool(re.match(rb"#!.*\b(?:ba|da|z)?sh\b", file_reading.head(path, 100)))
    return False


def _shell(text: str, at: Command) -> Iterator[Command]:
    """The commands of a shell text that begins as `at` says."""
    for number, line in _whole_lines(text):
        for step in npm_scripts.steps(line) or ():
            words, production = list(step.words), at.production
            if words[0] == "export" and _PRODUCTION in words:
                at = dataclasses.replace(at, production=True)
            while words and (words[0] in _BEFORE or re.match(r"[A-Za-z_]\w*=", words[0])):
                production = production or words[0] == _PRODUCTION
                before = words.pop(0)
                while before == "sudo" and words and words[0].startswith("-"):
                    del words[: 2 if words[0] in {"-u", "-g", "--user", "--group"} else 1]
            if words and words[0] in {"cd", "pushd"}:
                at = dataclasses.replace(at, folder=words[1] if len(words) > 1 else "")
            elif words:
                yield dataclasses.replace(at, line=at.line + number, words=tuple(words), production=production)


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with those that continue it, without comments, by its number from 0; what a here-document holds is none."""
    until, pending, begun = "", "", 0
    for number, line in enumerate(text.splitlines()):
        if until:
            until = "" if line.strip() == until else until
            continue
        if heredoc := _HEREDOC.search(line):
            until = heredoc[1]
        begun = begun if pending else number
        pending += re.sub(r"(?:^|\s)#.*", "", line)
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
            continue
        yield begun, pending
        pending = ""


def _image(path: Path, text: str) -> Iterator[Command]:
    """The commands of an image's RUN lines."""
    lines, in_ci = text.splitlines(), bool(re.search(r"^\s*ENV\s+CI[= ]", text, re.MULTILINE))
    number, production = 0, False
    while number < len(lines):
        begun, line = number, lines[number]
        while line.endswith("\\") and number + 1 < len(lines):
            number += 1
            line = line[:-1] + " " + re.sub(r"^\s*#.*", "", lines[number])
        number += 1
        if re.match(r"\s*FROM\s", line, re.IGNORECASE):
            production = False
        elif re.match(r"\s*ENV\s", line, re.IGNORECASE):
            production = production or bool(re.search(r"\bNODE_ENV[= ]\s*[\"']?production", line))
        run = re.match(r"\s*RUN\s+((?:--\S+\s+)*)(.*)", line, re.IGNORECASE)
        if run is None:
            continue
        command = run[2]
        if command.startswith("["):
            command = " ".join(re.findall(r'"((?:\\.|[^"\\])*)"', command))
        at = Command(file=path, line=begun + 1, in_ci=in_ci, production=production)
        yield from _shell(command, at)


def _workflow(path: Path, text: str) -> Iterator[Command]:
    """The commands of the steps of a workflow."""
    require_extra("preflight")
    import yaml

    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    waiting: list[tuple[Any, bool, str]] = [(top, False, "")]
    while waiting:
        node, runs, folder = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            fields = [(str(getattr(key, "value", "")), value) for key, value in node.value]
            folder = next(
                (str(value.value) for name, value in fields if name in {"working-directory", "working_directory"}),
                folder,
            )
            waiting += [(value, name in _RUN, folder) for name, value in reversed(fields)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(value, runs, folder) for value in reversed(node.value)]
        elif runs and isinstance(node, yaml.ScalarNode):
            block = node.style in {"|", ">"}
            first = node.start_mark.line + (2 if block else 1)
            yield from _shell(str(node.value), Command(file=path, line=first, in_ci=True, folder=folder))


def before_build(root: Path, package: Package) -> Install | None:
    """The install after which a script or an image of the release builds, where that leaves devDependencies out."""
    installed: Install | None = None
    file: Path | None = None
    for command in commands(root):
        if command.file != file:
            file, installed = command.file, None
        install = as_install(command, root, package)
        if install is not None:
            installed = install
        elif (
            installed is not None
            and not installed.development
            and npm_scripts.nested(command.words, {"build": "build"}) is not None
        ):
            return installed
    return None


def as_install(command: Command, root: Path, package: Package) -> Install | None:
    """The install that a command is; None where it is another, or installs other packages than the release's own."""
    manager, words = command.words[0].rpartition("/")[2], list(command.words[1:])
    if manager not in {"npm", "pnpm", "yarn", "bun"}:
        return None
    options = {word for word in words if word.startswith("-")}
    plain = [
        word for at, word in enumerate(words) if not word.startswith("-") and (at == 0 or words[at - 1] not in _VALUED)
    ]
    asked = plain[0] if plain else ("install" if manager == "yarn" else "")
    if asked not in _INSTALLING or options & {
        "-g",
        "--global",
        "--package-lock-only",
        "--lockfile-only",
        "--help",
        "--dry-run",
    }:
        return None
    elsewhere = bool({"--prefix", "--cwd", "-C", "--dir"} & options) or (
        command.folder.strip("./") and file_reading.exists(root / command.folder / "package.json")
    )
    named = [word for word in plain[1:] if not re.match(r"[\d>&]", word)]
    if named or elsewhere or asked == "add":
        return None  # another package, or another folder's
    return Install(
        file=command.file,
        line=command.line,
        command=" ".join(command.words)[:80],
        frozen=asked in _CLEAN or _is_frozen(manager, options, command, package),
        development=not _omits_development(manager, options, words, production=command.production),
        manager=manager,
    )


def _omits_development(manager: str, options: set[str], words: list[str], *, production: bool) -> bool:
    pairs = " ".join(words)
    if options & {"--production=false", "--prod=false", "--include=dev"} or "--include dev" in pairs:
        return False
    if options & _WITHOUT_DEVELOPMENT or "--omit dev" in pairs or "--only prod" in pairs:
        return True
    # bun reads no NODE_ENV here
    return production and manager != "bun"


def _is_frozen(manager: str, options: set[str], command: Command, package: Package) -> bool:
    """Whether an install takes the lock file as it is: by its options, by the manager's settings, or because it runs in CI."""
    if manager == "npm" or options & _LOOSE:
        return False
    folder = package.top
    is_berry = file_reading.exists(folder / ".yarnrc.yml") or bool(
        re.match(r"yarn@[2-9]", str(package.data.get("packageManager")))
    )
    by_itself = command.in_ci and (manager == "pnpm" or (manager == "yarn" and is_berry))
    return by_itself or bool(options & _FROZEN) or any(_says(folder / name, text) for name, text in _SETTINGS[manager])


def _says(file: Path, pattern: str) -> bool:
    with contextlib.suppress(Unreadable):
        return bool(re.search(pattern, file_reading.text(file), re.MULTILINE))
    return False
