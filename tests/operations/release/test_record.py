"""`readiness release --record`: before and after a deploy made by other means, and what a run decides then."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tomli_w import dumps

from readiness import demo
from readiness.config.demo import demo_settings
from readiness.config.model import Config, ReleaseSettings, Target
from readiness.errors import ReadinessError
from readiness.operations.deploys.record import read_record, write_record
from readiness.operations.release import bookkeeping as own
from readiness.operations.rollback import document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
URL = "http://127.0.0.1:7000"
SAME = own.Running(version="4.3.0", commit="a" * 40, path="/r/1", content="c", pid=42, started=100.0)


def run(started: dt.datetime, outcomes: dict[str, str], **more: Any) -> dict[str, Any]:
    """A run in the history, as far as it is read."""
    told = {"started": started.isoformat(), "target": URL, "environment": "staging", "demo": False} | more
    return {"run": told, "findings": [{"check": check, "outcome": outcome} for check, outcome in outcomes.items()]}


def standing(folder: Path, *runs: dict[str, Any], since: float | None = None) -> tuple[list[str], list[str]]:
    """What passes and what fails by these runs, the oldest first."""
    (folder / "history").mkdir(exist_ok=True)
    for number, one in enumerate(runs):
        started = (one["run"] or {}).get("started")
        moment = ago(1) if started is None else dt.datetime.fromisoformat(started)
        (folder / "history" / f"{moment:%Y%m%dT%H%M%S.%f}Z-{number}.json").write_text(json.dumps(one))
    config = Config(report_dir=folder, environment="staging", target=Target(url=URL))
    passed, failed = own.standing(config, since, NOW)
    return list(passed), list(failed)


def ago(hours: float) -> dt.datetime:
    """That many hours before now."""
    return NOW - dt.timedelta(hours=hours)


def test_the_newest_word_on_each_check_counts(tmp_path: Path) -> None:
    """A check that a newer run left unknown is known by the older; flaky and degraded passed their critical limit."""
    older = run(ago(2), {"a": "passed", "b": "failed", "c": "flaky", "d": "passed", "f": "passed"})
    newer = run(ago(1), {"a": "unknown", "b": "passed", "d": "failed", "e": "degraded", "f": "not_applicable"})
    assert standing(tmp_path, older, newer) == (["a", "b", "c", "e", "f"], ["d"])


def test_an_instance_that_fails_fails_its_check(tmp_path: Path) -> None:
    """Of a check's instances the worst one speaks; a waived failure is one."""
    one = run(ago(1), {"ok": "passed", "w": "waived"})
    one["findings"] += [{"check": "a", "outcome": "passed"}, {"check": "a", "outcome": "failed"}]
    assert standing(tmp_path, one) == (["ok"], ["a", "w"])


@pytest.mark.parametrize(
    "other",
    [
        run(ago(25), {"a": "passed"}),
        run(ago(-1), {"a": "passed"}),
        run(ago(1), {"a": "passed"}, target="http://127.0.0.1:7001"),
        run(ago(1), {"a": "passed"}, environment="production"),
        run(ago(1), {"a": "passed"}, demo=True),
        run(ago(1), {"a": "unknown"}),
        {"run": None},
    ],
)
def test_a_run_that_says_nothing_about_now_does_not_count(tmp_path: Path, other: dict[str, Any]) -> None:
    """Old, from the future, of another hub or environment, of the demonstration, damaged: the deploy is not noted."""
    with pytest.raises(ReadinessError, match="says what passes"):
        standing(tmp_path, other)


def test_a_run_on_the_process_before_does_not_count(tmp_path: Path) -> None:
    """What passed before the hub was started anew was another release's, as far as anybody knows."""
    one = run(ago(1), {"a": "passed"})
    assert standing(tmp_path, one, since=ago(2).timestamp()) == (["a"], [])
    with pytest.raises(ReadinessError):
        standing(tmp_path, one, since=ago(0.5).timestamp())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "4.3.1"}, ["the version"]),
        ({"commit": "b" * 40, "content": "d"}, ["the commit", "its settings"]),
        ({"path": "/r/2"}, ["the folder"]),
        ({"pid": 43, "started": 200.0}, ["the process"]),
        ({"pid": None, "started": None}, ["the process"]),
        ({}, []),
    ],
)
def test_a_deploy_is_what_changes_something(change: dict[str, Any], words: list[str]) -> None:
    """Version, commit, folder, settings or process; and each is said."""
    assert dataclasses.replace(SAME, **change).changes(SAME) == words


def test_the_release_to_return_to(tmp_path: Path) -> None:
    """The folder that was linked before; else the kept one; else the commit of a tree in place; never another one than ran."""
    old, kept, tree = (tmp_path / name for name in ("old", "kept", "tree"))
    for folder in (old, kept, tree):
        folder.mkdir()
        (folder / "package.json").write_text('{"name": "mcp-hub", "version": "4.2.1", "main": "cli.js"}')
    config = Config(target=Target(release=tree))
    now = dataclasses.replace(SAME, path=str(tree))
    assert own.previous(config, dataclasses.replace(SAME, path=str(old)), now) == str(old)
    assert own.previous(config, dataclasses.replace(now, commit="b" * 40), now) == "b" * 40
    assert own.previous(config, now, now) is None
    named = dataclasses.replace(config, release=ReleaseSettings(previous="../kept"))
    ran = dataclasses.replace(now, version="4.2.1")
    assert own.previous(named, ran, now) == str(kept)
    # one that is kept and did not run before is two steps back, or was never deployed
    assert own.previous(named, dataclasses.replace(now, version="4.2.2"), now) is None


