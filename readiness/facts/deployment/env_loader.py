"""Who reads the env file when the service starts, and whether that resolves references to secrets."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shlex
from typing import TYPE_CHECKING, Final

from readiness.facts.release import env_readers
from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.facts.release import EnvVariable, Release

_SUBSTITUTION: Final = re.compile(r"\$\(|`")
_REFERENCE: Final = re.compile(
    r"(?:op|vault|bw|keyring|gcpsm|awssm|aws-sm|azkv|ref\+\w+)://\S+|vault:\S+|arn:aws:secretsmanager:\S+"
)
_RESOLVERS: Final = frozenset(
    {"op", "doppler", "infisical", "chamber", "aws-vault", "vals", "teller", "vault-env", "envconsul"}
)


_READ: Final = frozenset({".sh", ".bash", ".yml", ".yaml", ".service", ""})
"""Endings of texts that may have the env file read."""
_MOST: Final = 100
_STRICT: Final = re.compile(r"(?m)^\s*set\s+(?:-\w+\s+)*-\w*e|\berrexit\b|^#!.*\s-\w*e|-\w*c\s.*&&")
"""What lets a script end at the first command that fails."""


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

    def misread(self) -> list[tuple[str, env_readers.Misreading]]:
        """Lines of the env file that one of its readers takes otherwise than they were meant, each with where that reader is.

        Raises Unreadable.
        """
        file = self.release.env_file()
        text = file_reading.content(file.file, env_readers.SIZE_LIMIT).decode("utf-8", "replace")
        found: list[tuple[str, env_readers.Misreading]] = []
        for seen in self._readers():
            words = f"{env_readers.NAMES[seen.reader]} ({seen.place})"
            misread = env_readers.misreadings(file, text, seen.reader, filtered=seen.filtered, strict=seen.strict)
            found += [(words, one) for one in misread]
        return found

    def _readers(self) -> list[_SeenReader]:
        """Who reads the env file: each kind once."""
        own, readers = self.release.env_path.name, list[_SeenReader]()
        with contextlib.suppress(Unreadable):
            unit = self.release.unit()
            if any(file.name == own for file in unit.environment_files):
                readers.append(_SeenReader(reader="systemd", place=unit.file.name))
            readers += _readers_in(" ".join(unit.argv), own, unit.file.name)
        with contextlib.suppress(Unreadable):
            scripts = "\n".join(self.release.package().scripts.values())
            readers += (dataclasses.replace(one, place="package.json") for one in _readers_in(scripts, own, ""))
        for path in self._texts():
            with contextlib.suppress(Unreadable):
                readers += _readers_in(file_reading.text(path, 256 * 1024), own, self.release.shown(path))
        return list({one.reader: one for one in reversed(readers)}.values())

    def _texts(self) -> list[Path]:
        """Scripts and compose files of the release."""
        root = self.release.root
        found: list[Path] = []
        for folder in (root, *(root / name for name in ("scripts", "bin", "deploy", "ops", "docker"))):
            with contextlib.suppress(OSError):
                found += [path for path in sorted(folder.iterdir()) if path.suffix in _READ and path.is_file()][:_MOST]
        return found

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _SeenReader:
    """A reader of the env file; `filtered`: comments are kept from it, `strict`: an error ends the script."""

    reader: env_readers.Reader
    place: str
    filtered: bool = True
    strict: bool = True


def _readers_in(text: str, own: str, place: str) -> Iterator[_SeenReader]:
    """The readers of the env file `own` in one text, by their lines."""
    alone = rf"(?<![\w.-]){re.escape(own)}(?![\w.-])"
    names = {match[1] for match in re.finditer(rf"(?m)^\s*(?:export\s+|readonly\s+)?(\w+)=\S*?{alone}", text)}
    named = re.compile("|".join([alone, *(rf"\$\{{?{name}\b" for name in sorted(names))]))
    strict = _STRICT.search(text) is not None
    lines = text.splitlines()
    if named.search(text):
        number = next((number for number, line in enumerate(lines, 1) if line.lstrip().startswith("env_file:")), 0)
        if number:
            yield _SeenReader(reader="compose", place=f"{place}:{number}")
    for number, line in enumerate(lines, 1):
        reader = env_readers.reader_of(line, named)
        if reader is not None:
            filtered = env_readers.FILTER.search(line) is not None
            yield _SeenReader(reader=reader, place=f"{place}:{number}", filtered=filtered, strict=strict)


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
