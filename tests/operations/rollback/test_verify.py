"""What proves a rollback: the checks that passed before, and that the old release answers in a new process."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, Target
from readiness.operations.deploys.checks import CheckProcess, check_report
from readiness.operations.deploys.hub_look import Seen, clearly_not_silent
from readiness.operations.rollback import verify
from readiness.operations.rollback.document import PlanRun, SavedCause, SavedPlan
from readiness.operations.rollback.plan import DEPLOY_COMMAND
from readiness.support import child_process
from tests.operations.rollback.rolled import Site

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.operations.rollback.outcome import Proof

ACTED = 1_000_000.0
BACK = Seen(answers=True, pid=43, started=ACTED + 5, start="2", version="4.2.1", state="ready")


def identified(site: Site, monkeypatch: pytest.MonkeyPatch, *looks: Seen) -> Proof:
    """What the identity proves when these looks follow each other."""
    left = list(looks)
    monkeypatch.setattr(verify, "look", lambda _: left.pop(0) if len(left) > 1 else left[0])
    return verify._identified(site.config, site.deploy, ACTED)


@pytest.mark.parametrize(
    ("change", "bad", "unproven"),
    [
        ({}, "", ""),
        ({"started": ACTED - 100}, "which ran before the rollback began: nothing was replaced", ""),
        (
            {"started": ACTED - 100, "start": None},
            "",
            "which ran before the rollback began by the hub's own clock alone",
        ),
        ({"version": "4.3.0"}, "version 4.3.0 answers, and 4.2.1 was to come back", ""),
        ({"version": "4.1.0"}, "version 4.1.0 answers", ""),
        ({"started": None}, "", "nothing proves that it is a new one"),
        ({"version": None}, "", "nothing proves that the release that answers is"),
        ({"answers": False, "trouble": "connection refused"}, "does not answer: connection refused", ""),
    ],
)
def test_who_answers(
    change: dict[str, Any], bad: str, unproven: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process of the old version is proven; the old process, the wrong version or none is bad; the rest is unproven."""
    found = identified(Site(tmp_path), monkeypatch, dataclasses.replace(BACK, **change))
    assert (bool(found.bad), bool(found.unproven)) == (bool(bad), bool(unproven))
    assert bad in "".join(found.bad)
    assert unproven in "".join(found.unproven)


def test_a_crash_loop_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was replaced by another between two looks does not stay up."""
    later = dataclasses.replace(BACK, pid=44, started=ACTED + 9)
    found = identified(Site(tmp_path), monkeypatch, BACK, later)
    assert "does not stay up" in found.bad[0]


def test_the_new_process_must_have_run_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at again only once it is as old as it must be; what another host's clock says of its age is no help."""
    site = Site(tmp_path, steady=1)
    young = dataclasses.replace(BACK, started=time.time() - 0.4, age=0.4)
    for seen, least in ((young, 0.4), (dataclasses.replace(young, start=None), 0.9)):
        began = time.monotonic()
        assert identified(site, monkeypatch, seen).bad == ()
        assert least < time.monotonic() - began < 3


