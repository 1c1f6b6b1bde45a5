"""Which servers the hub reads from its files, and which names it changes before agents see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from readiness.facts.deployment import hub_config
from tests.real.conftest import EVERYTHING, MEMORY

if TYPE_CHECKING:
    from tests.real.conftest import Judge

pytestmark = pytest.mark.matrix

SERVERS = {
    "brave-search": EVERYTHING,
    "github.com/acme/maps": EVERYTHING,
    "My Server (prod)": MEMORY,
    "高德地图": EVERYTHING,
    "maps 🗺": EVERYTHING,
    "everything": EVERYTHING,
}
ECHO = '[[expect.tool_call]]\nserver = "{}"\ntool = "echo"\narguments = {{ message = "ready?" }}\ncontains = "Echo: ready?"\n'
GRAPH = '[[expect.tool_call]]\nserver = "{}"\ntool = "read_graph"\ncontains = "entities"\n'
STALLS = "session-close-does-not-stall-the-hub"
"""The one thing that is wrong with a healthy 4.2.1: every session that closes freezes it."""


def test_a_healthy_hub_with_such_names_is_well(hubs: Any, judge: Judge) -> None:
    """The tools of every server are found under the name that the hub gives them, and each call answers."""
    hub = hubs(SERVERS)
    hub.wait_ready()
    calls = [(GRAPH if command is MEMORY else ECHO).format(name) for name, command in SERVERS.items()]
    judge.configure(hub, "".join(calls) + "[probe]\ninterval = 0.2\n", servers=list(SERVERS), min_servers=len(SERVERS))
    judged = judge.run("-m", "health or e2e")
    wrong = judged.by_outcome("failed", "unknown", "degraded", "flaky")
    assert {check: reason for check, reason in wrong.items() if check != STALLS} == {}
    assert judged.code == 0


TWINS = {"maps-eu": EVERYTHING, "maps.eu": EVERYTHING, "a": EVERYTHING}


def test_two_servers_that_agents_see_as_one_are_named(hubs: Any, judge: Judge) -> None:
    """The second one's tools are found under the name with a number, and the clash is a finding of its own."""
    hub = hubs(TWINS)
    hub.wait_ready()
    judge.configure(
        hub, "".join(map(ECHO.format, TWINS)) + "[probe]\ninterval = 0.2\n", servers=list(TWINS), min_servers=3
    )
    judged = judge.run("-m", "health or e2e")
    wrong = judged.by_outcome("failed", "unknown", "degraded", "flaky")
    assert set(wrong) - {STALLS} == {"server-names-stay-distinct"}
    assert wrong["server-names-stay-distinct"] == "maps-eu and maps.eu are both maps_eu to agents"
    assert judged.code == 0
    offered = {tool["name"] for tool in _listed(hub)}
    assert {"maps_eu__echo", "maps_eu_1__echo", "a__echo"} <= offered


def _listed(hub: Any) -> list[dict[str, Any]]:
    """What the official client is offered."""
    import asyncio

    from mcp import Client
    from mcp.client.sse import sse_client

    async def ask() -> list[dict[str, Any]]:
        async with Client(sse_client(f"{hub.url}/mcp"), mode="legacy") as client:
            return [tool.model_dump() for tool in (await client.list_tools()).tools]

    return asyncio.run(ask())


OFF = {"command": "node", "disabled": True}
"""A server that the hub lists and does not start."""


@pytest.mark.parametrize(
    "documents",
    [
        [{"mcpServers": {"a": OFF}, "servers": {"b": OFF}}],
        [{"mcpServers": {"a": OFF}, "servers": {}}],
        [{"mcpServers": {"a": OFF}, "servers": None}],
        [{"mcpServers": {"a": OFF}, "servers": ""}],
        [
            {"servers": {"b": OFF}},
            {"mcpServers": {"a": OFF, "b": OFF}},
            {"servers": {"c": OFF}, "mcpServers": {"d": OFF}},
        ],
    ],
    ids=["both", "empty", "null", "text", "files"],
)
def test_the_configuration_names_the_servers_that_the_hub_reads(hubs: Any, documents: list[Any]) -> None:
    """`servers` counts before `mcpServers`, file by file."""
    hub = hubs(documents=documents)
    hub.wait_ready()
    files = sorted(hub.folder.glob("hub*.json"), key=lambda file: (len(file.name), file.name))
    assert sorted(hub_config.read_files(tuple(files)).servers) == sorted(one["name"] for one in hub.health()["servers"])


@pytest.mark.parametrize("server", [None, "text", {"command": "node", "url": "http://127.0.0.1:9/mcp"}])
def test_one_such_server_and_the_hub_reads_none(hubs: Any, server: Any) -> None:
    """What `refused` says of a configuration is what keeps the real hub from starting."""
    hub = hubs({"good": OFF, "bad": server})
    hub.process.wait(40)
    assert "'bad'" in (hub.folder / "hub.log").read_text()
    assert "server bad " in hub_config.read_files((hub.folder / "hub.json",)).refused
