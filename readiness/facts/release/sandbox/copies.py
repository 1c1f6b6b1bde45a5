"""A copy of a release tree to build and test in, from which nothing leads back into the original.

Links inside the tree point into the copy; what a link outside the tree leads to is copied as well, `node_modules`
included: a build that writes through a link writes into the copy.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_LIMIT: Final = 4 * 1024**3
"""Bytes of a tree that is copied, at most."""
FILE_LIMIT: Final = 300_000
"""Files of a tree that is copied, at most."""
LINKED_LIMIT: Final = 1024**3
"""Bytes outside the tree that links in it lead to, at most: a link to a system folder is no dependency."""
_SPARE: Final = 256 * 1024**2
"""Bytes that must stay free where the copy is made."""
_DEEPEST: Final = 60

Stamp = tuple[int, int, int]


@dataclasses.dataclass(slots=True)
class _Budget:
    files: int = 0
    size: int = 0

    def spend(self, size: int) -> None:
        self.files, self.size = self.files + 1, self.size + size
        if self.size > SIZE_LIMIT or self.files > FILE_LIMIT:
            raise Unreadable(
                f"the release holds more than {SIZE_LIMIT // 1024**3} GB or {FILE_LIMIT} files: build it elsewhere "
                "and declare [expect] build and tests as not expected here",
                "large",
            )


def copy(root: Path, target: Path, leave_out: frozenset[Path]) -> None:
    """Copy `root` to `target` (not there yet), without the paths of `leave_out`, sockets and pipes. Raises Unreadable."""
    real = file_reading.real(root)
    leave = {str(path) for path in leave_out} | {str(file_reading.real(path)) for path in leave_out}
    needed = sum(size for _, size in _measured(real, leave))
    free = shutil.disk_usage(target.parent).free
    if needed + _SPARE > free:
        raise Unreadable(
            f"a copy of the release needs {needed // 1024**2} MB, and {target.parent} has {free // 1024**2} MB free: "
            "set TMPDIR to a larger disk",
            "large",
        )
    try:
        _Copier(real, target, leave).folder(real, target, (str(real),))
    except OSError as error:
        what = error.filename or root
        raise Unreadable(f"the release cannot be copied: {what}: {error.strerror or error}", "denied") from None


def _measured(root: Path, leave: set[str]) -> Iterator[tuple[str, int]]:
    budget = _Budget()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if f"{folder}/{name}" not in leave]
        for name in files:
            with contextlib.suppress(OSError):
                found = os.lstat(f"{folder}/{name}")
                if stat.S_ISREG(found.st_mode):
                    budget.spend(found.st_size)
                    yield f"{folder}/{name}", found.st_size


class _Copier:
    def __init__(self, root: Path, target: Path, leave: set[str]) -> None:
        self.root, self.target, self.leave, self.budget = root, target, leave, _Budget()
        self.linked = 0
        self.clones = True
        self.places: dict[str, Path] = {}
        """Folders outside of the tree, to where they are in the copy."""

    def folder(self, source: Path, target: Path, seen: tuple[str, ...]) -> None:
        """Copy a folder; `seen` are the real folders above it, so that a loop of links ends."""
        target.mkdir(exist_ok=True)
        for item in sorted(os.scandir(source), key=lambda item: item.name):
            if item.path in self.leave:
                continue
            there = target / item.name
            if item.is_symlink():
                self._link(Path(item.path), there, seen)
            elif item.is_dir():
                self.folder(Path(item.path), there, (*seen, item.path))
            elif item.is_file():
                self._file(item.path, there)
        shutil.copymode(source, target)
        target.chmod(target.stat().st_mode | 0o700)

    def _file(self, source: str, target: Path) -> None:
        if not source.startswith(f"{self.root}/"):
            self.linked += os.stat(source).st_size  # noqa: PTH116 - a path as scandir gives it
            if self.linked > LINKED_LIMIT:
                raise Unreadable("links in the release lead to more than 1 GB outside of it: it is not copied", "large")
        self.budget.spend(os.stat(source).st_size)  # noqa: PTH116 - a path as scandir gives it
        self.clones = self.clones and _clone(source, target)
        if not self.clones:
            shutil.copyfile(source, target)
        shutil.copystat(source, target)

    def _link(self, source: Path, target: Path, seen: tuple[str, ...]) -> None:
        real = Path(os.path.realpath(source))
        above = next((folder for folder in (real, *real.parents) if str(folder) in self.places), None)
        if real.is_relative_to(self.root):
            # the same place in the copy; a dangling link stays one, and leads nowhere near the original
            target.symlink_to(os.path.relpath(self.target / real.relative_to(self.root), target.parent))
        elif above is not None:
            # as `.bin` does in a node_modules that is a link: what it leads to finds its neighbours by its own place
            target.symlink_to(os.path.relpath(self.places[str(above)] / real.relative_to(above), target.parent))
        elif real.is_dir():
            # what holds the release itself is no part of it: a link to it stays out
            if not self.root.is_relative_to(real) and str(real) not in seen and len(seen) < _DEEPEST:
                self.places[str(real)] = target
                self.folder(real, target, (*seen, str(real)))
        elif real.is_file():
            self._file(str(real), target)


_FICLONE: Final = 0x40049409


def _clone(source: str, target: Path) -> bool:
    """Let `target` share the content of `source` until one of them is written; whether the file system can (btrfs, xfs).

    A hard link would be as quick and is never made: a build that writes a file in place would write the original.
    """
    try:
        with open(source, "rb") as original, target.open("wb") as copy_of_it:  # noqa: PTH123 - a path as scandir gives it
            fcntl.ioctl(copy_of_it.fileno(), _FICLONE, original.fileno())
    except OSError:
        return False
    return True


def stamps(root: Path, leave_out: frozenset[Path]) -> dict[str, Stamp]:
    """Every file below `root` with size, time of change and mode: what must be the same after a build in a copy.

    What links below it lead to, such as a shared `node_modules`, is looked at as well.
    """
    leave = {str(path) for path in leave_out} | {str(file_reading.real(path)) for path in leave_out}
    stamps_by_name: dict[str, Stamp] = {}
    waiting, seen = [str(file_reading.real(root))], set[str]()
    while waiting and len(stamps_by_name) < FILE_LIMIT:
        folder = waiting.pop()
        if folder in seen or folder in leave:
            continue
        seen.add(folder)
        with contextlib.suppress(OSError):
            for item in os.scandir(folder):
                if item.path in leave:
                    continue
                if item.is_dir():
                    real = os.path.realpath(item.path) if item.is_symlink() else item.path
                    if not file_reading.real(root).is_relative_to(real):
                        waiting.append(real)
                else:
                    at = item.stat(follow_symlinks=False)
                    stamps_by_name[item.path] = (at.st_size, at.st_mtime_ns, at.st_mode)
    return stamps_by_name


def changed(before: dict[str, Stamp], after: dict[str, Stamp]) -> list[str]:
    """Paths that are new, gone or different."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
