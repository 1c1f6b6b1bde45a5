"""A bad release of mcp-hub@4.2.1 under a supervisor: caught, rolled back by its link, verified by who answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness.operations.deploys import journal
from readiness.operations.rollback import journal as rollback_journal
from tests.real.conftest import EVERYTHING, SERVERS
from tests.real.test_real_drill import supervised

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub

PID = 'echo $$ > "$0"; exec "$@"'
"""Writes down the process that the supervisor starts, as systemd knows its MainPID."""
BACK = """
import os, signal
folder = {folder!r}
os.symlink(folder + "/releases/old", folder + "/next")
os.replace(folder + "/next", folder + "/current")
try:
    os.kill(int(open(folder + "/hub.pid").read()), signal.SIGTERM)
except ProcessLookupError:
    pass  # it died by itself, and the supervisor is about to start it again
"""


class Deployed:
    """Two releases behind a link, and a supervised hub that reads its configuration through it."""

    def __init__(self, judge: Judge, hubs: Any, broken: str) -> None:
        self.judge, self.folder = judge, judge.folder
        good = json.dumps({"mcpServers": SERVERS})
        for name, text in (("old", good), ("new", broken)):
            tree = self.folder / "releases" / name
            tree.mkdir(parents=True)
            (tree / "package.json").write_text(json.dumps({"name": "mcp-hub", "version": "4.2.1", "main": "hub.js"}))
            (tree / "hub.json").write_text(text)
        self.switch("old")
        (self.folder / "back.py").write_text(BACK.format(folder=str(self.folder)))
        above = (*supervised(500, 0.3), "sh", "-c", PID, str(self.folder / "hub.pid"))
        self.hub: RealHub = hubs(above=above)
        self.hub.wait_ready()
        config = self.hub.folder / "hub.json"
        config.unlink()
        config.symlink_to(self.folder / "current" / "hub.json")
        self.configure()

    def configure(self) -> None:
        """What an operator of 4.2.1 declares, in mode auto."""
        self.judge.configure(self.hub)
        path = self.folder / "readiness.toml"
        lines = [line for line in path.read_text().splitlines() if not line.startswith("pid =")]
        lines.insert(lines.index("[target]") + 1, f'release = "{self.folder / "current"}"\nconfig = "hub.json"')
        lines += [
            "[release]", f'previous = "{self.folder / "releases" / "old"}"',
            "[rollback]", 'mode = "auto"', "steady = 2",
            "[[rollback.action]]", 'name = "previous-release"', 'verify = ["health"]', "timeout = 30",
            'triggers = ["startup-failure", "validation-failure"]',
            f'command = ["{sys.executable}", "{self.folder / "back.py"}"]',
        ]  # fmt: skip
        path.write_text("\n".join(lines) + "\n")

    def switch(self, name: str) -> None:
        """Let the link point to that release."""
        (self.folder / "next").symlink_to(self.folder / "releases" / name)
        (self.folder / "next").replace(self.folder / "current")

    def deploy(self) -> None:
        """Put the new release in place and have the hub started with it."""
        before = (self.folder / "hub.pid").read_text()
        self.switch("new")
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(before), signal.SIGTERM)
        until = time.monotonic() + 20
        while (self.folder / "hub.pid").read_text() == before and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`readiness`, as an operator calls it here."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
        return subprocess.run(
            [sys.executable, "-m", "readiness", *arguments],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip


ONE_BROKEN = json.dumps({"mcpServers": {"everything": EVERYTHING, "memory": {"command": "/nowhere/memory"}}})


@pytest.mark.matrix
@pytest.mark.parametrize("broken", [ONE_BROKEN, '{"mcpServers": '], ids=["one server", "dies at start"])
def test_a_bad_release_of_the_real_hub(broken: str, hubs: Any, judge: Judge) -> None:
    """One server is broken, or the hub dies at every start: rolled back by itself, and the old release is proven."""
    site = Deployed(judge, hubs, broken)
    first = site.call("check", "-m", "health", "-q")
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr
    noted = site.call("release", "--record")
    assert noted.returncode == 0, noted.stderr
    site.deploy()
    recorded = site.call("release", "--record")
    assert recorded.returncode == 0, recorded.stderr
    done = site.call("check", "-m", "health", "-q")
    told = done.stdout[-3000:] + done.stderr[-2000:]
    assert "ROLLED_BACK_VERIFIED" in done.stdout, told
    assert done.returncode == 1, told
    assert (site.folder / "current").resolve() == Path(site.folder / "releases" / "old").resolve()
    (state,) = rollback_journal.rollbacks(site.folder / "reports" / "rollback")
    assert state.outcome.seconds["decide"] < 3
    site.hub.wait_ready()


@pytest.mark.matrix
def test_the_one_that_rolls_the_real_hub_back_is_killed(hubs: Any, judge: Judge) -> None:
    """SIGKILL once the action has begun: it goes on alone, nobody begins it again, and --resume proves what it did."""
    site = Deployed(judge, hubs, ONE_BROKEN)
    assert site.call("check", "-m", "health", "-q").returncode == 0
    assert site.call("release", "--record").returncode == 0
    site.deploy()
    assert site.call("release", "--record").returncode == 0
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-m", "readiness", "check", "-m", "health", "-q"]
    process = subprocess.Popen(command, cwd=site.folder, env=env, stdout=quiet, stderr=quiet)
    folder, until = site.folder / "reports" / "rollback", time.monotonic() + 90
    while time.monotonic() < until and not any(
        state.has_begun("previous-release") for state in rollback_journal.rollbacks(folder)
    ):
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = site.call("rollback", "--resume")
    assert "ROLLED_BACK_VERIFIED" in done.stdout, done.stdout[-2000:] + done.stderr
    (state,) = rollback_journal.rollbacks(folder)
    assert [entry.kind for entry in state.entries].count(journal.STARTED) == 1