def test_the_link_proves_the_release_where_versions_are_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two builds of one version: what is deployed now decides."""
    site = Site(tmp_path)
    package = tmp_path / "releases" / "old" / "package.json"
    package.write_text(package.read_text().replace("4.2.1", "4.3.0"))
    same = dataclasses.replace(BACK, version="4.3.0")
    assert "nothing proves" in identified(site, monkeypatch, same).unproven[0]
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to(tmp_path / "releases" / "old")
    assert identified(site, monkeypatch, same).unproven == ()


@pytest.mark.parametrize(
    ("outcomes", "bad", "unproven", "passed"),
    [
        ({"a": "passed", "b": "flaky", "new": "failed"}, 0, 0, 2),
        ({"a": "failed", "b": "passed"}, 1, 0, 1),
        ({"a": "unknown", "b": "passed"}, 0, 1, 1),
        ({"a": "waived", "b": "passed"}, 0, 1, 1),
        ({"new": "passed"}, 0, 1, 0),
        ({}, 0, 1, 0),
    ],
)
def test_only_what_passed_before_must_pass_again(
    outcomes: dict[str, str], bad: int, unproven: int, passed: int
) -> None:
    """What failed before may fail; what passed must, and what was not asked proves nothing."""
    rows = [{"check": check, "outcome": outcome, "reason": "why"} for check, outcome in outcomes.items()]
    found = verify.compared(check_report({"findings": rows}), ("a", "b"))
    assert (len(found.bad), len(found.unproven), found.passed) == (bad, unproven, passed)


@pytest.mark.parametrize("text", [None, "", "[]", "{}"])
def test_no_report_proves_nothing(text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that died, or left something else, verifies nothing."""
    if text is not None:
        (tmp_path / "readiness.json").write_text(text)
    monkeypatch.setattr(verify, "run_checks", lambda *_, **__: CheckProcess(status=1))
    site = Site(tmp_path / "site")
    assert verify._checked(site.config, site.deploy, ("health",), tmp_path).unproven == ("the checks left no report",)


def test_checks_that_do_not_end_prove_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that verifies is ended past its time, and nothing is called verified."""
    site = Site(tmp_path)
    (tmp_path / "readiness.toml").write_text('environment = "test"\n[target]\nurl = "http://127.0.0.1:9"\n')
    monkeypatch.setattr(verify, "SECONDS", 0.05)
    found = verify.prove(site.config, site.deploy, ("health",), tmp_path / "proof", ACTED)
    assert "did not end within" in found.unproven[0]
    assert "does not answer" in found.bad[0]


def test_what_is_verified_is_where_the_causes_were_found(tmp_path: Path) -> None:
    """The action's phases and the causes', never load or a drill by itself; nothing where the action wants nothing."""
    site = Site(tmp_path)
    run = PlanRun(id="x", finished="", status="", decision="")
    slow = SavedCause(trigger="latency", checks=("slow",), phases=("alerts", "load"))
    plan = SavedPlan(run=run, causes=(slow, SavedCause(trigger="x", checks=("old",))))
    assert verify.phases(site.config.rollback.actions, plan) == ["health", "alerts"]
    object.__setattr__(site.config.rollback.actions[0], "verify", ())
    assert verify.phases(site.config.rollback.actions, plan) == []
    (tmp_path / "readiness.json").write_text(json.dumps({"findings": [{"check": "old", "outcome": "passed"}]}))
    assert verify.unasked(tmp_path, plan) == ["slow, for which it was done, was not asked again"]
    assert (
        verify.unasked(tmp_path, SavedPlan(run=run, causes=(SavedCause(trigger="x", checks=(DEPLOY_COMMAND, "old")),)))
        == []
    )


def test_own_checks_are_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of somebody's own checks that the first run was given are given to the run that verifies."""
    site, calls = Site(tmp_path), list[list[str]]()

    def run(argv: list[str], **_: object) -> child_process.FinishedProcess:
        calls.append(argv)
        return child_process.FinishedProcess(argv=(), code=0, out="", err="", timed_out=False, seconds=1)

    monkeypatch.setattr(child_process, "run", run)
    verify._checked(site.config, site.deploy, ("health",), tmp_path / "proof", ["/own/checks"])
    assert "/own/checks" in calls[0]


def test_a_bare_socket_tells_a_hub_that_is_not_silent() -> None:
    """It answers anything, or nobody listens; one that takes the connection and says nothing has to be looked at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        config = Config(target=Target(url=f"http://127.0.0.1:{server.getsockname()[1]}"))
        assert not clearly_not_silent(config, 0.1)
        server.accept()[0].close()

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.0 500 no\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert clearly_not_silent(config, 5.0)
        thread.join()
    assert clearly_not_silent(config)
    assert not clearly_not_silent(Config(target=Target(url="https://127.0.0.1:9")))
    assert not clearly_not_silent(Config())
