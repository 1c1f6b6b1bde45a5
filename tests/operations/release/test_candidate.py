"""A release beside the one that runs: proven first, switched to, and switched back where that fails."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.errors import ReadinessError
from readiness.operations.deploys.hub_look import Seen
from readiness.operations.notify import people
from readiness.operations.notify.events import Event, Notified
from readiness.operations.release.model import ReleaseOutcome
from readiness.support.environment import INTERNAL_URL
from tests.operations.release.released import URL, Released
from tests.operations.rollback.rolled import ended_in_child

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.operations.release.model import ReleaseEnd

CANDIDATE = "http://127.0.0.1:10"
OLD = "http://127.0.0.1:11"
START = """
import json, sys
open("{folder}/done", "a").write("deploy\\n")
open("{folder}/candidate.json", "w").write(json.dumps(dict(pid=200, started=200.0, version="4.3.0")))
"""
TURN = """
import os, sys
open("{folder}/done", "a").write(sys.argv[1] + "\\n")
{more}
open("{folder}/front.new", "w").write(sys.argv[2])
os.replace("{folder}/front.new", "{folder}/front")
"""


class Beside(Released):
    """A site with two hubs and a front that leads to one of them."""

    def __init__(self, folder: Path, body: str = START, *, more: str = "", back: str = "", **settings: Any) -> None:
        for name, extra in (("switch", more), ("back", back)):
            folder.mkdir(exist_ok=True)
            (folder / f"turn-{name}.py").write_text(TURN.format(folder=folder, more=extra))
        own = [sys.executable, "-S", "-E"]
        turns = {
            "switch": (*own, str(folder / "turn-switch.py"), "switch", "candidate"),
            "switch_back": (*own, str(folder / "turn-back.py"), "switch-back", "hub"),
        }
        super().__init__(folder, body, release=turns, **settings)
        target = dataclasses.replace(self.config.target, internal_url=OLD)
        self.config = dataclasses.replace(self.config, target=target)
        (folder / "front").write_text("hub")

    def look(self, config: Any, seconds: float) -> Seen:
        """The candidate on its own port, the old hub on its own, and through the front whichever that leads to."""
        if config.target.internal_url == CANDIDATE:
            return self.one("candidate")
        return self.one((self.folder / "front").read_text() if config.target.internal_url == URL else "hub")

    def one(self, name: str) -> Seen:
        """One of the two hubs."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            return Seen(answers=False, trouble="connection refused")
        return Seen(**{"answers": True, "state": "ready", **json.loads(path.read_text())})

    def checks(self, config: Any, expression: str, environ: Any) -> Any:
        """The first of the usual ones is on the hub from before; those of the candidate know where it is."""
        about = "candidate" if environ.get(INTERNAL_URL) == CANDIDATE else "old"
        key = f"{about}: {expression}"
        self.says.setdefault(key, ["READY"])
        if expression == "health or e2e" and about == "old":
            key = self.says.setdefault("before", self.says[key]) and "before"
        return super().checks(config, key, environ)

    def beside(self, **more: Any) -> ReleaseEnd:
        """Carry it out."""
        return self.release(candidate=CANDIDATE, **more)

    def front(self) -> str:
        """The hub that clients reach."""
        return (self.folder / "front").read_text()


def test_a_good_candidate_is_switched_to(tmp_path: Path) -> None:
    """It is proven on its own port, then clients reach it; what is left to do for a person is said."""
    site = Beside(tmp_path)
    found = site.beside()
    assert (found.outcome, site.front()) == (ReleaseOutcome.KEPT, "candidate"), site.said
    assert site.done() == ["backup", "deploy", "switch"]
    assert site.asked()[1:] == ["before", "candidate: health or e2e", "candidate: health"]
    assert f"set [target] internal_url to {CANDIDATE}" in found.because
    assert list(site.phases())[-4:] == ["ready", "verify", "switch", "bake"]


@pytest.mark.parametrize(
    ("verdict", "code"), [("NOT READY", 1), ("INCOMPLETE", 12)]
)  # fmt: skip
def test_a_candidate_that_is_not_well_is_never_switched_to(verdict: str, code: int, tmp_path: Path) -> None:
    """Nothing that users reach has changed, so nothing is rolled back."""
    site = Beside(tmp_path)
    site.says["candidate: health or e2e"] = [verdict]
    found = site.beside()
    assert (found.outcome, found.exit, site.front()) == (ReleaseOutcome.ABORTED, code, "hub")
    assert "nothing was switched" in found.because
    assert site.done() == ["backup", "deploy"]


def test_a_candidate_that_does_not_start_changes_nothing(tmp_path: Path) -> None:
    """The command fails, or nothing answers in time: both end before the switch."""
    failed = Beside(tmp_path / "a", "import sys; sys.exit(3)").beside()
    assert (failed.outcome, "status 3; nothing was switched" in failed.because) == (ReleaseOutcome.ABORTED, True)
    site = Beside(tmp_path / "b", "pass")
    site.config = dataclasses.replace(site.config, probe=dataclasses.replace(site.config.probe, settle=0.1))
    silent = site.beside()
    assert (silent.outcome, "not ready within 0 s" in silent.because) == (ReleaseOutcome.ABORTED, True)


