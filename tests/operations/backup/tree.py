"""A small release for the tests of backups, and short ways to back it up and to look at what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.config.loading import parse
from readiness.facts.backup.backup import Backup, read_backup
from readiness.facts.backup.backups import Backups
from readiness.facts.backup.layout import CONFIGURATION, ENVIRONMENT, LOCKFILE
from readiness.operations.backup.backup import BackupRequest, BackupSource, MadeBackup, create

if TYPE_CHECKING:
    from collections.abc import Callable

COMMIT: Final = "5f0c1d6a9b8e7c4d3f2a1b0c9d8e7f6a5b4c3d2e"
FILES: Final = {
    "config/mcp-hub.json": '{"mcpServers": {"echo": {"command": "echo"}}, /* JSON5 */}',
    ".env.production": "NODE_ENV=production\n",
    "package-lock.json": "{}",
    "package.json": '{"name": "mcp-hub", "version": "4.3.0"}',
    "logs/hub.log": "calm\n",
}


def release(folder: Path) -> Path:
    """A release tree without git."""
    for name, text in FILES.items():
        path = folder / "release" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "release" / ".env.production").chmod(0o640)
    return folder / "release"


def sources(tree: Path) -> tuple[BackupSource, ...]:
    """What `readiness backup` takes of it."""
    wanted = (("config/mcp-hub.json", CONFIGURATION, True), (".env.production", ENVIRONMENT, False))
    named = tuple(
        BackupSource(root="release", base=tree, path=path, role=role, required=need) for path, role, need in wanted
    )
    return (
        *named,
        BackupSource(root="release", base=tree, path="package-lock.json", role=LOCKFILE),
        BackupSource(root="release", base=tree, path="logs", role="logs"),
    )


def request(tree: Path, **more: Any) -> BackupRequest:
    """A request to back `tree` up into its folder of backups."""
    wanted = {"folder": tree / "backups", "sources": sources(tree), "commit": COMMIT, "version": "4.3.0"}
    return BackupRequest(**(wanted | more))


def back_up(tree: Path, *, on_step: Callable[[str], None] | None = None, **more: Any) -> MadeBackup:
    """Back `tree` up."""
    return create(request(tree, **more)) if on_step is None else create(request(tree, **more), on_step=on_step)


def backups(tree: Path, **target: Any) -> Backups:
    """The facts about the backups of `tree`."""
    settings = {"target": {"release": str(tree)} | target}
    return Backups(parse(settings, source_name="readiness.toml", folder=tree.parent))


def one(path: Path) -> Backup:
    """The backup in `path`."""
    found = read_backup(path)
    assert found is not None
    return found


def document(path: Path) -> dict[str, Any]:
    """The manifest of the backup in `path`, as JSON."""
    found: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="ascii"))
    return found


def visible(folder: Path) -> list[Path]:
    """What has the name of a backup."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_symlink())


def content(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, links not followed."""
    found = (path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
