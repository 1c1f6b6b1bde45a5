"""The real hub while it starts: a server that takes its time to connect is waited for, and no good release goes back for it."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.conftest import BIN, EVERYTHING
from tests.real.test_real_clocks import Site

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub


def slowly(seconds: float) -> dict[str, Any]:
    """The memory server, behind what takes a while first, as `npx -y` does."""
    return {"command": "sh", "args": ["-c", f'sleep {seconds}; exec "{BIN / "mcp-server-memory"}"']}


def asked(hub: RealHub, order: str) -> None:
    """Stop or start the memory server over the hub's API."""
    body = json.dumps({"server_name": "memory"}).encode()
    request = urllib.request.Request(
        f"{hub.url}/api/servers/{order}", body, {"content-type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=60).close()


@pytest.mark.parametrize(
    ("takes", "settle"), [(5, 40), pytest.param(33, None, marks=pytest.mark.matrix)], ids=["configured", "by version"]
)
def test_a_release_whose_server_takes_its_time_stays(
    takes: float, settle: float | None, hubs: Any, judge: Judge
) -> None:
    """A recorded deploy is asked while a server still connects: it is waited for once, named, and kept; no action runs."""
    site = Site(judge, hubs)
    site.configure(site.hub.url, "" if settle is None else f"[probe]\nsettle = {settle}\n")
    assert site.call("check", "-m", "health", "-q").returncode == 0
    assert site.call("release", "--record").returncode == 0
    site.deploy({"everything": EVERYTHING, "memory": slowly(takes)}, "starting")
    assert site.call("release", "--record").returncode == 0
    done = site.call("check", "-m", "health", "-q")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "the hub is starting, memory connecting: waiting for at most" in done.stdout
    assert done.stdout.count("waiting for at most") == 1
    assert not site.rolled.exists()


def test_a_server_that_connects_beside_a_ready_hub_is_waited_for(hubs: Any, judge: Judge) -> None:
    """The hub is ready, and one of its servers was started a moment ago."""
    hub = hubs({"everything": EVERYTHING, "memory": slowly(6)})
    hub.wait_ready()
    asked(hub, "stop")
    starter = threading.Thread(target=asked, args=(hub, "start"))
    starter.start()
    until = time.monotonic() + 5
    while hub.health()["servers"][1]["status"] != "connecting" and time.monotonic() < until:
        time.sleep(0.05)
    judge.configure(hub, "[probe]\ninterval = 0.2\n")
    judged = judge.run()
    starter.join()
    assert judged.code == 0, judged.out[-3000:]
    assert "memory connecting: waiting for at most" in judged.out