def test_a_restart_has_nothing_to_return_to(tmp_path: Path) -> None:
    """The release in place is the one from before: a sibling that was built and never deployed is no way back."""
    tree, new = tmp_path / "releases" / "4.3.0", tmp_path / "releases" / "4.3.1"
    for folder in (tree, new):
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(f'{{"name": "mcp-hub", "version": "{folder.name}", "main": "cli.js"}}')
    config = Config(target=Target(release=tree))
    before = dataclasses.replace(SAME, path=str(tree))
    for change in ({"pid": 43, "started": 200.0}, {"pid": None, "started": None}):
        assert own.previous(config, before, dataclasses.replace(before, **change)) is None
    # settings changed in place: what is kept has another version, so it is not what ran
    assert own.previous(config, before, dataclasses.replace(before, content="d")) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"noted_at": "x"}', "[" * 100_000])
def test_a_damaged_note_is_named(tmp_path: Path, text: str) -> None:
    """A note that cannot be trusted is an error that says what to do, never a guess."""
    (tmp_path / own.NOTE).write_text(text)
    with pytest.raises(ReadinessError, match="record anew"):
        own.read_note(tmp_path)


def test_a_note_survives_the_way_to_disk(tmp_path: Path) -> None:
    """What is written is read again, and nothing else is left."""
    note = own.Note(noted_at=NOW, running=SAME, passed=("a",), failed=("b",))
    own.write_note(tmp_path / "reports", note)
    assert own.read_note(tmp_path / "reports") == note
    assert {path.name for path in (tmp_path / "reports").iterdir()} - {".gitignore"} == {own.NOTE}


# --- on the embedded hub ----------------------------------------------------------------------------------------------


class Site:
    """A release behind a link, its hub, and the readiness.toml of both."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.link = folder, folder / "current"
        self.hub = demo.start()
        self.switch(self.hub)
        self.configure()

    def configure(self) -> None:
        """Write readiness.toml for the hub on this port."""
        settings = demo_settings(self.hub.release)
        settings["target"] |= {"url": self.hub.url, "release": str(self.link), "state": str(self.hub.state_dir)}
        action = {"name": "back", "triggers": ["startup-failure", "validation-failure"], "command": ["back"]}
        settings["rollback"] = {"mode": "ask", "action": [action]}
        (self.folder / "readiness.toml").write_text(dumps(settings))

    def switch(self, hub: demo.DemoHub) -> None:
        """Let the link point to that hub's release, kept here: the hub's own folder goes with it."""
        new, kept = self.folder / "new", self.folder / f"release-{hub.pid}"
        shutil.copytree(hub.release, kept, symlinks=True)
        new.symlink_to(kept)
        new.replace(self.link)

    def deploy(self, fault: str) -> None:
        """Replace the release by one that is broken, on the same port."""
        port = self.hub.port
        self.hub.stop()
        self.hub = demo.start(fault, port=port)
        self.switch(self.hub)
        self.configure()

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`readiness` as an operator calls it here."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
        command = [sys.executable, "-m", "readiness", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    def decision(self) -> str:
        """What the last run decided."""
        report = json.loads((self.folder / "reports" / "readiness.json").read_text())
        return str(report["verdict"]["decision"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A healthy site."""
    found = Site(tmp_path)
    yield found
    found.hub.stop()


@pytest.mark.matrix  # its first half is part of the rollback on the embedded hub, which every run of the tests proves
def test_record_break_and_the_run_decides_to_roll_back(site: Site) -> None:
    """Noted, deployed, recorded: NOT READY is ROLL BACK with the action; two weeks later it is HOLD with the reason."""
    reports = site.folder / "reports"
    none = site.call("release", "--record")
    assert (none.returncode, "says what passes" in none.stderr) == (1, True), none
    assert site.call("check", "-m", "health").returncode == 0
    noted = site.call("release", "--record")
    assert noted.returncode == 0, noted.stderr
    assert "checks that pass" in noted.stdout
    before = str(site.link.resolve())
    site.deploy("server-down")
    recorded = site.call("release", "--record")
    assert recorded.returncode == 0, recorded.stderr
    assert "the folder" in recorded.stdout.partition("changed: ")[2]
    assert not (reports / own.NOTE).exists()
    made = read_record(reports / "deploy.json")
    assert made is not None
    assert made.previous == before
    assert site.call("check", "-m", "health").returncode == 1
    plan = document.read_plan(reports)
    assert plan is not None
    assert (site.decision(), [action.name for action in plan.actions]) == ("ROLL BACK", ["back"])
    write_record(reports / "deploy.json", dataclasses.replace(made, deployed_at=made.deployed_at - dt.timedelta(14)))
    assert site.call("check", "-m", "health").returncode == 1
    plan = document.read_plan(reports)
    assert plan is not None
    assert (site.decision(), plan.actions) == ("HOLD", ())
    assert "the window of 30 min is over" in plan.refused[0]


def test_a_call_without_a_task_is_a_usage_error(site: Site) -> None:
    """`readiness release` alone says what it can do; after a deploy without a note it says what is missing."""
    assert site.call("release").returncode == 4
    done = site.call("release", "--record", "after")
    assert (done.returncode, "was not noted" in done.stderr) == (1, True)
