"""One backup on disk, complete or not: what its manifest says, and where it keeps each file."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from readiness.errors import Unknown
from readiness.facts.backup import layout, script_made
from readiness.facts.backup.layout import printable
from readiness.facts.backup.restore import RestoredBackup, copy_back, restore_backup, sample, scratch, trial
from readiness.facts.backup.verify import verify
from readiness.support import content_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup. `created` in seconds since the epoch (None: unknown); `trouble`: why its manifest cannot be used."""

    path: Path
    created: float | None
    commit: str | None
    version: str | None
    manifest: layout.Manifest | None = dataclasses.field(default=None, repr=False)
    """What it holds, with checksums; None for a backup of a release's own script, or one that cannot be read."""
    sums: Mapping[str, str] | None = dataclasses.field(default=None, repr=False)
    """The checksums that a release's own script wrote; None where there are none."""
    trouble: str = ""
    time_text: str = ""
    """A time in a script's manifest that is not understood."""
    unfinished: bool = False
    own: bool = True
    """Whether `readiness backup` made it."""

    @property
    def name(self) -> str:
        """Its folder's name, fit to be shown."""
        return printable(self.path.name)

    @property
    def manifest_path(self) -> Path:
        """The file that says what it holds."""
        return self.path / (layout.MANIFEST if self.own else script_made.MANIFEST)

    @property
    def order(self) -> float:
        """When it was made, by its manifest, else its name, else its folder's time."""
        if self.created is not None:
            return self.created
        by_name = script_made.stamped(self.path.name)
        if by_name is not None:
            return by_name
        with contextlib.suppress(OSError):
            return self.path.stat().st_mtime
        return 0.0

    @property
    def checksummed(self) -> bool:
        """Whether its content can be compared with anything."""
        return self.manifest is not None or self.sums is not None

    @property
    def size(self) -> int:
        """Bytes of its files together."""
        return self.manifest.size if self.manifest is not None else script_made.content(self.path).size

    def age_hours(self) -> float:
        """How old it is in hours; negative for one from the future. Raises Unknown where that is not known."""
        if self.created is None:
            unclear = f"the time in its manifest is not understood: {self.time_text[:60]}" if self.time_text else ""
            why = self.trouble or unclear or "its manifest names no time"
            raise Unknown(f"{self.name} does not say when it was made, see backup-manifest-is-complete: {why}")
        return (time.time() - self.created) / 3600

    def missing_facts(self) -> list[str]:
        """What its manifest does not say of time, commit and version, or not as one."""
        stated = {
            "time": self.created is not None,
            "commit": bool(self.commit and script_made.COMMIT.fullmatch(self.commit)),
            "version": bool(self.version and script_made.VERSION.fullmatch(self.version)),
        }
        return [name for name, fine in stated.items() if not fine]

    def usable(self) -> None:
        """Raise Unknown where its content cannot be judged because its manifest cannot be used."""
        if self.trouble:
            raise Unknown(f"{self.name} cannot be used, see backup-is-intact: {self.trouble}")

    def troubles(self) -> list[str]:
        """What is wrong with it, as sentences. Raises Unknown where it may not be read."""
        if self.trouble:
            return [self.trouble]
        if self.manifest is None:
            found = script_made.content(self.path)
            nothing = [] if len(found.files) > 1 else [f"it holds nothing but its {script_made.MANIFEST}"]
            wrong = [] if self.sums is None else script_made.verify(self.path, self.sums, found.files)
            return [*nothing, *found.odd, *wrong]
        return verify(self.path, self.manifest)

    def restored(self, wanted: Iterable[str]) -> RestoredBackup:
        """Restore it into a scratch folder, which is removed afterwards; returns the result.

        Of large logs and caches only so much is put back, see `backup_restore.trial`. `wanted`: the configuration files
        by their paths in the release, for a backup that does not say which they are. Raises Unknown where that cannot
        be tried.
        """
        self.usable()
        return self._restored_copies(wanted) if self.manifest is None else self._restored_entries(self.manifest)

    def _restored_entries(self, manifest: layout.Manifest) -> RestoredBackup:
        chosen, left = trial(manifest)
        with scratch(chosen.size) as folder:
            restored = restore_backup(self.path, chosen, folder / "restored")
            return dataclasses.replace(restored, troubles=restored.with_configuration(), left=left)

    def _restored_copies(self, wanted: Iterable[str]) -> RestoredBackup:
        files = script_made.content(self.path).files
        chosen = sample(self.path, files)
        with scratch(sum((self.path / path).lstat().st_size for path in chosen)) as folder:
            places = [place for path in wanted if (place := script_made.place_of(path, files))]
            troubles = copy_back(self.path, dict.fromkeys([*chosen, *places]), folder)
            restored = RestoredBackup(
                troubles=tuple(troubles), configurations=tuple(folder / place for place in places)
            )
            return dataclasses.replace(restored, troubles=restored.with_configuration(), left=len(files) - len(chosen))

    def place_of(self, path: Path, release: Path) -> str | None:
        """Where it keeps the file `path`, below itself; None where it does not: by the path in the release, else by origin."""
        inner = inside(path, release)
        if self.manifest is None:
            return script_made.place_of(inner or path.name, script_made.content(self.path).files)
        real = Path(os.path.realpath(path))
        stored, origins = {f"release/{inner}", f"release/{inside(real, release)}"}, {str(path), str(real)}
        for entry in self.manifest.files:
            if entry.path in stored or self.manifest.origin(entry) in origins:
                return f"{layout.DATA}/{entry.path}"
        return None


