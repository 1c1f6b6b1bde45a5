"""The embedded hub as a process that ends, grows, or is replaced by a supervisor."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from readiness import demo

if TYPE_CHECKING:
    from collections.abc import Callable

META = "hub__analyze_prompt"
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}


class Agent:
    """One session over Streamable HTTP, by hand."""

    def __init__(self, hub: demo.DemoHub) -> None:
        self.http = httpx.Client(base_url=hub.url, timeout=5)
        answer = self.rpc("initialize", **HELLO)
        self.http.headers["mcp-session-id"] = answer.headers["mcp-session-id"]

    def rpc(self, method: str, **params: object) -> httpx.Response:
        """One request."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.http.post("/mcp", json=body, headers={"accept": "application/json, text/event-stream"})

    def call(self, name: str, **arguments: object) -> str:
        """What a tool's call is answered with, as text."""
        return self.rpc("tools/call", name=name, arguments=arguments).text


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def health(hub: demo.DemoHub) -> dict[str, Any]:
    """Health, or nothing while nobody answers."""
    try:
        return dict(httpx.get(f"{hub.url}/api/health", timeout=2).json())
    except httpx.TransportError:
        return {}


def pid(hub: demo.DemoHub) -> int:
    """The process that answers; 0 for nobody who is ready."""
    found = health(hub)
    if found.get("state") != "ready":
        return 0
    return int(found["workspaces"]["allActive"][str(hub.port)]["pid"])


def test_replaced_once_and_healthy_afterwards() -> None:
    """The fault answers the second call of a tool and is replaced; the process that follows survives as many as you like."""
    with demo.start("replaced-in-the-workflow") as hub:
        assert within(5, lambda: pid(hub) == hub.pid)
        agent = Agent(hub)
        agent.call(META, prompt="echo a message")
        assert [("Echo: hi" in agent.call("everything__echo", message="hi")) for _ in range(2)] == [True, True]
        assert within(5, lambda: pid(hub) not in {0, hub.pid})
        second = pid(hub)
        other = Agent(hub)
        other.call(META, prompt="echo a message")
        assert all("Echo: hi" in other.call("everything__echo", message="hi") for _ in range(5))
        time.sleep(0.1)
        assert pid(hub) == second


def test_a_supervised_hub_comes_back_from_a_crash() -> None:
    """Killed with SIGKILL or ended by itself, it is replaced on its port within a second or two, and its LLM's state stays."""
    with demo.start(supervised=True) as hub:
        hub.llm("429")
        for _ in range(2):
            assert within(5, lambda: pid(hub) != 0)
            victim = pid(hub)
            os.kill(victim, signal.SIGKILL)
            assert within(5, lambda: pid(hub) not in {0, victim})  # noqa: B023 - asked before the next one is chosen
        agent = Agent(hub)
        assert "The LLM answered 429" in agent.call(META, prompt="echo a message")
        hub.llm("up")
        assert "utility" in agent.call(META, prompt="echo a message")
    assert not hub.scratch.root.exists()


@pytest.mark.parametrize("fault", ["malformed-kills", "malformed-kills,supervised-by-name"])
def test_without_a_supervisor_the_end_is_the_end(fault: str) -> None:
    """A hub that ends itself leaves a dead port; an unknown name in a list is refused as one alone is."""
    if "," in fault:
        with pytest.raises(demo.DemoError, match="no fault is named 'supervised-by-name'"):
            demo.start(fault)
        return
    with demo.start(fault) as hub:
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{hub.url}/mcp", content=b"{bad", timeout=5)
        assert within(3, lambda: not hub.alive)
        assert health(hub) == {}
        assert hub.config_file.exists()


def test_two_faults_at_once() -> None:
    """A list of names is all of them."""
    with demo.start("legacy-only,wrong-version") as hub:
        assert health(hub)["version"] == "4.2.9"
        assert httpx.post(f"{hub.url}/mcp", json={}).status_code == 404


def test_memory_grows() -> None:
    """The resident memory of the fault grows by itself, a healthy hub's does not."""
    with demo.start("memory-grows", seconds=0.01) as growing, demo.start() as sound:
        both = psutil.Process(growing.pid), psutil.Process(sound.pid)
        before = [process.memory_info().rss for process in both]
        time.sleep(1)
        grown = [process.memory_info().rss - first for process, first in zip(both, before, strict=True)]
    assert grown[0] > 15 << 20
    assert grown[1] < 5 << 20
