"""What is to be deployed was built, runs, is tested, and is the committed and documented version."""

from __future__ import annotations

import pytest

from readiness import Limits, caused_by, check, compared, listed, measure, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight

SMALLEST = 100
"""KB below which an artifact is no bundle of a hub: the assessment's number."""
IS_THERE = "artifact-is-executable"
"""The check that tells of an artifact that cannot be read; what else needs it has nothing to add."""
UNIT = "release-is-what-the-unit-runs"
PACKAGE = "artifact-runs-and-reports-its-version"
"""The check that tells of a package.json that cannot be read."""
SHOWN = 5
"""Names that a sentence lists."""


def _fail(error, release):
    """End the check with what is wrong with a file, and where."""
    if error.path is not None:
        where_found(release.shown(error.path), error.line)
    pytest.fail(str(error), pytrace=False)


def _read(release, look, cause=None):
    """What `look` reads; a file that is proven to be at fault fails the check. `cause` is the check that tells why."""
    wrong = release.wrong(look)
    if wrong is not None:
        if release.is_package(wrong.path):
            caused_by(PACKAGE)
        elif cause is not None:
            caused_by(cause)
        _fail(wrong, release)
    return look()


def _artifact(release, cause=IS_THERE):
    artifact = _read(release, release.artifact, cause)
    where_found(release.shown(artifact.path))
    note(f"{release.shown(artifact.path)}, named by {artifact.source}")
    # one cause is told once: by the check of the unit where that starts another file than the release's, else by the first of these
    if release.astray(artifact) and not release.brings(artifact):
        caused_by(UNIT)
    elif cause == IS_THERE and release.is_empty(artifact):
        caused_by(IS_THERE)
    return artifact


@check(
    "artifact-is-executable",
    severity="critical",
    needs=("release", "hub_release"),
    where="tree",
    remedy="Build the release (`npm run build`) and make its entry point executable: `chmod +x dist/cli.js`; a hub from npm is "
    "installed by `npm ci`.",
)
def test_artifact_is_executable(release):
    """The release's entry point is there, may be executed, and says what executes it."""
    artifact = release.start_of(_artifact(release, UNIT))
    name = release.shown(artifact.path)
    shebang = _read(release, lambda: artifact.shebang, UNIT if release.astray(artifact) else None)
    mode = release.mode(artifact.path)
    compared(expected="an executable file", actual=f"mode {mode:03o}")
    if release.other_product and artifact.source == "package.json" and not mode & 0o111:
        unknown(
            f"{name} has mode {mode:03o}, and what starts it is not known: npm makes a command executable when it "
            "installs the package; set [target] unit"
        )
    assert mode & 0o111 or artifact.runtime, f"{name} may not be executed: its mode is {mode:03o}"
    assert release.size(artifact.path), f"{name} is empty"
    assert shebang or artifact.runtime, f"{name} has no first line like #!/usr/bin/env node"


@check(
    "artifact-size-is-plausible",
    severity="high",
    limits=Limits(critical=10_000, unit="KB"),
    needs=("release", "artifact", "hub_release"),
    where="tree",
    remedy="Build again, and look at what the bundle holds: too small lacks its dependencies, too large brings data along.",
)
def test_artifact_size_is_plausible(release):
    """The entry point is as large as a bundled hub, or brings all that it imports: neither a stub nor half the disk."""
    artifact = _artifact(release)
    size = _read(release, lambda: release.size(artifact.path), IS_THERE) / 1000
    if size < SMALLEST and not artifact.is_dependency and not release.other_product:
        # what imports its parts is no bundle: they count, and whether they are all there
        missing, parts, total = release.parts(artifact)
        assert not missing, f"{release.shown(artifact.path)} imports what is not there: {listed(missing, SHOWN, ', ')}"
        assert parts > 1, f"{release.shown(artifact.path)} has {size:.1f} KB; a bundled hub has {SMALLEST} KB at least"
        note(f"{release.shown(artifact.path)} is no bundle: it imports {parts - 1} files and packages")
        size = total / 1000
    measure(size, what="the artifact's size")


