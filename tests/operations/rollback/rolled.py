"""A release that was deployed badly and its rollback, without a hub: links, a recorded deploy, a plan, an action."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from readiness.config.model import Config, ReleaseSettings, RollbackAction, RollbackSettings, Target
from readiness.operations.deploys import lock
from readiness.operations.deploys.record import DeployRecord, write_record
from readiness.operations.rollback import document
from readiness.operations.rollback import journal as rollback_journal
from readiness.operations.rollback.execute import RollbackOptions, execute
from readiness.operations.rollback.outcome import Proof
from readiness.operations.rollback.plan import plan_rollback
from tests.operations.rollback.test_plan import judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from readiness.operations.rollback.outcome import RollbackEvent, RollbackOutcome

BACK = """
import os, sys
done = open("{folder}/done", "a")
done.write(sys.argv[1] + "\\n")
done.close()
os.symlink("{folder}/releases/old", "{folder}/next")
os.replace("{folder}/next", "{folder}/current")
"""
"""What the usual action does: note that it ran, and let the link point to the old release."""


class Site:
    """Everything around one rollback, in `folder`."""

    def __init__(self, folder: Path, body: str = BACK, *names: str, **rollback: Any) -> None:
        self.folder, self.reports = folder, folder / "reports"
        self.told: list[RollbackEvent] = []
        self.said: list[str] = []
        for name, version in (("old", "4.2.1"), ("new", "4.3.0")):
            tree = folder / "releases" / name
            tree.mkdir(parents=True)
            (tree / "package.json").write_text(json.dumps({"name": "mcp-hub", "version": version}))
        (folder / "current").symlink_to(folder / "releases" / "new")
        script = folder / "back.py"
        script.write_text(body.format(folder=folder, python=sys.executable))
        timeout = rollback.pop("timeout", 20.0)
        actions = tuple(
            RollbackAction(
                name=name,
                triggers=("validation-failure",),
                command=(sys.executable, "-S", "-E", str(script), name),
                timeout=timeout,
                verify=("health",),
            )
            for name in names or ("back",)
        )
        self.config = Config(
            path=folder / "readiness.toml",
            environment="staging",
            report_dir=self.reports,
            target=Target(url="http://127.0.0.1:9", version="4.3.0", release=folder / "current"),
            release=ReleaseSettings(previous=str(folder / "releases" / "old")),
            rollback=RollbackSettings(**{"mode": "auto", "steady": 0, "actions": actions} | rollback),
        )
        self.deploy = DeployRecord(
            deployed_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1),
            version="4.3.0",
            passed_before=("tools",),
            previous=str(folder / "releases" / "old"),
        )
        write_record(self.reports / "deploy.json", self.deploy)

    @property
    def journals(self) -> Path:
        """Where the journals lie."""
        return self.reports / "rollback"

    @property
    def lock(self) -> Path:
        """The file of its lock."""
        return lock.folder_for(self.config) / lock.FILE

    def plan(self, *failed: str) -> document.SavedPlan:
        """The plan of a run that just failed."""
        now = dt.datetime.now(dt.UTC)
        found = plan_rollback(judgement(*failed or ("tools",)), self.config, self.deploy, now=now)
        run = document.PlanRun(id="run-1", finished=now.isoformat(), status="NOT READY", decision="ROLL BACK")
        return document.save_plan(found, config=self.config, deploy=self.deploy, run=run, redact=str)

    def prove(
        self, config: Config, deploy: DeployRecord, phases: Sequence[str], folder: Path, acted_at: float, *_: Any
    ) -> Proof:
        """Proof by the link alone: the old release is in place, or it is not."""
        with (self.folder / "proved").open("a") as file:
            file.write(" ".join(phases) + "\n")
        assert config.target.release is not None
        well = config.target.release.resolve().name == "old" and folder.parent == self.journals and acted_at > 0
        return Proof(passed=len(deploy.passed_before)) if well else Proof(bad=("tools fails: as before",))

    def how(self, **more: Any) -> RollbackOptions:
        """How this site's rollbacks are carried out."""
        return RollbackOptions(**{"prove": self.prove, "tell": self.told.append, "grace": 0.5} | more)

    def execute(self, given: document.SavedPlan | None = None, *, resume: bool = False, **more: Any) -> RollbackOutcome:
        """Carry it out."""
        plan = None if resume else given or self.plan()
        return execute(plan, self.config, self.said.append, self.journals, how=self.how(**more))

    def done(self) -> list[str]:
        """Names of the actions that ran, once for each time."""
        path = self.folder / "done"
        return path.read_text().split() if path.exists() else []

    def state(self) -> rollback_journal.RollbackState:
        """The newest journal."""
        return rollback_journal.rollbacks(self.journals)[-1]

    def kinds(self) -> list[str]:
        """The kinds of its entries, in order."""
        return [str(entry.kind) for entry in self.state().entries]

    def rewrite(self, **changes: Any) -> None:
        """Change the recorded deploy."""
        self.deploy = dataclasses.replace(self.deploy, **changes)
        write_record(self.reports / "deploy.json", self.deploy)


def ended_in_child(work: Callable[[], object]) -> int:
    """Do it in a child; how that ended."""
    child = os.fork()
    if not child:
        status = 98
        try:
            work()
            status = 0
        finally:
            os._exit(status)  # nothing of pytest may run in the child
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