def test_a_candidate_at_the_old_hubs_port_is_none(tmp_path: Path) -> None:
    """The very process that serves already answers there: it is not taken for the new one."""
    site = Beside(tmp_path, START.replace("200", "100"))
    site.config = dataclasses.replace(site.config, probe=dataclasses.replace(site.config.probe, settle=0.1))
    found = site.beside()
    assert found.outcome is ReleaseOutcome.ABORTED
    assert site.done() == ["backup", "deploy"]


FAILS: dict[str, tuple[dict[str, Any], list[str], ReleaseOutcome, str]] = {
    # how the site differs, what runs beyond the switch, how it ends, what clients reach
    "the checks fail": ({"says": True}, ["switch-back"], ReleaseOutcome.VERIFIED, "hub"),
    "the switch fails": ({"more": "sys.exit(3)"}, ["switch-back"], ReleaseOutcome.VERIFIED, "hub"),
    "clients stay where they were": ({"more": "sys.exit(0)"}, ["switch-back"], ReleaseOutcome.VERIFIED, "hub"),
    "nobody may switch back": ({"says": True, "mode": "plan"}, [], ReleaseOutcome.HELD, "candidate"),
    "nobody confirms": ({"says": True, "mode": "ask"}, [], ReleaseOutcome.HELD, "candidate"),
    "switching back fails": ({"says": True, "back": "sys.exit(4)"}, ["switch-back"], ReleaseOutcome.FAILED, "candidate"),
    "switching back does nothing": ({"says": True, "back": "sys.exit(0)"}, ["switch-back"], ReleaseOutcome.FAILED, "candidate"),
    "the old hub is gone": ({"says": True, "more": "os.unlink('{0}/hub.json')"}, [], ReleaseOutcome.HELD, "candidate"),
    "the old hub is bad by now": ({"says": True, "old": "NOT READY"}, ["switch-back"], ReleaseOutcome.FAILED, "hub"),
    "the old hub is not known to be well": ({"says": True, "old": "INCOMPLETE"}, ["switch-back"], ReleaseOutcome.UNVERIFIED, "hub"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILS)
def test_a_switch_that_goes_wrong(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, the end says what clients reach, and so do people hear; an automatic step is taken only where one is allowed."""
    monkeypatch.setattr("readiness.operations.release.bluegreen.AGREED_SECONDS", 0.1)
    told, ran, outcome, reached = FAILS[name]
    more = dict(told)
    failing, old = more.pop("says", False), more.pop("old", "READY")
    if "more" in more:
        more["more"] = more["more"].format(tmp_path)
    site = Beside(tmp_path, **more)
    if failing:
        site.says["candidate: health"] = ["NOT READY"]
    site.says["old: health"] = [old]
    events: list[Event] = []
    monkeypatch.setattr(people, "tell", lambda event, *_, **__: (events.append(event), Notified())[1])
    found = site.release(candidate="http://127.0.0.1:10", world=site.world(confirmed=lambda *_: False))
    assert (events[-1].kind, events[-1].severity.value) == ("outcome", "critical")
    assert events[-1].title == f"{outcome.value} · staging {URL}"
    assert events[-1].ends_alarm == (outcome is ReleaseOutcome.VERIFIED)
    assert (found.outcome, site.front()) == (outcome, reached), (found, site.said)
    assert site.done() == ["backup", "deploy", "switch", *ran]


def test_an_alarm_while_baking_switches_back(tmp_path: Path) -> None:
    """The old hub still runs, so going back is one command."""
    site = Beside(tmp_path)
    site.says["candidate: health or alerts"] = ["READY", "NOT READY"]
    found = site.beside(bake=0.002)
    assert (found.outcome, site.front()) == (ReleaseOutcome.VERIFIED, "hub"), site.said
    assert site.done() == ["backup", "deploy", "switch", "switch-back"]


@pytest.mark.parametrize("missing", ["switch", "switch_back"])
def test_without_a_way_back_there_is_no_way_there(missing: str, tmp_path: Path) -> None:
    """Both commands are needed before anything is begun."""
    site = Beside(tmp_path)
    release = dataclasses.replace(site.config.release, **{missing: ()})
    site.config = dataclasses.replace(site.config, release=release)
    with pytest.raises(ReadinessError, match=rf"\[release\] {missing} is not set"):
        site.beside()
    assert site.done() == []


@pytest.mark.matrix
def test_killed_at_every_step_of_switching_back(tmp_path: Path) -> None:
    """Killed before any step from the switch on: resumed it ends verified, and each command ran once."""
    seen: list[str] = []
    site = Beside(tmp_path / "all")
    site.says["candidate: health"] = ["NOT READY"]
    site.on_step = seen.append  # type: ignore[method-assign]
    assert site.beside().outcome is ReleaseOutcome.VERIFIED
    first = seen.index("write phase switch")
    for step in range(first, len(seen)):
        one = Beside(tmp_path / str(step))
        one.says["candidate: health"] = ["NOT READY"]
        taken = iter(range(10_000))

        def on_step(_: str, taken: Any = taken, step: int = step) -> None:
            if next(taken) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        one.on_step = on_step  # type: ignore[method-assign]
        assert ended_in_child(one.beside) == -signal.SIGKILL, step
        one.on_step = lambda _: None  # type: ignore[method-assign]
        time.sleep(0.05)
        end = one.state().end
        found = one.resume() if end is None else end
        assert found.outcome is ReleaseOutcome.VERIFIED, (step, seen[step], one.said)
        assert sorted(one.done()) == ["backup", "deploy", "switch", "switch-back"], (step, seen[step])
        assert one.front() == "hub"
