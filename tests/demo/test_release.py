"""The sample release is what it claims to be: built, committed, dated, private, and its own commands agree."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from readiness.demo.release import Sample, sample

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """One sample release for the whole module: nothing here changes it."""
    return sample(tmp_path_factory.mktemp("sample"), now=NOW)


def said(made: Sample, *argv: str) -> str:
    """What a command prints in the release tree; it must end with status 0."""
    done = subprocess.run(argv, cwd=made.release, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def test_it_is_made_quickly(tmp_path: Path) -> None:
    """A demonstration must not wait for it: well under a second, on a busy machine too."""
    began = time.monotonic()
    sample(tmp_path)
    assert time.monotonic() - began < 15


def test_the_artifact_runs_without_node(made: Sample) -> None:
    """`dist/cli.js` tells the release's version where no Node is installed, and is as large as a real one."""
    artifact = made.release / "dist" / "cli.js"
    done = subprocess.run(
        [artifact, "--version"], env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=30, check=True
    )
    version = json.loads((made.release / "package.json").read_text())["version"]
    assert done.stdout.strip() == version
    assert 100 * 1024 < artifact.stat().st_size < 10 * 1024 * 1024


@pytest.mark.parametrize("what", ["build", "test", "lint"])
def test_its_own_commands_succeed(made: Sample, what: str) -> None:
    """Build, tests and lint do something and succeed with nothing but a shell."""
    assert said(made, "/bin/sh", f"tools/{what}.sh")


@pytest.mark.parametrize(
    ("what", "file", "old", "new"),
    [
        ("test", "src/head.js", "--version) echo", "--version) echo not"),
        ("lint", "tools/build.sh", "set -eu", "set -eu \t"),
        ("lint", "tools/build.sh", "\n} >", "\n>"),
        ("build", "package.json", '"version"', '"edition"'),
    ],
)
def test_its_own_commands_can_fail(tmp_path: Path, what: str, file: str, old: str, new: str) -> None:
    """They check something: a fault of the kind each looks for makes it fail."""
    tree = sample(tmp_path).release
    text = (tree / file).read_text()
    assert old in text
    (tree / file).write_text(text.replace(old, new, 1))
    command = ["/bin/sh", f"tools/{what}.sh"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0, done.stdout


def test_its_history_is_a_reviewed_merge_on_main(made: Sample) -> None:
    """HEAD is a merge commit on main, dated before `now`; the worktree is clean and the env file is nobody's."""
    assert said(made, "git", "status", "--porcelain") == ""
    assert said(made, "git", "rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert len(said(made, "git", "rev-list", "--parents", "-1", "HEAD").split()) == 3
    committed = dt.datetime.fromtimestamp(int(said(made, "git", "log", "-1", "--format=%ct")), dt.UTC)
    assert dt.timedelta() < NOW - committed < dt.timedelta(days=7)
    assert ".env.production" not in said(made, "git", "log", "--all", "--name-only", "--format=").splitlines()


def test_its_key_is_made_up_anew_and_stands_in_the_vault_alone(made: Sample, tmp_path: Path) -> None:
    """Two samples have two keys; the tree holds a reference, and the vault's command turns it into the value."""
    assert made.key != sample(tmp_path).key
    holding = [path for path in made.root.rglob("*") if path.is_file() and made.key.encode() in path.read_bytes()]
    assert holding == [made.vault / "mcp-hub" / "openai" / "credential"]
    assert said(made, str(made.reader), "op://mcp-hub/openai/credential") == made.key
    modes = [path.stat().st_mode & 0o777 for path in (*holding, made.release / ".env.production", made.cache)]
    assert modes == [0o600, 0o600, 0o700]
    with pytest.raises(subprocess.CalledProcessError):
        said(made, str(made.reader), "op://../release/package.json")


def test_no_word_of_a_template_is_left(made: Sample) -> None:
    """Every placeholder of the templates was filled in."""
    texts = [path for path in made.release.rglob("*") if path.is_file() and ".git" not in path.parts]
    left = [path.name for path in texts if re.search(rb"@[A-Z]+@", path.read_bytes())]
    # these two hold one on purpose: the build fills it in
    assert sorted(left) == ["build.sh", "head.js"]
