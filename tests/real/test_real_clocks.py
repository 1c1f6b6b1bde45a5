"""The real hub on a machine whose clock is another one: no difference of two clocks may roll a good release back."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.forwarder import Forwarder

if TYPE_CHECKING:
    from tests.real.conftest import Judge


pytestmark = pytest.mark.matrix


class OtherClock:
    """Changes every time that a hub tells to the one of a machine whose clock is `seconds` ahead."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, _: str, value: Any) -> None:
        """Alter `value` in place."""
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in list(entries):
            if key in {"timestamp", "startTime", "lastActivity"} and isinstance(item, str):
                moment = dt.datetime.fromisoformat(item) + dt.timedelta(seconds=self.seconds)
                value[key] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            else:
                self("", item)


class Site:
    """An operator in mode auto, with a hub to deploy."""

    def __init__(self, judge: Judge, hubs: Any) -> None:
        self.judge, self.hubs, self.folder = judge, hubs, judge.folder
        self.hub = hubs(home="first")
        self.hub.wait_ready()
        self.rolled = self.folder / "rolled-back"

    def configure(self, url: str, extra: str = "") -> None:
        """What an operator declares; an action that is taken leaves a file behind."""
        self.judge.configure(
            self.hub,
            f'{extra}[rollback]\nmode = "auto"\n[[rollback.action]]\nname = "back"\nverify = []\n'
            f'triggers = ["startup-failure", "validation-failure"]\n'
            f'command = ["{sys.executable}", "-c", "open({str(self.rolled)!r}, \'w\')"]\n',
            stable=3,
        )
        path = self.folder / "readiness.toml"
        lines = [line for line in path.read_text().splitlines() if not line.startswith("pid =")]
        path.write_text("\n".join(lines).replace(self.hub.url, url) + "\n")

    def deploy(self, servers: dict[str, Any] | None = None, state: str = "ready") -> None:
        """End the hub, start another one where it listened, and wait until it says `state`."""
        self.hub.stop()
        self.hub = self.hubs(servers, port=self.hub.port, home="second")
        self.hub.wait_ready(state=state)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`readiness`, as an operator calls it here."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
        return subprocess.run(
            [sys.executable, "-m", "readiness", *arguments],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


@pytest.mark.parametrize("ahead", [600.0, -600.0], ids=["ahead", "behind"])
def test_a_good_release_on_another_clock_stays(ahead: float, hubs: Any, judge: Judge) -> None:
    """A deploy that is recorded and well is READY and kept, whatever the hub's clock says; no action runs."""
    site = Site(judge, hubs)
    with Forwarder(site.hub.port, OtherClock(ahead)) as proxy:
        site.configure(proxy.url)
        before = site.call("check", "-m", "health", "-q")
        assert before.returncode == 0, before.stdout[-3000:] + before.stderr
        assert site.call("release", "--record").returncode == 0
        site.deploy()
        recorded = site.call("release", "--record")
        assert recorded.returncode == 0, recorded.stderr
        done = site.call("check", "-m", "health", "-q")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    report = json.loads((site.folder / "reports" / "readiness.json").read_text())
    assert report["verdict"]["decision"] == "KEEP"
    assert not site.rolled.exists()
