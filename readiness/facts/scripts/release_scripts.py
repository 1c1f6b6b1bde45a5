"""The shell scripts of a release: found, told apart by what they are for, parsed, and simulated.

Nothing is executed. A script that cannot be read, or holds syntax errors, gives what can be known of it.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.scripts import commands
from readiness.facts.scripts.commands import SHELL_OPTIONS
from readiness.facts.scripts.inventory import DECLARED, ROLES, names, roles
from readiness.facts.scripts.simulation import Gap, ScriptEvidence
from readiness.support import Unreadable, file_reading, require_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.scripts.parse import Program
    from readiness.facts.scripts.simulation import CommandStep, Prints, Trace, Value, World
    from readiness.facts.scripts.syntax import Block

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of a script at most: 1 MiB."""
MOST: Final = 300
"""Scripts of a release at most."""


class Script:
    """One script: `path` from the release's folder, `role` where it has one."""

    def __init__(self, root: Path, path: str, role: str = "") -> None:
        self.file, self.path, self.role = root / path, path, role
        self._root, self._program, self._trouble = root, None, None  # type: tuple[Path, Program | None, Unreadable | None]
        self._read = False

    def source(self) -> bytes:
        """Its bytes. Raises Unreadable: missing, a folder, not permitted, binary, too large, or outside the release."""
        if not self.file.resolve().is_relative_to(self._root.resolve()):
            raise Unreadable(f"{self.file} leads out of the release", "broken", self.file)
        if self.file.is_dir():
            raise Unreadable(f"{self.file} is a folder, not a file", "folder", self.file)
        content = file_reading.content(self.file, SIZE_LIMIT)
        if b"\0" in content:
            raise Unreadable(f"{self.file} is binary, not a script", "binary", self.file)
        return content

    @property
    def trouble(self) -> Unreadable | None:
        """Why it cannot be read; None where it can."""
        self._parse()
        return self._trouble

    @property
    def program(self) -> Program:
        """It, parsed; what a syntax error hides is one of its `gaps`. Raises Unreadable."""
        self._parse()
        if self._program is None:
            raise self._trouble or Unreadable(f"{self.file} cannot be read", "broken", self.file)
        return self._program

    def _parse(self) -> None:
        if self._read:
            return
        from readiness.facts.scripts.parse import parse

        require_extra("preflight")  # before it counts as read: each check that asks is told the same
        self._read = True
        try:
            self._program = parse(self.source().replace(b"\r\n", b"\n"))
        except Unreadable as error:
            self._trouble = error
        except (OSError, RuntimeError) as error:
            self._trouble = Unreadable(f"{self.file} cannot be read: {error}", "broken", self.file)

    @property
    def body(self) -> Block:
        """Its statements; none where it cannot be read."""
        return () if self.trouble else self.program.body

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What of its text could not be read or parsed."""
        if self.trouble is not None:
            return (Gap(self.path, 1, f"it cannot be read: {self.trouble}"),)
        return tuple(Gap(self.path, line, "syntax that is not understood") for line in self.program.errors)

    @property
    def interpreter(self) -> str:
        """The first line's interpreter, without its folder; bash where there is no such line."""
        words = self._shebang()
        return posixpath.basename(words[0]) if words else "bash"

    @property
    def options(self) -> frozenset[str]:
        """Options that the first line sets: `#!/bin/bash -e`."""
        letters = "".join(word[1:] for word in self._shebang()[1:] if word.startswith("-"))
        return frozenset(SHELL_OPTIONS[letter] for letter in letters if letter in SHELL_OPTIONS)

    def _shebang(self) -> list[str]:
        try:
            line = self.source().split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
        except (Unreadable, OSError, RuntimeError):
            return []
        words = line[2:].split() if line.startswith("#!") else []
        return words[1:] if words and posixpath.basename(words[0]) == "env" else words


