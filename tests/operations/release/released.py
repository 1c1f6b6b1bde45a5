"""A release that is carried out without a hub: links, a file that stands for the process, a command, checks that are told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

from readiness.config.model import Config, ReleaseSettings, RollbackAction, RollbackSettings, Target
from readiness.operations.deploys.checks import check_report
from readiness.operations.deploys.hub_look import Seen
from readiness.operations.deploys.record import DeployRecord, read_record
from readiness.operations.notify import people
from readiness.operations.release import flow
from readiness.operations.release import journal as book
from readiness.operations.release.model import ReleaseOrder
from readiness.operations.release.ports import Checked, ReleasePorts, Telling
from readiness.operations.rollback import document
from readiness.operations.rollback import journal as rollback_journal
from readiness.operations.rollback.execute import RollbackOptions, execute
from readiness.operations.rollback.follow_up import write_incident
from readiness.operations.rollback.outcome import Proof, RollbackRefused
from readiness.operations.rollback.plan import plan_rollback
from tests.operations.rollback.test_plan import judgement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from readiness.operations.release.model import ReleaseEnd

SWITCH = """
import json, os, sys, time
name, pid = sys.argv[1], int(sys.argv[2])
with open("{folder}/done", "a") as done:
    done.write(sys.argv[3] + "\\n")
if "{wait}":
    time.sleep(float("{wait}" or 0))
