"""The release's Dockerfiles and compose files: what they name and is not there, and health checks that never fail. Read alone, nothing is built.

What rests on a variable, on a context that is not known, or on what a build makes is left out: it is not known.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import json
import posixpath
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIMIT: Final = 256 * 1024
_FOLDERS: Final = ("", "docker", "deploy", "build", "ops", "infra", "container")
_COMPOSE: Final = re.compile(r"(?:[\w.-]+[._-])?(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml")
_MADE: Final = frozenset({"dist", "build", "out", "lib", "node_modules", ".next", "coverage", "target", "public"})
"""Folders that a build makes: that they are not there yet says nothing."""
_HEREDOC: Final = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_GREEN: Final = re.compile(
    r"(?:\|\||;)\s*(?:true|:|exit\s+0|echo\b[^|;&]*)\s*[\"']?\s*$|^\s*(?:true|:|exit\s+0|echo\b[^|;&]*)\s*$"
)
_ASKS_FAILING: Final = re.compile(r"\s-(?!-)\w*f|--fail|http_code|\||wget|&&")
_STAGES: Final = (
    "build",
    "builder",
    "base",
    "deps",
    "dependencies",
    "install",
    "prod",
    "production",
    "runtime",
    "compile",
    "test",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFault:
    """What is wrong in a file of containers, with its place."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.text}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Instruction:
    name: str
    text: str
    line: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Build:
    """One Dockerfile with the folder that it is built from; None where that is not known."""

    file: Path
    context: Path | None


