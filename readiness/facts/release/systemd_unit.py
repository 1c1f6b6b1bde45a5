"""The systemd unit that runs a release: its file and drop-ins, parsed."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDERS: Final = tuple(
    Path(folder)
    for folder in (
        "/etc/systemd/system",
        "/run/systemd/system",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
    )
)
"""Where systemd looks for units, in its order."""
_TREE: Final = ("systemd", "config", "deploy", "deployment", "etc", "infra", "ops", "packaging", "scripts")
"""Folders of a release that may hold the unit which it brings along."""
_TO_FILL_IN: Final = re.compile(r"@\w+@|\{\{|<\w+>|\$\{[A-Z_]*(?:DIR|ROOT|PATH)\}")
_LISTS: Final = frozenset({"ExecStart", "ExecStartPre", "ExecStartPost", "EnvironmentFile", "Environment"})
_PLAIN: Final = re.compile(r"[\w.-]+")
SIZE_LIMIT: Final = 256 * 1024
"""Bytes of a unit file at most."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnitDirective:
    """One assignment of a unit, with its place."""

    section: str
    key: str
    value: str
    file: Path
    line: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SystemdUnit:
    """A unit and its drop-ins, in the order in which they count."""

    file: Path
    directives: tuple[UnitDirective, ...]

    def all(self, key: str, section: str = "Service") -> list[UnitDirective]:
        """What stands for `key`; an empty assignment takes back what came before it."""
        matching: list[UnitDirective] = []
        for one in self.directives:
            if (one.section, one.key) == (section, key):
                matching = [*matching, one] if one.value else []
        return matching

    def last(self, key: str, section: str = "Service") -> str | None:
        """The value of `key` that counts; None where it is not set."""
        directives = self.all(key, section)
        return directives[-1].value if directives else None

    @property
    def start(self) -> UnitDirective | None:
        """The ExecStart that counts."""
        directives = self.all("ExecStart")
        return directives[-1] if directives else None

    @property
    def argv(self) -> list[str]:
        """The words of ExecStart, without systemd's prefixes."""
        return _words(self.start.value.lstrip("@-:+!|")) if self.start else []

    @property
    def folder(self) -> Path | None:
        """WorkingDirectory."""
        value = (self.last("WorkingDirectory") or "").lstrip("-").strip('"')
        return Path(value) if value.startswith("/") else None

    @property
    def user(self) -> str | None:
        """The user that the service runs as; None: root."""
        return self.last("User")

    @property
    def group(self) -> str | None:
        """The group that the service runs as; None: the user's own."""
        return self.last("Group")

    @property
    def environment(self) -> dict[str, str]:
        """Variables of Environment= lines."""
        pairs = (word.partition("=") for one in self.all("Environment") for word in _words(one.value))
        return {name: value for name, equals, value in pairs if equals}

    @staticmethod
    def words(text: str) -> list[str]:
        """The words of a value, as systemd separates them."""
        return _words(text)

    @staticmethod
    def environment_file(one: UnitDirective) -> Path:
        """The file of an EnvironmentFile= line."""
        return Path(one.value.lstrip("-").strip('"'))

    @property
    def environment_files(self) -> list[Path]:
        """The files of EnvironmentFile= lines; systemd takes their values literally."""
        return [self.environment_file(one) for one in self.all("EnvironmentFile")]


def read(file: Path) -> SystemdUnit:
    """Read a unit and the drop-ins beside it (`NAME.service.d/*.conf`). Raises Unreadable."""
    return of_texts(_texts(file))


def _texts(file: Path) -> list[tuple[Path, str]]:
    folder = file.with_name(f"{file.name}.d")
    try:
        extra = sorted(path for path in folder.iterdir() if path.suffix == ".conf")
    except OSError:
        extra = []
    return [(path, file_reading.text(path, SIZE_LIMIT)) for path in (file, *extra)]


def of_texts(texts: Sequence[tuple[Path, str]]) -> SystemdUnit:
    """A unit of its file and its drop-ins with their texts, in the order in which they count. Raises Unreadable."""
    file = texts[0][0]
    parsed = tuple(one for path, text in texts for one in _directives(path, text))
    if not any(one.section == "Service" for one in parsed):
        raise Unreadable(f"{file} is no service unit: it has no [Service] section", "broken", file)
    return SystemdUnit(file=file, directives=parsed)


def _directives(file: Path, text: str) -> Iterator[UnitDirective]:
    section, started, begun = "", "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith(("#", ";")) or (not stripped and not started):
            continue
        begun = begun if started else number
        if stripped.endswith("\\"):
            started += stripped[:-1].rstrip() + " "
            continue
        whole, started = started + stripped, ""
        if whole.startswith("[") and whole.endswith("]"):
            section = whole[1:-1]
            continue
        key, equals, value = whole.partition("=")
        if equals:
            yield UnitDirective(section=section, key=key.strip(), value=value.strip(), file=file, line=begun)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def find(configured: str | None, release: Path, folders: tuple[Path, ...] = FOLDERS) -> SystemdUnit:
    """The unit that runs `release`: as configured, else the one that names it, else the one it brings. Raises Unreadable."""
    if configured is not None:
        return read(_told(configured, release, folders))
    names = (release.name, file_reading.real(release).name)
    units = [unit for unit in _installed(folders, names) if _names(unit, release)] or _brought(release)
    if len(units) == 1:
        return units[0]
    if not units:
        raise Unreadable(
            f"no systemd unit names {release}: set [target] unit, or declare [expect] unit as not expected", "untold"
        )
    listed = ", ".join(sorted(unit.file.name for unit in units))
    raise Unreadable(
        f"{len(units)} units name {release} ({listed}): set [target] unit to the one that runs it", "untold"
    )


def _told(configured: str, release: Path, folders: tuple[Path, ...]) -> Path:
    if "/" not in configured:
        name = configured if configured.endswith(".service") else f"{configured}.service"
        known = next((folder / name for folder in folders if file_reading.exists(folder / name)), None)
        if known is not None:
            return known
        return release / configured if file_reading.exists(release / configured) else folders[0] / name
    return release / configured


def _installed(folders: tuple[Path, ...], words: Sequence[str] = ("",)) -> Iterator[SystemdUnit]:
    """The units of folders that hold one of `words` as it is: taking a hundred others apart would take longer than most checks."""
    seen: set[str] = set()
    for folder in folders:
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix == ".service")
        except OSError:
            continue
        for path in paths:
            if path.name in seen:
                continue
            seen.add(path.name)
            try:
                texts = _texts(path)
                # a word that may be quoted or escaped may stand there in another form
                if any(not _PLAIN.fullmatch(word) or word in text for word in words for _, text in texts):
                    yield of_texts(texts)
            except Unreadable:
                continue  # a masked unit is a link to /dev/null


def _brought(release: Path) -> list[SystemdUnit]:
    """Units that the release brings along, templates with something left to fill in apart."""
    found = []
    for folder in (release, *(release / name for name in _TREE)):
        for unit in _installed((folder,)):
            line = unit.start.value if unit.start else ""
            if line and not _TO_FILL_IN.search(f"{line} {unit.last('WorkingDirectory') or ''}"):
                found.append(unit)
    return found


def _names(unit: SystemdUnit, release: Path) -> bool:
    places = {str(release), str(file_reading.real(release))}
    words = [*unit.argv, str(unit.folder or "")]
    return any(word == place or word.startswith(f"{place}/") for word in words for place in places)
