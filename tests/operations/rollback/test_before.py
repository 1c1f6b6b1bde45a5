"""What the history tells of the release to return to: which runs were about it, and which of its faults count."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from readiness.operations.rollback import before
from tests.operations.rollback.rolled import Site

if TYPE_CHECKING:
    from pathlib import Path


def ran(site: Site, minutes: float, outcomes: dict[str, str], **changes: Any) -> None:
    """A run of the history, `minutes` before the deploy, on the old release unless it is said otherwise."""
    started = site.deploy.deployed_at - dt.timedelta(minutes=minutes)
    versions = changes.pop("versions", {"release": "4.2.1", "folder": str(site.folder / "releases" / "old")})
    run = {"id": "x", "target": "http://127.0.0.1:9", "environment": "staging", "demo": False, "versions": versions}
    rows = [{"check": check, "outcome": outcome} for check, outcome in outcomes.items()]
    path = site.reports / "history" / f"{started:%Y%m%dT%H%M%S.%fZ}-x.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"run": run | changes, "findings": rows}))


def known(site: Site) -> set[str]:
    """The faults of the release before."""
    return set(before.failed_on_previous(site.config, site.deploy))


def test_a_fault_of_the_last_run_counts_and_one_that_is_over_does_not(tmp_path: Path) -> None:
    """The newest run that asked decides; what failed twice comes and goes, and counts; what nobody proved says nothing."""
    site = Site(tmp_path)
    ran(site, 30, {"tools": "failed", "speed": "failed", "open": "failed"})
    ran(site, 20, {"tools": "passed", "speed": "failed", "open": "unknown"})
    ran(site, 10, {"tools": "passed", "speed": "passed", "open": "unknown", "plain": "waived"})
    assert known(site) == {"speed", "open", "plain"}
    assert site.plan().refused == (), "the pure plan knows nothing of the history"


@pytest.mark.parametrize(
    "other",
    [
        {"versions": {"release": "4.3.0", "folder": "/new"}},
        {"versions": {"release": "4.2.1", "folder": "/another/build"}},
        {"versions": {}},
        {"target": "http://127.0.0.1:10"},
        {"environment": "production"},
        {"demo": True},
        {"minutes": -1},
        {"minutes": 8 * 24 * 60},
    ],
)
def test_runs_about_something_else_do_not_count(other: dict[str, Any], tmp_path: Path) -> None:
    """Of the new release, of another build or hub or environment, of the embedded hub, from after the deploy, too old."""
    site = Site(tmp_path)
    ran(site, other.pop("minutes", 10), {"tools": "failed"}, **other)
    assert known(site) == set()


def test_a_version_tells_where_nothing_better_does(tmp_path: Path) -> None:
    """Reports of before told only the declared version; where both releases have the same one it tells nothing."""
    site = Site(tmp_path)
    ran(site, 10, {"tools": "failed"}, versions={"hub": "v4.2.1"})
    assert known(site) == {"tools"}
    site.rewrite(version="4.2.1")
    assert known(site) == set()


def test_a_commit_is_told_by_the_commit(tmp_path: Path) -> None:
    """A tree in place has one folder for all its releases."""
    site = Site(tmp_path)
    site.rewrite(previous="a" * 40)
    ran(site, 10, {"tools": "failed"}, versions={"commit": "a" * 40, "folder": "/in/place"})
    ran(site, 9, {"open": "failed"}, versions={"commit": "b" * 40, "folder": "/in/place"})
    assert known(site) == {"tools"}


def test_a_damaged_history_tells_nothing(tmp_path: Path) -> None:
    """Half a file, another program's, a run without findings: passed over."""
    site = Site(tmp_path)
    ran(site, 10, {"tools": "failed"})
    (path,) = (site.reports / "history").iterdir()
    for text in ("{", "[]", '{"run": {}}', path.read_text().replace('"findings"', '"x"')):
        path.write_text(text)
        assert known(site) == set()
    site.rewrite(previous=None)
    assert known(site) == set()


def test_a_run_tells_which_release_it_judged(tmp_path: Path) -> None:
    """Its folder, links resolved, and its version; git is asked only where somebody means to go back."""
    site = Site(tmp_path)
    assert before.release_versions(site.config) == {
        "release": "4.3.0",
        "folder": str(tmp_path / "releases" / "new"),
        "commit": "",
    }
    assert before.release_versions(dataclasses.replace(site.config, demo=True)) == {}
