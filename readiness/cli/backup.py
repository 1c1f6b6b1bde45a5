"""`readiness backup`: make a backup that preflight can verify, list what there is, verify one, put one back."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.config import load
from readiness.errors import ReadinessError, Unknown
from readiness.facts.backup import LATEST, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config import Config
    from readiness.facts.backup import Backup, Backups
    from readiness.operations.backup import MadeBackup

_USAGE: Final = 4
_MIB: Final = 1024 * 1024


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb: 0 when all is well, 1 when a backup could not be made or does not verify, 4 for a wrong call."""
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    config = load(file=given.readiness_config)
    if config.target.release is None:
        sys.stderr.write("readiness backup: nothing says which release: set [target] release or MCP_HUB_RELEASE\n")
        return _USAGE
    try:
        return _do(given, config)
    except ReadinessError as error:
        sys.stderr.write(f"readiness backup: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness backup",
        description=__doc__,
        allow_abbrev=False,
        epilog="exit: 0 all is well, 1 a backup could not be made or does not verify, 4 a wrong call or configuration",
    )
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the backups, the newest first")
    what.add_argument("--verify", metavar="NAME", help=f"verify one by its checksums; `{LATEST}` is the newest")
    what.add_argument("--restore", metavar="NAME", help="put one back below --into DIR, a new or empty folder")
    parser.add_argument("--into", type=Path, metavar="DIR", help="where --restore puts it")
    parser.add_argument("--also", type=Path, action="append", default=[], metavar="FILE", help="a further file to take")
    parser.add_argument("--keep", type=_positive, metavar="N", help="remove all but the newest N backups of this kind")
    parser.add_argument("--max-file", type=_positive, default=1024, metavar="MB", help="larger logs are left out")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _do(given: argparse.Namespace, config: Config) -> int:
    from readiness.facts.backup import Backups

    backups = Backups(config)
    if given.list:
        return _list(backups)
    if given.verify is not None:
        return _verify(_named(backups, given.verify))
    if given.restore is not None:
        return _restore(_named(backups, given.restore), given.into)
    return _make(config, given)


# --- making one -----------------------------------------------------------------------------------------------------------


def _make(config: Config, given: argparse.Namespace) -> int:
    from readiness.operations.backup import back_up_release

    _say(back_up_release(config, also=given.also, keep=given.keep, file_limit=given.max_file * _MIB))
    return 0


def _say(made: MadeBackup) -> None:
    manifest, say = made.manifest, sys.stdout.write
    say(f"{printable(str(made.path))}\n{len(manifest.files)} files, {_size(manifest.size)}, ")
    say(f"commit {(manifest.commit or 'unknown')[:12]}, version {printable(manifest.version or 'unknown')}\n")
    for path, why in manifest.skipped[:20]:
        say(f"left out: {printable(path)}: {why}\n")
    if len(manifest.skipped) > 20:  # noqa: PLR2004 - as many as were just told
        say(f"left out: {len(manifest.skipped) - 20} more, all named in its manifest\n")
    for name in made.removed:
        say(f"removed: {name}\n")


# --- those that are there -------------------------------------------------------------------------------------------------


def _named(backups: Backups, name: str) -> Backup:
    """The backup `name`, an unfinished one included. Raises ReadinessError."""
    from readiness.facts.backup import read_backup

    if name == LATEST:
        newest = backups.latest()
        if newest is None:
            raise ReadinessError(backups.none_because())
        return newest
    paths = [folder / name for folder in backups.folders] if "/" not in name and name not in {"", ".", ".."} else []
    found = next((found for path in paths if path.is_dir() and (found := read_backup(path)) is not None), None)
    if found is None:
        known = ", ".join(backup.name for backup in backups.all()[:5]) or "none"
        raise ReadinessError(
            f"there is no backup {printable(name)} in {printable(', '.join(map(str, backups.folders)))}; there is: {known}"
        )
    return found


def _list(backups: Backups) -> int:
    every_backup = [*backups.all(), *backups.unfinished()]
    if not every_backup:
        sys.stdout.write(f"{backups.none_because()}\n")
        return 0
    for backup in every_backup:
        sys.stdout.write(f"{_line(backup)}\n")
    return 0


def _line(backup: Backup) -> str:
    made = dt.datetime.fromtimestamp(backup.created, dt.UTC).isoformat(" ", "minutes") if backup.created else "unknown"
    state = backup.trouble or ("checksums" if backup.checksummed else "no checksums")
    commit, version = (backup.commit or "unknown")[:12], backup.version or "unknown"
    return f"{backup.name:<28} {made:<22} {_size(backup.size):>9}  {printable(version):<10} {printable(commit):<12}  {state}"


def _verify(backup: Backup) -> int:
    troubles = backup.troubles()
    for trouble in troubles:
        sys.stdout.write(f"{backup.name}: {trouble}\n")
    if troubles:
        return 1
    if not backup.checksummed:
        sys.stdout.write(f"{backup.name}: it has no checksums, so nothing can be verified but that it can be read\n")
        return 1
    count = len(backup.manifest.files) if backup.manifest is not None else len(backup.sums or ())
    sys.stdout.write(f"{backup.name}: whole, {count} files match their SHA-256\n")
    return 0


def _restore(backup: Backup, into: Path | None) -> int:
    from readiness.facts.backup import restore_backup

    if into is None:
        sys.stderr.write("readiness backup: --restore needs --into DIR, a new or empty folder\n")
        return _USAGE
    if backup.manifest is None:
        raise Unknown(backup.trouble or f"{backup.name} was not made by `readiness backup`: copy its files by hand")
    restored = restore_backup(backup.path, backup.manifest, into)
    for trouble in restored.troubles:
        sys.stdout.write(f"{backup.name}: {trouble}\n")
    for root, origin in sorted(backup.manifest.roots.items()):
        sys.stdout.write(f"{printable(str(into / root))} holds what was in {printable(origin)}\n")
    return 1 if restored.troubles else 0


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"  # noqa: PLR2004 - where kB get long
