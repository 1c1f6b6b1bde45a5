"""What has to hold on the host before a deploy: no other deployment runs, a rollback was rehearsed, the state is sound."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import pwd
import re
from pathlib import Path
from typing import Final

from readiness.config import parse_window
from readiness.facts.release import EntryPoint, Release
from readiness.support import Unreadable, file_reading

_PID: Final = re.compile(r"(?:\bpid\b\W{0,4})?(?<![\d.:-])(\d{1,7})(?![\d.:-])", re.IGNORECASE)
_SMALL: Final = 64 * 1024
STATE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a state file at most."""
_BESIDE: Final = ("{0}.previous", "{0}-previous", "{0}.prev", "{0}.old", "previous")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentLock:
    """A lock file. `holder`: the process that holds it; None where none does, or where it names none."""

    path: Path
    holder: int | None
    names_nobody: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRecord:
    """The record of a rollback that was tried."""

    when: dt.datetime
    seconds: float | None
    succeeded: bool


class DeployConditions:
    """Asked on the host, before a deploy; each question looks again."""

    def __init__(self, release: Release) -> None:
        self.release, self.config = release, release.config

    # --- another deployment ---------------------------------------------------------------------------------------

    def lock(self) -> DeploymentLock | None:
        """The deployment lock of another deployment; None where there is none, or where this run was started under it."""
        path = self.release.path(self.config.release.lock)
        if not file_reading.exists(path):
            return None
        holder = _flock_holder(path)
        if holder is not None:
            return DeploymentLock(path=path, holder=None if holder in _ancestors() else holder)
        try:
            text = file_reading.text(path, _SMALL)
        except Unreadable as error:
            if error.why == "folder":  # `mkdir lock` is a lock too; it names nobody
                return DeploymentLock(path=path, holder=None, names_nobody=True)
            raise
        match = _PID.search(text)
        if match is None:
            return DeploymentLock(path=path, holder=None, names_nobody=bool(text.strip()))
        alive = _is_alive(int(match[1])) and int(match[1]) not in _ancestors()
        return DeploymentLock(path=path, holder=int(match[1]) if alive else None)

    # --- windows --------------------------------------------------------------------------------------------------

    def open_window(self, now: dt.datetime | None = None) -> str | None:
        """The configured window that is open now; None where none is."""
        moment = now or dt.datetime.now(dt.UTC)
        return next((text for text in self.config.release.windows if parse_window(text).is_open(moment)), None)

    # --- the rehearsal --------------------------------------------------------------------------------------------

    @property
    def rehearsal_file(self) -> Path:
        """Where a drill leaves its record."""
        configured = self.config.release.rehearsal
        return self.config.report_dir / "rehearsal.json" if configured is None else self.release.path(configured)

    def rehearsal(self) -> RehearsalRecord:
        """The last rehearsed rollback. Raises Unreadable."""
        file = self.rehearsal_file
        try:
            data = json.loads(file_reading.text(file, _SMALL))
            when = dt.datetime.fromisoformat(data["finished"])
            seconds, result = data.get("seconds"), data.get("result")
        except Unreadable:
            raise
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise Unreadable(f"{file} is no record of a rehearsal: it needs `finished`, `seconds`, `result`") from None
        counted = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds >= 0
        return RehearsalRecord(
            when=when if when.tzinfo else when.replace(tzinfo=dt.UTC),
            seconds=float(seconds) if counted else None,
            succeeded=result in {"verified", "passed", "ROLLED_BACK_VERIFIED"},
        )

    # --- the previous release -------------------------------------------------------------------------------------

    def previous(self) -> EntryPoint:
        """The entry point of the release that a rollback returns to. Raises Unreadable where none is kept."""
        configured = self.config.release.previous
        if configured is not None:
            return self._entry(self.release.path(configured))
        for folder in self._candidates():
            with contextlib.suppress(Unreadable):
                return self._entry(folder)
        raise Unreadable(
            f"no previous release is kept beside {self.release.root}: keep the last one, or set [release] previous",
            "missing",
        )

    def _candidates(self) -> list[Path]:
        """Folders that may hold it: by name, then sibling releases, the newest first."""
        real = file_reading.real(self.release.root)
        named = [self.release.root.parent / pattern.format(self.release.root.name) for pattern in _BESIDE]
        named += [real.parent / "previous"]
        siblings: list[Path] = []
        if real.parent.name == "releases":
            with contextlib.suppress(OSError):
                siblings = [path for path in real.parent.iterdir() if path.is_dir() and file_reading.real(path) != real]
                siblings.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return [path for path in [*named, *siblings] if path.is_dir() and file_reading.real(path) != real]

    # --- the hub's state ------------------------------------------------------------------------------------------

    def state(self) -> Path:
        """The hub's state folder. Raises Unreadable where it is not known."""
        configured = self.config.target.state_dir
        if configured is not None:
            return configured
        user = None
        with contextlib.suppress(Unreadable):
            systemd_unit = self.release.unit()
            base = systemd_unit.environment.get("XDG_STATE_HOME")
            if base:
                return Path(base) / "mcp-hub"
            user = systemd_unit.user or "root"
        try:
            home = Path(pwd.getpwnam(user).pw_dir) if user else Path("~").expanduser()
        except KeyError:
            raise Unreadable(f"the service's user {user} is not known here: set [target] state", "untold") from None
        folder = home / ".local" / "state" / "mcp-hub"
        if user is None and not folder.is_dir():
            raise Unreadable("where the hub keeps its state is not known: set [target] state", "untold")
        return folder

    def state_files(self, folder: Path) -> dict[str, str]:
        """Name of each JSON file of the state folder that cannot be used, to why. Raises Unreadable."""
        problems: dict[str, str] = {}
        for path in _listed(folder):
            if path.suffix == ".json":
                try:
                    json.loads(file_reading.text(path, STATE_LIMIT))
                except Unreadable as error:
                    problems[path.name] = error.why
                except (ValueError, RecursionError):
                    problems[path.name] = "no JSON"
        return problems

    @staticmethod
    def is_there(folder: Path) -> bool:
        """Whether there is something where the state folder is to be."""
        return file_reading.exists(folder)

    @staticmethod
    def foreign(folder: Path, owner: int | None) -> list[str]:
        """Names in `folder`, and its own, that belong to another user than `owner` (None: the folder's own).

        Raises Unreadable.
        """
        wanted = file_reading.owner(folder)[0] if owner is None else owner
        paths = [folder, *_listed(folder)]
        return [path.name for path in paths if path.lstat().st_uid != wanted]

    @staticmethod
    def writable(folder: Path, owner: int | None) -> bool:
        """Whether the folder, or the nearest one above it that is there, can be written to by its service."""
        return _can_write(folder, owner)

    def version_of(self, what: EntryPoint) -> str:
        """The version that the package of an entry point names. Raises Unreadable."""
        return Release(what.folder, self.config).version_of(what)

    def _entry(self, folder: Path) -> EntryPoint:
        """What a release in `folder` starts. Raises Unreadable."""
        found = Release(folder, self.config).own_entry()
        return dataclasses.replace(found, source=f"{folder}/package.json", folder=folder)

    def service_user(self) -> int | None:
        """The number of the user that the service runs as; None where no unit says."""
        with contextlib.suppress(Unreadable, KeyError):
            return pwd.getpwnam(self.release.unit().user or "root").pw_uid
        return None


