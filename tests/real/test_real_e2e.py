"""The agent's path through mcp-hub@4.2.1 itself: healthy, with a dead and with a hanging server, and with the hub killed on the way."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.real.conftest import Judge, Judged, RealHub

CALLS = """
[[expect.tool_call]]
server = "everything"
tool = "echo"
arguments = { message = "ready?" }
contains = "Echo: ready?"
[[expect.tool_call]]
server = "memory"
tool = "read_graph"
contains = "entities"
"""
QUICK = "[probe]\ninterval = 0.2\ntimeout = 2.0\n"
AWAY = {"prompt-analysis-exposes-tools", "tool-list-change-is-notified", "session-outlives-silence"}
STALLS = "session-close-does-not-stall-the-hub"
"""The one thing that is wrong with a healthy 4.2.1: every session that closes freezes it."""


def walk(judge: Judge, hub: RealHub, *arguments: str, min_servers: int = 2, extra: str = "") -> Judged:
    """`pytest -m e2e` as an operator of 4.2.1 runs it."""
    judge.configure(hub, CALLS + QUICK + extra, min_servers=min_servers)
    return judge.run("-m", "e2e", *arguments)


def troubled(found: Judged) -> dict[str, str]:
    """Everything that is not well, but for the stall."""
    return {k: v for k, v in found.by_outcome("failed", "unknown", "degraded", "flaky").items() if k != STALLS}


def at_step(judge: Judge, step: str, code: str) -> tuple[str, ...]:
    """Arguments that run `code` once the check's test `step` is over."""
    (judge.folder / "meddler.py").write_text(
        "import os, signal, time\n"
        "def pytest_runtest_logreport(report):\n"
        f"    if report.when == 'call' and report.nodeid.endswith('{step}'):\n"
        f"        {code}\n"
    )
    return ("-p", "meddler")


@pytest.mark.parametrize("arguments", [(), pytest.param(("-n2",), marks=pytest.mark.matrix)], ids=["plain", "n2"])
def test_the_workflow_passes(healthy: RealHub, judge: Judge, arguments: tuple[str, ...]) -> None:
    """Over HTTP+SSE every step passes, and what 4.2.1 has not is not applicable, as declared."""
    found = walk(judge, healthy, *arguments)
    assert troubled(found) == {}, found.out[-3000:]
    assert set(found.by_outcome("not_applicable")) == AWAY
    assert (found.status, found.code) == ("READY", 0), found.out[-3000:]
    row = next(f for f in found.report["findings"] if f["check"] == "mcp-session-initialises")
    assert any("http+sse" in note for note in row["notes"])
    stall = next(f for f in found.report["findings"] if f["check"] == STALLS)
    assert "MCP Hub 4.2.1 is known to stand still for up to 300 ms whenever a session closes" in stall["notes"]


def test_analysis_that_nobody_declared(healthy: RealHub, judge: Judge) -> None:
    """A hub that offers no analysis of prompts is not at fault where nothing says that it should."""
    judge.configure(healthy, CALLS + QUICK)
    file = judge.folder / "readiness.toml"
    declared = ("filtering", "llm")
    file.write_text(
        "".join(line for line in file.read_text().splitlines(keepends=True) if not line.startswith(declared))
    )
    found = judge.run("-m", "e2e")
    assert found.by_outcome("failed").keys() <= {STALLS}, found.out[-3000:]
    assert set(troubled(found)) >= AWAY - {"session-outlives-silence"}
    assert found.by_outcome("unknown")["prompt-analysis-exposes-tools"].startswith("agents are offered no hub__analyze")
    assert found.status == "INCOMPLETE"


@pytest.mark.matrix
def test_a_server_killed_on_the_way(hubs: Any, judge: Judge) -> None:
    """A server that dies during the workflow is named by its call, and by the check that looks back."""
    hub = hubs()
    hub.wait_ready()
    time.sleep(1.2)  # an uptime of 0 is what a dead server shows
    kill = f"os.kill({hub.child('server-memory').pid}, signal.SIGKILL); time.sleep(0.5)"
    found = walk(judge, hub, *at_step(judge, "test_tools_list_over_mcp", kill))
    failed = found.by_outcome("failed")
    assert set(failed) == {"tool-call-returns-its-result", "hub-survives-the-workflow"}, found.out[-3000:]
    assert "memory__read_graph" in failed["tool-call-returns-its-result"]
    assert "connected before the workflow, and no longer: memory" in failed["hub-survives-the-workflow"]
    assert found.status == "NOT READY"


@pytest.mark.matrix
def test_a_server_that_hangs(hubs: Any, judge: Judge) -> None:
    """A call that is never answered fails that server's instance alone, in time; one server may be enough."""
    hub = hubs()
    hub.wait_ready()
    victim = hub.child("server-memory").pid
    os.kill(victim, signal.SIGSTOP)
    try:
        found = walk(judge, hub)
        assert set(troubled(found)) == {"tool-call-returns-its-result"}, found.out[-3000:]
        assert "gave no answer in 2 s" in found.by_outcome("failed")["tool-call-returns-its-result"]
        found = walk(judge, hub, min_servers=1)
        assert set(found.by_outcome("degraded")) - {STALLS} == {"tool-call-returns-its-result"}, found.out[-3000:]
        assert found.code == 0
    finally:
        os.kill(victim, signal.SIGCONT)


@pytest.mark.matrix
def test_the_hub_killed_between_list_and_call(hubs: Any, judge: Judge) -> None:
    """What comes after is blocked by the one root cause; nothing that was not seen passes."""
    hub = hubs()
    hub.wait_ready()
    kill = f"os.kill({hub.process.pid}, signal.SIGKILL); time.sleep(0.2)"
    found = walk(judge, hub, *at_step(judge, "test_tools_list_over_mcp", kill))
    passed = set(found.by_outcome("passed"))
    assert passed == {"mcp-session-initialises", "tools-list-over-mcp"}, found.out[-3000:]
    blocked = found.by_outcome("unknown")
    assert blocked
    assert all("hub-answers" in reason for reason in blocked.values()), blocked
    assert found.status in {"NOT READY", "INCOMPLETE"}
    assert found.code in {1, 12}


@pytest.mark.matrix
def test_fifty_agents_at_once(hubs: Any, judge: Judge) -> None:
    """Fifty sessions at once are judged in one run, closed one by one, and the hub is as it was before."""
    hub = hubs()
    hub.wait_ready()
    found = walk(judge, hub, extra="[limits.concurrent-sessions-work]\ncritical = 50\n")
    assert troubled(found) == {}, found.out[-3000:]
    assert hub.health()["activeClients"] == 0
