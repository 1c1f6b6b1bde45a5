"""A hub that is a systemd unit: past its start limit it is started all the same, and one that restarts is not proven."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import TYPE_CHECKING

import pytest

from readiness.errors import ReadinessError, Unknown
from readiness.operations.deploys import systemd
from readiness.operations.rollback import execute as called
from readiness.operations.rollback import verify
from tests.helpers import fake_systemctl
from tests.operations.rollback.restored import Restored
from tests.operations.rollback.rolled import Site
from tests.operations.rollback.test_verify import BACK, identified

if TYPE_CHECKING:
    from pathlib import Path

UNIT = "mcp-hub.service"


def as_unit(site: Site, unit: str | None = UNIT) -> None:
    """Let the hub be a unit."""
    object.__setattr__(site.config.target, "unit", unit)


def looping(folder: Path, patch: pytest.MonkeyPatch, *, broken: str = "") -> Restored:
    """A site whose new release has crashed past the start limit: nothing listens, and systemd starts it no more."""
    site = Restored(folder, broken=broken)
    fake_systemctl.install(folder, patch, start=f"{sys.executable} -S -E {folder / 'start.py'}")
    site.set(stop=("systemctl", "stop", "mcp-hub"), start=("systemctl", "start", "mcp-hub"))
    as_unit(site, f"/etc/systemd/system/{UNIT}")
    site.back_up()
    (folder / "hub").unlink()
    return site


def test_a_crash_loop_past_the_start_limit_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systemd is told to forget the failed starts just before it starts the release before."""
    site = looping(tmp_path, monkeypatch)
    site.run()
    assert site.came_back()
    assert fake_systemctl.calls(tmp_path) == ["stop mcp-hub", f"reset-failed {UNIT}", "start mcp-hub"]


def test_without_the_unit_systemd_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody says that it is a unit, systemd's own words are told, and what was changed is put back."""
    site = looping(tmp_path, monkeypatch)
    as_unit(site, None)
    with pytest.raises(ReadinessError, match="attempted too often"):
        site.run()
    assert (tmp_path / "current").resolve() == site.new


def test_undoing_starts_past_the_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is started is started: also the release that is put back because the one before it does not come up."""
    site = looping(tmp_path, monkeypatch, broken="old")
    with pytest.raises(ReadinessError, match="start ended with status 1"):
        site.run()
    assert site.starts() == ["old", "new"]
    assert fake_systemctl.calls(tmp_path)[-2:] == [f"reset-failed {UNIT}", "start mcp-hub"]


@pytest.mark.parametrize(
    ("start", "argv"),
    [
        (("systemctl", "start", "mcp-hub"), ["systemctl", "reset-failed", UNIT]),
        (("sudo", "-n", "systemctl", "start", "mcp-hub"), ["sudo", "-n", "systemctl", "reset-failed", UNIT]),
        (("systemctl", "--user", "start", "mcp-hub"), ["systemctl", "--user", "reset-failed", UNIT]),
        (("scripts/start.sh",), ["systemctl", "reset-failed", UNIT]),
    ],
)
def test_the_right_is_the_one_of_the_start(start: tuple[str, ...], argv: list[str]) -> None:
    """With sudo where the start needs it, and to the user's systemd where the hub is its unit."""
    assert systemd.reset_failed(UNIT, start) == argv


def test_what_systemd_refuses_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No right to reset is no reason not to start; without systemctl nothing is said."""
    site = Site(tmp_path)
    as_unit(site)
    fake_systemctl.install(tmp_path, monkeypatch)
    assert systemd.forget_failures(site.config) == f"reset-failed {UNIT}: done"
    (tmp_path / "tools" / "systemctl").write_text("#!/bin/sh\nexit 4\n")
    assert systemd.forget_failures(site.config) == f"reset-failed {UNIT}: ended with status 4"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (systemd.forget_failures(site.config), systemd.restarts(site.config)) == ("", None)


def test_free_commands_are_told_the_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script of one's own resets by `systemctl reset-failed "$READINESS_UNIT"`."""
    site = Site(tmp_path)
    assert "READINESS_UNIT" not in called.environment(site.config, site.deploy, "t")
    as_unit(site)
    fake_systemctl.install(tmp_path, monkeypatch)
    assert called.environment(site.config, site.deploy, "t")["READINESS_UNIT"] == UNIT


@pytest.mark.parametrize(
    ("restarts", "bad"),
    [("2\n2\n", ""), ("0\n3\n", "systemd started the hub anew 3 times"), ("3\n0\n", "")],
)
def test_restarts_during_the_proof_are_bad(
    restarts: str, bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count may not grow while the hub is verified; one that was reset meanwhile says nothing."""
    site = Site(tmp_path)
    as_unit(site)
    fake_systemctl.install(tmp_path, monkeypatch)
    (tmp_path / "restarts").write_text(restarts)
    found = identified(site, monkeypatch, dataclasses.replace(BACK))
    assert bad in "".join(found.bad)
    assert bool(found.bad) == bool(bad)


def test_a_systemd_that_does_not_tell_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it runs and is silent, the proof is not whole; where it does not run, there is nothing to ask."""
    site = Site(tmp_path)
    as_unit(site)
    fake_systemctl.install(tmp_path, monkeypatch)
    (tmp_path / "restarts").write_text("[not set]\n")
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path)
    with pytest.raises(Unknown, match="how often"):
        systemd.restarts(site.config)
    assert "how often" in identified(site, monkeypatch, BACK).unproven[0]
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path / "none")
    assert verify._restarts(site.config) is None
    assert os.environ["PATH"].startswith(str(tmp_path))
