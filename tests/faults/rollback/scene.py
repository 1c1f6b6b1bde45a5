"""From a fault to what came of it: a site with the fault, judged, planned and acted upon as `readiness check` does it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from readiness.cli import rollback as rollback_command
from readiness.config.model import GateSettings
from readiness.errors import ReadinessError
from readiness.operations.check_run import acting as check_rollback
from readiness.operations.check_run import second_look as check_probe
from readiness.operations.check_run.arguments import CheckArguments
from readiness.operations.deploys import systemd
from readiness.operations.deploys.hub_look import Seen
from readiness.operations.rollback import document, execute, verify
from readiness.operations.rollback import execute as called
from readiness.operations.rollback import follow_up as carry_out
from readiness.operations.rollback import journal as rollback_journal
from readiness.operations.rollback import terminal as rollback_terminal
from readiness.operations.rollback.outcome import Proof
from readiness.results.verdict import verdict
from readiness.session import conclusion as conclude
from tests.faults.rollback.checks import ENTRIES, report
from tests.operations.rollback.restored import Restored
from tests.operations.rollback.rolled import Site
from tests.results.verdict.judging import found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pytest

    from readiness.findings import Finding, Planned
    from readiness.operations.deploys.record import DeployRecord
    from readiness.operations.rollback.document import ProbeLook
    from readiness.operations.rollback.outcome import RollbackEvent
    from tests.faults.rollback.model import RollbackFault

RUN: str = "run-1"


class Scene:
    """A site with everything around one rollback that a fault may bend."""

    def __init__(self, fault: RollbackFault, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.fault, self.folder, self.patch = fault, folder, patch
        self.stack = contextlib.ExitStack()
        self.entries: list[Planned] = ENTRIES
        self.findings: dict[str, Finding] = {}
        self.run_id, self.typed = RUN, "4.3.0"
        self.looks: list[str] = []
        self.seen: list[Seen] = []
        self.rows: list[dict[str, Any]] | None = None
        self.told: list[RollbackEvent] = []
        self.prove: Callable[..., Proof] | None = None
        mode = "ask" if fault.by == "terminal" else "auto"
        if fault.restores:
            self.site: Site = Restored(folder, broken=fault.broken)
            self.site.rewrite(passed_before=tuple(entry.check.id for entry in ENTRIES))
        else:
            self.site = Site(folder, fault.body, *fault.actions, **{"mode": mode} | dict(fault.settings))
            self.site.rewrite(passed_before=tuple(entry.check.id for entry in ENTRIES))
        patch.setattr(check_rollback, "_frozen", lambda _: "")
        patch.setattr(systemd, "_BOOTED", folder / "no-systemd")

    # --- what faults bend -----------------------------------------------------------------------------------------

    @property
    def restored(self) -> Restored:
        """The site, where its action is the built-in one."""
        assert isinstance(self.site, Restored)
        return self.site

    def target(self, **changes: Any) -> None:
        """Change `[target]`."""
        for name, value in changes.items():
            object.__setattr__(self.site.config.target, name, value)

    def settings(self, **changes: Any) -> None:
        """Change `[rollback]`."""
        for name, value in changes.items():
            object.__setattr__(self.site.config.rollback, name, value)

    def config(self, **changes: Any) -> None:
        """Change what stands above all sections."""
        self.site.config = dataclasses.replace(self.site.config, **changes)

    def action(self, **changes: Any) -> None:
        """Change the first action."""
        for name, value in changes.items():
            object.__setattr__(self.site.config.rollback.actions[0], name, value)

    def ran_before(self, minutes: float, **outcomes: str) -> None:
        """A run of the history, on the old release, `minutes` before the deploy."""
        started = self.site.deploy.deployed_at - dt.timedelta(minutes=minutes)
        versions = {"release": "4.2.1", "folder": str(self.folder / "releases" / "old")}
        run = {"id": "x", "target": "http://127.0.0.1:9", "environment": "staging", "demo": False, "versions": versions}
        rows = [{"check": check, "outcome": outcome} for check, outcome in outcomes.items()]
        path = self.site.reports / "history" / f"{started:%Y%m%dT%H%M%S.%fZ}-x.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"run": run, "findings": rows}))

    def program(self, name: str, text: str) -> None:
        """A program of that name, before all others on PATH."""
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
        self.patch.setenv("PATH", str(tools), prepend=":")

    # --- judged and planned ---------------------------------------------------------------------------------------

    def plan(self) -> bool:
        """Judge the run, and write its plan as a run does; whether the decision is to roll back."""
        failed = self.fault.failed
        ids = [entry.check.id for entry in self.entries]
        findings = [self.findings.get(one) or found(one, "failed" if one in failed else "passed") for one in ids]
        judged = verdict.judge(verdict.Evidence(plan=self.entries, findings=findings), GateSettings())
        config = self.site.config
        planned, deploy = conclude._rollback(judged, config, time.time())
        decision = verdict.decide(judged, roll_back=planned.wanted)
        run = document.PlanRun(
            id=RUN,
            finished=dt.datetime.now(dt.UTC).isoformat(),
            status=judged.status.value,
            decision=decision.value,
        )
        self.refused = planned.refused or ""
        made = document.save_plan(planned, config=config, deploy=deploy, run=run, redact=str) if planned.fired else None
        document.write_plan(config.report_dir, made)
        report(config.report_dir, failed)
        return decision is verdict.Decision.ROLL_BACK

    # --- acted upon -----------------------------------------------------------------------------------------------

    def act(self) -> int:
        """Let the run's end, or a person, do what is to be done; the exit status."""
        people = SimpleNamespace(settle=lambda _: [])
        teller = _Teller(self.told, people)
        self.patch.setattr(carry_out, "_people", lambda _: teller)
        own = execute.RollbackOptions

        def how(**more: Any) -> execute.RollbackOptions:
            return own(**{"prove": self.prove or self._proof, "grace": 0.3} | more)

        self.patch.setattr(carry_out, "RollbackOptions", how)
        if self.fault.restores and called.command_of.__module__ != "tests.operations.rollback.restored":
            self.restored.in_child(self.patch)
        if self.fault.by == "person":
            return self._by_a_person()
        if self.fault.by == "terminal":
            self._on_terminal()
        return check_rollback.act(self.run_id, 1, self.site.reports, lambda: self.site.config, asked=CheckArguments())

    def _by_a_person(self) -> int:
        try:
            given = rollback_command._parser().parse_args(["--yes"])
            return rollback_command._do(given, self.site.config)
        except ReadinessError as error:
            sys.stderr.write(f"readiness rollback: {error}\n")
            return 1

    def _on_terminal(self) -> None:
        terminal = SimpleNamespace(write=sys.stdout.write, flush=sys.stdout.flush, isatty=lambda: True)
        streams = SimpleNamespace(stdin=terminal, stdout=terminal, stderr=sys.stderr)
        self.patch.setattr(check_rollback, "sys", streams)
        self.patch.setattr(rollback_terminal, "confirmed", lambda *_: self.typed == "4.3.0")
        self.patch.setattr(check_probe, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))
        self.patch.setattr(check_probe, "_asked", self._look_again)

    def _look_again(self, asked: check_probe.Asked, *_: object) -> Mapping[str, ProbeLook]:
        shown = self.looks.pop(0).split()
        report(self.folder / "look", shown)
        fired = tuple(
            dataclasses.replace(cause, checks=tuple(c for c in cause.checks if c in shown)) for cause in asked.causes
        )
        run = document.PlanRun(id=RUN, finished="", status="", decision="")
        again = document.SavedPlan(run=run, causes=fired)
        return check_probe.seen(asked, check_probe._rows(self.folder / "look"), again)

    # --- proven ---------------------------------------------------------------------------------------------------

    def _proof(
        self, config: Any, deploy: DeployRecord, phases: Sequence[str], folder: Path, acted_at: float, *_: Any
    ) -> Proof:
        """By the link alone, unless the fault says what checks and looks show afterwards."""
        if self.rows is None and not self.seen:
            return self.site.prove(config, deploy, phases, folder, acted_at)
        folder.mkdir(parents=True, exist_ok=True)
        if self.rows is not None:
            (folder / "readiness.json").write_text(json.dumps({"findings": self.rows}))
        checked = Proof(passed=1) if self.rows is None else verify.proof_in(folder, deploy.passed_before)
        if self.seen:
            left = list(self.seen)
            self.patch.setattr(verify, "look", lambda _: left.pop(0) if len(left) > 1 else left[0])
            who = verify._identified(config, deploy, acted_at)
            checked = Proof(
                bad=(*checked.bad, *who.bad), unproven=(*checked.unproven, *who.unproven), passed=checked.passed
            )
        return checked

    # --- what is left ---------------------------------------------------------------------------------------------

    def told_as(self) -> tuple[str, ...]:
        """What people were told, and how severe it was said to be."""
        return tuple(f"{event.kind} {event.severity}" for event in self.told)

    def everything(self) -> str:
        """All that was told and written of it."""
        written = [path.read_text() for path in sorted(self.site.journals.glob("*.jsonl"))]
        return "\n".join([self.refused, repr(self.told), *written])

    def finished(self) -> bool:
        """Whether nothing is left open."""
        return rollback_journal.unfinished_rollback(self.site.journals) is None and not self.site.lock.exists()


class _Teller:
    """Who tells people, and nobody is reached."""

    def __init__(self, told: list[RollbackEvent], people: SimpleNamespace) -> None:
        self.told, self.settle = told, people.settle

    def __call__(self, event: RollbackEvent) -> None:
        self.told.append(event)


def answering(**changes: Any) -> Seen:
    """The old release, answering from a process that was started just now."""
    given = {"answers": True, "pid": os.getpid(), "started": time.time() + 1, "version": "4.2.1", "state": "ready"}
    return Seen(**given | changes)
