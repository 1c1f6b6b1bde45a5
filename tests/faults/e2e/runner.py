"""Run the real e2e suite once against a broken embedded hub, in this process, and read back what it decided."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
from tomli_w import dumps

from readiness import demo
from readiness.facts.backup import commits
from readiness.operations.deploys.record import DeployRecord, write_record
from tests.faults import runner
from tests.faults.e2e.model import CHECKS, CLOSING
from tests.helpers.odd_proxy import OddProxy
from tests.helpers.pace import seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from tests.faults.e2e.model import Fault

TOKEN: Final = "token-of-the-e2e-matrix"
TOKEN_ENV: Final = "E2E_MATRIX_TOKEN"
READY_SECONDS: Final = 30.0


def run(fault: Fault, root: Path, *, only: Collection[str] | None = None, options: Sequence[str] = ()) -> runner.Result:
    """Break a hub as `fault` says, judge it by all of e2e or some checks `only`, with everything real, and read the report."""
    reports, file = root / "reports", root / "readiness.toml"
    reports.mkdir(parents=True)
    token = {TOKEN_ENV: TOKEN}
    with (
        runner.clean_environment(token),
        contextlib.ExitStack() as stack,
        demo.start(
            fault.faults or None, seconds=_delay(fault), token_env=TOKEN_ENV, supervised=fault.supervised
        ) as hub,
    ):
        settings = _merged(_settings(hub), fault.config)
        if fault.front:
            proxy = stack.enter_context(OddProxy(hub.url, fault.front))
            settings["target"]["url"] = proxy.url
        settings["probe"]["timeout"] = seconds(settings["probe"]["timeout"])
        if CLOSING not in fault.expected:
            # on a busy machine a healthy hub stands still too
            settings.setdefault("limits", {}).setdefault(CLOSING, {"warning": seconds(50)})
        file.write_text(dumps(settings), encoding="utf-8")
        _record_deploy(reports, hub.release)
        _wait(hub)
        world = {"config": file, "reports": reports, "environment": token}
        if only is not None:
            return runner.judge("e2e", only, **world)
        return runner.run("e2e", "smoke/test_e2e.py", options=options, **world)


def _delay(fault: Fault) -> float | None:
    """What comes later than a probe waits has to come later than it waits here."""
    late = fault.seconds is not None and 1 < fault.seconds < 5
    return seconds(fault.seconds) if late and fault.seconds is not None else fault.seconds


def _wait(hub: demo.DemoHub) -> None:
    """Until it is ready, so that a run begins where a deploy has ended."""
    end = time.monotonic() + READY_SECONDS
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with (
        httpx.Client(timeout=2, headers=bearer, verify=False) as client,
        contextlib.suppress(httpx.HTTPError, ValueError),
    ):
        while time.monotonic() < end:
            if client.get(f"{hub.url}/api/health").json()["state"] != "starting":
                return
            time.sleep(0.02)


def _settings(hub: demo.DemoHub) -> dict[str, Any]:
    action = {
        "name": "previous-release",
        "triggers": ["startup-failure", "validation-failure"],
        "command": ["scripts/rollback-deployment.sh", "--yes"],
    }
    echo = {"server": "everything", "tool": "echo", "arguments": {"message": "ready?"}, "contains": "Echo: ready?"}
    graph = {"server": "memory", "tool": "read_graph", "arguments": {}, "contains": "entities"}
    return {
        "environment": "production",
        "target": {
            "url": hub.url,
            "internal_url": hub.url,
            "release": str(hub.release),
            "version": "4.3.0",
            "token_env": TOKEN_ENV,
        },
        "expect": {
            "filtering": True,
            "llm": True,
            "telemetry": True,
            "servers": ["everything", "memory"],
            "tool_call": [echo, graph],
            "tls": {"expected": False, "reason": "the matrix speaks to loopback"},
        },
        "probe": {"attempts": 2, "interval": 0.05, "timeout": 1.0, "settle": 0.1, "rate": 1000},
        "report": {"formats": ["json"]},
        "rollback": {"mode": "plan", "action": [action]},
    }


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
            continue
        inner = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if inner else value
    return merged


def _record_deploy(reports: Path, release: Path) -> None:
    """A deploy of this very release five minutes ago, before which every check passed: a failure may plan a rollback."""
    record = DeployRecord(
        deployed_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5),
        version="4.3.0",
        commit=commits.head_commit(release),
        passed_before=("hub-answers", *CHECKS),
        failed_before=(),
        previous="releases/4.2.1",
    )
    write_record(reports / "deploy.json", record)
