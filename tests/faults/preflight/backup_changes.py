"""What can happen to the sample's backup: the changes that the mutations beside this module are made of."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.backup.layout import seal
from readiness.operations.backup.backup import BackupRequest, BackupSource, create
from tests.faults.preflight.mutation import Mutation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], None]

RECENT, COMPLETE, INTACT, RESTORES = (
    *("backup-is-recent", "backup-manifest-is-complete"),
    *("backup-is-intact", "backup-restores"),
)
COMMIT, ROOM, PRIVATE, CONTAINS = (
    *("backup-commit-is-reachable", "backup-location-has-room"),
    *("backups-are-private", "backup-contains-what-runs"),
)
NONE: Final = {RECENT: "failed"} | dict.fromkeys(
    (COMPLETE, INTACT, RESTORES, COMMIT, ROOM, PRIVATE, CONTAINS), "unknown"
)
"""What follows where there is no backup at all: one root cause, and nothing else can be told."""
ILLEGIBLE: Final = {COMPLETE: "failed", INTACT: "failed"} | dict.fromkeys(
    (RECENT, RESTORES, COMMIT, CONTAINS), "unknown"
)
"""What follows where the newest backup does not say what it holds."""
CONFIG: Final = "data/release/config/mcp-hub.json"


def broken(**more: Any) -> Mutation:
    """A mutation of the backup itself, which stays as it was left; git sees nothing of it."""
    settings: dict[str, Any] = {"committed": False, "backed_up": False} | more
    return Mutation(**settings)


def newest(tree: Path) -> Path:
    """The sample's backup."""
    return (tree / "backups" / "latest").resolve()


def manifest(change: Callable[[dict[str, Any]], object], *, sealed: bool = True) -> Change:
    """A change of what the manifest says; `sealed`: as its writer would have sealed it."""

    def mutate(tree: Path) -> None:
        file = newest(tree) / "manifest.json"
        document = json.loads(file.read_text(encoding="ascii"))
        change(document)
        if sealed:
            document["seal"] = seal(document)
        file.write_text(json.dumps(document), encoding="ascii")

    return mutate


def entry(document: dict[str, Any], end: str) -> dict[str, Any]:
    """The manifest's entry of the file whose path ends so."""
    return next(found for found in document["entries"] if found["path"].endswith(end))


def ago(**age: float) -> str:
    """A time before now as a manifest writes it."""
    return (dt.datetime.now(dt.UTC) - dt.timedelta(**age)).isoformat()


def said(key: str, value: Callable[[], Any] | str | None) -> Change:
    """The manifest says something else under `key`."""
    return manifest(lambda document: document.update({key: value() if callable(value) else value}))


def stored(change: Callable[[Path], object], name: str = CONFIG) -> Change:
    """A change of one file of the backup, behind its manifest's back."""
    return lambda tree: (change(newest(tree) / name), None)[1]


def without(end: str) -> Change:
    """A backup that was made without one file, and says so."""

    def mutate(tree: Path) -> None:
        for path in list((newest(tree) / "data").rglob(end.rpartition("/")[2])):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
        manifest(lambda document: document["entries"].remove(entry(document, end)))(tree)

    return mutate


