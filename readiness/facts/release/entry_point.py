"""The entry point of a command line: the file of the release that runs, its runtime and its arguments."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.facts.release.package_json import Package

RUNTIMES: Final = re.compile(r"(node|nodejs|bun|deno|tsx|python)[0-9.]*")
_MANAGERS: Final = ("npm", "pnpm", "yarn", "bun")
_FETCHERS: Final = ("npx", "bunx", "pnpx")
_EXECUTORS: Final = frozenset({"exec", "x", "dlx"})
_SEARCHED: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where systemd looks for a program without a path."""
_ABOVE: Final = 4
"""Folders above that may hold the `node_modules` of a workspace."""
_WRAPPERS: Final = (
    "op",
    "doppler",
    "infisical",
    "chamber",
    "aws-vault",
    "nice",
    "timeout",
    "dumb-init",
    "dotenv",
    "dotenvx",
    "env-cmd",
    "tini",
    "flock",
)
_VALUED: Final = (
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "--env-file",
    "-C",
    "--conditions",
)
_VERSIONED: Final = re.compile(r"(?<=.)@[^/@]*$")
_OPERATORS: Final = frozenset("&|;<>()`")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_IMPORT: Final = re.compile(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["']([^"'\n\s]+)["']"""
    r"""|`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|^\s*//[^\n]*""",
    re.DOTALL | re.MULTILINE,
)
"""An import, in group 1; or a text or comment, which imports nothing whatever it says."""
_ENDINGS: Final = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".json")
_MOST_PARTS: Final = 2_000
_LARGEST_PART: Final = 4 * 1024**2
_DEEPEST: Final = 5
_MOST_WRAPPERS: Final = 50


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """An entry point. `runtime` is the program before it with its options, empty where the file itself is started."""

    path: Path
    source: str
    folder: Path
    runtime: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    is_managed: bool = False
    """Whether npm or another manager of packages starts it, which puts node_modules/.bin on PATH."""

    def options(self, *names: str) -> list[str]:
        """Every value that the arguments give one of these options."""
        values = []
        for index, word in enumerate(self.arguments):
            name, equals, value = word.partition("=")
            if name in names and (equals or index + 1 < len(self.arguments)):
                values.append(value if equals else self.arguments[index + 1])
        return values

    @property
    def is_dependency(self) -> bool:
        """Whether the file is one of a package that was installed, and not of the release itself."""
        return "node_modules" in file_reading.real(self.path).parts

    @property
    def shebang(self) -> list[str]:
        """The words of the file's first line after `#!`; none where it has no such line. Raises Unreadable."""
        line = file_reading.head(self.path, 256).partition(b"\n")[0].decode("utf-8", "replace").strip()
        return line[2:].split() if line.startswith("#!") else []

    @property
    def runtime_name(self) -> str:
        """node, bun, deno or python: what runs the file, by the command line or else by the file. Raises Unreadable."""
        words = [*self.runtime] or [word for word in self.shebang if not word.startswith("-")]
        for word in words:
            match = RUNTIMES.fullmatch(Path(word).name)
            if match:
                return {"nodejs": "node", "tsx": "node"}.get(match[1], match[1])
        return "node" if not words else Path(words[-1]).name

    def command(self, *arguments: str) -> list[str]:
        """An argument list that starts the file with `arguments` alone. Raises Unreadable."""
        if self.runtime:
            return [*self.runtime, str(self.path), *arguments]
        if self.shebang and file_reading.mode(self.path) & 0o111:
            return [str(self.path), *arguments]
        return [*(self.shebang or ["node"]), str(self.path), *arguments]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A command line that is being read."""

    folder: Path
    package: Package | None
    source: str
    is_managed: bool = False


def of_words(
    words: list[str], folder: Path, package: Package | None, source: str, *, is_managed: bool = False
) -> EntryPoint:
    """The entry point of a command line that is started in `folder`. Raises Unreadable where it cannot be told.

    `is_managed`: the line is a script of package.json, which a manager of packages runs.
    """
    return _read(words, _Line(folder=folder, package=package, source=source, is_managed=is_managed), 0)


def _read(words: list[str], line: _Line, depth: int) -> EntryPoint:
    words = _unwrapped(words, line)
    if not words or depth > _DEEPEST:
        raise Unreadable(f"{line.source} names no program", "broken")
    name, rest = Path(words[0]).name, words[1:]
    asked = _asked_program(name, rest)
    script = _script(name, rest, line) if name in _MANAGERS and asked is None else None
    if script is not None:
        source = f"{line.source} (`{shlex.join(words[:3])}`, package.json)"
        return _read(script, dataclasses.replace(line, source=source, is_managed=True), depth + 1)
    if asked is not None:
        line = dataclasses.replace(line, is_managed=True)
    if asked is None and RUNTIMES.fullmatch(name):
        return _of_runtime(words, line)
    if name.endswith(".sh"):
        raise Unreadable(f"{line.source} starts the script {words[0]}: set [target] unit to what it runs", "untold")
    return _of_program(asked or words, line, fetched=asked is not None)


def _unwrapped(words: list[str], line: _Line) -> list[str]:
    """A command line without what stands before the program: assignments, `env`, `exec`, a shell, a loader of secrets."""
    for _ in range(_MOST_WRAPPERS):
        name, rest = (Path(words[0]).name, words[1:]) if words else ("", [])
        if words and (_ASSIGNMENT.fullmatch(words[0]) or name in {"exec", "cross-env"}):
            words = rest
        elif name == "env":
            words = [word for word in rest if not word.startswith("-")]
        elif name in {"sh", "bash", "dash"} and "-c" in rest[:2]:
            words = plain_words(next(iter(rest[rest.index("-c") + 1 :]), ""), line.source)
        elif name in _WRAPPERS and "--" in rest:
            words = rest[rest.index("--") + 1 :]
        else:
            return words
    return []


def _asked_program(name: str, rest: list[str]) -> list[str] | None:
    """The program that `npx`, `npm exec` and the like are to start, with its arguments; None where they start no such."""
    if name in _MANAGERS and rest and rest[0] in _EXECUTORS:
        rest = rest[1:]
    elif name not in _FETCHERS:
        return None
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in {"-p", "--package"} else rest[1:]
    return [_VERSIONED.sub("", rest[0]), *rest[1:]] if rest else None


def _of_program(words: list[str], line: _Line, *, fetched: bool = False) -> EntryPoint:
    """A program by its path; one without a path is a dependency's, or one that is installed on this machine."""
    path = line.folder / words[0]
    if "/" not in words[0] and not file_reading.exists(path):
        folders = (line.folder, *list(line.folder.parents)[:_ABOVE])
        bins = [folder / "node_modules" / ".bin" / words[0] for folder in folders]
        installed = next((one for one in bins if file_reading.exists(one)), None)
        if installed is None and fetched:
            raise Unreadable(
                f"{line.source} fetches {words[0]} when it starts: what runs is not in the release; install it there",
                "untold",
            )
        elsewhere = shutil.which(words[0], path=_SEARCHED)
        path = installed or (Path(elsewhere) if elsewhere else bins[0])
    if "node_modules" in path.parts and file_reading.exists(path):
        path = file_reading.real(path)
    return EntryPoint(
        path=path,
        arguments=tuple(words[1:]),
        source=line.source,
        folder=line.folder,
        is_managed=line.is_managed,
    )


def plain_words(text: str, source: str) -> list[str]:
    """The words of a shell text that is one plain command. Raises Unreadable for more than that."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words or any(set(word) <= _OPERATORS for word in words):
        raise Unreadable(f"{source} is more than one plain command: {text[:80]}", "untold")
    return words


def _script(manager: str, rest: list[str], line: _Line) -> list[str] | None:
    """What the package's script does that a manager was asked for; None where it was asked for a file."""
    words = [word for word in rest if not word.startswith("-") or word == "--"]
    asked = words[1:] if words[:1] in (["run"], ["run-script"]) else words
    if not asked or line.package is None:
        raise Unreadable(f"{line.source} runs {manager} without a script", "untold")
    text = line.package.scripts.get(asked[0])
    if text is None:
        if manager == "bun":
            return None
        raise Unreadable(f"{line.source} runs the script {asked[0]}, which package.json does not have", "broken")
    extra = rest[rest.index(asked[0]) + 1 :]
    return [*plain_words(text, f"package.json's script {asked[0]}"), *(extra[1:] if extra[:1] == ["--"] else extra)]


def _of_runtime(words: list[str], line: _Line) -> EntryPoint:
    index = 1
    while index < len(words):
        word = words[index]
        if word in _VALUED:
            index += 2
        elif word.startswith("-") or (word == "run" and Path(words[0]).name in {"bun", "deno"}):
            index += 1
        else:
            return EntryPoint(
                path=line.folder / word,
                runtime=tuple(words[:index]),
                arguments=tuple(words[index + 1 :]),
                source=line.source,
                folder=line.folder,
                is_managed=line.is_managed,
            )
    raise Unreadable(f"{line.source} runs {words[0]} without a file", "broken")


def substitute_variables(text: str, values: Mapping[str, str]) -> str:
    """`text` with `$NAME` and `${NAME}` as systemd replaces them; unknown names stay."""
    return re.sub(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", lambda m: values.get(m[1] or m[2], m[0]), text)


def parts(path: Path, root: Path) -> tuple[list[str], int, int]:
    """What a JavaScript file imports, over other files: what is missing, the number of files and packages, the files' bytes."""
    missing: list[str] = []
    packages, sizes = set[str](), dict[Path, int]()
    waiting = [path]
    while waiting and len(sizes) < _MOST_PARTS:
        file = file_reading.real(waiting.pop())
        if file in sizes:
            continue
        try:
            text = file_reading.text(file, _LARGEST_PART)
        except Unreadable:
            text = ""
        sizes[file] = len(text.encode())
        for name in _IMPORT.findall(text) if file.suffix != ".json" else ():
            if not name:
                continue
            if name.startswith("."):
                found = _imported(file.parent / name)
                waiting += [found] if found is not None else []
                missing += [] if found is not None else [name]
            elif (package := _package_of(name, file, root)) is not None:
                packages.add(package)
    return missing, len(sizes) + len(packages), sum(sizes.values())


def _imported(path: Path) -> Path | None:
    """The file that a relative import leads to, as Node, bun and tsx look for it."""
    plain = path.with_suffix("") if path.suffix in {".js", ".mjs", ".cjs"} else path
    candidates = [
        path,
        *(path.with_name(path.name + end) for end in _ENDINGS),
        *(plain.with_name(plain.name + end) for end in _ENDINGS),
    ]
    candidates += [path / f"index{end}" for end in _ENDINGS]
    return next((one for one in candidates if one.is_file()), None)


def _package_of(name: str, file: Path, root: Path) -> str | None:
    """The installed package that an import names; None for a part of the runtime, and for what is not installed."""
    words = name.split("/")
    package = "/".join(words[: 2 if name.startswith("@") else 1])
    tops = [root, *list(file_reading.real(root).parents)[:_ABOVE], *file.parents]
    return package if any(file_reading.exists(top / "node_modules" / package) for top in tops) else None
