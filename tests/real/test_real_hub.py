"""The suite against mcp-hub@4.2.1 itself: alive, starting, crippled, doubled and dead."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

from tests.real.conftest import EVERYTHING, MEMORY

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub


def test_healthy(healthy: RealHub, judge: Judge) -> None:
    """A healthy hub raises no alarm: nothing failed, nothing unknown, READY and exit 0."""
    judge.configure(healthy)
    found = judge.run()
    assert found.by_outcome("failed", "unknown", "degraded", "flaky") == {}, found.out[-3000:]
    assert (found.status, found.code) == ("READY", 0)
    for reason in found.by_outcome("not_applicable").values():
        assert reason


def test_healthy_in_two_workers(healthy: RealHub, judge: Judge) -> None:
    """The same verdict with -n2."""
    judge.configure(healthy)
    found = judge.run("-n2")
    assert found.by_outcome("failed", "unknown", "degraded", "flaky") == {}, found.out[-3000:]
    assert (found.status, found.code) == ("READY", 0)


def test_undeclared_is_unknown_and_never_a_crash(healthy: RealHub, judge: Judge) -> None:
    """What 4.2.1 does not offer and nobody declared is unknown with a reason that names it; nothing failed."""
    (judge.folder / "readiness.toml").write_text(
        f'environment = "local"\n[target]\nurl = "{healthy.url}"\nversion = "4.2.1"\n'
        '[expect]\nservers = ["everything", "memory"]\n[limits.hub-stays-up]\ncritical = 0\n'
    )
    found = judge.run()
    assert found.by_outcome("failed") == {}, found.out[-3000:]
    unknown = found.by_outcome("unknown")
    assert "/api/filtering/stats" in unknown["filtering-is-enabled"]
    assert all("Traceback" not in reason and reason for reason in unknown.values())
    assert found.status in {"CONDITIONAL", "INCOMPLETE"}


def test_starting(hubs: Any, judge: Judge) -> None:
    """Asked while it starts the suite waits, within the start-up budget, and then passes."""
    hub = hubs()
    judge.configure(hub, "[probe]\nsettle = 30\n")
    found = judge.run()
    assert found.by_outcome("failed", "unknown", "degraded", "flaky") == {}, found.out[-3000:]
    assert (found.status, found.code) == ("READY", 0)


def test_a_servers_command_is_broken(hubs: Any, judge: Judge) -> None:
    """One server that cannot start is named; below min_servers that is NOT READY."""
    hub = hubs({"everything": EVERYTHING, "memory": {"command": "no-such-command-here", "args": []}})
    hub.wait_ready()
    judge.configure(hub)
    found = judge.run()
    assert "memory" in found.by_outcome("failed")["mcp-servers-are-connected"]
    assert (found.status, found.code) == ("NOT READY", 1)


def test_a_server_is_killed(hubs: Any, judge: Judge) -> None:
    """A killed server stays `connected` on a real hub; its uptime gives it away."""
    hub = hubs()
    hub.wait_ready()
    time.sleep(1.5)
    hub.child("server-memory").kill()
    time.sleep(0.5)
    assert {s["name"]: s["status"] for s in hub.health()["servers"]}["memory"] == "connected"
    judge.configure(hub)
    found = judge.run()
    assert "memory" in found.by_outcome("failed")["mcp-servers-are-connected"]
    assert (found.status, found.code) == ("NOT READY", 1)
    (call,) = re.findall(r"^  paste: (.*)$", found.out, re.MULTILINE)
    page = html.unescape((judge.folder / "reports" / "readiness.html").read_text())
    assert f"<code>{call}</code>" in page or f">{call}<" in page
    if shutil.which("curl") is not None:
        assert subprocess.run(["sh", "-c", call], timeout=60, check=False).returncode == 0
        assert judge.run().by_outcome("failed") == {}


def test_a_server_is_killed_and_one_is_enough(hubs: Any, judge: Judge) -> None:
    """With min_servers = 1 the same loss is degraded: CONDITIONAL."""
    hub = hubs()
    hub.wait_ready()
    time.sleep(1.5)
    hub.child("server-memory").kill()
    time.sleep(0.5)
    judge.configure(hub, min_servers=1)
    found = judge.run()
    assert "memory" in found.by_outcome("degraded")["mcp-servers-are-connected"]
    assert found.by_outcome("failed") == {}
    assert (found.status, found.code) == ("CONDITIONAL", 0)


def test_a_second_hub_on_the_same_port(hubs: Any, judge: Judge) -> None:
    """A deploy that started a second hub on a used port: the old one still answers, and that is found out."""
    old = hubs({"everything": EVERYTHING, "memory": MEMORY})
    old.wait_ready()
    second = hubs({"everything": EVERYTHING, "memory": MEMORY}, port=old.port)
    time.sleep(3)
    judge.configure(second)
    found = judge.run()
    assert "hub-process-is-the-one-deployed" in found.by_outcome("failed"), found.out[-3000:]
    assert (found.status, found.code) == ("NOT READY", 1)


def test_killed_in_the_middle_of_a_run(hubs: Any, judge: Judge) -> None:
    """A hub killed while it is judged is NOT READY or INCOMPLETE, never READY."""
    hub = hubs()
    hub.wait_ready()
    judge.configure(hub, "[probe]\ninterval = 0.3\n", stable=600)
    process = judge.start()  # hub-stays-up waits for ten minutes of age: the run is in its middle until then
    time.sleep(4)
    hub.process.kill()
    found = judge.ended(process)
    assert found.status in {"NOT READY", "INCOMPLETE"}, found.out[-3000:]
    assert found.code in {1, 12}


def test_dead(hubs: Any, judge: Judge) -> None:
    """A dead hub is one root cause, NOT READY, and everything else is blocked by it."""
    hub = hubs()
    hub.wait_ready()
    judge.configure(hub, "[probe]\ninterval = 0.1\nsettle = 1\n")
    hub.stop()
    found = judge.run()
    assert list(found.by_outcome("failed")) == ["hub-answers"]
    blocked = found.by_outcome("unknown")
    assert blocked
    assert all("hub-answers" in reason for reason in blocked.values())
    assert (found.status, found.code) == ("NOT READY", 1)


def test_first_look(healthy: RealHub, judge: Judge, monkeypatch: Any) -> None:
    """Without a file a healthy hub is CONDITIONAL at best, never ROLL BACK, and the last line says what to run next."""
    monkeypatch.setattr(
        judge, "command",
        lambda *a: ["env", f"MCP_HUB_URL={healthy.url}", *type(judge).command(judge, *a)],
    )  # fmt: skip
    found = judge.run()
    assert found.by_outcome("failed") == {}, found.out[-3000:]
    assert (found.status, found.code) == ("CONDITIONAL", 0), found.out[-3000:]
    assert f"readiness init --url {healthy.url}" in found.out
