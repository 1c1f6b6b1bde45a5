"""The real hub behind something that answers in its place, in a recorded deploy's window, mode auto: nothing is undone for that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from readiness.operations.rollback import journal as rollback_journal
from tests.helpers.odd_proxy import OddProxy
from tests.real.conftest import SERVERS
from tests.real.test_real_e2e import CALLS, QUICK, STALLS
from tests.real.test_real_rollback import Deployed

if TYPE_CHECKING:
    import subprocess

    from tests.real.conftest import Judge, RealHub


pytestmark = pytest.mark.matrix

GOOD = json.dumps({"mcpServers": SERVERS})
WAY_IN = "agents-get-in-through-the-public-address"
DEAD = '{"mcpServers": '


class Behind(Deployed):
    """A deployed hub that is asked through a proxy."""

    def __init__(self, judge: Judge, hubs: Any, broken: str, *, internal: bool) -> None:
        self.internal = internal
        super().__init__(judge, hubs, broken)

    def configure(self) -> None:
        """As before, with the proxy's address in `url`, and the hub's own where `internal` says so."""
        super().configure()
        self.proxy = OddProxy(self.hub.url)
        path = self.folder / "readiness.toml"
        own = f'\ninternal_url = "{self.hub.url}"' if self.internal else ""
        path.write_text(path.read_text().replace(f'url = "{self.hub.url}"', f'url = "{self.proxy.url}"{own}'))

    def deployed(self) -> None:
        """A release before and after a deploy, recorded."""
        first = self.call("check", "-m", "health", "-q")
        assert first.returncode == 0, first.stdout[-3000:] + first.stderr
        assert self.call("release", "--record").returncode == 0
        self.deploy()
        assert self.call("release", "--record").returncode == 0

    @property
    def rolled_back(self) -> list[Any]:
        """The rollbacks that were begun."""
        return list(rollback_journal.rollbacks(self.folder / "reports" / "rollback"))


def shown(done: subprocess.CompletedProcess[str]) -> str:
    """What a command printed."""
    return done.stdout[-3000:] + done.stderr[-1500:]


@pytest.mark.parametrize(
    "modes",
    [
        ("maintenance",),
        pytest.param(("502 by turns", "maintenance in JSON", "login"), marks=pytest.mark.matrix),
        pytest.param(("challenge", "encoding", "buffered"), marks=pytest.mark.matrix),
    ],
    ids=", ".join,
)
def test_what_a_proxy_says_rolls_nothing_back(modes: tuple[str, ...], hubs: Any, judge: Judge) -> None:
    """Only what stands in front changes, and the hub behind it is well: not ready for clients, and no action runs."""
    site = Behind(judge, hubs, GOOD, internal=False)
    with site.proxy:
        site.deployed()
        site.hub.wait_ready()
        for mode in modes:
            site.proxy.mode = mode
            done = site.call("check", "-m", "health", "-q")
            assert done.returncode != 0, f"{mode}: {shown(done)}"
            assert site.rolled_back == [], f"{mode}: {shown(done)}"
            assert "ROLL BACK" not in done.stdout, f"{mode}: {shown(done)}"


@pytest.mark.parametrize(
    "mode",
    [
        "404 on POST",
        *(pytest.param(one, marks=pytest.mark.matrix) for one in ("challenge", "login", "buffered", "502 by turns")),
    ],
)
def test_nobody_can_get_in(mode: str, healthy: RealHub, judge: Judge) -> None:
    """The hub's own port is well and its public address lets no agent in: not ready, by the check that says so, and no trigger."""
    with OddProxy(healthy.url, mode) as proxy:
        judge.configure(healthy, CALLS + QUICK)
        path = judge.folder / "readiness.toml"
        both = f'url = "{proxy.url}"\ninternal_url = "{healthy.url}"'
        path.write_text(path.read_text().replace(f'url = "{healthy.url}"', both))
        judged = judge.run("-m", "health or e2e")
    failed = judged.by_outcome("failed")
    failed.pop(STALLS, None)
    assert set(failed) == {WAY_IN}, judged.out[-3000:]
    assert failed[WAY_IN].startswith("through [target] url: ")
    assert judged.status == "NOT READY"
    row = next(row for row in judged.report["findings"] if row["check"] == WAY_IN)
    assert judged.report["rollback"]["actions"] == []
    assert row["outcome"] == "failed"


@pytest.mark.parametrize("how", ["environment", pytest.param("configured", marks=pytest.mark.matrix)])
def test_a_runner_behind_an_egress_proxy(
    how: str, healthy: RealHub, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Health and the agent's path go through the same proxy, by the environment or by `[target] proxy`: no name resolves here."""
    with OddProxy(healthy.url) as proxy:
        judge.configure(healthy, CALLS + QUICK)
        path = judge.folder / "readiness.toml"
        address = f'url = "http://hub.invalid:{healthy.port}"'
        if how == "configured":
            address += f'\nproxy = "{proxy.url}"'
        else:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
        path.write_text(path.read_text().replace(f'url = "{healthy.url}"', address))
        judged = judge.run("-m", "e2e")
    wrong = judged.by_outcome("failed", "unknown", "degraded", "flaky")
    wrong.pop(STALLS, None)
    assert wrong == {}, judged.out[-3000:]
    assert {request[0] for request in proxy.requests} == {"GET", "POST"}


@pytest.mark.matrix
def test_a_dead_hub_behind_a_proxy_is_rolled_back(hubs: Any, judge: Judge) -> None:
    """The hub's own port is known and nobody listens there: the proxy's 502 takes nothing away from that proof."""
    site = Behind(judge, hubs, DEAD, internal=True)
    with site.proxy:
        site.deployed()
        done = site.call("check", "-m", "health", "-q")
        assert "ROLLED_BACK_VERIFIED" in done.stdout, shown(done)
