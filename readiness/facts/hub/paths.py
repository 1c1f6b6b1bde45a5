"""Paths that a hub reports are its own: relative to its working directory, on the disk that it sees."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from readiness.errors import HubDown, Unknown
from readiness.facts.http import port_of
from readiness.facts.hub.identity import HubAnswers, folder_of, process_here
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psutil

    from readiness.facts.hub.identity import Identity

SIZE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a configuration file that are compared."""


class NamedHub(HubAnswers, Protocol):
    """A hub whose process may be known; `hub.Hub` is one."""

    def identity(self) -> Identity:
        """Which process answers."""


def working_folder(hub: NamedHub) -> Path | None:
    """The directory that the hub was started in: of its process, else as the hub says; None where nobody does.

    Raises HubDown, and what the hub's health raises.
    """
    process = _process(hub)
    if process is not None:
        folder = folder_of(process)
        if folder is not None:
            return folder
    pid, port = None, port_of(hub.transport.settings.base)
    with contextlib.suppress(HubDown, Unknown):
        identity = hub.identity()
        pid, port = identity.pid, identity.port or port
    entry = hub.health().workspace(port)
    folder, claimed = entry.get("cwd"), entry.get("pid")
    if not isinstance(folder, str) or not folder.startswith("/") or (pid is not None and claimed not in {None, pid}):
        return None
    return Path(folder)


def config_files(hub: NamedHub) -> tuple[list[Path], list[str]]:
    """The files that the hub read its servers from, by paths that do not depend on who asks, and why others have none.

    Raises as the hub's health does.
    """
    sources = dict.fromkeys(server.config_source for server in hub.health().servers if server.config_source)
    paths: list[Path] = []
    unplaced: list[str] = []
    base = working_folder(hub) if any(not source.startswith("/") for source in sources) else None
    for source in sources:
        if source.startswith("/"):
            paths.append(Path(source))
        elif base is not None:
            paths.append(Path(os.path.normpath(base / source)))
        else:
            unplaced.append(
                f"the hub says that it read {source}, relative to its working directory, which neither its process nor "
                "its health shows: start it with the whole path after --config"
            )
    return list(dict.fromkeys(paths)), unplaced


def foreign_files(hub: NamedHub, own: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Those of the hub's configuration files that are none of `own`, and why others cannot be compared.

    Raises as the hub's health does.
    """
    mine = tuple(own)
    paths, unclear = config_files(hub)
    foreign = []
    process = _process(hub)
    for path in paths:
        if path in mine or (process is not None and any(_is_same(process, path, file) for file in mine)):
            continue
        elsewhere = "" if process is not None and not _has_own_root(process) else _elsewhere(hub, process, path)
        if elsewhere:
            unclear.append(f"{elsewhere}, so {path}, which it read, is not held against {', '.join(map(str, mine))}")
        elif file_reading.real(path) not in {file_reading.real(file) for file in mine}:
            foreign.append(path)
    return foreign, unclear


def _elsewhere(hub: NamedHub, process: psutil.Process | None, path: Path) -> str:
    """Why a path of the hub may lie on another disk than this one; an empty text where it does not."""
    if process is not None:
        return "the hub runs in a container with files of its own"
    if not hub.transport.loopback:
        return "the hub runs on another host"
    if not file_reading.exists(path):
        return "the hub's process is not seen on this host, as if it ran in a container"
    return ""


def _process(hub: NamedHub) -> psutil.Process | None:
    with contextlib.suppress(HubDown, Unknown):
        return process_here(hub, hub.identity().pid)
    return None


def _has_own_root(process: psutil.Process) -> bool:
    """Whether what is `/` to the process is another folder than ours; False where this user may not look."""
    try:
        return not Path(f"/proc/{process.pid}/root").samefile("/")
    except OSError:
        return False


def _is_same(process: psutil.Process, path: Path, own: Path) -> bool:
    """Whether the process sees our file `own` at `path`; in a container a copy with the same content counts."""
    seen = Path(f"/proc/{process.pid}/root{path}")
    try:
        if seen.samefile(own):
            return True
    except OSError:
        return False
    if not _has_own_root(process):
        return False
    content = file_reading.content_or_none(seen, SIZE_LIMIT)
    return content is not None and content == file_reading.content_or_none(own, SIZE_LIMIT)
