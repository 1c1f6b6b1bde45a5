"""Facts about building and testing a release: what its scripts amount to, how many tests ran, copies that lead nowhere."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, ReleaseSettings, Target
from readiness.facts.release.sandbox import copies, npm_scripts, test_counts
from tests.suites.preflight_tree import judge

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "nothing", "always"),
    [
        ("echo 'no linter configured'", True, False),
        ("echo a && echo b; true", True, True),
        ("exit 0", True, False),
        ("", True, False),
        ("echo 'linting' && eslint .", False, False),
        ("eslint . || true", False, True),
        ("eslint . || echo 'some problems'", False, True),
        ("eslint . ; exit 0", False, True),
        ("eslint . || exit 1", False, False),
        ("eslint . && echo done", False, False),
        ("npm run other", True, False),
        ("npm run real", False, False),
        ("npm run loop", False, False),
        ("NODE_ENV=test eslint 'src/**' && prettier -c .", False, False),
    ],
)
def test_a_script_that_checks_nothing_is_seen(text: str, nothing: bool, always: bool) -> None:  # noqa: FBT001
    """What merely says something checks nothing, nested scripts included; what ends in `|| true` always succeeds."""
    scripts = {"other": "echo none", "real": "eslint .", "loop": "npm run loop"}
    assert (npm_scripts.checks_nothing(text, scripts), npm_scripts.always_succeeds(text, scripts)) == (nothing, always)


@pytest.mark.parametrize(
    ("text", "passed", "failed", "skipped"),
    [
        (" Test Files  2 passed (2)\n      Tests  1 failed | 272 passed | 3 skipped (276)\n", 272, 1, 3),
        ("\x1b[2m      Tests \x1b[22m \x1b[1m\x1b[32m273 passed\x1b[39m\x1b[22m\x1b[90m (273)\x1b[39m\n", 273, 0, 0),
        ("No test files found, exiting with code 0\n", 0, 0, 0),
        ("Tests:       1 failed, 2 skipped, 272 passed, 275 total\nTime: 1 s", 272, 1, 2),
        (
            "\u2139 tests 5\n\u2139 suites 0\n\u2139 pass 4\n\u2139 fail 1\n\u2139 cancelled 0\n\u2139 skipped 0\n",
            4,
            1,
            0,
        ),
        ("# tests 0\n# pass 0\n# fail 0\n", 0, 0, 0),
        (" 273 pass\n 1 fail\n 600 expect() calls\nRan 274 tests across 12 files. [4.00s]\n", 273, 1, 0),
        ("  5 passing (20ms)\n  1 pending\n  2 failing\n", 5, 2, 1),
        ("==== 3 failed, 5 passed, 1 skipped in 0.12s ====\n", 5, 3, 1),
        ("no tests ran in 0.01s\n", 0, 0, 0),
        ("Ran 7 tests in 0.004s\n\nFAILED (failures=1, skipped=2)\n", 4, 1, 2),
        ("Ran 7 tests in 0.004s\n\nOK\n", 7, 0, 0),
    ],
)
def test_counts_are_read_where_a_runner_prints_them(text: str, passed: int, failed: int, skipped: int) -> None:
    """Each runner's own summary is understood, in colour too."""
    found = test_counts.read(f"> test\n> something 12 passed here\n{text}")
    assert found is not None
    assert (found.passed, found.failed, found.skipped) == (passed, failed, skipped)


def test_no_summary_gives_no_count() -> None:
    """Words about tests are no summary."""
    assert test_counts.read("all 12 tests passed, said nobody\nTests are fine (12)\n") is None


def test_a_copy_leads_nowhere_back(tmp_path: Path) -> None:
    """Links inside point into the copy, links outside become files, loops end, pipes stay out, modes stay."""
    root, outside = tmp_path / "r", tmp_path / "outside"
    for folder in (root / "a" / "b", outside / "deep", root / "logs"):
        folder.mkdir(parents=True)
    (root / "a" / "f").write_text("1")
    (root / "a" / "f").chmod(0o755)
    (outside / "g").write_text("2")
    (outside / "back").symlink_to(root / "a")
    (outside / "deep" / "loop").symlink_to(outside)
    (root / "inside").symlink_to(root / "a" / "f")
    (root / "up").symlink_to("..", target_is_directory=True)
    (root / "modules").symlink_to(outside)
    (root / "nowhere").symlink_to("missing")
    (root / "self").symlink_to("self")
    (root / "logs" / "x").write_text("3")
    os.mkfifo(root / "pipe")
    before = copies.stamps(root, frozenset())
    copies.copy(root, tmp_path / "c", frozenset({root / "logs"}))
    copy = tmp_path / "c"
    assert (copy / "inside").resolve() == copy / "a" / "f"
    assert os.access(copy / "a" / "f", os.X_OK)
    assert (copy / "modules" / "g").read_text() == "2"
    assert not (copy / "modules").is_symlink()
    assert (copy / "modules" / "back" / "f").resolve() == copy / "a" / "f"
    assert not (copy / "logs").exists()
    assert not (copy / "pipe").exists()
    assert not (copy / "up").exists()
    (copy / "modules" / "g").write_text("changed")
    (copy / "inside").write_text("changed")
    assert copies.changed(before, copies.stamps(root, frozenset())) == []
    time.sleep(0.01)
    (outside / "g").write_text("touched")
    assert copies.changed(before, copies.stamps(root, frozenset())) == [str(outside / "g")]


