"""What this host shows of the hub that answers at an address: its process, release, configuration, unit and env file."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.config import Config
from readiness.facts.deployment import hub_config
from readiness.facts.hub import folder_of, package_of, proven_listener, state_folder_of
from readiness.facts.release import entry_point, package_json, systemd_unit
from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    import psutil

    from readiness.facts.release import EntryPoint, SystemdUnit

_HUB: Final = "mcp-hub"
_LINKS: Final = ("current", "live", "active")
"""How the link is called by which a release is started that the next one replaces."""
_ENV_FILES: Final = (".env.production", ".env")
_KINDS: Final = ("dependencies", "devDependencies", "optionalDependencies")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunningHub:
    """What is seen of a running hub on its own host; what this user may not see, or is not there, is empty."""

    version: str = ""
    """Of the package that runs."""
    program: str = ""
    release: Path | None = None
    configs: tuple[Path, ...] = ()
    """What its command line names after `--config`."""
    state: Path | None = None
    """Where it keeps its log and state."""
    unit: str = ""
    """The installed systemd unit that names the release: its name, or its path where systemd's own folders do not hold it."""
    no_unit: str = ""
    """Why it has none, where that is known."""
    env_file: Path | None = None
    no_env_file: str = ""
    no_git: str = ""
    """Why it is no working tree, where that is so."""


def inspect_hub(url: str, *pids: int) -> RunningHub | None:
    """What this host shows of the hub at `url`; None where its process is not proven to run here.

    `pids` are the processes that the hub itself named.
    """
    import psutil

    process = proven_listener(url, Config(), *pids)
    if process is None:
        return None
    try:
        words, folder = process.cmdline(), folder_of(process)
    except (psutil.Error, OSError):
        return None
    package = package_of(process)
    entry: EntryPoint | None = None
    with contextlib.suppress(Unreadable):
        entry = entry_point.of_words(words, folder or Path("/"), None, "the hub's command line")
    named = [] if entry is None or folder is None else entry.options("--config", "-c")
    configs = tuple(folder / name for name in named) if folder is not None else ()
    release, state = _release(folder, entry), state_folder_of(process)
    seen = RunningHub(
        version=str((package or {}).get("version", "")),
        program="" if entry is None else str(entry.path),
        release=release,
        configs=configs,
        state=state if state is not None and state.is_dir() else None,
    )
    if release is None:
        return seen
    unit, no_unit = _unit(release, process)
    env_file, no_env_file = _env_file(release, unit, configs)
    return dataclasses.replace(
        seen,
        no_git="" if _is_tracked(release) else "the release is no working tree of git",
        unit="" if unit is None else _shown(unit),
        no_unit=no_unit,
        env_file=env_file,
        no_env_file=no_env_file,
    )


def _release(folder: Path | None, entry: EntryPoint | None) -> Path | None:
    """The release tree: where the hub works if that is one, else the tree that holds the program."""
    program = None if entry is None else file_reading.real(entry.path)
    trees = [] if folder is None else [folder]
    if program is not None:
        trees += [tree for tree in program.parents if "node_modules" not in tree.parts]
    tree = next((tree for tree in trees if _is_release(tree, program)), None)
    return None if tree is None else _by_its_link(tree)


def _is_release(tree: Path, program: Path | None) -> bool:
    """Whether a folder is the hub's own package, or one that has the hub as a dependency, or starts this program."""
    try:
        package = package_json.read(tree)
    except Unreadable:
        return False
    is_own = program is not None and program.is_relative_to(tree) and "node_modules" not in program.parts
    return package.name == _HUB or _HUB in package.wanted(*_KINDS) or is_own


def _by_its_link(tree: Path) -> Path:
    """The tree by the link that each release gets, where there is one: the folder itself is gone after the next deploys."""
    links = (above / name for above in list(tree.parents)[:2] for name in _LINKS)
    return next((link for link in links if link.is_symlink() and file_reading.real(link) == tree), tree)


def _unit(release: Path, process: psutil.Process) -> tuple[SystemdUnit | None, str]:
    """The installed unit that names the release, or why there is none; neither where it cannot be told."""
    import psutil

    folders = systemd_unit.FOLDERS
    with contextlib.suppress(psutil.Error, KeyError, OSError):
        import pwd

        folders += (Path(pwd.getpwuid(process.uids().real).pw_dir, ".config", "systemd", "user"),)
    try:
        found = systemd_unit.find(None, release, folders)
    except Unreadable as error:
        return None, "" if "units name" in str(
            error
        ) else "no systemd unit named the release when this file was written"
    brought = file_reading.real(found.file).is_relative_to(file_reading.real(release))
    return (None if brought else found), ""


def _is_tracked(release: Path) -> bool:
    """Whether the release lies in a working tree of git."""
    real = file_reading.real(release)
    return any(file_reading.exists(folder / ".git") for folder in (real, *real.parents))


def _shown(unit: SystemdUnit) -> str:
    return unit.file.name if unit.file.parent in systemd_unit.FOLDERS else str(unit.file)


def _env_file(release: Path, unit: SystemdUnit | None, configs: tuple[Path, ...]) -> tuple[Path | None, str]:
    """The file that the hub's variables come from, or why it needs none; neither where that cannot be told."""
    named = [] if unit is None else unit.environment_files
    for path in (*named, *(release / name for name in _ENV_FILES)):
        if file_reading.exists(path):
            return path, ""
    with contextlib.suppress(Unreadable):
        if configs and not hub_config.read_files(configs).references:
            return None, "the hub's configuration took no variable from the environment when this file was written"
    return None, ""
