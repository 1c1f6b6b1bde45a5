"""What the release is made of is locked, known to be sound, renewed, and runs on what is installed."""

from __future__ import annotations

import pytest

from readiness import caused_by, check, compared, listed, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight

SHOWN = 5
"""Names that a sentence lists."""


def _read(release, look, cause=None):
    """What `look` reads; a file that is proven to be at fault fails the check. `cause` is the check that tells why."""
    wrong = release.wrong(look)
    if wrong is not None:
        if release.is_package(wrong.path):
            caused_by("artifact-runs-and-reports-its-version")
        elif cause is not None:
            caused_by(cause)
        if wrong.path is not None:
            where_found(release.shown(wrong.path), wrong.line)
        pytest.fail(str(wrong), pytrace=False)
    return look()


@check(
    "lockfile-is-present-and-in-step",
    severity="medium",
    needs=("release", "hub_release"),
    where="tree",
    remedy="Renew the lock file (`npm install --package-lock-only` or `bun install`) and commit it.",
)
def test_lockfile_is_present_and_in_step(release, dependencies):
    """A lock file fixes every dependency that package.json asks for, and nothing else."""
    wanted = _read(release, dependencies.wanted)
    locks = dependencies.locks()
    compared(expected="a lock file", actual=", ".join(lock.name for lock in locks) or "none")
    if not locks and not wanted:
        note("the release depends on nothing, so there is nothing to lock")
        return
    assert locks, f"no lock file fixes the {len(wanted)} dependencies"
    for lock in locks:
        where_found(release.shown(lock))
        found = _read(release, lambda lock=lock: dependencies.out_of_step(lock))
        assert not found, f"{lock.name} is not in step: {listed(found, SHOWN)}"
    if len({dependencies.manager_of(lock) for lock in locks}) > 1:
        warn(f"several lock files, of which one is not renewed: {', '.join(lock.name for lock in locks)}")


@check(
    "dependencies-are-pinned",
    severity="low",
    needs=("release", "hub_release"),
    where="tree",
    remedy="Commit a lock file, install by it (`npm ci`, `--frozen-lockfile`), and give each dependency a version with an end "
    "(^1.2.3), not latest, * or a branch.",
)
def test_dependencies_are_pinned(release, dependencies):
    """A dependency of production is the same one tomorrow."""
    found = _read(release, dependencies.unpinned)
    where_found("package.json")
    compared(expected="every dependency is pinned", actual=f"{len(found)} are not")
    assert not found, f"{len(found)} dependencies may change by themselves: {listed(found, SHOWN)}"
    # a lock file pins only what is installed by it
    careless = dependencies.careless_installs()
    if careless:
        where_found(release.shown(careless[0].file), careless[0].line)
        places = [f"{release.shown(one.file)}:{one.line} runs `{one.command}`" for one in careless]
        pytest.fail(
            f"{listed(places, SHOWN)}, which may take other versions than the lock file's: {careless[0].better}",
            pytrace=False,
        )


@check(
    "no-known-vulnerabilities",
    severity="critical",
    slow="asks the package registry",
    needs=("release", "hub_release"),
    where="tree",
    remedy="Renew the packages that are named: `npm audit fix`, or a newer version by hand; then build and test again.",
)
def test_no_known_vulnerabilities(release, dependencies):
    """No dependency of production has a known vulnerability of high or critical severity."""
    if not _read(release, dependencies.production):
        note("the release depends on nothing, so nobody was asked")
        return
    claim = release.config.claim("audit")
    if claim.expected is False:
        if not claim.owner or claim.expires is None:
            unknown(
                f"[expect] audit is not expected ({claim.reason}), and needs an owner and a last day: owner, expires"
            )
        warn(
            f"nobody looked for known vulnerabilities, and {claim.owner} answers for that until {claim.expires}: {claim.reason}"
        )
        return
    if not dependencies.locks():
        caused_by("lockfile-is-present-and-in-step")
    found, asked = dependencies.advisories()
    note(asked)
    bad, moderate = dependencies.at_least(found, "high"), dependencies.at_least(found, "moderate")
    where_found("package.json")
    compared(expected="no known vulnerability", actual=f"{len(found)} packages, {len(bad)} of them high or critical")
    assert not bad, f"{len(bad)} packages: {listed(bad, SHOWN)}"
    if moderate:
        warn(f"{len(moderate)} packages: {listed(moderate, SHOWN)}")
    elif found:
        note(f"{len(found)} packages of low severity: {listed(found, SHOWN)}")


@check(
    "update-bot-is-configured",
    severity="low",
    needs=("release", "update_bot"),
    where="tree",
    remedy="Add .github/dependabot.yml with package-ecosystem npm (or bun), or a renovate.json.",
)
def test_update_bot_is_configured(release, dependencies):
    """A bot proposes newer versions of the dependencies."""
    bots = _read(release, dependencies.bots)
    compared(expected="Dependabot or Renovate", actual=", ".join(release.shown(path) for path in bots) or "none")
    assert bots, "neither Dependabot nor Renovate is configured"
    wrong = [text for text in bots.values() if text]
    where_found(release.shown(next(iter(bots))))
    assert len(wrong) < len(bots), f"no bot renews the packages: {listed(wrong, SHOWN)}"


@check(
    "runtime-version-is-supported",
    severity="high",
    needs=("release", "runtime", "hub_release"),
    where="host",
    remedy="Install a version of the runtime that package.json's engines admits, or correct engines.",
)
def test_runtime_version_is_supported(release, dependencies):
    """The runtime that is installed is one that the release says it supports."""
    package = _read(release, release.package)
    name, version = _read(release, dependencies.runtime, "artifact-is-executable")
    wanted = package.engines.get(name)
    where_found("package.json")
    compared(expected=wanted or "a range in engines", actual=f"{name} {version}")
    if wanted is None:
        warn(f"package.json does not say which versions of {name} it supports (engines); {version} is installed")
        return
    holds = dependencies.satisfies(version, wanted)
    if holds is None:
        unknown(f"engines.{name} {wanted!r} or the version {version!r} cannot be read")
    assert holds, f"{name} {version} is installed, package.json supports {wanted}"