class Scripts:
    """The scripts of a release, as they are on disk when this object is made."""

    def __init__(self, config: Config) -> None:
        if config.target.release is None:
            raise Unknown("no release to look at: set [target] release in readiness.toml")
        self.config, self.root = config, config.target.release
        self._runs: dict[object, ScriptEvidence[Trace]] = {}
        self._others: dict[str, Script] = {}
        self._folder_error = ""
        try:
            every = list(names(self.root, strictly=True))
        except OSError as error:
            self._folder_error = f"a folder of scripts cannot be read: {error}"
            every = list(names(self.root))
        files = every[:MOST]
        self.all: tuple[Script, ...] = tuple(Script(self.root, name) for name in files)
        role_of = roles(files, self._does, self.told)
        for script in self.all:
            script.role = role_of.get(script.path, "")
        self.left_out: tuple[str, ...] = tuple(every[MOST:])

    @property
    def told(self) -> dict[str, str]:
        """The roles that [target] scripts gives, each with its path or "none"."""
        return {DECLARED.get(key, key): path for key, path in self.config.target.script_roles.items()}

    def _does(self, path: str, role: str) -> bool:
        """Whether a script does what a role is for; what cannot be read or simulated is taken at its name."""
        wanted = _DEEDS.get(role)
        script = next(one for one in self.all if one.path == path)
        if wanted is None:
            return True
        try:
            steps = self.steps(script)
        except Unknown:  # the parser is an extra: its absence is said by the checks that need it
            return True
        return bool(steps.gaps) or any(wanted(step) for step in steps.seen)

    @property
    def roles(self) -> tuple[str, ...]:
        """What lifecycle scripts are for."""
        return tuple(ROLES)

    def of(self, role: str) -> Script | None:
        """The script that is there for `role`; None where there is none."""
        return next((script for script in self.all if script.role == role), None)

    def needed(self, role: str) -> Script:
        """The script for `role`. Raises Unknown where there is none, Unreadable where it cannot be read."""
        script = self.of(role)
        if script is None:
            key = next((key for key, of in DECLARED.items() if of == role), role)
            raise Unknown(
                f'there is no script to {_VERBS[role]}: name it, or none, in [target] scripts = {{{key} = "PATH or none"}}'
            )
        if script.trouble:
            raise script.trouble
        return script

    @property
    def readable(self) -> list[Script]:
        """Those that could be read. Raises Unknown where there is none."""
        scripts = [script for script in self.all if script.trouble is None]
        if not scripts:
            raise Unknown(f"there is no script in {self.root} that can be read")
        return scripts

    @property
    def present(self) -> tuple[Script, ...]:
        """All of them: one that cannot be read is a gap in what is said of them. Raises Unknown where none can be read."""
        return self.all if self.readable else ()

    def unread(self) -> str:
        """Why some scripts could not be read, in words; an empty text where all could."""
        reasons = [str(script.trouble) for script in self.all if script.trouble]
        if self._folder_error:
            reasons.append(self._folder_error)
        if self.left_out:
            reasons.append(
                f"{len(self.left_out)} scripts beyond the first {MOST} are not read, {self.left_out[0]} the first"
            )
        return "; ".join(reasons)

    def missing(self) -> ScriptEvidence[str]:
        """The usual names of those lifecycle scripts that are not there, or hold no command."""
        missing: list[str] = []
        gaps: list[Gap] = []
        for role, (name, _) in ROLES.items():
            script = self.of(role)
            if script is None:
                missing.append(name)
            elif script.trouble:
                missing.append(f"{script.path} ({script.trouble})")
            elif not script.body and script.gaps:
                gaps += script.gaps
            elif not script.body:
                missing.append(f"{script.path} (it holds no command)")
        return ScriptEvidence(missing, gaps)

    def find(self, path: str) -> Script | None:
        """The script that a command line names: by its path in the release, else by a file name that only one has.

        A file of the release outside the usual folders is one as well, once a script names it.
        """
        exact = next((script for script in self.all if f"@/{script.path}" == path), None)
        if exact is not None:
            return exact
        same = [script for script in self.all if posixpath.basename(script.path) == posixpath.basename(path)]
        if len(same) == 1 and not path.startswith("/"):
            return same[0]
        return self._other(path.removeprefix("@/")) if path.startswith("@/") else None

    def _other(self, path: str) -> Script | None:
        """A file of the release that is no script by its place: only shell, and no settings."""
        if not path.endswith((".sh", ".bash", ".inc", ".lib")):
            return None
        if path not in self._others:
            script = Script(self.root, path)
            try:
                if not script.file.is_file():
                    return None
            except OSError:
                return None
            self._others[path] = script
        return self._others[path]

    def traces(  # noqa: PLR0913 - the simulation's own parameters
        self,
        script: Script,
        *,
        world: World | None = None,
        name: object = "",
        args: Sequence[Value] = (),
        environ: Mapping[str, str] | None = None,
        attended: bool = True,
        signals: bool = False,
        prints: Prints | None = None,
    ) -> ScriptEvidence[Trace]:
        """The ways through `script` in a `world`; remembered under the world's `name`. One that cannot be read is a gap."""
        from readiness.facts.scripts.interpreter import explore, healthy

        variables = None if environ is None else tuple(sorted(environ.items()))
        key = (script.path, name, attended, tuple(args), variables, signals)
        if key not in self._runs:
            self._runs[key] = (
                explore(
                    script,
                    self,
                    world or healthy,
                    args=args,
                    environ=environ,
                    attended=attended,
                    signals=signals,
                    prints=prints,
                )
                if script.trouble is None
                else ScriptEvidence((), script.gaps)
            )
        return self._runs[key]

    def steps(self, script: Script) -> ScriptEvidence[CommandStep]:
        """Each command that `script` runs on any way, once a place; what it does at a signal as well."""
        traces = self.traces(script, signals=True)
        steps: dict[object, CommandStep] = {}
        for trace in traces.seen:
            for step in trace.steps:
                steps.setdefault((step.file, step.handler, step.pos, step.text), step)
        return ScriptEvidence(steps.values(), traces.gaps)

    def after_failure(
        self, script: Script, fails: Callable[[CommandStep], bool], name: object
    ) -> ScriptEvidence[Trace]:
        """The ways through `script` on which the commands that `fails` names fail, and at least one of them ran."""
        traces = self.traces(script, world=lambda step: 1 if fails(step) else None, name=name)
        reached = [trace for trace in traces.seen if any(step.dead for step in trace.steps)]
        within = {gap for trace in traces.seen for gap in trace.gaps}
        untried = [gap for gap in traces.gaps if gap not in within]
        return ScriptEvidence(reached, [*untried, *(gap for trace in reached for gap in trace.gaps)])


