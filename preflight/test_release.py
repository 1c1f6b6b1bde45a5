"""What the service starts is this release; the one before is kept; the hub's state can be used."""

from __future__ import annotations

import pytest

from readiness import caused_by, check, compared, listed, note, unknown, where_found

pytestmark = pytest.mark.preflight

SHOWN = 5
"""Names that a sentence lists."""


def _read(release, look):
    """What `look` reads; a file that is proven to be at fault fails the check."""
    wrong = release.wrong(look)
    if wrong is not None:
        if wrong.path is not None:
            where_found(release.shown(wrong.path), wrong.line)
        if release.is_package(wrong.path):
            caused_by("artifact-runs-and-reports-its-version")
        pytest.fail(str(wrong), pytrace=False)
    return look()


@check(
    "release-is-what-the-unit-runs",
    severity="critical",
    needs=("release", "unit", "hub_release"),
    where="host",
    remedy="Correct the unit's ExecStart (entry point, --config, --port), then `systemctl daemon-reload`.",
)
def test_release_is_what_the_unit_runs(release):
    """The service starts this release's artifact, with this configuration, on this port."""
    unit = _read(release, release.unit)
    where_found(release.shown(unit.file), unit.start.line if unit.start else None)
    started, built = _read(release, release.started), _read(release, release.own_entry)
    compared(expected=release.shown(built.path), actual=release.shown(started.path))
    if doubt := release.start_doubt(started):
        unknown(doubt)
    assert release.same(started.path, built.path) or release.brings(started), (
        f"{unit.file.name} starts {release.shown(started.path)}, the release's artifact is {release.shown(built.path)}"
    )
    differences = release.differences(started)
    assert not differences, f"{unit.file.name} starts another: {'; '.join(differences)}"


@check(
    "previous-release-is-kept",
    severity="critical",
    needs=("release", "previous_release", "hub_release"),
    where="host",
    remedy="Keep the last good release beside the new one, built; [release] previous says where it is.",
)
def test_previous_release_is_kept(release, operation):
    """The release that a rollback returns to is there, and starts."""
    previous = _read(release, operation.previous)
    where_found(release.shown(previous.path))
    done = _read(release, lambda: release.say_version(previous))
    version = operation.version_of(previous)
    name = release.shown(previous.folder)
    assert done.ok, f"the previous release {name} does not start: --version {done.ending}: {done.last_words()}"
    said = release.versions_in(done.out)
    compared(expected=version, actual=", ".join(said[:3]) or "no version")
    assert version.removeprefix("v") in said, (
        f"the previous release {name} is {version} and says {said or 'no version'}"
    )
    built = _read(release, release.own_entry)
    assert not release.same(previous.path, built.path), "the previous release is the one that is deployed"


@check(
    "hub-state-is-readable",
    severity="critical",
    needs=("release", "hub_release"),
    where="host",
    remedy="Give the state folder to the service's user (`chown -R`), and move aside what does not parse or stands in its place.",
)
def test_hub_state_is_readable(release, operation, hub_is_running):
    """The hub's state folder parses, can be written, and belongs to the user of the service."""
    folder, owner = operation.state(), operation.service_user()
    where_found(str(folder))
    if not operation.is_there(folder):
        if hub_is_running():
            named = "[target] state names" if release.config.target.state else "the hub's user would have"
            unknown(f"{named} {folder}, which is not there, and a hub is running: correct [target] state")
        note(f"{folder} is not there: the hub makes it at its first start; has it run here, correct [target] state")
    else:
        broken = _read(release, lambda: operation.state_files(folder))
        told = ", ".join(f"{name} is {why}" for name, why in list(broken.items())[:SHOWN])
        assert not broken, f"a hub that cannot read its state does not start: {told}"
        foreign = operation.foreign(folder, owner)
        assert not foreign, f"in {folder}, of another user than the service's: {listed(foreign, SHOWN, ', ')}"
    assert operation.writable(folder, owner), f"{folder} cannot be written by the service's user"
