"""The facts about backups: what is read of each kind, what is needed, what others may read, and what git still has."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness.errors import Unknown
from readiness.facts.backup import commits, script_made
from readiness.facts.backup import restore as backup_restore
from readiness.facts.backup.backups import Backups
from readiness.facts.hub.hub import config_sources
from tests.operations.backup.tree import FILES, back_up, backups, one, release

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config.model import Config

MOMENT = dt.datetime(2025, 11, 16, 10, 15, tzinfo=dt.UTC)


def script_backup(tree: Path, text: str, name: str = "20251116-101500") -> Path:
    """A backup as a release's own script makes it."""
    made = tree / "backups" / name
    for path in ("config/mcp-hub.json", ".env.production", "package-lock.json", "logs/hub.log"):
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(FILES[path], encoding="utf-8")
    (made / "manifest.txt").write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize(
    ("text", "created", "commit", "version"),
    [
        ("timestamp: 2025-11-16T10:15:00Z\ngit_commit: abc1234\nversion: 4.3.0", True, "abc1234", "4.3.0"),
        (
            "Backup created: Sun Nov 16 10:15:00 UTC 2025\nGit Commit = ABC1234\nVersion = v4.3.0",
            True,
            "abc1234",
            "4.3.0",
        ),
        ("- **Date**: Sun, 16 Nov 2025 10:15:00 +0000\n# commit: abc1234 (main)", True, "abc1234", None),
        ("time=1763288100\nnode version: v20.1.0\nhub version: 4.3.0-rc.1", True, None, "4.3.0-rc.1"),
        ("time=1763288100000\nrevision: abc1234\n", True, "abc1234", None),
        ("Timestamp: 20251116T101500Z\ncommit: unknown\nversion: none", True, None, None),
        ("Backup: Sun Nov 16 10:15:00 UTC 2025\nCommit: abc1234\n", True, "abc1234", None),
        ("Host: hub-1:7000\n", False, None, None),
        ("Created: soon\nBackup: Sun Nov 16 10:15:00 UTC 2025\n", False, None, None),
        ("Created: soon\n", False, None, None),
        ("no pairs here\n\n\n", False, None, None),
    ],
)
def test_a_scripts_manifest_is_read_kindly(
    text: str, created: object, commit: str | None, version: str | None, tmp_path: Path
) -> None:
    """Time, commit and version are found under the names and in the forms that scripts give them."""
    found = one(script_backup(tmp_path, text))
    assert (found.created == MOMENT.timestamp()) is created
    assert (found.commit, found.version, found.checksummed, found.own) == (commit, version, False, False)


def test_a_time_without_a_zone_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script's `date` speaks of the host's zone; a name of a folder does, too, unless it ends in Z."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert script_made.when("2025-11-16 19:15:00") == MOMENT.timestamp()
        assert script_made.stamped("backup-20251116-191500") == MOMENT.timestamp()
        assert script_made.stamped("20251116T101500Z") == MOMENT.timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_no_time_breaks_the_reader(text: str) -> None:
    """Any text is a time or none."""
    assert script_made.when(text) is None or isinstance(script_made.when(text), float)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.write_text(""), "is empty"),
        (lambda path: path.write_bytes(b"commit: \0"), "is binary"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "cannot be read"),
        (lambda path: os.truncate(path, 2 * 1024**3), "larger than"),
        (lambda path: (path.unlink(), path.symlink_to("manifest.txt")), "cannot be read"),
    ],
    ids=["empty", "binary", "folder", "pipe", "enormous", "loop"],
)
def test_an_illegible_manifest_is_told(change: object, words: str, tmp_path: Path) -> None:
    """Whatever stands in the place of a manifest.txt, its trouble is one sentence, and its content is unknown."""
    made = script_backup(tmp_path, "commit: abc1234")
    assert callable(change)
    change(made / "manifest.txt")
    found = one(made)
    assert words in found.trouble
    assert found.troubles() == [found.trouble]
    with pytest.raises(Unknown, match="see backup-is-intact"):
        found.restored(["config/mcp-hub.json"])


def test_checksums_of_a_script_are_verified(tmp_path: Path) -> None:
    """A SHA256SUMS is read as sha256sum writes it: what is missing, changed or not in it is told; bad ones are refused."""
    made = script_backup(tmp_path, "commit: abc1234")
    sums = made / "SHA256SUMS"
    (made / "two\nlines").write_text("x")
    argv = ["/bin/sh", "-c", "find . -type f ! -name SHA256SUMS -exec sha256sum {} + >SHA256SUMS"]
    subprocess.run(argv, cwd=made, check=True, timeout=30)
    assert one(made).checksummed
    assert one(made).troubles() == []
    good = sums.read_text()
    (made / "implant").write_text("x")
    (made / "package-lock.json").write_text("{ }")
    (made / "logs" / "hub.log").unlink()
    assert one(made).troubles() == [
        "logs/hub.log is missing",
        "implant is in the backup and not in its SHA256SUMS",
        "package-lock.json has another content than its SHA-256 says",
    ]
    for bad, words in (
        (f"{hashlib.sha256().hexdigest()}  ../x\n", "leads out of the backup"),
        (good[:70], "is truncated"),
        ("", "is empty"),
    ):
        sums.write_text(bad if bad != good[:70] else good + good[:30])
        assert words in one(made).trouble


def test_a_scripts_backup_is_restored_and_compared(tmp_path: Path) -> None:
    """It comes back file by file; its configuration is found by its path, wherever the script put it, and must parse."""
    tree = release(tmp_path)
    made = script_backup(tree, "commit: abc1234")
    wanted = backups(tree).configurations()
    assert one(made).restored(wanted).troubles == ()
    (made / "config").rename(made / "settings")
    assert one(made).restored(wanted).troubles == ()
    assert one(made).place_of(tree / "config" / "mcp-hub.json", tree) == "settings/mcp-hub.json"
    (made / "settings" / "mcp-hub.json").write_text("{ mcpServers: ")
    assert "is no JSON5" in one(made).restored(wanted).troubles[0]
    (made / "settings" / "mcp-hub.json").unlink()
    assert one(made).restored(wanted).troubles == ("it holds no configuration of the hub",)


def test_a_file_of_another_name_is_no_place(tmp_path: Path) -> None:
    """`prod.env.production` does not stand for `.env.production`, and the nearest of two of a name counts."""
    assert script_made.place_of(".env.production", ["x/prod.env.production"]) is None
    assert script_made.place_of("config/a.json", ["deep/er/a.json", "z/a.json"]) == "z/a.json"
    assert script_made.place_of("config/a.json", ["a.json", "old/config/a.json"]) == "old/config/a.json"


def test_what_is_needed_is_what_is_there(tmp_path: Path) -> None:
    """Configuration, env file and the lock files there are; what a running hub reads counts once, by any of its names."""
    tree = release(tmp_path)
    (tree / "yarn.lock").touch()
    found = backups(tree)
    (tmp_path / "elsewhere.json").write_text("{}")
    (tmp_path / "alias").symlink_to(tree)
    wanted = found.needed([tmp_path / "elsewhere.json", tmp_path / "alias" / "config" / "mcp-hub.json"])
    assert [found.shown(path) for path in wanted] == [
        *("config/mcp-hub.json", ".env.production", "package-lock.json", "yarn.lock"),
        str(tmp_path / "elsewhere.json"),
    ]
    made = one(back_up(tree).path)
    assert found.lacking(made, wanted) == (["yarn.lock", str(tmp_path / "elsewhere.json")], [])
    (tree / ".env.production").write_text("NODE_ENV=development\n")
    (tree / "package-lock.json").write_text('{"lockfileVersion": 3}')
    assert found.lacking(made)[1] == [".env.production"]


def test_a_backup_of_the_release_before_counts(tmp_path: Path) -> None:
    """Releases side by side: a backup of the one before holds the same files under the same paths."""
    before = release(tmp_path / "4.2.1")
    now = release(tmp_path / "4.3.0")
    made = back_up(before, folder=tmp_path / "backups")
    found = backups(now, backups=str(tmp_path / "backups"))
    assert found.latest() == one(made.path)
    assert found.lacking(one(made.path)) == ([], [])


def test_the_newest_counts_whole_or_not(tmp_path: Path) -> None:
    """A newer backup that was never finished is not passed over for an older whole one: a rollback would take it."""
    tree = release(tmp_path)
    back_up(tree)
    (tree / "backups" / "29991231-000000").mkdir()
    newest = backups(tree).latest()
    assert newest is not None
    assert (newest.name, newest.created) == ("29991231-000000", None)
    assert newest.missing_facts() == ["time", "commit", "version"]


@pytest.mark.parametrize("target", ["missing", "../elsewhere", "/etc"])
def test_a_pointer_that_leads_elsewhere_is_told(target: str, tmp_path: Path) -> None:
    """Dangling, to another folder, out of the backups: whoever restores `latest` would not get the newest."""
    tree = release(tmp_path)
    made = one(back_up(tree).path)
    assert backups(tree).pointer_trouble(made) == ""
    (tree / "backups" / "latest").unlink()
    assert backups(tree).pointer_trouble(made) == ""
    (tree / "backups" / "latest").symlink_to(target)
    assert f"leads to {target}" in backups(tree).pointer_trouble(made)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read-only, not permitted, no folder: each has its sentence, and a folder that is not there is made in what is."""
    tree = release(tmp_path)
    found = backups(tree)
    trouble, free = found.room()
    assert (trouble, free > 0) == ("", True)
    facts = os.statvfs(tree)
    with monkeypatch.context() as patch:
        read_only = dataclasses.make_dataclass("ReadOnly", ["f_bavail", "f_frsize", "f_flag"])
        patch.setattr(os, "statvfs", lambda _: read_only(facts.f_bavail, facts.f_frsize, os.ST_RDONLY))
        assert "mounted read-only" in found.room()[0]
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        assert "may not be written by user" in found.room()[0]
    (tree / "readiness-backups").write_text("in the way")
    assert "is no folder" in found.room()[0]


def test_a_backup_that_may_not_be_read_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Private backups belong to who made them: for another user they are unknown, with what to do, not bad."""
    tree = release(tmp_path)
    made = one(back_up(tree).path)

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(backup_restore.Beneath, "open", denied)
    for ask in (made.troubles, lambda: made.restored([])):
        with pytest.raises(Unknown, match="run as the user that owns the backup"):
            ask()
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(Unknown, match="cannot be read: Permission denied"):
        backups(tree).all()


def test_a_restore_never_writes_through_a_link(tmp_path: Path) -> None:
    """Links come last and into a new folder only: neither a link in the way nor one of the backup leads a file out."""
    tree = release(tmp_path)
    (tree / "logs" / "out").symlink_to(tmp_path)
    made = one(back_up(tree).path)
    assert made.manifest is not None
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "release").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="is not empty: restore into a new folder"):
        backup_restore.restore_backup(made.path, made.manifest, tmp_path / "into")
    found = backup_restore.restore_backup(made.path, made.manifest, tmp_path / "new")
    assert (found.troubles, found.configuration_trouble()) == ((), "")
    assert (tmp_path / "new" / "release" / "logs" / "out").readlink() == tmp_path
    assert (tmp_path / "new" / "release" / ".env.production").stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_grew_since_is_not_copied_whole(tmp_path: Path) -> None:
    """Room is made for what the manifest says: of a file that is terabytes by now no more than that is put back."""
    tree = release(tmp_path)
    made = one(back_up(tree).path)
    assert made.manifest is not None
    stored = made.path / "data" / "release" / ".env.production"
    size = stored.stat().st_size
    stored.chmod(0o600)
    with stored.open("r+b") as file:
        file.truncate(1024**4)
    found = backup_restore.restore_backup(made.path, made.manifest, tmp_path / "new")
    assert found.troubles == ("release/.env.production came back with another content",)
    assert (tmp_path / "new" / "release" / ".env.production").stat().st_size == size + 1


def test_a_trial_fills_no_disk(tmp_path: Path) -> None:
    """Of hundreds of logs and one large one a trial puts back some; configuration and env file always; both kinds of backup."""
    tree = release(tmp_path)
    for number in range(150):
        (tree / "logs" / f"{number}.log").write_text("calm\n")
    with (tree / "logs" / "large.log").open("wb") as file:
        file.truncate(backup_restore.SIZE_BUDGET + 1)
    made = one(back_up(tree).path)
    found = made.restored([])
    assert (found.troubles, found.left) == ((), 152 - backup_restore.COUNT_BUDGET)
    assert made.manifest is not None
    chosen, _ = backup_restore.trial(made.manifest)
    assert {entry.role for entry in chosen.files} == {"configuration", "environment", "lock", "logs"}
    assert chosen.size < 10_000
    script = script_backup(tmp_path, "commit: abc1234")
    for number in range(150):
        (script / "logs" / f"{number}.log").write_text("calm\n")
    found = one(script).restored(["config/mcp-hub.json"])
    assert (found.troubles, found.left) == ((), 151 - backup_restore.COUNT_BUDGET)


def test_no_room_to_restore_is_unknown(tmp_path: Path) -> None:
    """Where the scratch folder has no room, nothing is proven, and the sentence says what to set."""
    with pytest.raises(Unknown, match="set TMPDIR"), backup_restore.scratch(10**18):
        pytest.fail("there was room for an exabyte")


def test_git_tells_what_keeps_a_commit(tmp_path: Path) -> None:
    """Of HEAD's history, of a tag alone, of nothing, not there, no commit's name, no repository: each is told apart."""
    tree = release(tmp_path)
    assert commits.head_commit(tree) is None
    with pytest.raises(Unknown, match="no git working tree"):
        commits.Commits(tree).standing("deadbeef")

    def git(*arguments: str) -> str:
        argv = ["git", "-c", "user.name=Ada", "-c", "user.email=a@example.com", "-C", str(tree), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    head = commits.head_commit(tree)
    assert head == git("rev-parse", "HEAD")
    tagged, dangling = (git("commit-tree", "-m", name, "HEAD^{tree}") for name in ("tagged", "dangling"))
    git("tag", "kept", tagged)
    standing = commits.Commits(tree).standing
    assert [standing(commit) for commit in (str(head), head[:9], tagged, dangling, "0" * 40)] == [
        *("reachable", "reachable", "reachable", "dangling", "missing"),
    ]
    with pytest.raises(Unknown, match="is no commit"):
        standing("--help")


def test_without_a_hub_nothing_runs(tmp_path: Path) -> None:
    """No URL, and a port where nobody listens: no sources, no error, at once."""
    config: Config = backups(tmp_path).config
    assert config_sources(config) == ()
    target = dataclasses.replace(config.target, url="http://127.0.0.1:9")
    started = time.monotonic()
    assert config_sources(dataclasses.replace(config, target=target)) == ()
    assert time.monotonic() - started < 5


def test_without_a_release_there_are_no_backups() -> None:
    """Where no release is named, nothing can be said of its backups."""
    from readiness.config.model import Config as Empty

    with pytest.raises(Unknown, match=r"no \[target\] release"):
        Backups(Empty())


@pytest.mark.parametrize(
    ("ignored", "told"), [("backups/\n", False), (".env*\n", False), ("logs/\n", True), ("/.env.production\n", True)]
)
def test_env_files_in_backups_that_git_would_take_are_told(ignored: str, told: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a row of the table
    """A copy of the env file in a backup inside of the repository is named unless git ignores it, below a larger repository too."""
    tree = release(tmp_path)
    script_backup(tree, "Backup: Sun Nov 16 10:15:00 UTC 2025\n")
    (tree / ".gitignore").write_text(ignored, encoding="utf-8")
    for words in (("init", "-q"), ("add", "release/.gitignore", "release/config")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, timeout=20)
    assert backups(tree).committable() == (["backups/20251116-101500/.env.production"] if told else [])