@check(
    "artifact-runs-and-reports-its-version",
    severity="critical",
    needs=("release", "hub_release"),
    where="tree",
    remedy="Run `dist/cli.js --version` and mend what it says; build again after changing package.json's version. "
    "A package.json that was lost comes back with `git checkout -- package.json`.",
)
def test_artifact_runs_and_reports_its_version(release):
    """The artifact starts, and says the version of its package: of the release, or of the dependency that it is."""
    _read(release, release.package)
    artifact = _artifact(release)
    _read(release, lambda: artifact.shebang, IS_THERE)
    version = _read(release, lambda: release.version_of(artifact))
    name = release.shown(artifact.path)
    if not release.knows_version(artifact):
        unknown(f"{name} is {release.other_product}'s and does not know --version: it was not started")
    done = release.say_version(artifact)
    if not done.ok and release.parts(artifact)[0]:
        caused_by("artifact-size-is-plausible")
    if not done.ok and release.other_product and not release.is_crash(done):
        unknown(f"{name} is {release.other_product}'s, and --version {done.ending}: {done.last_words()}")
    assert done.ok, f"{name} --version {done.ending}: {done.last_words()}"
    said = release.versions_in(done.out)
    compared(expected=version or "a version", actual=", ".join(said[:3]) or "none")
    if release.other_product and not said:
        unknown(f"{name} is {release.other_product}'s, and --version told no version")
    if not version:
        unknown("package.json names no version")
    assert version.removeprefix("v") in said, (
        f"{name} says it is {said[0] if said else 'no version at all'}, package.json {version}"
    )


@check(
    "containers-name-what-is-there",
    severity="high",
    needs=("release", "hub_release"),
    where="tree",
    remedy="Correct the path or the stage, or take it out of .dockerignore; let a health check fail: `curl --fail … || exit 1`. `docker build .` and `docker compose config` say the same.",
)
def test_containers_name_what_is_there(containers):
    """What Dockerfiles and compose files name is in the release, and their health checks can fail."""
    if not containers.names:
        note("the release has no Dockerfile and no compose file")
        return
    faults = containers.faults()
    if faults:
        where_found(faults[0].path, faults[0].line)
    assert not faults, listed(faults, SHOWN)
    note(f"read: {listed(containers.names, SHOWN, ', ')}")


@check(
    "build-succeeds-in-a-copy",
    severity="high",
    slow="runs the build in a copy of the tree",
    needs=("release", "build", "hub_release"),
    where="tree",
    remedy="Run the build command by hand and mend what it says; a build writes into its own tree, by relative paths.",
)
def test_build_succeeds_in_a_copy(release, workshop):
    """The release builds, and the tree that is deployed stays as it was meanwhile."""
    command = workshop.command("build")
    assert not command.checks_nothing, f"`{command}` builds nothing: {command.text[:120]}"
    result = workshop.run("build")
    touched = listed(result.touched, SHOWN, ", ")
    assert not result.touched, f"{len(result.touched)} files of the release itself changed during the build: {touched}"
    without = ""
    if result.without is not None:
        place = f"{release.shown(result.without.file)}:{result.without.line}"
        without = f", without devDependencies: {place} builds after `{result.without.command}`, which leaves them out"
        note(f"built{without}")
    assert result.done.ok, f"`{command}` {result.done.ending}{without}: {result.done.last_words()}"
    assert result.artifact, f"`{command}` ended well and left no {_read(release, release.package).entry}"
    if not result.rebuilt:
        warn(f"`{command}` ended well and did not write {_read(release, release.package).entry}")


