"""Artifacts, histories, dependencies and surroundings of a release that are not fit, and some that only look so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.preflight.changes import (
    CLI,
    DEGRADED,
    FAILED,
    UNKNOWN,
    data,
    folder,
    git,
    mode,
    nothing,
    package,
    size,
)
from tests.faults.preflight.mutation import Mutation, each, edit, remove, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], None]

BUNDLE: Final = {"release": {"build": ["/bin/sh", "tools/bundle.sh"]}}


def says(text: str) -> Change:
    """An artifact of the right size that says `text`, whatever it is asked."""
    return data(CLI, f"#!/bin/sh\necho '{text}'\nexit 0\n".encode() + b"#" * 120_000)


def artifact(name: str, sentence: str, mutate: Change, words: tuple[str, ...], **outcomes: str) -> Mutation:
    """A mutation of the artifact; keywords are ids with `_` for `-`. It is built anew for the tests, from its sources."""
    expected = {check.replace("_", "-"): outcome for check, outcome in outcomes.items()}
    return Mutation(name=name, sentence=sentence, mutate=mutate, expected=expected, words=words)


GONE: Final = {
    "artifact_is_executable": FAILED,
    "artifact_size_is_plausible": UNKNOWN,
    "artifact_runs_and_reports_its_version": UNKNOWN,
    "runtime_version_is_supported": UNKNOWN,
}
"""Without the artifact nobody can say anything else of it, nor what runs it: one cause, and three that wait for it."""
ARTIFACT: Final = (
    artifact(
        "artifact-may-not-be-executed",
        "chmod +x was forgotten after the build",
        mode(CLI, 0o644),
        ("644",),
        artifact_is_executable=FAILED,
    ),
    artifact(
        "artifact-is-missing",
        "nobody built the release",
        remove(CLI),
        ("dist/cli.js", "blocked by artifact-is-executable"),
        **GONE,
    ),
    artifact(
        "artifact-is-empty",
        "the disk was full when the release was built",
        data(CLI, b""),
        ("empty", "blocked by artifact-is-executable"),
        artifact_is_executable=FAILED,
        artifact_size_is_plausible=UNKNOWN,
        artifact_runs_and_reports_its_version=UNKNOWN,
    ),
    artifact(
        "artifact-is-a-folder",
        "dist/cli.js is a directory",
        folder(CLI),
        ("folder", "blocked by artifact-is-executable"),
        **GONE,
    ),
    artifact(
        "artifact-is-a-stub",
        "the bundle holds only a first line that requires the rest",
        data(CLI, b"#!/bin/sh\necho 4.3.0\n"),
        ("0.0 KB",),
        artifact_size_is_plausible=FAILED,
    ),
    artifact(
        "artifact-is-all-hole",
        "the bundle was stretched to two gigabytes, nearly all of it hole",
        each(says("4.3.0"), size(CLI, 2 * 1024**3)),
        ("2.14748e+06",),
        artifact_size_is_plausible=FAILED,
    ),
    artifact(
        "artifact-is-of-the-version-before",
        "package.json was changed and nothing built",
        edit(CLI, "4.3.0", "4.2.1", count=2),
        ("says it is 4.2.1",),
        artifact_runs_and_reports_its_version=FAILED,
    ),
    artifact(
        "artifact-speaks-and-fails",
        "the artifact says its version and ends with an error",
        data(CLI, b"#!/bin/sh\necho 4.3.0\nexit 3\n" + b"#" * 120_000),
        ("status 3",),
        artifact_runs_and_reports_its_version=FAILED,
    ),
    artifact(
        "artifact-lacks-its-first-line",
        "the bundler dropped the line that says what executes it",
        data(CLI, b"console.log('4.3.0')\n" + b"//" * 60_000),
        ("#!/usr/bin/env node",),
        artifact_is_executable=FAILED,
    ),
    artifact(
        "artifact-of-a-longer-number",
        "14.3.0 and 4.3.01 are not 4.3.0",
        says("hub 14.3.0, schema 4.3.01"),
        ("14.3.0",),
        artifact_runs_and_reports_its_version=FAILED,
    ),
    artifact("artifact-of-just-100-kb", "exactly the least that is plausible", size(CLI, 100_000), ()),
    artifact("artifact-with-a-banner", "the version stands in a sentence", says("mcp-hub v4.3.0 (built today)"), ()),
    Mutation(
        name="image-of-a-file-that-is-gone",
        sentence="The Dockerfile copies a file that was renamed: the image cannot be built.",
        mutate=write("Dockerfile", "FROM node:22\nCOPY package.json hub.config.json ./\n"),
        expected={"containers-name-what-is-there": FAILED},
        words=("Dockerfile:2", "hub.config.json: it is not there"),
    ),
    Mutation(
        name="image-of-what-is-there",
        sentence="The Dockerfile copies what is there, from a stage of its own and by a variable.",
        mutate=write(
            "Dockerfile",
            "FROM node:22 AS build\nCOPY package*.json ./\nCOPY $EXTRA ./\nFROM node:22-slim\nCOPY --from=build /dist /dist\n",
        ),
    ),
    Mutation(
        name="build-fails",
        sentence="the bundler misses a source",
        mutate=write("tools/bundle.sh", "#!/bin/sh\nset -eu\ncat src/nowhere.js >dist/cli.js\n"),
        config=BUNDLE,
        expected={"build-succeeds-in-a-copy": FAILED},
        words=("src/nowhere.js",),
    ),
    Mutation(
        name="build-writes-nothing",
        sentence="the build ends well and leaves the old artifact as it was",
        mutate=write("tools/bundle.sh", "#!/bin/sh\nset -eu\ntest -f package.json\n"),
        config=BUNDLE,
        expected={"build-succeeds-in-a-copy": DEGRADED},
        words=("did not write",),
    ),
    Mutation(
        name="build-only-echoes",
        sentence="the build command prints that there is nothing to do",
        mutate=nothing,
        config={"release": {"build": ["echo", "nothing to build"]}},
        expected={"build-succeeds-in-a-copy": FAILED},
        words=("builds nothing",),
    ),
    Mutation(
        name="one-test-fails",
        sentence="one test of seven fails",
        mutate=edit("tools/test.sh", 'names the options" 1', 'names the options" 2'),
        expected={"test-suite-passes": FAILED},
        words=("1 failed",),
    ),
    Mutation(
        name="no-test-runs",
        sentence="the runner finds no test and ends well",
        mutate=write("tools/test.sh", "#!/bin/sh\necho '# tests 0'\necho '# pass 0'\necho '# fail 0'\n"),
        expected={"test-suite-passes": FAILED},
        words=("ran no test",),
    ),
    Mutation(
        name="tests-fail-and-end-well",
        sentence="two tests fail and the runner ends with status 0",
        mutate=write("tools/test.sh", "#!/bin/sh\necho '# tests 9'\necho '# pass 7'\necho '# fail 2'\n"),
        expected={"test-suite-passes": FAILED},
        words=("2 tests failed",),
    ),
    Mutation(
        name="tests-say-nothing",
        sentence="the tests end well and do not say how many there were",
        mutate=write("tools/test.sh", "#!/bin/sh\ntest -x dist/cli.js\n"),
        expected={"test-suite-passes": DEGRADED},
        words=("did not say how many",),
    ),
    Mutation(
        name="lint-only-echoes",
        sentence="the linter's script prints that there is none",
        mutate=package(scripts={"lint": "echo 'no linter configured'", "start": "dist/cli.js"}),
        config={"release": {"lint": None}},
        expected={"lint-passes": FAILED},
        words=("checks nothing",),
    ),
    Mutation(
        name="lint-complains",
        sentence="a script does not parse",
        mutate=write("tools/extra.sh", "if true; then\n"),
        expected={"lint-passes": FAILED},
        words=("tools/extra.sh",),
    ),
)

HISTORY: Final = (
    Mutation(
        name="a-tracked-file-was-changed",
        sentence="somebody mended a script on the host",
        mutate=edit("README.md", "# The sample release", "# The sample release, mended"),
        committed=False,
        expected={"worktree-is-clean": FAILED},
        words=("README.md",),
    ),
    Mutation(
        name="a-file-nobody-committed",
        sentence="a patch lies in the tree",
        mutate=write("hotfix.patch", "--- a\n+++ b\n"),
        committed=False,
        expected={"worktree-is-clean": DEGRADED},
        words=("hotfix.patch",),
    ),
    Mutation(
        name="a-file-with-a-line-break-in-its-name",
        sentence="a file unknown to git has a line break in its name",
        mutate=write("two\nlines.txt", "nothing\n"),
        committed=False,
        expected={"worktree-is-clean": DEGRADED},
        words=("lines.txt",),
    ),
    Mutation(
        name="an-ignored-file-was-changed",
        sentence="the log has grown",
        mutate=write("logs/hub.log", "started\n"),
        committed=False,
    ),
    Mutation(
        name="release-is-from-another-branch",
        sentence="the release is a commit that nobody merged",
        mutate=each(git("checkout", "-q", "-b", "experiment"), git("commit", "-q", "--allow-empty", "-m", "Try")),
        committed=False,
        expected={"release-commit-is-on-the-expected-branch": FAILED, "release-commit-was-reviewed": FAILED},
        words=("is not on main", "no merge"),
    ),
    Mutation(
        name="head-is-detached",
        sentence="the tree stands at a commit of main, on no branch",
        mutate=git("checkout", "-q", "--detach"),
        committed=False,
    ),
    Mutation(
        name="nobody-reviewed-it",
        sentence="the release is a commit pushed straight to main",
        mutate=git("commit", "-q", "--allow-empty", "-m", "Quick fix"),
        committed=False,
        expected={"release-commit-was-reviewed": FAILED},
        words=("no merge",),
    ),
    Mutation(
        name="the-author-reviewed-it",
        sentence="the review on record is the author's own",
        mutate=git("commit", "-q", "--allow-empty", "-m", "Fix\n\nReviewed-by: Ada Engineer <ada@example.com>"),
        committed=False,
        expected={"release-commit-was-reviewed": FAILED},
        words=("Reviewed-by",),
    ),
    Mutation(
        name="changelog-is-silent",
        sentence="the changelog ends with the release before",
        mutate=edit("CHANGELOG.md", "## 4.3.0", "## Next"),
        expected={"version-is-documented": FAILED},
        words=("4.3.0",),
    ),
    Mutation(
        name="changelog-of-a-longer-number",
        sentence="the changelog speaks of 14.3.0",
        mutate=edit("CHANGELOG.md", "## 4.3.0", "## 14.3.0"),
        expected={"version-is-documented": FAILED},
        words=("4.3.0",),
    ),
    Mutation(
        name="changelog-in-another-style",
        sentence="the heading has brackets and a date",
        mutate=edit("CHANGELOG.md", "## 4.3.0", "## [4.3.0] - 2026-05-04"),
    ),
)

MUTATIONS: Final = (*ARTIFACT, *HISTORY)