class ContainerFiles:
    """Reads the Dockerfiles and compose files of a release."""

    def __init__(self, root: Path) -> None:
        self.root = root
        places = [path for folder in _FOLDERS for path in _listed(root / folder)]
        self.dockerfiles = [
            p
            for p in places
            if p.name.startswith(("Dockerfile", "Containerfile")) and not p.name.endswith(".dockerignore")
        ]
        self.compose = [path for path in places if _COMPOSE.fullmatch(path.name)]

    @property
    def names(self) -> list[str]:
        """The files that were read."""
        return [self._shown(path) for path in (*self.dockerfiles, *self.compose)]

    def faults(self) -> list[ContainerFault]:
        """What is wrong in them. Raises Unreadable."""
        builds: dict[Path, list[Path | None]] = {}
        found: list[ContainerFault] = []
        for file in self.compose:
            text = file_reading.text(file, _LIMIT)
            for name, service in _services(text):
                build = service.get("build")
                if build is not None:
                    dockerfile, context = _built(file.parent, build)
                    if dockerfile is not None:
                        inside = context is not None and context.is_relative_to(self.root.resolve())
                        builds.setdefault(dockerfile, []).append(context if inside else None)
                found += self._of_service(file, text, name, service)
        for file in self.dockerfiles:
            contexts = builds.get(file.resolve(), [file.parent if file.parent == self.root else None])
            context = contexts[0] if len(set(contexts)) == 1 else None
            found += self._of_dockerfile(_Build(file, context))
        return found

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    # --- compose ---------------------------------------------------------------------------------------------------

    def _of_service(self, file: Path, text: str, name: str, service: dict[str, Any]) -> Iterator[ContainerFault]:
        given = service.get("env_file") or []
        for one in given if isinstance(given, list) else [given]:
            path, required = (one.get("path"), one.get("required", True)) if isinstance(one, dict) else (one, True)
            if (
                isinstance(path, str)
                and required
                and not set("$~") & set(path)
                and self._is_missing(file.parent / path)
            ):
                yield self._fault(
                    file, text, path, f"env_file {path} of the service {name} is not there: compose starts nothing"
                )
        health = service.get("healthcheck")
        test = health.get("test") if isinstance(health, dict) else None
        if test and (why := _never_fails(" ".join(map(str, test[1:])) if isinstance(test, list) else str(test))):
            yield self._fault(file, text, "test:", f"the health check of {name} never fails: {why}")

    def _is_missing(self, path: Path) -> bool:
        """Whether a file is not there, and nothing says that it is made on the host: git leaves it out, or a template lies beside it."""
        made = any(
            path.with_name(f"{path.name}{end}").exists() for end in (".example", ".sample", ".template", ".dist")
        )
        shown = posixpath.relpath(path, self.root)
        ignored = _Ignored(self.root / ".gitignore")
        return not (path.exists() or made or ignored.covers(shown) or ignored.covers(path.name))

    def _fault(self, file: Path, text: str, word: str, why: str) -> ContainerFault:
        line = next((number for number, line in enumerate(text.splitlines(), 1) if word in line), 1)
        return ContainerFault(path=self._shown(file), line=line, text=why)

    # --- Dockerfiles -----------------------------------------------------------------------------------------------

    def _of_dockerfile(self, build: _Build) -> Iterator[ContainerFault]:
        stages: list[str] = []
        path = self._shown(build.file)
        instructions = list(_instructions(file_reading.text(build.file, _LIMIT)))
        for one in instructions:
            if one.name == "FROM":
                words = one.text.split()
                stages.append(words[-1].lower() if len(words) > 2 and words[-2].upper() == "AS" else "")  # noqa: PLR2004
            elif one.name in {"COPY", "ADD"}:
                for why in self._of_copy(build, one, stages):
                    yield ContainerFault(path=path, line=one.line, text=f"{one.name} {why}")
            elif one.name == "HEALTHCHECK" and (command := re.search(r"(?:^|\s)CMD\s+(.*)$", one.text, re.DOTALL)):
                words_or_none = _json(command[1])
                if why := _never_fails(" ".join(words_or_none) if words_or_none else command[1]):
                    yield ContainerFault(path=path, line=one.line, text=f"HEALTHCHECK never fails: {why}")

    def _of_copy(self, build: _Build, one: _Instruction, stages: list[str]) -> Iterator[str]:
        flags, rest = _flags(one.text)
        if "--from" in flags:
            stage = flags["--from"].lower()
            number = int(stage) if stage.isdecimal() else None
            before = stages[:-1]
            if number is not None and number >= len(before):
                yield f"--from={stage}: there is no stage of that number before it"
            elif number is None and stage not in before and _is_meant_as_stage(stage, before):
                yield f"--from={stage}: there is no stage of that name before it"
            return
        words = _json(rest) or rest.split()
        if build.context is None or "--parents" in flags or _HEREDOC.search(rest):
            return
        own = build.file.with_name(f"{build.file.name}.dockerignore")
        ignored = _Ignored(own if own.is_file() else build.context / ".dockerignore")
        for source in words[:-1]:
            if "$" in source or "://" in source or source.startswith(("git@", "<<")):
                continue
            if why := _missing(build.context, source, ignored):
                yield f"{source}: {why}"


def _missing(context: Path, source: str, ignored: _Ignored) -> str:
    """Why a source is not in the build's context; empty where it is, and where only a build would put it there."""
    name = posixpath.normpath(source.lstrip("/") or ".")
    if name == ".":
        return ""
    if name.startswith(".."):
        return "it is outside of the folder that is built from"
    if any(mark in name for mark in "*?["):
        return (
            ""  # one that fits nothing copies nothing: `package-lock.json*` is how a file is named that may be missing
        )
    if not (context / name).exists():
        return "" if set(name.split("/")) & _MADE else "it is not there"
    if ignored.covers(name):
        return f".dockerignore leaves it out ({ignored.rule(name)})"
    return ""


class _Ignored:
    """What a .dockerignore, or the .gitignore of a release, leaves out: the last pattern that fits decides."""

    def __init__(self, file: Path) -> None:
        try:
            lines = file_reading.text(file, _LIMIT).splitlines()
        except Unreadable:
            lines = []
        stripped = (line.strip() for line in lines)
        self._rules = [line for line in stripped if line and not line.startswith("#")]

    def rule(self, path: str) -> str:
        """The pattern that decides about `path`; empty where none fits."""
        decided = ""
        for rule in self._rules:
            pattern = posixpath.normpath(rule.lstrip("!").lstrip("/"))
            parts = path.split("/")
            if any(_fits(pattern, "/".join(parts[:number])) for number in range(1, len(parts) + 1)):
                decided = rule
        return decided

    def covers(self, path: str) -> bool:
        """Whether all of `path` is left out; not where a pattern brings something beneath it back."""
        back = any(rule.startswith("!") and rule[1:].lstrip("/").startswith((f"{path}/", "*")) for rule in self._rules)
        rule = self.rule(path)
        return bool(rule) and not rule.startswith("!") and not back


