"""Who reads the env file when the service starts, and whether that resolves references to secrets."""

from __future__ import annotations

import contextlib
import re
import shlex
from typing import TYPE_CHECKING, Final

from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.facts.release import EnvVariable, Release

_SUBSTITUTION: Final = re.compile(r"\$\(|`")
_REFERENCE: Final = re.compile(
    r"(?:op|vault|bw|keyring|gcpsm|awssm|aws-sm|azkv|ref\+\w+)://\S+|vault:\S+|arn:aws:secretsmanager:\S+"
)
_RESOLVERS: Final = frozenset(
    {"op", "doppler", "infisical", "chamber", "aws-vault", "vals", "teller", "vault-env", "envconsul"}
)


class EnvLoader:
    """What loads a release's env file, by its unit or else by its start script."""

    def __init__(self, release: Release) -> None:
        self.release = release

    def substitutions(self) -> list[EnvVariable]:
        """Variables whose value is a shell's command substitution, not in single quotes. Raises Unreadable."""
        lines = self.release.env_file().lines
        return [one for one in lines if _SUBSTITUTION.search(one.value) and not one.raw.startswith("'")]

    def references(self) -> list[EnvVariable]:
        """Variables whose value is a secret manager's address. Raises Unreadable."""
        return [one for one in self.release.env_file().lines if _REFERENCE.fullmatch(one.value)]

    def way(self) -> tuple[str | None, str]:
        """How the env file is loaded (`literally`, `resolved` or `shell`; None: not known), and by whom.

        Raises Unreadable.
        """
        unit_way = self.by_unit()
        if unit_way is not None:
            return unit_way, f"the unit {self.release.unit().file.name}"
        script_way = self.by_script()
        return (script_way[0], f"{self.release.shown(script_way[1])}:{script_way[2]}") if script_way else (None, "")

    def by_unit(self) -> str | None:
        """How the unit loads the env file: `literally`, `resolved` or `shell`; None where no unit says.

        Raises Unreadable where a unit is there and cannot be read.
        """
        try:
            unit = self.release.unit()
        except Unreadable as error:
            if error.proven:
                raise
            return None
        name = unit.argv[0].rpartition("/")[2] if unit.argv else ""
        if name in _RESOLVERS:
            return "resolved"
        own = self.release.env_path
        if any(file.name == own.name for file in unit.environment_files):
            return "literally"
        text = " ".join(unit.argv)
        if own.name in text and name in {"sh", "bash", "dash"}:
            return _way(text, own.name)
        return None

    def by_script(self) -> tuple[str, Path, int] | None:
        """How a start script loads it, with its place; None where none does."""
        for folder in (self.release.root / "scripts", self.release.root):
            with contextlib.suppress(OSError):
                for path in sorted(folder.glob("*start*.sh")):
                    with contextlib.suppress(Unreadable):
                        for number, line in enumerate(file_reading.text(path, 256 * 1024).splitlines(), 1):
                            way = _way(line, self.release.env_path.name)
                            if way is not None:
                                return way, path, number
        return None


def _way(line: str, name: str) -> str | None:
    """How one line of a shell script loads the file `name`; None where it does not."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None
    if not any(word.rstrip(";)").endswith(name) for word in words):
        return None
    if words[0] in _RESOLVERS:
        return "resolved"
    if "xargs" in words or "export" in words[:1]:
        return "literally"
    return "shell" if {"source", "."} & set(words) else None
