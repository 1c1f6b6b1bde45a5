"""What servers behind the real hub may offer: very much, only resources, nothing at all."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tests.real.conftest import EVERYTHING
from tests.sources import ROOT

if TYPE_CHECKING:
    from tests.real.conftest import Judge, Judged

STALLS = "session-close-does-not-stall-the-hub"
QUICK = "[probe]\ninterval = 0.2\ntimeout = 8.0\n"
LARGE = '[[expect.tool_call]]\nserver = "large"\ntool = "tool-1"\ncontains = "{}"\n'
ECHO = '[[expect.tool_call]]\nserver = "everything"\ntool = "echo"\narguments = { message = "ready?" }\ncontains = "Echo: ready?"\n'


def offering(**offer: Any) -> dict[str, Any]:
    """A server that offers this."""
    return {"command": sys.executable, "args": [str(ROOT / "tests" / "helpers" / "stdio_server.py"), json.dumps(offer)]}


def judged(hubs: Any, judge: Judge, servers: dict[str, Any], extra: str) -> tuple[Judged, dict[str, str]]:
    """A run of everything against such a hub, and what is not well, but for the stall."""
    hub = hubs(servers)
    hub.wait_ready()
    judge.configure(hub, extra + QUICK, servers=list(servers), min_servers=len(servers))
    run = judge.run("-m", "health or e2e")
    wrong = run.by_outcome("failed", "unknown", "degraded", "flaky")
    return run, {check: reason for check, reason in wrong.items() if check != STALLS}


def test_a_large_hub_is_well(hubs: Any, judge: Judge) -> None:
    """320 tools of 4 KB make a list of 1.3 MB, and a result of 1.5 MB is as good as a short one."""
    large = offering(tools_of=[320, 4096], answers={"tool-1": 1_500_000})
    run, wrong = judged(hubs, judge, {"large": large, "everything": EVERYTHING}, LARGE.format("x" * 1000) + ECHO)
    assert wrong == {}, run.out[-3000:]
    assert run.code == 0


def test_what_is_larger_than_is_read_is_unknown(hubs: Any, judge: Judge) -> None:
    """A result of 9 MB is a limit of ours, told as ours: nothing failed, and nothing is rolled back."""
    large = offering(tools_of=[2, 10], answers={"tool-1": 9_000_000})
    run, wrong = judged(hubs, judge, {"large": large, "everything": EVERYTHING}, LARGE.format("x") + ECHO)
    assert "tool-call-returns-its-result" in wrong
    assert run.by_outcome("failed").keys() <= {STALLS}, run.out[-3000:]
    assert "larger than the 8192 KB that are read of it" in wrong["tool-call-returns-its-result"]
    assert run.status == "INCOMPLETE"
