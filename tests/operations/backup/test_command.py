"""`readiness backup` as an operator types it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from readiness.__main__ import main as readiness
from readiness.cli import backup as backup_command
from tests.operations.backup.tree import content, document, release, visible

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release that the environment names, of a user with an empty HOME."""
    made = release(tmp_path)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_HUB_RELEASE", str(made))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return made


def test_make_list_verify_restore(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way of a backup: made, listed, verified, and put back as it was."""
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=a@example.com", "-C", str(tree)]
    subprocess.run([*git, "init", "--quiet"], check=True, timeout=30)
    subprocess.run([*git, "add", "package.json"], check=True, timeout=30)
    subprocess.run([*git, "commit", "--quiet", "--message", "first"], check=True, timeout=30)
    cache = tree.parent / "home" / ".cache" / "mcp-hub"
    cache.mkdir(parents=True)
    (cache / "llm.json").write_text("{}")
    logs = tree.parent / "home" / ".local" / "state" / "mcp-hub" / "logs"
    logs.mkdir(parents=True)
    (logs / "mcp-hub.log").write_text("calm\n")
    assert readiness(["backup"]) == 0
    told = capsys.readouterr().out
    made = visible(tree / "readiness-backups")[0]
    assert str(made) in told
    assert "7 files" in told
    assert "version 4.3.0" in told
    said = document(made)
    assert (len(said["commit"]), sorted(said["roots"])) == (40, ["cache", "release", "state"])
    assert readiness(["backup", "--list"]) == 0
    assert made.name in capsys.readouterr().out
    assert readiness(["backup", "--verify", "latest"]) == 0
    assert f"{made.name}: whole, 7 files match" in capsys.readouterr().out
    assert readiness(["backup", "--restore", made.name, "--into", "back"]) == 0
    back = content(tree.parent / "back")
    assert back == content(made / "data")
    assert f"holds what was in {tree}" in capsys.readouterr().out


def test_a_changed_backup_does_not_verify(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--verify` names what is wrong and ends with status 1, also for an unfinished one and one of another make."""
    assert readiness(["backup"]) == 0
    made = visible(tree / "readiness-backups")[0]
    (made / "data" / "release" / ".env.production").write_text("NODE_ENV=developmen\n")
    assert readiness(["backup", "--verify", made.name]) == 1
    assert ".env.production has another content" in capsys.readouterr().out
    assert readiness(["backup", "--restore", made.name, "--into", "back"]) == 1
    assert "came back with another content" in capsys.readouterr().out
    partial = made.rename(made.with_name(f".partial-{made.name}"))
    assert readiness(["backup", "--verify", partial.name]) == 1
    assert "it is incomplete" in capsys.readouterr().out
    script = tree / "backups" / "20251116-101500"
    script.mkdir(parents=True)
    (script / "manifest.txt").write_text("commit: abc1234\n")
    (script / "package.json").write_text("{}")
    assert readiness(["backup", "--verify", script.name]) == 1
    assert "has no checksums" in capsys.readouterr().out
    assert readiness(["backup", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == [script.name, partial.name]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--verify", "../../etc"], 1, "there is no backup ../../etc"),
        (["--verify", ""], 1, "there is no backup"),
        (["--verify", "latest"], 1, "there is no folder"),
        (["--restore", "latest"], 1, "there is no folder"),
        (["--keep", "0"], 4, "at least 1"),
        (["--keep", "many"], 4, "invalid"),
        (["--list", "--verify", "x"], 4, "not allowed with"),
        (["--also", "missing.json"], 1, "it is not there"),
    ],
)
def test_a_wrong_call_is_told(
    arguments: list[str], status: int, words: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not there or not understood ends with a sentence and the right status, and makes nothing."""
    assert readiness(["backup", *arguments]) == status
    assert words in capsys.readouterr().err
    assert not (tree / "readiness-backups").exists()


def test_restore_needs_a_new_folder(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --into nothing is restored, and never over what is there."""
    assert readiness(["backup"]) == 0
    assert readiness(["backup", "--restore", "latest"]) == 4
    assert "--restore needs --into" in capsys.readouterr().err
    assert readiness(["backup", "--restore", "latest", "--into", str(tree)]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_also_and_keep(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A further file is taken by its name; what goes is told."""
    (tree.parent / "extra.json").write_text("{}")
    assert readiness(["backup", "--also", "extra.json"]) == 0
    first = visible(tree / "readiness-backups")[0]
    assert any(entry["path"] == f"outside{tree.parent}/extra.json" for entry in document(first)["entries"])
    assert readiness(["backup", "--keep", "1"]) == 0
    assert f"removed: {first.name}" in capsys.readouterr().out
    assert len(visible(tree / "readiness-backups")) == 1


def test_without_a_release_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call that cannot know what to back up is a usage error that names what to set."""
    monkeypatch.delenv("MCP_HUB_RELEASE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert backup_command.main([]) == 4
    assert "set [target] release or MCP_HUB_RELEASE" in capsys.readouterr().err


def test_a_release_that_tells_little_is_backed_up_nevertheless(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without git and without a version there is a backup, and what it does not know is said."""
    (tree / "package.json").write_text("{ broken")
    assert readiness(["backup"]) == 0
    told = capsys.readouterr()
    assert "the version is not known" in told.err
    assert "commit unknown, version unknown" in told.out
    made = document(visible(tree / "readiness-backups")[0])
    assert (made["commit"], made["version"]) == (None, None)
