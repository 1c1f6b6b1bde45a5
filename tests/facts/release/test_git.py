"""A release's own git settings name programs: a run that looks at the release starts none of them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from readiness.facts.release import Git

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS: Final = (
    *("core.fsmonitor", "core.pager", "pager.log", "pager.status", "core.sshCommand", "core.editor", "core.askPass"),
    *("core.alternateRefsCommand", "core.gitProxy", "diff.external", "diff.odd.textconv", "diff.odd.command"),
    *("filter.odd.clean", "filter.odd.smudge", "filter.odd.process", "filter.a=b.clean", "filter.Odd Name.process"),
    *(
        "gpg.program",
        "gpg.openpgp.program",
        "gpg.ssh.program",
        "gpg.x509.program",
        "credential.helper",
        "trailer.x.command",
    ),
    *("uploadpack.packObjectsHook", "alias.status", "alias.log", "merge.odd.driver"),
)
TAG: Final = "object {0}\ntype commit\ntag v1\ntagger A <a@x> 1 +0000\n\nx\n-----BEGIN {1} SIGNATURE-----\n\nAAAA\n-----END {1} SIGNATURE-----\n"


def _git(folder: Path, *words: str, text: str = "") -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@x", "-c", "protocol.file.allow=always")
    argv = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(argv, check=True, timeout=60, capture_output=True, text=True, input=text).stdout.strip()


def _repository(folder: Path) -> Path:
    folder.mkdir()
    (folder / "a").write_text("1")
    _git(folder, "init", "-qb", "main")
    _git(folder, "add", ".")
    _git(folder, "commit", "-qm", "x")
    return folder


def _arm(folder: Path, program: Path) -> None:
    """Name `program` in every setting, set it off as often as possible, and lay it into every hook."""
    for name in SETTINGS:
        _git(folder, "config", name, str(program))
    for name in ("filter.odd.required", "log.showSignature", "extensions.worktreeConfig"):
        _git(folder, "config", name, "true")
    inner = folder / ".git" / "included"
    inner.write_text(f'[filter "included"]\n\tclean = {program}\n')
    _git(folder, "config", "include.path", "included")
    kinds = ("filter=odd", "filter=a=b", "filter=included", "filter=Odd Name")
    (folder / ".git" / "info").mkdir(exist_ok=True)
    (folder / ".git" / "info" / "attributes").write_text(
        "".join(f"{'abcd'[n]} {kind} diff=odd\n" for n, kind in enumerate(kinds))
    )
    hooks = folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "fsmonitor-watchman", "post-checkout", "reference-transaction", "pre-auto-gc"):
        (hooks / name).write_bytes(program.read_bytes())
        (hooks / name).chmod(0o755)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that leaves a file behind when it is run."""
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\necho $0 $* >> {tmp_path}/ran\ncat\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("kind", ["PGP", "SSH", "SIGNED"])
def test_no_program_of_a_repository_is_run(tmp_path: Path, program: Path, kind: str) -> None:
    """Every question that is asked, of a tree with every setting that names a program and a signed tag: none ran."""
    tree = _repository(tmp_path / "r")
    for name in "bcd":
        (tree / name).write_text(name)
    _git(tree, "add", ".")
    _git(tree, "commit", "-qm", "y")
    tag = TAG.format(_git(tree, "rev-parse", "HEAD"), kind).replace("SIGNED SIGNATURE", "SIGNED MESSAGE")
    _git(
        tree,
        "update-ref",
        "refs/tags/v1",
        _git(tree, "hash-object", "-t", "tag", "-w", "--stdin", "--literally", text=tag),
    )
    _arm(tree, program)
    for name in "abcd":
        (tree / name).write_text("2")
        os.utime(tree / name, (1, 1))
    git = Git(tree)
    assert {one.path for one in git.changes()} == {"a", "b", "c", "d"}
    assert git.branches("main") == ["refs/heads/main"]
    assert git.contains("main", git.commit)
    assert git.tracked() == ["a", "b", "c", "d"]
    assert git.was_tracked("a")
    assert git.author() == "a@x"
    assert git.reviewers() == []
    assert [(tag.name, tag.signed) for tag in git.tags()] == [("v1", True)]
    assert not git.shallow
    assert git.parents()
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


def test_no_program_of_a_submodule_is_run(tmp_path: Path, program: Path) -> None:
    """A submodule has settings of its own: its files are looked at, its filters stay off, and its change is seen."""
    _repository(tmp_path / "inner")
    tree = _repository(tmp_path / "r")
    _git(tree, "submodule", "--quiet", "add", str(tmp_path / "inner"), "sub")
    _git(tree, "commit", "-qam", "y")
    assert Git(tree).changes() == []
    place = tree / ".git" / "modules" / "sub"
    _git(tree / "sub", "config", "filter.below.clean", str(program))
    (place / "info").mkdir(exist_ok=True)
    (place / "info" / "attributes").write_text("* filter=below\n")
    (tree / "sub" / "a").write_text("2")
    assert [one.path for one in Git(tree).changes()] == ["sub"]
    assert not (tmp_path / "ran").exists()


def test_a_submodule_that_was_never_fetched_is_no_change(tmp_path: Path) -> None:
    """An empty folder in its place, as a plain clone leaves it: nothing differs, and nothing breaks."""
    _repository(tmp_path / "inner")
    tree = _repository(tmp_path / "r")
    _git(tree, "submodule", "--quiet", "add", str(tmp_path / "inner"), "sub")
    _git(tree, "commit", "-qam", "y")
    _git(tmp_path, "clone", "-q", str(tree), str(tmp_path / "clone"))
    assert Git(tmp_path / "clone").changes() == []