os.symlink("{folder}/releases/" + name, "{folder}/next")
os.replace("{folder}/next", "{folder}/current")
open("{folder}/hub.new", "w").write(json.dumps(dict(pid=pid, started=float(pid), version="4.2.1" if name == "old" else "4.3.0")))
os.replace("{folder}/hub.new", "{folder}/hub.json")
"""
"""Deploys a release, or goes back to one: notes that it ran, switches the link, and another process answers."""
URL = "http://127.0.0.1:9"


class Released:
    """Everything around one release, in `folder`; what checks will say is in `says`, by the marker expression."""

    def __init__(self, folder: Path, body: str = SWITCH, *, wait: str = "", **more: Any) -> None:
        """`more` goes into `[rollback]`, but for `release`, which goes into `[release]`."""
        self.folder, self.reports = folder, folder / "reports"
        self.said: list[str] = []
        self.says: dict[str, list[str]] = {}
        for name, version in (("old", "4.2.1"), ("new", "4.3.0")):
            tree = folder / "releases" / name
            tree.mkdir(parents=True)
            (tree / "package.json").write_text(json.dumps({"name": "mcp-hub", "version": version}))
        (folder / "current").symlink_to(folder / "releases" / "old")
        self.hub(pid=100, version="4.2.1")
        self.script = folder / "deploy.py"
        self.script.write_text(body.format(folder=folder, wait=wait))
        (folder / "back.py").write_text(SWITCH.format(folder=folder, wait=""))
        action = RollbackAction(
            name="back",
            triggers=("validation-failure", "startup-failure", "deploy-failure"),
            command=(sys.executable, "-S", "-E", str(folder / "back.py"), "old", "300", "back"),
            timeout=20.0,
            verify=("health",),
        )
        release = {"timeout": 20.0} | more.pop("release", {})
        self.config = Config(
            path=folder / "readiness.toml",
            environment="staging",
            report_dir=self.reports,
            target=Target(url=URL, release=folder / "current"),
            release=ReleaseSettings(**release),
            rollback=RollbackSettings(**{"mode": "auto", "steady": 0, "actions": (action,)} | more),
        )
        self.judged = "4.3.0"
        self.told: list[tuple[str, int]] = []

    # --- the hub ------------------------------------------------------------------------------------------------------

    def hub(self, **facts: Any) -> None:
        """Let this be what a look shows."""
        told = {"pid": 100, "started": float(facts.get("pid", 100)), "version": "4.2.1"} | facts
        (self.folder / "hub.json").write_text(json.dumps(told))

    def look(self, config: Config, _seconds: float) -> Seen:
        """What the file that stands for the process says."""
        del config
        if not (self.folder / "hub.json").exists():
            return Seen(answers=False, trouble="connection refused")
        return Seen(**{"answers": True, "state": "ready", **json.loads((self.folder / "hub.json").read_text())})

    # --- what checks say ----------------------------------------------------------------------------------------------

    def checks(self, config: Config, expression: str, environ: Mapping[str, str]) -> Checked:
        """A run that says what `says` holds for it, leaves its report in the history, and its plan where it fails."""
        key = "before" if expression == "health or e2e" and self.serving() == 100 else expression
        with (self.folder / "asked").open("a") as file:
            file.write(f"{key} {json.dumps(dict(environ))}\n")
        told = self.says.get(key) or ["READY"]
        verdict = told.pop(0) if len(told) > 1 else told[0]
        run_id, now = uuid.uuid4().hex[:12], dt.datetime.now(dt.UTC)
        deploy = read_record(self.reports / "deploy.json") if (self.reports / "deploy.json").exists() else None
        decision, refused = {"READY": "KEEP", "INCOMPLETE": "HOLD"}.get(verdict, "HOLD"), None
        if verdict == "NOT READY":
            found = plan_rollback(judgement("tools"), config, deploy, now=now, version=self.judged)
            decision, refused = ("ROLL BACK" if found.wanted else "HOLD"), found.refused
            run = document.PlanRun(id=run_id, finished=now.isoformat(), status=verdict, decision=decision)
            document.write_plan(
                self.reports, document.save_plan(found, config=config, deploy=deploy, run=run, redact=lambda text: text)
            )
        outcome = {"READY": "passed", "NOT READY": "failed"}.get(verdict, "unknown")
        told_now = {
            "run": {"id": run_id, "started": now.isoformat(), "target": URL, "environment": "staging", "demo": False},
            "verdict": {"status": verdict, "decision": decision, "headline": 50.0, "because": f"tools {outcome}"},
            "findings": [{"check": "tools", "outcome": outcome, "reason": "as told"}],
            "rollback": {"refused": refused},
        }
        history = self.reports / "history"
        history.mkdir(parents=True, exist_ok=True)
        (history / f"{now:%Y%m%dT%H%M%S.%f}Z-{run_id}.json").write_text(json.dumps(told_now))
        status = {"READY": 0, "CONDITIONAL": 0, "INCOMPLETE": 12}.get(verdict, 1)
        return Checked(status=status, report=check_report(told_now), run_id=run_id, words="")

    def serving(self) -> int | None:
        """The process that answers now."""
        return self.look(self.config, 0).pid

    # --- rolling back -------------------------------------------------------------------------------------------------

    def prove(self, config: Config, deploy: DeployRecord, phases: Sequence[str], *_: Any) -> Proof:
        """Proof by the link alone."""
        del phases
        assert config.target.release is not None
        well = config.target.release.resolve().name == "old"
        return Proof(passed=len(deploy.passed_before)) if well else Proof(bad=("tools fails: as before",))

    def act(self, config: Config, run_id: str, status: int, expression: str, telling: Telling) -> tuple[int, str]:
        """As `readiness check` acts, with a proof of this site's own."""
        assert expression in {"health or e2e", "health or alerts"}
        found = document.read_plan(self.reports)
        if found is None or found.run.id != run_id or config.rollback.mode != "auto":
            telling.tell("")
            return status, ""
        try:
            announced = telling.announce()
            if announced is not None:
                people.tell(announced.event, config, self.reports)
            done = execute(found, config, self.said.append, self.reports / "rollback", how=self.how())
        except RollbackRefused as refused:
            return status, str(refused)
        if announced is not None:
            write_incident(self.reports, run_id, (), announced.document)
        return done.exit_code, ""

    def resumed(self, config: Config) -> int:
        """Finish an interrupted rollback."""
        how = dataclasses.replace(self.how(), person=True)
        return execute(None, config, self.said.append, self.reports / "rollback", how=how).exit_code

    def how(self) -> RollbackOptions:
        """How rollbacks are carried out here."""
        return RollbackOptions(prove=self.prove, grace=0.3, on_step=self.on_step)

    # --- releasing ----------------------------------------------------------------------------------------------------

    def on_step(self, name: str) -> None:
        """Called before every step; replaced by tests that kill there."""

    def world(self, **more: Any) -> ReleasePorts:
        """The world of this site."""
        own: dict[str, Any] = {
            "look": self.look, "checks": self.checks, "act": self.act, "resume": self.resumed, "say": self.said.append,
            "backup": self.backup, "sleep": lambda _: time.sleep(0.01), "grace": 0.3, "poll": 0.0, "bake_every": 0.01,
            "on_step": self.on_step, "page": lambda *_: [],
        }  # fmt: skip
        return ReleasePorts(**own | more)

    def backup(self, _config: Config) -> str:
        """A backup by name."""
        with (self.folder / "done").open("a") as file:
            file.write("backup\n")
        return "pre-deployment-1"

    def order(self, *arguments: str, **more: Any) -> ReleaseOrder:
        """The deploy of the new release."""
        command = (sys.executable, "-S", "-E", str(self.script), *(arguments or ("new", "200", "deploy")))
        return ReleaseOrder(**{"command": command, "folder": self.folder, "bake": 0.0} | more)

    def release(self, *arguments: str, world: ReleasePorts | None = None, **more: Any) -> ReleaseEnd:
        """Carry it out."""
        return flow.release(self.config, self.order(*arguments, **more), world or self.world())

    def resume(self, command: tuple[str, ...] = ()) -> ReleaseEnd:
        """Go on with what was interrupted."""
        return flow.resume(self.config, self.world(), command)

    # --- what came of it ----------------------------------------------------------------------------------------------

    def done(self) -> list[str]:
        """What ran, once for each time."""
        path = self.folder / "done"
        return path.read_text().split() if path.exists() else []

    def asked(self) -> list[str]:
        """The marker expressions of the runs of checks, in order; that on the hub from before is `before`."""
        path = self.folder / "asked"
        return [line.partition(" {")[0] for line in path.read_text().splitlines()] if path.exists() else []

    def state(self) -> book.ReleaseState:
        """The newest journal of a release."""
        found = book.last_release(self.reports / book.FOLDER)
        assert found is not None
        return found

    def phases(self) -> dict[str, str]:
        """Status of each phase that is over."""
        return {phase.name: phase.status for phase in self.state().phases}

    def page(self) -> dict[str, Any]:
        """`release.json`."""
        return dict(json.loads((self.reports / "release.json").read_text()))

    def link(self) -> str:
        """The release that is in place."""
        return os.path.basename(os.readlink(self.folder / "current"))  # noqa: PTH115, PTH119 - the link itself

    def rollbacks(self) -> list[rollback_journal.RollbackState]:
        """All journals of rollbacks."""
        return rollback_journal.rollbacks(self.reports / "rollback")
