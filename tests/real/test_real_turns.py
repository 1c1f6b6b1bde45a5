"""The real hub and its servers, which die again and again and are back at nearly every look."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.forwarder import Forwarder
from tests.real.test_real_drill import supervised

if TYPE_CHECKING:
    from tests.real.conftest import Judge

STEADY = 8
"""Seconds that a run watches the hub, in place of 30."""


@pytest.mark.matrix
def test_a_server_that_ends_during_the_run_is_found(hubs: Any, judge: Judge) -> None:
    """It was connected when the run asked for it, and its end is seen at the run's end."""
    hub = hubs()
    hub.wait_ready()
    with Forwarder(hub.port) as proxy:
        judge.configure(hub, stable=25)
        settings = judge.folder / "readiness.toml"
        settings.write_text(settings.read_text().replace(hub.url, proxy.url))
        run = judge.start()
        until = time.monotonic() + 60
        while "GET /api/servers" not in proxy.requests and time.monotonic() < until:  # asked after the servers' state
            time.sleep(0.05)
        hub.child("mcp-server-memory").kill()
        judged = judge.ended(run)
    assert list(judged.by_outcome("failed")) == ["mcp-servers-stay-connected"]
    reason = judged.by_outcome("failed")["mcp-servers-stay-connected"]
    assert "memory was connected" in reason
    assert reason.endswith("and is listed as connected with an uptime of 0: its process is gone")
    assert judged.code == 1


def test_a_hub_that_is_killed_in_a_watch_is_not_ready(hubs: Any, judge: Judge) -> None:
    """Its supervisor starts it anew each time, and most looks find it ready: the worst counts, and says why."""
    hub = hubs(above=supervised(50, 0.2))
    hub.wait_ready()
    judge.configure(hub, stable=STEADY)
    settings = judge.folder / "readiness.toml"
    settings.write_text("\n".join(line for line in settings.read_text().splitlines() if not line.startswith("pid =")))
    command = [sys.executable, "-m", "readiness", "watch", "--for", "20s", "--interval", "1"]
    watch = subprocess.Popen(command, cwd=judge.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killer = threading.Timer(8, lambda: hub.child("mcp-hub").kill())
    killer.start()
    out, _ = watch.communicate(timeout=120)
    killer.cancel()
    assert watch.returncode == 1, out
    assert "ALARM hub-stays-up: process" in out
    assert "the hub was restarted" in out
    assert "the worst seen was NOT READY" in out
