"""Servers whose names the hub changes before agents see them: a hyphen, a dot, a slash, a space, letters beyond ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.real.conftest import EVERYTHING, MEMORY

if TYPE_CHECKING:
    from tests.real.conftest import Judge

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
