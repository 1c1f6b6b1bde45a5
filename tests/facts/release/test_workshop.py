"""Facts about building and testing a release: what its scripts amount to, how many tests ran, copies that lead nowhere."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from readiness.facts.release.sandbox import copies, npm_scripts, test_counts

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
