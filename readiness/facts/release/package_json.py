"""The release's package.json: name, version, scripts, engines, dependencies; and which package manager it is for."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCKS: Final = {
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
"""Lock files, and whose they are."""
_ABOVE: Final = 4
"""Folders above a package in which the top of its workspace is looked for."""
JOBS: Final = {"build": "build", "test": "tests", "lint": "lint"}
"""The commands of `[release]`, and the key of `[expect]` that declares each."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The content of a package.json; a value of the wrong type counts as missing."""

    file: Path
    data: Mapping[str, Any] = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """The package's name, or an empty text."""
        return _text(self.data.get("name"))

    @property
    def version(self) -> str:
        """The version, or an empty text."""
        return _text(self.data.get("version"))

    @property
    def scripts(self) -> dict[str, str]:
        """Script name to its shell text."""
        return _texts(self.data.get("scripts"))

    @property
    def engines(self) -> dict[str, str]:
        """Runtime name to the range of its versions."""
        return _texts(self.data.get("engines"))

    def wanted(self, *kinds: str) -> dict[str, str]:
        """Name to range of the dependencies of these kinds: `dependencies`, `devDependencies`, …."""
        ranges: dict[str, str] = {}
        for kind in kinds:
            ranges |= _texts(self.data.get(kind))
        return ranges

    @property
    def entry(self) -> str:
        """The command that the package installs, relative to it; `dist/cli.js` where it names none."""
        given = self.data.get("bin")
        if isinstance(given, dict):
            names = _texts(given)
            given = names.get(self.name.rpartition("/")[2]) or next(iter(names.values()), None)
        return _text(given) or "dist/cli.js"

    @property
    def names_entry(self) -> bool:
        """Whether it names such a command itself."""
        given = self.data.get("bin")
        return bool(_texts(given)) if isinstance(given, dict) else bool(_text(given))

    @property
    def commands(self) -> tuple[str, ...]:
        """The names of the commands that the package installs."""
        given = self.data.get("bin")
        return tuple(_texts(given)) if isinstance(given, dict) else ()

    @property
    def manager(self) -> str:
        """npm, bun, yarn or pnpm: as `packageManager` says, else by the lock file, else npm."""
        declared = _text(self.data.get("packageManager")).partition("@")[0]
        if declared in set(LOCKS.values()):
            return declared
        return next((LOCKS[lock.name] for lock in self.locks), "npm")

    @property
    def locks(self) -> tuple[Path, ...]:
        """The lock files that are there: beside it, else at the top of the workspace that it is a member of."""
        return _locks_in(self.file.parent) or _locks_in(self.top)

    @property
    def top(self) -> Path:
        """The folder that is installed as a whole: the workspace's, where this is a member of one, else its own."""
        own = self.file.parent
        if not _locks_in(own):
            for folder in list(file_reading.real(own).parents)[:_ABOVE]:
                if _locks_in(folder) and _is_workspace(folder):
                    return folder
        return own


def _locks_in(folder: Path) -> tuple[Path, ...]:
    return tuple(path for name in LOCKS if file_reading.exists(path := folder / name))


def _is_workspace(folder: Path) -> bool:
    if file_reading.exists(folder / "pnpm-workspace.yaml"):
        return True
    try:
        return bool(read(folder).data.get("workspaces"))
    except file_reading.Unreadable:
        return False


def read(folder: Path) -> Package:
    """Read `folder`/package.json. Raises Unreadable."""
    file = folder / "package.json"
    text = file_reading.text(file)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise file_reading.Unreadable(
            f"{file}:{error.lineno} is no JSON: {error.msg}", "broken", file, error.lineno
        ) from None
    except (ValueError, RecursionError):
        raise file_reading.Unreadable(f"{file} is no JSON", "broken", file) from None
    if not isinstance(data, dict):
        raise file_reading.Unreadable(f"{file} holds no object", "broken", file)
    return Package(file=file, data=data)


def nearest(path: Path) -> Package | None:
    """The package.json with a version that is nearest above a file, as Node looks for it; None where there is none."""
    for folder in file_reading.real(path).parents:
        if file_reading.exists(folder / "package.json"):
            try:
                found = read(folder)
            except file_reading.Unreadable:
                return None
            if found.version:
                return found
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name): inner for name, inner in value.items() if isinstance(inner, str)}
