"""Where a deployment's secrets come from, when they were replaced, and who may read the hub's cache."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from readiness.errors import Unknown
from readiness.facts.deployment import hub_folders, rotation_record
from readiness.facts.release import SecretResolver, secret_manager
from readiness.facts.release import env_file as envfile
from readiness.facts.secretscan.known_secrets import secret_variables
from readiness.facts.secretscan.stream_search import fingerprint
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config import Config


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """A secret variable of the env file and where its value comes from; `manager` None: it stands there itself."""

    name: str
    line: int | None
    manager: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rotations:
    """The rotation record compared with the secret variables. `age` in days; `problems`: sentences with a line or None."""

    file: Path
    age: int | None
    oldest: str
    problems: tuple[tuple[str, int | None], ...]
    secrets: int


class SecretPolicy:
    """Facts about a deployment's secrets that reveal none of them."""

    def __init__(self, config: Config, resolver: SecretResolver | None = None) -> None:
        self.config = config
        self.resolver = resolver or SecretResolver(config)

    @property
    def env_file(self) -> Path:
        """The deployed env file. Raises Unreadable."""
        file = self.config.target.environment_file
        if file is None:
            raise file_reading.Unreadable("no [target] release: its env file cannot be read", "untold")
        return file

    def sources(self) -> tuple[SecretSource, ...]:
        """Every secret variable of the env file. Raises Unreadable."""
        read = envfile.parse(self.env_file)
        return tuple(
            SecretSource(name=name, line=read.line(name), manager=secret_manager(value))
            for name, value in secret_variables(read.values).items()
        )

    def rotations(self, today: dt.date | None = None) -> Rotations:
        """What the rotation record says of every secret variable; that it is missing or broken is a problem.

        Raises Unreadable for the env file, and for a record that this user may not read.
        """
        day = today or dt.datetime.now(dt.UTC).date()
        file = rotation_record.path(self.config)
        variables = secret_variables(envfile.parse(self.env_file).values)
        problems: list[tuple[str, int | None]] = []
        entries: Mapping[str, rotation_record.RotationEntry] = {}
        try:
            entries = rotation_record.read(file) if variables else {}
            problems = [problem for name in variables for problem in self._problems(name, variables, entries, day)]
        except file_reading.Unreadable as error:
            if not error.proven:
                raise
            problems.append((str(error), error.line))
        ages = {name: entries[name].age(day) for name in variables if name in entries}
        oldest = max(ages, key=lambda name: ages[name], default="")
        return Rotations(
            file=file, age=ages.get(oldest), oldest=oldest, problems=tuple(problems), secrets=len(variables)
        )

    def _problems(
        self,
        name: str,
        variables: Mapping[str, str],
        entries: Mapping[str, rotation_record.RotationEntry],
        day: dt.date,
    ) -> list[tuple[str, int | None]]:
        entry = entries.get(name)
        if entry is None:
            return [(f"{name} is not in the record", None)]
        problems = []
        if entry.age(day) < -1:  # a day ahead is another time zone
            problems.append((f"{name} was replaced on {entry.rotated}, a day to come", entry.line))
        if entry.every is not None and entry.age(day) > entry.every:
            problems.append((f"{name} is {entry.age(day)} days old, its owner agreed to {entry.every}", entry.line))
        if entry.fingerprint and self._differs(name, variables[name], entry.fingerprint):
            problems.append((f"{name} is not the value that the record speaks of", entry.line))
        return problems

    def _differs(self, name: str, value: str, mark: str) -> bool:
        try:
            return fingerprint(self.resolver.value(name, value)) != mark
        except Unknown:
            return False  # a reference that nothing here resolves: the days alone count

    def has_cache(self) -> bool:
        """Whether the hub's cache folder is known and there."""
        folder = hub_folders.cache(self.config)
        return folder is not None and file_reading.exists(folder)

    def cache(self) -> tuple[Path, int]:
        """The hub's cache folder and its permission bits. Raises Unreadable."""
        folder = hub_folders.cache(self.config)
        if folder is None:
            raise file_reading.Unreadable(
                "where the hub keeps its cache is not known: set XDG_CACHE_HOME in the env file", "untold"
            )
        bits = file_reading.mode(folder)
        if not folder.is_dir():
            raise file_reading.Unreadable(f"{folder} is no folder", "special", folder)
        return folder, bits