# --- copies that hold what a build needs, and only then -------------------------------------------------------------


def _tree(folder: Path, scripts: dict[str, str], *, modules: Path | None = None) -> Config:
    """A release that builds with a package's command, `tool`, for which node_modules/.bin holds a link; `modules` is linked."""
    folder.mkdir()
    place = modules or folder / "node_modules"
    (place / "tool").mkdir(parents=True)
    (place / "tool" / "package.json").write_text('{"name": "tool", "version": "1.0.0"}')
    (place / "tool" / "part.sh").write_text("echo part > dist/cli.js\n")
    (place / "tool" / "run.sh").write_text('#!/bin/sh\n. "$(dirname "$(readlink -f "$0")")/part.sh"\n')
    (place / "tool" / "run.sh").chmod(0o755)
    (place / ".bin").mkdir()
    (place / ".bin" / "tool").symlink_to("../tool/run.sh")
    if modules is not None:
        (folder / "node_modules").symlink_to(modules)
    (folder / "dist").mkdir()
    (folder / "package.json").write_text(
        json.dumps({"name": "x", "version": "1.0.0", "scripts": scripts, "devDependencies": {"tool": "1.0.0"}})
    )
    packages = {
        "": {"name": "x", "devDependencies": {"tool": "1.0.0"}},
        "node_modules/tool": {"version": "1.0.0", "dev": True},
    }
    (folder / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    return Config(target=Target(release=folder))


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.parametrize("is_link", [False, True], ids=["a-folder", "a-link"])
def test_a_command_finds_its_neighbours_in_a_copy(is_link: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    """What `.bin` leads to is started in its own place, where node_modules is a link as well."""
    config = _tree(tmp_path / "r", {"build": "tool"}, modules=tmp_path / "shared" / "node_modules" if is_link else None)
    found = judge("build-succeeds-in-a-copy", config)
    assert found.outcome == "passed", found
    assert not list((tmp_path / "r" / "dist").iterdir())


@pytest.mark.parametrize("is_link", [False, True], ids=["a-folder", "a-link"])
def test_what_a_build_writes_in_place_never_reaches_the_original(is_link: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A copy shares no file with the release: appending, truncating and changing modes in it changes nothing there."""
    modules = tmp_path / "shared" / "node_modules" if is_link else None
    config = _tree(tmp_path / "r", {}, modules=modules)
    text = "for f in $(find -L . -type f); do echo harm >> $f; : > $f; chmod 600 $f; done; echo it > dist/cli.js"
    config = dataclasses.replace(config, release=ReleaseSettings(build=("/bin/sh", "-c", text)))
    before = {path: (path.read_bytes(), path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    found = judge("build-succeeds-in-a-copy", config)
    assert found.outcome == "passed", found
    assert {path: (path.read_bytes(), path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("scripts", "word"),
    [({"test": "no-such-runner --all"}, "no-such-runner"), ({"test": "NODE_ENV=x no-such-runner"}, "no-such-runner")],
)
def test_a_tool_that_is_not_there_is_said_before_anything_is_copied(
    scripts: dict[str, str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of gigabytes shows no more than a look for the command."""
    config = _tree(tmp_path / "r", scripts)
    monkeypatch.setattr(copies, "copy", lambda *_: pytest.fail("a copy was made"))
    found = judge("test-suite-passes", config)
    assert (found.outcome, word in found.reason) == ("unknown", True), found


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("npm install --production\nnpm run build\n", "failed"),
        ("NODE_ENV=production npm ci && npm run build\n", "failed"),
        ("npm ci\nnpm run build\nnpm prune --omit=dev\n", "passed"),
        ("npm ci --omit=dev\n", "passed"),
    ],
)
def test_a_build_has_what_its_script_installs(script: str, outcome: str, tmp_path: Path) -> None:
    """Where the release's script leaves devDependencies out before it builds, a developer's node_modules proves nothing."""
    config = _tree(tmp_path / "r", {"build": "tool"})
    (tmp_path / "r" / "deploy.sh").write_text(script)
    found = judge("build-succeeds-in-a-copy", config)
    assert found.outcome == outcome, found
    assert ("deploy.sh:1" in found.reason) == (outcome == "failed")