def flip(path: Path) -> None:
    """Another byte, the same size; in a comment where there is one, so that what could be read still can be."""
    content = bytearray(path.read_bytes())
    comment = content.find(b"// ")
    content[len(content) // 2 if comment < 0 else comment + 3] ^= 1
    path.write_bytes(content)


def broken_configuration(tree: Path) -> None:
    """What was backed up was no configuration already then."""
    (tree / "config" / "mcp-hub.json").rename(tree / "kept.json")
    (tree / "config" / "mcp-hub.json").write_text("{ mcpServers: ", encoding="utf-8")
    made_anew(tree)
    (tree / "kept.json").rename(tree / "config" / "mcp-hub.json")


def made_anew(tree: Path, *more: BackupSource) -> None:
    """A new backup in the place of the sample's."""
    document = json.loads((newest(tree) / "manifest.json").read_text(encoding="ascii"))
    wanted = [
        entry for entry in document["entries"] if entry["path"].startswith("release/") and entry["kind"] == "file"
    ]
    shutil.rmtree(tree / "backups")
    sources = [
        BackupSource(root="release", base=tree, path=found["path"].removeprefix("release/"), role=found["role"])
        for found in wanted
    ]
    create(
        BackupRequest(
            folder=tree / "backups",
            sources=(*sources, *more),
            commit=document["commit"],
            version=document["version"],
        )
    )


def odd_logs(tree: Path) -> None:
    """Logs whose names and links would trip a careless reader."""
    logs = tree.parent / "odd"
    logs.mkdir()
    (logs / "two\nlines\u202e.log").write_text("calm\n", encoding="utf-8")
    (logs / os.fsdecode(b"not-utf-8-\xff.log")).write_text("calm\n", encoding="utf-8")
    (logs / "loop").symlink_to("loop")
    (logs / "outside").symlink_to("/etc/passwd")
    os.mkfifo(logs / "pipe")
    made_anew(tree, BackupSource(root="odd", base=logs, path=".", role="logs"))
    shutil.rmtree(logs)


def dangling(tree: Path) -> None:
    """The backup's commit exists, and nothing leads to it."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    argv = ("git", *identity, "-C", str(tree), "commit-tree", "-m", "abandoned", "HEAD^{tree}")
    commit = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    said("commit", commit)(tree)


def modes(folder: int, backup: int) -> Change:
    """Other modes of the folder of backups and of the backup in it."""

    def mutate(tree: Path) -> None:
        (tree / "backups").chmod(folder)
        newest(tree).chmod(backup)

    return mutate


def older_beside(tree: Path) -> None:
    """`latest` still leads to yesterday's backup."""
    shutil.copytree(newest(tree), tree / "backups" / "20200101T000000Z-00000000", symlinks=True)
    latest = tree / "backups" / "latest"
    name = newest(tree).name
    latest.unlink()
    latest.symlink_to("20200101T000000Z-00000000")
    manifest(lambda document: document.update(created="2020-01-01T00:00:00Z"))(tree)
    latest.unlink()
    latest.symlink_to("20200101T000000Z-00000000")
    assert name != newest(tree).name


def assessments(*, whole: bool = True, sums: bool = False, text: str = "") -> Change:
    """A backup as the release's own script makes it: copies and a `manifest.txt`."""

    def mutate(tree: Path) -> None:
        head = json.loads((newest(tree) / "manifest.json").read_text(encoding="ascii"))["commit"]
        shutil.rmtree(tree / "backups")
        made = tree / "backups" / time.strftime("%Y%m%d-%H%M%S")
        made.mkdir(parents=True)
        for folder in (tree / "backups", made):
            folder.chmod(0o700)
        shutil.copytree(tree / "config", made / "config")
        if whole:
            for name in (".env.production", "package-lock.json"):
                shutil.copy2(tree / name, made / name)
        told = f"Timestamp: {time.strftime('%a %b %d %H:%M:%S UTC %Y', time.gmtime())}\nGit commit: {head}\nVersion: 4.3.0\n"
        (made / "manifest.txt").write_text(text or told, encoding="utf-8")
        if sums:
            argv = "find . -type f ! -name SHA256SUMS -exec sha256sum {} + >SHA256SUMS"
            subprocess.run(["/bin/sh", "-c", argv], cwd=made, timeout=60, check=True)

    return mutate


def own_script(change: Callable[[Path], object]) -> Change:
    """A change of the one backup that the release's own script made."""

    def mutate(tree: Path) -> None:
        change(next(path for path in (tree / "backups").iterdir() if path.is_dir()))

    return mutate


def unfinished(tree: Path) -> None:
    """The name of one that was never finished."""
    made = newest(tree)
    made.rename(made.with_name(f".partial-{made.name}"))
    (tree / "backups" / "latest").unlink()


def in_its_place(make: Callable[[Path], object]) -> Change:
    """Something else in the place of the folder of backups."""

    def mutate(tree: Path) -> None:
        shutil.rmtree(tree / "backups")
        make(tree / "readiness-backups")

    return mutate


def sparse(path: Path) -> None:
    """A manifest of 2 GB that takes no room."""
    os.truncate(path, 2 * 1024**3)


def to_folder(path: Path) -> None:
    """A folder where a file was."""
    path.unlink()
    path.mkdir()


def to_link(path: Path) -> None:
    """A link out of the backup where a file was."""
    path.unlink()
    path.symlink_to("/etc/hostname")
