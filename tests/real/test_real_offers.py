"""What servers behind the real hub may offer: very much, only resources, nothing at all."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.conftest import EVERYTHING
from tests.sources import ROOT

if TYPE_CHECKING:
    from tests.real.conftest import Judge, Judged

pytestmark = pytest.mark.matrix

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


def test_a_server_without_tools_is_judged_by_what_it_has(hubs: Any, judge: Judge) -> None:
    """A resource of it is read, or it is said that nothing of it is called; its prompts are as good an offer as tools."""
    docs = offering(resources=[{"uri": "file:///guide.md", "name": "guide"}])
    prompts = offering(prompts=[{"name": "greet"}])
    servers = {"my-docs": docs, "prompts": prompts, "everything": EVERYTHING}
    asked = """
[[expect.tool_call]]
server = "my-docs"
resource = "file:///guide.md"
contains = "the text of file:///guide.md"
[[expect.tool_call]]
server = "prompts"
nothing_to_call = "prompts only"
"""
    run, wrong = judged(hubs, judge, servers, ECHO + asked)
    assert wrong == {}, run.out[-3000:]
    assert run.code == 0
    notes = [note for row in run.report["findings"] for note in row["notes"]]
    assert "nothing is called on prompts: prompts only" in notes
    file = judge.folder / "readiness.toml"
    file.write_text(file.read_text().replace("the text of file:///guide.md", "another text"))
    again = judge.run("-m", "e2e")
    assert again.by_outcome("failed")["tool-call-returns-its-result"].startswith(
        "my_docs__file:///guide.md holds 'the text"
    )


def test_a_server_whose_list_the_hub_refuses_is_named(hubs: Any, judge: Judge) -> None:
    """It is connected and offers nothing: told as that, and failed where a call of it is expected."""
    mute = offering(capabilities=["tools"], refuses=["tools/list"])
    run, wrong = judged(hubs, judge, {"mute": mute, "everything": EVERYTHING}, ECHO)
    assert wrong["tools-are-listed"] == "connected, and offering nothing, no tool, no resource, no prompt: mute", (
        run.out[-3000:]
    )
    extra = '[[expect.tool_call]]\nserver = "mute"\ntool = "speak"\n'
    file = judge.folder / "readiness.toml"
    file.write_text(file.read_text() + extra)
    failed = judge.run().by_outcome("failed")
    assert failed["tools-are-listed"].endswith("though a call is expected: mute/speak")
