"""The demonstration on a machine that has a plain shell and Python, and neither git nor Node nor bash."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from readiness.config.model import Claim, Config, Expect, Target
from readiness.facts.backup.backups import Backups
from readiness.facts.scripts.linters import Linters
from readiness.facts.scripts.release_scripts import Scripts
from readiness.facts.secretscan.targets import SecretSearch
from readiness.support.child_process import ToolNotInstalled
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOOLS: Final = (
    *("sh", "awk", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "echo", "env", "find", "grep", "head"),
    *(
        "ln",
        "ls",
        "mkdir",
        "mktemp",
        "mv",
        "printf",
        "readlink",
        "rm",
        "sed",
        "sleep",
        "sort",
        "tail",
        "test",
        "tr",
        "wc",
    ),
)
"""What the smallest installations have."""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder to be the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def test_the_demonstration_is_ready_there(bare: Path, tmp_path: Path) -> None:
    """`make demo` is READY, and says of what it could not look at that it does not apply here."""
    folders = [str(ROOT / "preflight"), str(ROOT / "smoke")]
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-m",
                "preflight or health",
                "--readiness-demo",
                "-p",
                "no:cacheprovider",
            ),
            *("-c", str(ROOT / "pyproject.toml"), f"--readiness-report={tmp_path / 'reports'}", *folders),
        ],
        cwd=ROOT,
        env={"PATH": str(bare), "HOME": str(tmp_path), "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    report = json.loads((tmp_path / "reports" / "readiness.json").read_text())
    bad = [row for row in report["findings"] if row["outcome"] not in {"passed", "not_applicable"}]
    assert (report["verdict"]["status"], bad) == ("READY", [])
    reasons = {row["check"]: row["reason"] for row in report["findings"] if row["outcome"] == "not_applicable"}
    assert reasons["worktree-is-clean"].startswith("git is not installed")
    assert reasons["runtime-version-is-supported"].startswith("node is not installed")


def test_a_plain_shell_s_no_proves_nothing(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What sh takes bash takes; what sh refuses may be good for bash, which has to be installed to tell."""
    tree = tmp_path / "release"
    (tree / "scripts").mkdir(parents=True)
    script = tree / "scripts" / "start.sh"
    script.write_text("#!/usr/bin/env bash\nset -eu\necho started\n")
    monkeypatch.setenv("PATH", str(bare))
    config = Config(target=Target(release=tree))
    assert Linters(Scripts(config)).syntax() == []
    script.write_text("#!/usr/bin/env bash\nif true\n")
    with pytest.raises(ToolNotInstalled, match="bash is not installed"):
        Linters(Scripts(config)).syntax()


def test_what_is_tracked_takes_git_where_there_is_a_repository(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without git and without a repository every text counts; with a repository nobody can say what is tracked."""
    tree = tmp_path / "release"
    tree.mkdir()
    (tree / "notes.md").write_text(f"the key is sk-proj-{'a1B2c3D4' * 6}\n")
    monkeypatch.setenv("PATH", str(bare))
    search = SecretSearch(Config(target=Target(release=tree)))
    assert [leak.file for leak in search.tracked().leaks] == ["notes.md"]
    (tmp_path / ".git").mkdir()
    with pytest.raises(ToolNotInstalled, match="git is not installed"):
        search.tracked()


@pytest.mark.parametrize(("expected", "wanted"), [(None, 3), (True, 3), (False, 2)])
def test_a_backup_names_a_commit_where_there_is_git(tmp_path: Path, *, expected: bool | None, wanted: int) -> None:
    """Only where the deployment is declared to be without git may a manifest leave the commit out."""
    claim = Claim(expected=expected, reason="no git here")
    config = Config(target=Target(release=tmp_path), expect=Expect(claims={"git": claim}))
    facts = Backups(config).wanted_facts()
    assert (len(facts), "commit" in facts) == (wanted, wanted == 3)


def test_make_demo_ends_with_the_bad_deploy_and_judges_no_machine(tmp_path: Path) -> None:
    """The first part fails, and the second is shown nevertheless; no phase looks at this host; the first status is kept."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$*" >>"$LOG"\ncase "$*" in *pytest*) exit 7 ;; esac\n')
    python.chmod(0o755)
    (tmp_path / "stamp").touch()
    done = subprocess.run(
        [
            make,
            "-C",
            str(ROOT),
            "demo",
            f"BIN={tmp_path}",
            f"STAMP={tmp_path / 'stamp'}",
            "-o",
            str(tmp_path / "stamp"),
        ],
        env={"PATH": os.environ["PATH"], "LOG": str(tmp_path / "log"), "PYTEST_ADDOPTS": "-x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    first, second = (tmp_path / "log").read_text().splitlines()
    assert "--readiness-demo" in first
    assert "infra" not in first
    assert second.endswith("readiness demo --release")
    assert "Error 7" in done.stderr
