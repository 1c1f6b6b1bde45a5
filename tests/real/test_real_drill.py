"""Drills against mcp-hub@4.2.1: killed, stopped, and with one of its servers killed, with and without a supervisor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.real.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.conftest import Judge, RealHub

SUPERVISOR = (sys.executable, str(ROOT / "tests" / "faults" / "drills" / "supervisor.py"))
CALLS = """
[[expect.tool_call]]
server = "everything"
tool = "echo"
arguments = { message = "ready?" }
contains = "ready?"
[[expect.tool_call]]
server = "memory"
tool = "read_graph"
contains = "entities"
"""


def supervised(limit: int = 9, pause: float = 0.1) -> tuple[str, ...]:
    """A supervisor that starts the hub again, `limit` times."""
    return (*SUPERVISOR, str(limit), str(pause))


def configure(judge: Judge, hub: RealHub, drill: str = "", *, budget: int = 12) -> None:
    """A target that may be broken; `budget` is what a start may take, in seconds."""
    (judge.folder / "readiness.toml").write_text(
        f"""environment = "test"
[target]
url = "{hub.url}"
[probe]
settle = {budget}
[drill]
allowed = true
{drill}
[expect]
servers = ["everything", "memory"]
llm = {{ expected = false, reason = "4.2.1 has no LLM" }}
{CALLS}"""
    )


def drilled(judge: Judge, words: str, *more: str) -> dict[str, dict[str, Any]]:
    """Run the drills whose names hold `words`; the findings by check."""
    command = [sys.executable, "-m", "pytest", "-m", "drill", "--readiness-drill", "-k", words, *more]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    done = subprocess.run(
        [*command, str(ROOT / "smoke" / "test_drill.py"), "-p", "no:cacheprovider"],
        cwd=judge.folder, env=env, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    report = judge.folder / "reports" / "readiness.json"
    assert report.is_file(), done.stdout[-3000:] + done.stderr[-1000:]
    return {row["check"]: row for row in json.loads(report.read_text())["findings"]}


def seen(found: dict[str, dict[str, Any]], check: str) -> tuple[str, str]:
    """Outcome of a check, and its reason with all notes."""
    row = found[check]
    return row["outcome"], "\n".join([row["reason"], *row.get("notes", ())])


@pytest.mark.matrix
def test_one_server_is_killed(hubs: Any, judge: Judge) -> None:
    """4.2.1 contains it: the other server answers, an uptime of 0 shows it, stop and start have it back."""
    hub = hubs()
    hub.wait_ready()
    configure(judge, hub, 'server = "memory"')
    before = hub.child("server-memory").pid
    outcome, told = seen(drilled(judge, "contained"), "mcp-server-crash-is-contained")
    assert outcome == "passed", told
    assert f"memory (process {before}) was killed" in told
    assert "an uptime of 0" in told
    assert "Not connected" in told
    assert hub.child("server-memory").pid != before
    assert {s["name"]: s["status"] for s in hub.health()["servers"]} == {
        "everything": "connected",
        "memory": "connected",
    }


@pytest.mark.matrix
def test_killed_and_stopped_under_a_supervisor(hubs: Any, judge: Judge) -> None:
    """A supervised 4.2.1 is back with its servers after a crash; told to stop it drops the slow call, which degrades."""
    hub = hubs(above=supervised())
    hub.wait_ready()
    configure(judge, hub)
    found = drilled(judge, "crash or graceful")
    outcome, told = seen(found, "service-restarts-after-a-crash")
    assert outcome == "passed", told
    assert "back by itself" in told
    outcome, told = seen(found, "stop-is-graceful-live")
    assert outcome == "degraded", told
    assert "1 of 2 requests in flight were lost: everything/trigger-long-running-operation: " in told
    assert 0 < float(found["stop-is-graceful-live"]["actual"]) < 30
    hub.wait_ready()


@pytest.fixture
def detached() -> Iterator[list[int]]:
    """Ports of hubs that a drill started beside us; they are ended afterwards, each by its pid."""
    ports: list[int] = []
    yield ports
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if any(str(port) in line for port in ports) and any("mcp-hub" in part for part in line):
            for one in [*process.children(recursive=True), process]:
                one.kill()


@pytest.mark.matrix
def test_killed_without_a_supervisor_and_started_again(hubs: Any, judge: Judge, detached: list[int]) -> None:
    """Nothing brings it back: failed; and `[drill] start` puts it back, so that the next drill may judge."""
    hub = hubs()
    hub.wait_ready()
    detached.append(hub.port)
    script = hub.folder / "start"
    words = " ".join(f"'{word}'" for word in psutil.Process(hub.process.pid).cmdline())
    env = " ".join(
        f"{k}='{v}'" for k, v in psutil.Process(hub.process.pid).environ().items() if "HOME" in k or k == "PATH"
    )
    script.write_text(f"#!/bin/sh\nexec env {env} setsid -f {words} >{hub.folder}/again.log 2>&1 </dev/null\n")
    script.chmod(0o700)
    configure(judge, hub, f'start = ["{script}"]')
    found = drilled(judge, "crash and not contained")
    outcome, told = seen(found, "service-restarts-after-a-crash")
    assert outcome == "failed", told
    assert "nothing brought it back within 12 s" in told
    assert "started again by [drill] start" in told
    assert hub.health()["state"] == "ready"


@pytest.mark.matrix
def test_a_supervisor_that_gives_up(hubs: Any, judge: Judge) -> None:
    """It does not start it again, and no command does: failed, said loudly, and the next drill does not begin."""
    hub = hubs(above=supervised(limit=0))
    hub.wait_ready()
    configure(judge, hub, budget=2)
    found = drilled(judge, "crash")
    outcome, told = seen(found, "service-restarts-after-a-crash")
    assert outcome == "failed", told
    assert "NOT back" in told
    outcome, told = seen(found, "mcp-server-crash-is-contained")
    assert outcome == "unknown"
    assert "not as it was before an earlier drill" in told


@pytest.mark.matrix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_drill_puts_the_hub_back(hubs: Any, judge: Judge, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM while the hub is down: the run ends only when the hub is back."""
    hub: RealHub = hubs(above=supervised(pause=1.0))
    hub.wait_ready()
    configure(judge, hub)
    command = [
        sys.executable,
        "-u",
        "-m",
        "pytest",
        "-m",
        "drill",
        "--readiness-drill",
        "-k",
        "crash and not contained",
    ]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    process = subprocess.Popen(
        [*command, str(ROOT / "smoke" / "test_drill.py"), "-p", "no:cacheprovider"],
        cwd=judge.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "drill: kills" in line:
            process.send_signal(number)
            break
    rest, _ = process.communicate(timeout=120)
    told = "".join(said) + rest
    if "putting the hub back" in told:  # else the signal came before the kill, and nothing was done
        assert "it is back by itself" in told or "it still runs as before" in told, told
    assert hub.health()["state"] == "ready"
