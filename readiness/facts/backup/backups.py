"""The backups of a release, as they lie on disk: those of `readiness backup`, and those of a release's own script.

The newest one counts, whole or not: it is the one that a rollback takes.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.backup import layout
from readiness.facts.backup.backup import Backup, inside, read_backup
from readiness.facts.backup.layout import printable
from readiness.facts.backup.opening import opened
from readiness.facts.release import Git, Release
from readiness.support import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.backup.commits import Standing
    from readiness.facts.release import GitTimeouts

LOCKFILES: Final = (
    *("package-lock.json", "npm-shrinkwrap.json", "bun.lock", "bun.lockb", "yarn.lock", "pnpm-lock.yaml"),
)
"""What package managers call the file that pins every dependency."""
FACTS: Final = ("time", "commit", "version")
"""What the manifest of a backup says of where it comes from."""
_IGNORE: Final = ".gitignore"
SEEN_LIMIT: Final = 1000
"""Backups examined at most; a folder with more of them is never cleaned up."""


class Backups:
    """The folder of backups of a release; each question reads the disk again."""

    def __init__(self, config: Config, silence: GitTimeouts | None = None) -> None:
        """Raises Unknown where no release is configured."""
        release, folder = config.target.release, config.target.backups_dir
        if release is None or folder is None:
            raise Unknown("no [target] release: its backups cannot be looked for")
        self.config, self.release, self.folder = config, release, folder
        self.folders = config.target.backups_dirs
        """Where backups are looked for: `folder`, which new ones go to, and where earlier ones and those of scripts lie."""
        self.silence = silence

    def all(self) -> list[Backup]:
        """Every backup, the newest first; unfinished ones are not among them. Raises Unknown where it may not be read."""
        complete = [backup for path in self._folders() if (backup := read_backup(path)) and not backup.unfinished]
        return sorted(complete, key=lambda backup: (backup.order, backup.path.name), reverse=True)

    def committable(self) -> list[str]:
        """Env files in the newest backup that git would take with the next `git add`; none where that cannot be told."""
        last = self.latest()
        if last is None or not last.path.is_relative_to(self.release):
            return []
        copies = [str(file.relative_to(self.release)) for file in _env_copies(last.path)]
        try:
            return Git(self.release, self.silence).not_ignored(*copies) if copies else []
        except Unreadable:
            return []

    def unfinished(self) -> list[Backup]:
        """What processes left that were ended while they made a backup, or are making one now."""
        return [backup for path in self._folders() if (backup := read_backup(path)) and backup.unfinished]

    def latest(self) -> Backup | None:
        """The newest backup; None where there is none. Raises Unknown where the folder may not be read."""
        return next(iter(self.all()), None)

    def none_because(self) -> str:
        """Why there is no backup, in one sentence."""
        folders = [folder for folder in self.folders if os.path.lexists(folder)]
        if not folders:
            return f"there is no folder {printable(str(self.folder))}"
        return "; ".join(self._nothing_in(folder) for folder in folders)

    def _nothing_in(self, folder: Path) -> str:
        if not folder.is_dir():
            return f"{printable(str(folder))} is no folder"
        left = [backup for backup in self.unfinished() if backup.path.parent == folder]
        if left:
            return f"{printable(str(folder))} holds only a backup that was never finished: {left[0].name}"
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))[:3]
        rest = f", only what has no manifest: {', '.join(map(printable, names))}" if names else ""
        return f"{printable(str(folder))} holds no backup{rest}"

    def _folders(self) -> list[Path]:
        return [path for folder in self.folders for path in _inside(folder)]

    def pointer_trouble(self, newest: Backup) -> str:
        """What is wrong with the link `latest`; an empty text where it leads to `newest`, or there is none."""
        link = newest.path.parent / layout.LATEST
        if not link.is_symlink():
            return ""
        target = str(link.readlink())
        if os.path.normpath(link.parent / target) == os.path.normpath(newest.path):
            return ""
        return f"the link {layout.LATEST} leads to {printable(target)}, not to the newest backup {newest.name}"

    def exposed(self) -> tuple[list[str], list[str]]:
        """What other users, and what the group alone, may read or change, as sentences."""
        all_others: list[str] = []
        all_group: list[str] = []
        for folder in self.folders:
            others, group = _exposed(folder) if folder.is_dir() else ([], [])
            all_others += others
            all_group += group
        return all_others, all_group

    def room(self) -> tuple[str, int]:
        """Why no backup can be written here (an empty text where it can), and the bytes that are free for one."""
        folder = self.folder
        while not os.path.lexists(folder) and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            return f"{printable(str(folder))} is no folder", 0
        facts = os.statvfs(folder)
        free = facts.f_bavail * facts.f_frsize
        if facts.f_flag & os.ST_RDONLY:
            return f"{printable(str(folder))} is on a file system that is mounted read-only", free
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"{printable(str(folder))} may not be written by user {os.geteuid()}", free
        return "", free

    def wanted_facts(self) -> list[str]:
        """What a manifest has to say: no commit where no git is declared to be here."""
        return [fact for fact in FACTS if fact != "commit" or self.config.claim("git").expected is not False]

    def commit_standing(self, commit: str) -> Standing:
        """Whether git has the commit of a backup, and keeps it. Raises Unknown where git cannot tell."""
        from readiness.facts.backup.commits import Commits

        return Commits(self.release, self.silence).standing(commit)

    def shown(self, path: Path) -> str:
        """`path` as it is shown: relative to the release where it is inside it."""
        return printable(inside(path, self.release) or str(path))

    # --- what runs ---------------------------------------------------------------------------------------------------

    def configurations(self) -> list[str]:
        """The hub's configuration files by their paths in the release, or absolute."""
        files = Release(self.release, self.config).config_files()
        return [
            str(file.relative_to(self.release)) if file.is_relative_to(self.release) else str(file) for file in files
        ]

    def needed(self, running: Iterable[Path] = ()) -> list[Path]:
        """What a hub cannot be restored without: configuration, env file and lock file; `running`: what a hub says it reads."""
        target = self.config.target
        files = (*Release(self.release, self.config).config_files(), target.environment_file)
        paths = [path for path in files if path is not None and path.is_file()]
        paths += [path for name in LOCKFILES if (path := self.release / name).is_file()]
        known = {os.path.realpath(path) for path in paths}
        return paths + [path for path in dict.fromkeys(running) if os.path.realpath(path) not in known]

    def lacking(self, backup: Backup, running: Iterable[Path] = ()) -> tuple[list[str], list[str]]:
        """What `backup` lacks of what is needed, and what is another file by now. Raises Unknown where it cannot be read."""
        backup.usable()
        missing, changed = [], []
        for path in self.needed(running):
            place = backup.place_of(path, self.release)
            if place is None or not _is_kept(backup.path / place):
                missing.append(self.shown(path))
            elif path.name not in LOCKFILES and not _same(path, backup.path, place):
                changed.append(self.shown(path))
        return missing, changed