def _deploys(step: CommandStep) -> bool:
    is_published = step.name in {"npm", "pnpm", "yarn", "bun"} and "publish" in step.words
    return not is_published and (commands.changes(step) or bool(step.invokes))


_DEEDS: Final[Mapping[str, Callable[[CommandStep], bool]]] = {
    "rollback": lambda step: commands.restores(step, "rollback") or commands.is_update(step) or _deploys(step),
    "stop": lambda step: commands.signal_of(step) is not None or commands.changes(step) or bool(step.invokes),
    "validate": lambda step: commands.is_request(step) or step.name in {"readiness", "pytest", "nc", "docker", "systemctl", "node", "npm", "python3", "python"} or bool(step.invokes),
    "complete": lambda step: bool(step.invokes) or commands.uses_manager(step) or commands.starts_hub(step),
    "start": lambda step: commands.starts_hub(step) or commands.uses_manager(step) or bool(step.invokes) or step.background or bool({"nohup", "setsid", "exec"} & step.wrappers),
    "deploy": _deploys,
}  # fmt: skip
"""What a script of a role does: a name alone is no evidence."""
_VERBS: Final = {
    "backup": "make a backup", "rollback": "roll back", "stop": "stop the hub", "validate": "validate a deployment",
    "monitor": "watch the hub", "alerts": "check alerts", "performance": "measure performance",
    "complete": "run the whole deployment", "start": "start the hub", "deploy": "deploy",
}  # fmt: skip