def _can_write(folder: Path, owner: int | None) -> bool:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if owner is None or owner == os.getuid():
        return os.access(folder, os.W_OK | os.X_OK)
    at = folder.stat()
    return owner == 0 or bool((at.st_uid == owner and at.st_mode & 0o300 == 0o300) or at.st_mode & 0o003 == 0o003)  # noqa: PLR2004


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())[:1000]
    except NotADirectoryError:
        raise Unreadable(f"{folder} is a file, and a folder is to be there", "broken", folder) from None
    except OSError as error:
        raise Unreadable(f"{folder} cannot be listed: {error.strerror or error}", "denied", folder) from None


def _flock_holder(path: Path) -> int | None:
    """Who holds a kernel lock on the file: read from the kernel's own list, since taking it could disturb a deploy."""
    with contextlib.suppress(OSError):
        at = path.stat()
        wanted = f"{os.major(at.st_dev):02x}:{os.minor(at.st_dev):02x}:{at.st_ino}"
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            parts = line.split()
            if len(parts) >= 6 and parts[1] != "->" and parts[5] == wanted:  # noqa: PLR2004 - columns of the list
                return int(parts[4])
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _ancestors() -> set[int]:
    """This process and those that started it."""
    pids, pid = set[int](), os.getpid()
    while pid > 0 and pid not in pids:
        pids.add(pid)
        pid = _parent(pid)
    return pids


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1]
        )
    return 0