def read_backup(path: Path) -> Backup | None:
    """The backup in the folder `path`; None where it is none. Never raises."""
    unfinished = path.name.startswith((layout.PARTIAL, layout.REMOVING))
    if path.name.startswith(".") and not unfinished:
        return None
    own = os.path.lexists(path / layout.MANIFEST) or unfinished or layout.NAME.fullmatch(path.name) is not None
    if own:
        return _own(path, unfinished=unfinished)
    if os.path.lexists(path / script_made.MANIFEST):
        stated = script_made.told(path)
        sums, trouble = script_made.sums(path)
        return Backup(
            path=path,
            created=stated.created,
            commit=stated.commit,
            version=stated.version,
            sums=sums,
            trouble=stated.trouble or trouble,
            time_text=stated.time_text,
            own=False,
        )
    if script_made.stamped(path.name) is not None or path.name.startswith("backup"):
        why = f"it has neither {layout.MANIFEST} nor {script_made.MANIFEST}: it was never finished, or its manifest was removed"
        return Backup(path=path, created=None, commit=None, version=None, trouble=why, own=False)
    return None


def _own(path: Path, *, unfinished: bool) -> Backup:
    nothing = Backup(path=path, created=None, commit=None, version=None, unfinished=unfinished)
    if unfinished:
        return dataclasses.replace(
            nothing, trouble="it is incomplete: it still has the name of one that was never finished"
        )
    file = path / layout.MANIFEST
    if not os.path.lexists(file):
        return dataclasses.replace(nothing, trouble=f"it is incomplete: it has no {layout.MANIFEST}")
    content = content_or_none(file, layout.MANIFEST_LIMIT)
    if content is None:
        why = f"{layout.MANIFEST} cannot be read: it is no file, not permitted or larger than {layout.MANIFEST_LIMIT} bytes"
        return dataclasses.replace(nothing, trouble=why)
    try:
        manifest = layout.parse(content)
    except layout.FormatError as error:
        return dataclasses.replace(nothing, trouble=str(error))
    return dataclasses.replace(
        nothing,
        manifest=manifest,
        created=layout.instant(manifest.created),
        commit=manifest.commit,
        version=manifest.version,
    )


def inside(path: Path, release: Path) -> str | None:
    """`path` relative to the release; None where it lies elsewhere."""
    for base in (release, release.resolve()):
        with contextlib.suppress(ValueError):
            return str(path.relative_to(base))
    return None
