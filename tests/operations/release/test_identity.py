"""What tells a release from another: by its version, its commit, its folder, and a digest of what was deployed."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from readiness.errors import ReadinessError
from readiness.operations.deploys import quarantine
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.operations.deploys.record import read_record
from readiness.operations.release.model import ReleaseOutcome
from readiness.operations.rollback import document, terminal
from tests.operations.release.released import Released

if TYPE_CHECKING:
    from pathlib import Path

OLD = ReleaseIdentity(version="4.2.1", commit="a" * 40, folder="/r/old", content="c" * 64)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"version": "4.3.1", "commit": "b" * 40, "folder": "/r/new", "content": "d" * 64}, "4.3.1"),
        ({"version": "v4.2.1", "commit": "b" * 40, "content": "d" * 64}, "b" * 12),
        ({"folder": "/r/2026-12-01", "content": "d" * 64}, "2026-12-01"),
        ({"content": "d" * 64}, "config-dddddddd"),
        ({"version": None, "commit": "b" * 40}, "b" * 12),
        ({}, ""),
    ],
)
def test_a_release_is_called_by_what_the_one_before_is_not(changes: dict[str, str | None], name: str) -> None:
    """The name that a person types, and quarantine keeps, is never one that names the release to return to as well."""
    deployed = dataclasses.replace(OLD, **changes).beside(OLD)
    assert deployed.name == name
    assert deployed.names.isdisjoint(OLD.names)
    assert not deployed.is_same(OLD)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"commit": "a" * 40}, {"commit": "b" * 40}, False),
        ({"commit": "a" * 40}, {"commit": "a" * 40}, True),
        ({"commit": "a" * 40, "content": "c"}, {"commit": "a" * 40, "content": "d"}, False),
        ({"folder": "/r/1", "content": "c"}, {"folder": "/r/2", "content": "c"}, True),
        ({"folder": "/r/1", "content": "c"}, {"folder": "/r/1", "content": "d"}, False),
        ({"folder": "/r/1"}, {"folder": "/r/2"}, False),
        ({"folder": "/r/1"}, {"folder": "/r/1"}, True),
        ({}, {}, True),
        ({"folder": "/r/1", "version": None}, {}, False),
    ],
)
def test_two_are_the_same_by_the_best_that_both_know(
    one: dict[str, str | None],
    other: dict[str, str | None],
    same: bool,  # noqa: FBT001 - a case
) -> None:
    """A commit and what was deployed say more than a folder, and a folder more than a version."""
    known = ReleaseIdentity(version="4.2.1")
    assert dataclasses.replace(known, **one).is_same(dataclasses.replace(known, **other)) == same


def configured(site: Released, name: str, port: int) -> None:
    """Give a release a configuration of its own, and the version that both have."""
    tree = site.folder / "releases" / name
    (tree / "package.json").write_text(json.dumps({"name": "mcp-hub", "version": "4.2.1"}))
    (tree / "config").mkdir(exist_ok=True)
    (tree / "config" / "mcp-hub.json").write_text(json.dumps({"mcpServers": {}, "port": port}))


def test_a_configuration_that_was_rolled_back_leaves_the_good_release_alone(tmp_path: Path) -> None:
    """A bad deploy of the same version in another folder is quarantined, not the release that was returned to."""
    site = Released(tmp_path)
    site.judged = "4.2.1"
    configured(site, "old", 1)
    configured(site, "new", 2)
    site.says["health or e2e"] = ["NOT READY", "READY"]
    assert site.release(version="4.2.1").outcome is ReleaseOutcome.VERIFIED, site.said
    (entry,) = quarantine.every(site.reports)
    assert (entry.name, entry.version, entry.folder) == ("new", None, str(tmp_path / "releases" / "new"))
    record = read_record(site.reports / "deploy.json")
    assert record is not None
    assert (record.name, record.before) == ("new", record.before)
    assert record.command is not None
    assert "deploy.py" in record.command
    assert record.by is not None
    assert " on " in record.by
    assert record.before is not None
    assert quarantine.find(site.reports, record.before) is None
    assert quarantine.find(site.reports, record.identity) == entry
    plan = document.read_plan(site.reports)
    assert plan is not None
    assert plan.deploy is not None
    assert (plan.deploy.name, plan.deploy.named) == ("new", "4.2.1 (new)")
    configured(site, "new", 3)
    site.hub(pid=100, version="4.2.1")
    again = site.release(version="4.2.1")
    assert again.outcome is ReleaseOutcome.KEPT, again
    assert not quarantine.lift(site.reports, "4.2.1")
    assert quarantine.lift(site.reports, "new")


def test_what_nothing_tells_apart_is_in_no_quarantine(tmp_path: Path) -> None:
    """Where both releases look the same, the good one must not be refused for the bad one: a person is told."""
    with pytest.raises(ReadinessError, match="nothing tells the release that was rolled back"):
        quarantine.add(tmp_path, OLD.beside(OLD), "tools failed")
    assert quarantine.every(tmp_path) == []


def test_a_list_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """What was quarantined by commit and version alone is found and lifted as before."""
    entry = {"commit": "a" * 40, "version": "4.3.0", "since": "2026-01-02T03:04:05+00:00", "because": "tools"}
    (tmp_path / quarantine.FILE).write_text(json.dumps({"quarantined": [entry]}))
    assert quarantine.find(tmp_path, ReleaseIdentity(version="4.3.0", commit="a" * 40, content="c")) is not None
    assert quarantine.lift(tmp_path, "aaaaaaa")


def test_the_prompt_asks_for_the_release_that_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that is also returned to is not what confirms: the word names one release only."""
    asked: list[str] = []
    monkeypatch.setattr(terminal, "typed", lambda question, name: (asked.extend((question, name)), True)[1])
    monkeypatch.setattr(terminal, "sys", _Terminal())
    site = Released(tmp_path)
    deploy = document.PlanDeploy(deployed_at="", version="4.2.1", commit=None, previous="/r/old", name="new")
    plan = document.SavedPlan(run=document.PlanRun(id="x", finished="", status="", decision=""), deploy=deploy)
    assert terminal.confirmed(site.config, plan)
    assert asked == ["type new to roll it back in staging: ", "new"]


class _Terminal:
    """Streams of a terminal."""

    class stdin:  # noqa: N801 - as in sys
        """The keyboard."""

        isatty = staticmethod(lambda: True)

    stdout = stdin