def _fits(pattern: str, path: str) -> bool:
    regex = "".join(
        ".*"
        if part == "**"
        else "(?:.*/)?"
        if part == "**/"
        else "[^/]*"
        if part == "*"
        else "[^/]"
        if part == "?"
        else re.escape(part)
        for part in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern)
    )
    return re.fullmatch(regex, path) is not None or ("[" in pattern and fnmatch.fnmatchcase(path, pattern))


def _is_meant_as_stage(name: str, stages: list[str]) -> bool:
    """Whether a name is no image's: no registry, tag or digest in it, and the usual name of a stage or nearly one of this file's."""
    if set("/:.@$") & set(name):
        return False
    return name in _STAGES or bool(difflib.get_close_matches(name, [stage for stage in stages if stage], cutoff=0.75))


def _never_fails(command: str) -> str:
    """Why a health check's command ends well whatever it sees; empty where it may fail."""
    text = re.sub(r"^(?:CMD-SHELL|CMD)\s+", "", " ".join(command.split()))
    text = re.sub(r"^(?:/bin/)?(?:ba|da|a)?sh -c ", "", text).strip("\"'")
    if text in {"NONE", ""}:
        return ""
    if match := _GREEN.search(text):
        return f"`{match[0].strip()}` ends with 0"
    if re.match(r"curl\b", text) and not _ASKS_FAILING.search(text):
        return "curl without --fail takes an error for an answer"
    return ""


def _instructions(text: str) -> Iterator[_Instruction]:
    """The instructions with their lines: continued lines joined, comments and the bodies of here-documents left out."""
    escape = "`" if re.match(r"\s*#\s*escape\s*=\s*`", text) else "\\"
    begun, kept, ends = 0, "", []  # type: tuple[int, str, list[str]]
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if ends:
            if stripped == ends[0]:
                ends.pop(0)
            continue
        if not stripped or stripped.startswith("#"):
            continue
        begun = begun or number
        if stripped.endswith(escape):
            kept += stripped[:-1] + " "
            continue
        name, _, rest = (kept + stripped).partition(" ")
        yield _Instruction(name.upper(), rest.strip(), begun)
        if name.upper() in {"RUN", "COPY", "ADD"}:
            ends = [match[2] for match in _HEREDOC.finditer(rest)]
        begun, kept = 0, ""


def _flags(text: str) -> tuple[dict[str, str], str]:
    flags: dict[str, str] = {}
    while text.startswith("--"):
        word, _, text = text.partition(" ")
        name, _, value = word.partition("=")
        flags[name] = value
        text = text.lstrip()
    return flags, text


def _json(text: str) -> list[str] | None:
    try:
        value = json.loads(text) if text.startswith("[") else None
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else None


def _services(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The services of a compose file; none where it cannot be understood."""
    import yaml

    try:
        top = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    services = top.get("services") if isinstance(top, dict) else None
    items = services.items() if isinstance(services, dict) else ()
    return [(str(name), service) for name, service in items if isinstance(service, dict)]


def _built(folder: Path, build: Any) -> tuple[Path | None, Path | None]:  # noqa: ANN401 - as the file says
    """The Dockerfile that a service builds and the folder that it is built from; None where a variable or another machine says it."""
    table = build if isinstance(build, dict) else {"context": build}
    context, dockerfile = str(table.get("context", ".")), str(table.get("dockerfile", "Dockerfile"))
    if "$" in context + dockerfile or "://" in context or context.startswith("git@"):
        return None, None
    place = (folder / context).resolve()
    return (place / dockerfile).resolve(), place


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []
