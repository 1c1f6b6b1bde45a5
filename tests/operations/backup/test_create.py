"""What a backup takes, what it leaves out and says, and when it refuses."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
from typing import TYPE_CHECKING, Any

import pytest

from readiness.facts.backup.layout import ALSO, CONFIGURATION, ENVIRONMENT
from readiness.operations.backup import backup as writer
from readiness.operations.backup import copy as copying
from readiness.operations.backup.backup import BackupError, BackupSource
from readiness.operations.backup.sources import Collection
from tests.operations.backup.tree import COMMIT, FILES, back_up, content, document, one, release, sources, visible

if TYPE_CHECKING:
    from pathlib import Path


def entries(path: Path) -> dict[str, dict[str, Any]]:
    """The manifest's entries of the backup in `path`, by their paths."""
    return {entry["path"]: entry for entry in document(path)["entries"]}


def test_a_backup_holds_what_was_there(tmp_path: Path) -> None:
    """Content, sizes, modes, commit, version, time and where it came from are all in it, and it verifies."""
    tree = release(tmp_path)
    made = back_up(tree)
    kept = content(made.path / "data" / "release")
    assert kept == {name: text.encode() for name, text in FILES.items() if name != "package.json"}
    said = document(made.path)
    assert (said["commit"], said["version"], said["roots"]) == (COMMIT, "4.3.0", {"release": str(tree)})
    assert said["created"].endswith("Z")
    found = entries(made.path)
    assert found["release/.env.production"]["mode"] == "0640"
    assert found["release/.env.production"]["size"] == len(FILES[".env.production"])
    assert found["release/config/mcp-hub.json"]["role"] == CONFIGURATION
    assert one(made.path).troubles() == []


def test_a_backup_is_private(tmp_path: Path) -> None:
    """Nobody else may read any of it, whatever the umask and the modes of what was backed up."""
    tree = release(tmp_path)
    before = os.umask(0)
    try:
        made = back_up(tree)
    finally:
        os.umask(before)
    for path in (tree / "backups", made.path, *made.path.rglob("*")):
        assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path


def test_a_backup_is_no_part_of_the_repository(tmp_path: Path) -> None:
    """The folder of backups, made in a release that is a git repository, is passed over by git: it holds the env file."""
    tree = release(tmp_path)
    back_up(tree)
    assert (tree / "backups" / ".gitignore").read_text().splitlines()[-1] == "*"


def test_links_are_kept_as_links_and_never_followed(tmp_path: Path) -> None:
    """A link out of the logs, one that leads nowhere and one to itself are links in the backup; nothing comes with them."""
    tree = release(tmp_path)
    (tmp_path / "secret").write_text("not to be taken")
    links = {"out": str(tmp_path / "secret"), "nowhere": "gone", "loop": "loop", "up": ".."}
    for name, target in links.items():
        (tree / "logs" / name).symlink_to(target)
    made = back_up(tree)
    found = entries(made.path)
    for name, target in links.items():
        assert (found[f"release/logs/{name}"]["kind"], found[f"release/logs/{name}"]["target"]) == ("link", target)
        assert str((made.path / "data" / "release" / "logs" / name).readlink()) == target
    assert b"not to be taken" not in content(made.path).values()
    assert one(made.path).troubles() == []


def test_special_files_and_large_logs_are_left_out_and_said(tmp_path: Path) -> None:
    """A pipe, a socket and a log of 2 GB that takes no room are not in the backup, and its manifest says why."""
    tree = release(tmp_path)
    os.mkfifo(tree / "logs" / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()  # noqa: PTH109 - a socket's path must be short
        os.chdir(tree / "logs")
        listener.bind("socket")
        os.chdir(here)
        with (tree / "logs" / "huge.log").open("wb") as file:
            file.truncate(2 * 1024**3)
        made = back_up(tree)
    said = {item["path"]: item["why"] for item in document(made.path)["skipped"]}
    assert said == {
        "release/logs/pipe": "it is a pipe",
        "release/logs/socket": "it is a socket",
        "release/logs/huge.log": "it is larger than 1073741824 bytes: 2147483648",
    }
    assert one(made.path).troubles() == []


def test_hostile_names_are_kept(tmp_path: Path) -> None:
    """Names with a newline, with an override of the writing direction and in no encoding come back as they were."""
    tree = release(tmp_path)
    names = ["two\nlines", "\u202egol", os.fsdecode(b"\xff\xfe"), "\\u0041", "-rf", " "]
    for name in names:
        (tree / "logs" / name).write_text(ascii(name))
    made = back_up(tree)
    assert {f"release/logs/{name}" for name in names} <= set(entries(made.path))
    assert one(made.path).troubles() == []
    assert one(made.path).restored([]).troubles == ()


@pytest.mark.parametrize(
    ("path", "make", "words"),
    [
        ("config/mcp-hub.json", lambda path: path.unlink(), "it is not there"),
        ("config/mcp-hub.json", lambda path: (path.unlink(), path.mkdir()), "it is a folder"),
        (".env.production", lambda path: (path.unlink(), os.mkfifo(path)), "it is a pipe"),
        (
            ".env.production",
            lambda path: (path.unlink(), path.symlink_to("/etc/hostname")),
            "name the file itself instead",
        ),
        (".env.production", lambda path: (path.unlink(), path.symlink_to("../../x")), "name the file itself instead"),
        (".env.production", lambda path: (path.unlink(), path.symlink_to(".env.production")), "lead in a circle"),
    ],
    ids=["missing", "folder", "pipe", "link-out", "link-up", "link-loop"],
)
def test_what_is_needed_is_never_left_out(path: str, make: Any, words: str, tmp_path: Path) -> None:
    """A configuration or env file that cannot be taken refuses the backup, says why, and leaves nothing behind."""
    tree = release(tmp_path)
    make(tree / path)
    with pytest.raises(BackupError, match=words):
        back_up(tree)
    assert not (tree / "backups").exists() or visible(tree / "backups") == []


def test_a_link_inside_the_release_brings_its_file(tmp_path: Path) -> None:
    """A configuration behind links that stay in the release is taken with the links, and found again."""
    tree = release(tmp_path)
    (tree / "config").rename(tree / "config-production")
    (tree / "config").symlink_to("config-production")
    (tree / ".env.production").rename(tree / ".env.real")
    (tree / ".env.production").symlink_to(tree / ".env.real")
    made = back_up(tree)
    found = entries(made.path)
    assert found["release/config"]["kind"] == found["release/.env.production"]["kind"] == "link"
    assert found["release/config-production/mcp-hub.json"]["role"] == CONFIGURATION
    assert found["release/.env.real"]["role"] == ENVIRONMENT
    backup = one(made.path)
    assert backup.place_of(tree / "config" / "mcp-hub.json", tree) == "data/release/config-production/mcp-hub.json"
    assert backup.restored([]).troubles == ()


def test_a_file_outside_is_taken_by_its_name(tmp_path: Path) -> None:
    """A file elsewhere that somebody names is kept below the root `outside`, and found again by where it came from."""
    tree = release(tmp_path)
    elsewhere = tmp_path / "etc" / "hub.json"
    elsewhere.parent.mkdir()
    elsewhere.write_text("{}")
    path = str(elsewhere).lstrip("/")
    root = elsewhere.anchor
    made = back_up(
        tree, sources=(*sources(tree), BackupSource(root="outside", base=type(tree)(root), path=path, role=ALSO))
    )
    assert one(made.path).place_of(elsewhere, tree) == f"data/outside/{path}"


def test_the_folder_of_backups_is_not_backed_up(tmp_path: Path) -> None:
    """Backups inside a folder that is taken do not grow by themselves."""
    tree = release(tmp_path)
    for _ in range(2):
        made = back_up(tree, folder=tree / "logs" / "backups")
    assert {entry for entry in entries(made.path) if "backups" in entry} == set()
    assert document(made.path)["skipped"] == [{"path": "release/logs/backups", "why": "it is the folder of backups"}]


def test_room_is_asked_for_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where less than twice the need is free, nothing is written and the sentence says how much is missing."""
    tree = release(tmp_path)
    facts = os.statvfs(tmp_path)

    class Full:
        """A file system with one block free."""

        f_bavail, f_frsize, f_files, f_favail = 1, facts.f_frsize, 0, 0

    monkeypatch.setattr(writer.os, "statvfs", lambda _: Full)
    with pytest.raises(BackupError, match="2 times as much: remove old backups"):
        back_up(tree)
    assert visible(tree / "backups") == []


def test_retention_keeps_the_newest(tmp_path: Path) -> None:
    """Of four, `keep=2` leaves the newest two; what another program put there is not touched."""
    tree = release(tmp_path)
    (tree / "backups").mkdir()
    (tree / "backups" / "20200101-000000").mkdir()
    (tree / "backups" / "20200101-000000" / "manifest.txt").write_text("of another make\n")
    made = [back_up(tree) for _ in range(3)]
    last = back_up(tree, keep=2)
    assert last.removed == (made[0].path.name, made[1].path.name)
    assert visible(tree / "backups") == [tree / "backups" / "20200101-000000", made[2].path, last.path]


def test_a_log_that_goes_away_is_said(tmp_path: Path) -> None:
    """A log that is rotated away between the look and the copy is left out; the backup is whole."""
    tree = release(tmp_path)

    def rotate(step: str) -> None:
        if step.endswith("hub.log"):
            (tree / "logs" / "hub.log").unlink()

    made = back_up(tree, on_step=rotate)
    assert document(made.path)["skipped"] == [
        {"path": "release/logs/hub.log", "why": "it cannot be read: No such file or directory"}
    ]
    assert one(made.path).troubles() == []


def written_to_while_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a backup reads anything, `path` grows."""
    really = os.read

    def read(descriptor: int, size: int) -> bytes:
        with path.open("a") as file:
            file.write("more\n")
        return really(descriptor, size)

    monkeypatch.setattr(copying.os, "read", read)


def test_a_growing_log_is_cut_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a log gets while it is copied is not in the backup, and its SHA-256 is that of what is."""
    tree = release(tmp_path)
    found = Collection(exclude=tree / "backups")
    found.add(sources(tree))
    written_to_while_read(tree / "logs" / "hub.log", monkeypatch)
    entry = copying.copied(found.items["release/logs/hub.log"], tmp_path / "copy")
    assert (entry.size, (tmp_path / "copy").read_text()) == (5, "calm\n")
    assert entry.sha256 == hashlib.sha256(b"calm\n").hexdigest()


def test_a_configuration_that_keeps_changing_refuses_the_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an old and half a new configuration would be neither: after three attempts the backup is refused."""
    tree = release(tmp_path)
    written_to_while_read(tree / "config" / "mcp-hub.json", monkeypatch)
    with pytest.raises(BackupError, match="keeps changing while it is read"):
        back_up(tree)
    assert visible(tree / "backups") == []


def test_latest_that_is_a_folder_is_said(tmp_path: Path) -> None:
    """A folder that bears the name of the pointer is not removed: the backup is whole, and the sentence says so."""
    tree = release(tmp_path)
    (tree / "backups" / "latest" / "mine").mkdir(parents=True)
    with pytest.raises(BackupError, match=r"is whole, but .* is a folder and no link"):
        back_up(tree)
    made = [path for path in visible(tree / "backups") if path.name != "latest"]
    assert [one(path).troubles() for path in made] == [[]]
    assert not any(path.name.startswith(".latest") for path in (tree / "backups").iterdir())


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A file in the place of the folder of backups ends in a sentence that names it."""
    tree = release(tmp_path)
    (tree / "backups").write_text("in the way")
    with pytest.raises(BackupError, match=r"the backup could not be made: File exists: .*backups"):
        back_up(tree)