def _inside(folder: Path) -> list[Path]:
    """The folders in a folder of backups, the newest names first. Raises Unknown where it may not be read."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Unknown(f"{printable(str(folder))} cannot be read: {error.strerror or error}") from None
    return [folder / name for name in sorted(names, reverse=True)[:SEEN_LIMIT]]


def _env_copies(folder: Path) -> list[Path]:
    """Copies of env files with values in a backup's folder."""
    names = (*folder.glob(".env*"), *folder.glob("*/.env*"), *folder.glob("*.env"))
    return [path for path in names if not path.name.endswith((".example", ".template", ".sample")) and _is_kept(path)]


def _exposed(folder: Path) -> tuple[list[str], list[str]]:
    """What others, and what the group alone, may read or change of one folder of backups."""
    above = stat.S_IMODE(folder.stat().st_mode)
    others, group = _open_to(printable(str(folder)), above, stat.S_IWOTH, stat.S_IWGRP)
    for path in sorted(folder.iterdir())[:SEEN_LIMIT]:
        facts = path.lstat()
        if path.name == layout.LOCK or stat.S_ISLNK(facts.st_mode):
            continue
        mode = stat.S_IMODE(facts.st_mode)
        # what keeps the folder out of git may be read by all: it tells nothing of what is kept
        readable = path.name == _IGNORE
        open_paths = _open_to(
            printable(path.name),
            mode,
            (stat.S_IWOTH if readable else stat.S_IRWXO) if above & stat.S_IXOTH else 0,
            (stat.S_IWGRP if readable else stat.S_IRWXG) if above & stat.S_IXGRP else 0,
        )
        others += open_paths[0]
        group += open_paths[1]
    return others, group


def _is_kept(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _open_to(name: str, mode: int, others: int, group: int) -> tuple[list[str], list[str]]:
    if mode & others:
        return [f"{name} is open to everybody (mode {mode:04o})"], []
    return [], [f"{name} is open to its group (mode {mode:04o})"] if mode & group else []


def _same(path: Path, backup: Path, place: str) -> bool:
    try:
        with path.open("rb") as one, opened(backup, place) as stored, os.fdopen(os.dup(stored), "rb") as other:
            while chunk := one.read(1024 * 1024):
                if chunk != other.read(1024 * 1024):
                    return False
            return not other.read(1)
    except OSError as error:
        raise Unknown(f"{printable(str(path))} cannot be compared: {error.strerror or error}") from None
