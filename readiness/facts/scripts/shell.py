"""The shell scripts of a release: found, told apart by what they are for, parsed, and simulated.

Nothing is executed. A script that cannot be read, or holds syntax errors, gives what can be known of it.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.scripts import inventory as shell_found
from readiness.facts.scripts.inventory import FOLDERS, ROLES
from readiness.support import file_reading
from readiness.support.extras import demand
from readiness.support.file_reading import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.scripts.parse import Program
    from readiness.facts.scripts.tree import Block
    from readiness.facts.scripts.values import Step, Trace, Value, World

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
        found = file_reading.content(self.file, SIZE_LIMIT)
        if b"\0" in found:
            raise Unreadable(f"{self.file} is binary, not a script", "binary", self.file)
        return found

    @property
    def trouble(self) -> Unreadable | None:
        """Why it cannot be read; None where it can."""
        self._parse()
        return self._trouble

    @property
    def program(self) -> Program:
        """It, parsed; what a syntax error hides is missing. Raises Unreadable."""
        self._parse()
        if self._program is None:
            raise self._trouble or Unreadable(f"{self.file} cannot be read", "broken", self.file)
        return self._program

    def _parse(self) -> None:
        if self._read:
            return
        from readiness.facts.scripts.parse import parse

        demand("preflight")  # before it counts as read: each check that asks is told the same
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
    def interpreter(self) -> str:
        """The first line's interpreter, without its folder; bash where there is no such line."""
        words = self._shebang()
        return posixpath.basename(words[0]) if words else "bash"

    @property
    def options(self) -> frozenset[str]:
        """Options that the first line sets: `#!/bin/bash -e`."""
        letters = "".join(word[1:] for word in self._shebang()[1:] if word.startswith("-"))
        return frozenset(name for letter, name in (("e", "errexit"), ("u", "nounset")) if letter in letters)

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
        self._runs: dict[object, list[Trace]] = {}
        names = list(shell_found.names(self.root))[:MOST]
        roles = shell_found.roles(names)
        self.all: tuple[Script, ...] = tuple(Script(self.root, name, roles.get(name, "")) for name in names)

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
            raise Unknown(f"there is no script to {_VERBS[role]}: expected {FOLDERS[0]}/{ROLES[role][0]}")
        if script.trouble:
            raise script.trouble
        return script

    @property
    def readable(self) -> list[Script]:
        """Those that could be read. Raises Unknown where there is none."""
        found = [script for script in self.all if script.trouble is None]
        if not found:
            raise Unknown(f"there is no script in {self.root} that can be read")
        return found

    def unread(self) -> str:
        """Why some scripts could not be read, in words; an empty text where all could."""
        return "; ".join(str(script.trouble) for script in self.all if script.trouble)

    def missing(self) -> list[str]:
        """The usual names of those lifecycle scripts that are not there, or hold no command."""
        found = []
        for role, (name, _) in ROLES.items():
            script = self.of(role)
            if script is None:
                found.append(name)
            elif script.trouble:
                found.append(f"{script.path} ({script.trouble})")
            elif not script.body:
                found.append(f"{script.path} (it holds no command)")
        return found

    def find(self, path: str) -> Script | None:
        """The script that a command line names: by its path in the release, else by a file name that only one has."""
        exact = next((script for script in self.all if f"@/{script.path}" == path), None)
        if exact is not None:
            return exact
        same = [script for script in self.all if posixpath.basename(script.path) == posixpath.basename(path)]
        return same[0] if len(same) == 1 and not path.startswith("/") else None

    def paths(  # noqa: PLR0913 - the simulation's own parameters
        self,
        script: Script,
        *,
        world: World | None = None,
        name: object = "",
        args: Sequence[Value] = (),
        environ: Mapping[str, str] | None = None,
        attended: bool = True,
    ) -> list[Trace]:
        """The ways through `script` in a `world`; remembered under the world's `name`. Raises Unreadable."""
        from readiness.facts.scripts import paths as shell_paths

        key = (script.path, name, attended, tuple(args), None if environ is None else tuple(sorted(environ.items())))
        if key not in self._runs:
            script.program  # noqa: B018 - raises for what cannot be read
            self._runs[key] = shell_paths.paths(
                script, self, world or shell_paths.healthy, args=args, environ=environ, attended=attended
            )
        return self._runs[key]

    def steps(self, script: Script) -> Iterator[Step]:
        """Each command that `script` runs on any way, once a place."""
        seen = set()
        for trace in self.paths(script):
            for step in trace.steps:
                key = (step.file, step.handler, step.pos, step.text)
                if key not in seen:
                    seen.add(key)
                    yield step

    def after_failure(self, script: Script, fails: Callable[[Step], bool], name: object) -> list[Trace]:
        """The ways through `script` on which the commands that `fails` names fail, and at least one of them ran."""
        found = self.paths(script, world=lambda step: 1 if fails(step) else None, name=name)
        return [trace for trace in found if any(step.dead for step in trace.steps)]


_VERBS: Final = {
    "backup": "make a backup", "rollback": "roll back", "stop": "stop the hub", "validate": "validate a deployment",
    "monitor": "watch the hub", "alerts": "check alerts", "performance": "measure performance",
    "complete": "run the whole deployment", "start": "start the hub", "deploy": "deploy",
}  # fmt: skip
