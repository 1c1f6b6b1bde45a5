"""After fifty agents at once the embedded hub holds nothing of them: no session, stream, task or file descriptor."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import httpx
import psutil

from readiness import demo

if TYPE_CHECKING:
    from collections.abc import Callable

AGENTS = 50
META = "hub__analyze_prompt"
SPARE = 3
"""File descriptors that may come and go meanwhile: the asker's own connection, a file that is being read."""


async def _agent(url: str, kind: str, start: asyncio.Barrier, number: int) -> str:
    """A whole visit with the official client; all of them have a session before the first goes on."""
    from mcp import Client
    from mcp.client.sse import sse_client

    target = sse_client(f"{url}/mcp") if kind == "sse" else f"{url}/mcp"
    async with Client(target, read_timeout_seconds=20, mode="legacy") as client:
        await start.wait()
        await client.call_tool(META, {"prompt": f"echo message {number}"})
        answer = await client.call_tool("everything__echo", {"message": f"agent {number}"})
        return str(getattr(answer.content[0], "text", ""))


async def _visit(url: str, agents: int = AGENTS) -> list[str]:
    start = asyncio.Barrier(agents)
    kinds = ("sse", "streamable")
    async with asyncio.timeout(60):
        return await asyncio.gather(*(_agent(url, kinds[n % 2], start, n) for n in range(agents)))


async def _rude(url: str) -> None:
    """Agents that vanish: a stream cut in the middle, sessions that nobody closes."""
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        for _ in range(5):
            with contextlib.suppress(httpx.HTTPError):
                async with client.stream("GET", "/mcp") as stream:
                    await anext(stream.aiter_bytes())


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_fifty_agents_leave_nothing() -> None:
    """Each gets its own answer; afterwards sessions, connections, descriptors and threads are as many as before."""
    with demo.start() as hub, httpx.Client(base_url=hub.url, timeout=10) as client:
        process = psutil.Process(hub.pid)
        asyncio.run(_visit(hub.url, 2))  # warm: what is imported at the first call stays
        before = process.num_fds(), process.num_threads()
        answers = asyncio.run(_visit(hub.url))
        assert sorted(answers) == sorted(f"Echo: agent {n}" for n in range(AGENTS))
        asyncio.run(_rude(hub.url))

        def empty() -> bool:
            health = client.get("/api/health").json()
            return (health["activeClients"], health["mcpEndpoint"]["activeClients"]) == (0, 0)

        assert within(5, empty)
        assert within(5, lambda: process.num_fds() <= before[0] + SPARE), process.net_connections()
        assert process.num_threads() <= before[1] + 1
        llm = client.get("/api/filtering/stats").json()["llm"]
        assert (llm["queueDepth"], llm["failedCalls"]) == (0, 0)


def test_no_task_outlives_its_agent() -> None:
    """In the event loop itself: after fifty visits there are the tasks that there were before."""
    from tests.demo.agent_looks import shown
    from tests.demo.hub_probe import serving

    with serving() as serve, serve(None) as probe:
        probe.settled()

        def tasks() -> int:
            return len(asyncio.all_tasks(probe.loop))

        probe.http.delete("/mcp", headers=shown(probe))
        before = tasks()
        sessions = [shown(probe) for _ in range(AGENTS)]
        assert len(probe.hub.sessions.by_id) == AGENTS
        for session in sessions:
            probe.http.delete("/mcp", headers=session)
        assert within(5, lambda: tasks() <= before)
        assert len(probe.hub.sessions.by_id) == 0
