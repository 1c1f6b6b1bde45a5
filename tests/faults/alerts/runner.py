"""Lay what earlier runs have left behind, and run the alerts against the hub."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import psutil

from readiness.facts.hub import uptime
from readiness.facts.telemetry import stored_counters as telemetry_store
from tests.faults.alerts.words import CHECKS
from tests.faults.hub.runner import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.alerts.model import AlertFault, Before, Ran, Stored
    from tests.faults.hub.deployment import Deployment
    from tests.faults.hub.server import FaultyHub
    from tests.faults.runner import Result

OTHER = 2**22 - 11
"""A pid that no process has."""


def judge(fault: AlertFault, root: Path, options: Sequence[str] = ()) -> Result:
    """One run of `pytest -m alerts` against the hub of `fault`."""
    truth = psutil.Process.create_time

    def since(process: psutil.Process) -> float:
        """When a process started; the hub's as long ago as the fault says."""
        real: float = truth(process)
        return real - 60 * fault.before.age if process.pid in hubs else real

    kernel = uptime.age_here

    def age(process: uptime.Process) -> float | None:
        """How long the kernel counts it to have run; the hub as long as the fault says."""
        real = kernel(process)
        return real + 60 * fault.before.age if real is not None and process.pid in hubs else real

    hubs: set[int] = set()

    def prepare(hub: FaultyHub, deployment: Deployment) -> None:
        hubs.add(hub.pid)
        # nobody declares which process was deployed: that is what a restart is told by
        settings = deployment.file.read_text(encoding="utf-8").splitlines()
        deployment.file.write_text(
            "\n".join(line for line in settings if not line.startswith("pid = ")), encoding="utf-8"
        )
        _lay(fault.before, hub, deployment)

    with mock.patch.object(psutil.Process, "create_time", since), mock.patch.object(uptime, "age_here", age):
        return run(fault, root, phase="alerts", checks=CHECKS, prepare=prepare, options=options)


def _lay(before: Before, hub: FaultyHub, deployment: Deployment) -> None:
    folder, now = deployment.reports, time.time()
    started = psutil.Process(hub.pid).create_time()
    if before.reads:
        reads = [_read(stored, hub, now, started) for stored in before.reads]
        (folder / telemetry_store.FILE).write_text(json.dumps({"reads": reads}), encoding="utf-8")
    if before.text is not None:
        (folder / telemetry_store.FILE).write_text(before.text, encoding="utf-8")
    if before.runs:
        (folder / "history").mkdir(exist_ok=True)
    for number, ran in enumerate(before.runs):
        name, text = _report(ran, hub, now, number)
        (folder / "history" / name).write_text(text, encoding="utf-8")
    _record(before, hub, folder / "deploy.json")


def _read(stored: Stored, hub: FaultyHub, now: float, started: float) -> dict[str, Any]:
    same = stored.process == "same"
    return {
        "at": now - 60 * stored.minutes,
        "pid": hub.pid if same else OTHER,
        "started": started if same else now - 60 * stored.minutes - 3600,
        "hub": hub.internal_url,
        "counters": {kind: list(counted) for kind, counted in stored.counters.items()},
        "underway": stored.underway,
    }


def _report(ran: Ran, hub: FaultyHub, now: float, number: int) -> tuple[str, str]:
    """A report as the history keeps it: its file's name, and what of it anybody reads."""
    started = now - 60 * ran.minutes
    findings = [_finding("hub-answers", ran.answers), _finding("llm-success-rate", ran.success_rate)]
    document = {
        "schema_version": "1",
        "run": {
            "id": f"run-{number}",
            "started": _iso(started),
            "finished": _iso(started + 2),
            "environment": "production",
            "target": "https://hub.example.org" if ran.foreign else hub.url,
            "demo": False,
            "versions": {"hub": "4.3.0"},
        },
        "verdict": {"status": ran.status, "decision": ran.decision, "stage": "after"},
        "findings": [finding for finding in findings if finding["outcome"]],
    }
    return f"{_iso(started).replace('-', '').replace(':', '')}-run-{number}.json", json.dumps(document)


def _finding(check: str, outcome: str | None) -> dict[str, Any]:
    return {"check": check, "title": 'It says "check": "hub-answers".', "outcome": outcome}


def _record(before: Before, hub: FaultyHub, file: Path) -> None:
    if before.record:
        file.write_text(before.record, encoding="utf-8")
    if before.deployed_pid is not None:
        record = json.loads(file.read_text(encoding="utf-8"))
        record["pid"] = hub.pid if before.deployed_pid == "same" else OTHER
        file.write_text(json.dumps(record), encoding="utf-8")


def _iso(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
