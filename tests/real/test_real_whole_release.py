"""`readiness release -- COMMAND` with mcp-hub@4.2.1 under a supervisor: a bad release is caught, rolled back and proven."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness.operations.deploys import journal
from readiness.operations.release import journal as book
from readiness.operations.rollback import journal as rollback_journal
from tests.real.conftest import SERVERS
from tests.real.test_real_e2e import CALLS
from tests.real.test_real_rollback import ONE_BROKEN, Deployed

if TYPE_CHECKING:
    from tests.real.conftest import Judge

DEPLOY = """
import os, signal, sys, time
folder = {folder!r}
with open(folder + "/deployed", "a") as told:
    told.write("once\\n")
os.symlink(folder + "/releases/new", folder + "/next")
os.replace(folder + "/next", folder + "/current")
before = open(folder + "/hub.pid").read()
os.kill(int(before), signal.SIGTERM)
until = time.monotonic() + 20
while open(folder + "/hub.pid").read() == before and time.monotonic() < until:
    time.sleep(0.05)
print("deployed")
"""


class Whole(Deployed):
    """The same site, deployed by a command."""

    def __init__(self, judge: Judge, hubs: Any, broken: str) -> None:
        super().__init__(judge, hubs, broken)
        (self.folder / "deploy.py").write_text(DEPLOY.format(folder=str(self.folder)))

    def configure(self) -> None:
        """As there, with a backup that can be made and no preflight of a tree that is not a release of this test's."""
        super().configure()
        path = self.folder / "readiness.toml"
        text = path.read_text().replace('"validation-failure"]', '"validation-failure", "deploy-failure"]')
        lines = text.splitlines()
        lines.insert(lines.index("[expect]") + 1, 'git = { expected = false, reason = "unpacked, no working tree" }')
        path.write_text("\n".join(lines) + "\n" + CALLS)

    @property
    def command(self) -> list[str]:
        """What deploys the new release."""
        return ["--", sys.executable, str(self.folder / "deploy.py")]

    def page(self) -> dict[str, Any]:
        """`release.json`."""
        return dict(json.loads((self.folder / "reports" / "release.json").read_text()))


@pytest.mark.matrix
@pytest.mark.parametrize("broken", [ONE_BROKEN, '{"mcpServers": '], ids=["one server", "dies at start"])
def test_a_bad_release_of_the_real_hub_in_one_hand(broken: str, hubs: Any, judge: Judge) -> None:
    """One server is broken, or the hub dies at every start: caught, rolled back, proven, and told with its times."""
    site = Whole(judge, hubs, broken)
    done = site.call("release", "--bake", "0", *site.command)
    told = done.stdout[-4000:] + done.stderr[-2000:]
    assert "ROLLED_BACK_VERIFIED" in done.stdout, told
    assert done.returncode == 1, told
    assert (site.folder / "current").resolve() == Path(site.folder / "releases" / "old").resolve()
    page = site.page()
    assert (page["outcome"], page["exit"]) == ("ROLLED_BACK_VERIFIED", 1)
    report = json.loads((site.folder / "reports" / "readiness.json").read_text())
    assert report["release_run"]["outcome"] == "ROLLED_BACK_VERIFIED"
    assert [phase["name"] for phase in report["release_run"]["phases"]][-2:] == ["verify", "rollback"]
    (state,) = rollback_journal.rollbacks(site.folder / "reports" / "rollback")
    assert state.outcome.seconds["decide"] < 3
    site.hub.wait_ready()


@pytest.mark.matrix
def test_a_good_release_of_the_real_hub_is_kept(hubs: Any, judge: Judge) -> None:
    """The same servers from another folder: deployed, proven, watched, and nothing is rolled back."""
    site = Whole(judge, hubs, json.dumps({"mcpServers": SERVERS}))
    done = site.call("release", "--bake", "0.02", *site.command)
    told = done.stdout[-4000:] + done.stderr[-2000:]
    assert (done.returncode, "\nKEPT: " in done.stdout) == (0, True), told
    assert (site.folder / "current").resolve() == Path(site.folder / "releases" / "new").resolve()
    assert [phase["status"] for phase in site.page()["phases"][4:]] == ["passed"] * 4, told
    assert rollback_journal.rollbacks(site.folder / "reports" / "rollback") == []


@pytest.mark.matrix
def test_the_one_that_releases_the_real_hub_is_killed(hubs: Any, judge: Judge) -> None:
    """SIGKILL while the deploy command runs: it goes on alone, nobody begins it again, and --resume leads to the end."""
    site = Whole(judge, hubs, ONE_BROKEN)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-m", "readiness", "release", "--bake", "0", *site.command]
    process = subprocess.Popen(command, cwd=site.folder, env=env, stdout=quiet, stderr=quiet)
    folder, until = site.folder / "reports" / "release", time.monotonic() + 90
    while time.monotonic() < until:
        state = book.last_release(folder)
        if state is not None and journal.mark(state.path, "deploy").exists():
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    again = site.call("release", "--bake", "0", *site.command)
    assert (again.returncode, "--resume" in again.stderr) == (1, True), again.stderr
    done = site.call("release", "--resume")
    assert "ROLLED_BACK_VERIFIED" in done.stdout, done.stdout[-3000:] + done.stderr
    assert (site.folder / "deployed").read_text() == "once\n"
    assert len(rollback_journal.rollbacks(site.folder / "reports" / "rollback")) == 1