@check(
    "test-suite-passes",
    severity="critical",
    slow="runs the release's tests",
    needs=("release", "tests", "hub_release"),
    where="tree",
    remedy="Run the test command by hand and mend what fails; [release] test says which command it is.",
)
def test_test_suite_passes(workshop):
    """The release's own tests pass, and there are some."""
    command = workshop.command("test")
    assert not command.checks_nothing, f"`{command}` tests nothing: {command.text[:120]}"
    assert not command.always_succeeds, f"`{command}` throws its result away: {command.text[:120]}"
    result = workshop.run("test")
    counts = result.counts
    compared(expected="every test passes", actual=str(counts) if counts else result.done.ending)
    assert result.done.ok, f"`{command}` {result.done.ending}: {counts or result.done.last_words()}"
    if counts is None:
        warn(f"`{command}` ended well and did not say how many tests ran")
        return
    assert counts.ran, f"`{command}` ran no test ({counts}, says {counts.runner})"
    assert not counts.failed, f"`{command}` ended well although {counts.failed} tests failed, says {counts.runner}"
    note(f"{counts}, says {counts.runner}")


@check(
    "lint-passes",
    severity="medium",
    slow="runs the release's linter",
    needs=("release", "lint", "hub_release"),
    where="tree",
    remedy="Give package.json a lint script that runs a linter (`eslint .`), and mend what it finds.",
)
def test_lint_passes(workshop):
    """The release's linter finds nothing, and is one."""
    command = workshop.command("lint")
    assert not command.checks_nothing, f"`{command}` checks nothing: {command.text[:120]}"
    assert not command.always_succeeds, f"`{command}` throws its result away: {command.text[:120]}"
    result = workshop.run("lint")
    assert result.done.ok, f"`{command}` {result.done.ending}: {result.done.last_words()}"


@check(
    "worktree-is-clean",
    severity="medium",
    needs=("release", "git"),
    where="tree",
    remedy="Commit what belongs to the release, list in .gitignore what does not, and look again: `git status`.",
)
def test_worktree_is_clean(release):
    """What is deployed is what was committed."""
    changes = release.changes()
    changed = [change.path for change in changes if not change.untracked]
    new = [change.path for change in changes if change.untracked]
    compared(expected="no change", actual=f"{len(changed)} changed, {len(new)} unknown to git")
    if changed:
        where_found(changed[0])
    assert not changed, f"{len(changed)} files differ from the commit: {listed(changed, SHOWN, ', ')}"
    if new:
        where_found(new[0])
        warn(f"{len(new)} files are unknown to git: {listed(new, SHOWN, ', ')}")


@check(
    "release-commit-is-on-the-expected-branch",
    severity="low",
    needs=("release", "git"),
    where="tree",
    remedy="Merge the commit into the branch that releases come from, or name that branch in [release] branch.",
)
def test_release_commit_is_on_the_expected_branch(release):
    """The release's commit is in the history of the branch that releases come from."""
    branch, commit = release.config.release.branch, release.git.commit
    refs = release.git.branches(branch)
    if not refs:
        unknown(f"the repository knows no branch {branch}: fetch it, or correct [release] branch")
    compared(expected=f"on {branch}", actual=commit[:12])
    if any(release.git.contains(ref, commit) for ref in refs):
        return
    if release.git.shallow:
        unknown(f"history is cut off, so whether {commit[:12]} is on {branch} cannot be told: git fetch --unshallow")
    pytest.fail(f"commit {commit[:12]} is not on {branch}", pytrace=False)


@check(
    "version-is-documented",
    severity="low",
    needs=("release", "changelog", "hub_release"),
    where="tree",
    remedy="Add a heading with this version to CHANGELOG.md, with what changes for those who use it.",
)
def test_version_is_documented(release):
    """The changelog has an entry for the version that is released."""
    version = _read(release, release.package).version
    if not version:
        unknown("package.json names no version")
    path, text = _read(release, release.changelog)
    where_found(release.shown(path))
    compared(expected=version, actual=path.name)
    assert release.documents(text, version), f"{path.name} has no heading for version {version}"
