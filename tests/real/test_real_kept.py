"""Good releases of the real hub in a recorded deploy window, mode auto: what was once taken for a fault rolls nothing back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.conftest import EVERYTHING, MEMORY
from tests.real.test_real_clocks import Site
from tests.real.test_real_e2e import CALLS

if TYPE_CHECKING:
    from tests.real.conftest import Judge

pytestmark = pytest.mark.matrix

SERVERS = {"everything": EVERYTHING, "memory": MEMORY}
ADDED = SERVERS | {"memory-graph": EVERYTHING, "高德地图": EVERYTHING}


@pytest.mark.parametrize(
    ("servers", "options"),
    [
        pytest.param(ADDED, (), id="servers-with-hyphens-are-added"),
        pytest.param(SERVERS, ("--auto-shutdown",), id="ends-with-its-last-client", marks=pytest.mark.matrix),
    ],
)
def test_a_good_release_is_kept(servers: dict[str, Any], options: tuple[str, ...], hubs: Any, judge: Judge) -> None:
    """All was well before the deploy, and is afterwards: KEEP, exit 0, no action, and the hub still runs."""
    site = Site(judge, hubs)
    site.configure(site.hub.url, CALLS)
    before = site.call("check", "-m", "health or e2e", "-q")
    assert before.returncode == 0, before.stdout[-3000:] + before.stderr
    assert site.call("release", "--record").returncode == 0
    site.hub.stop()
    site.hub = hubs(servers, port=site.hub.port, home="second", options=options)
    site.hub.wait_ready()
    assert site.call("release", "--record").returncode == 0
    done = site.call("check", "-m", "health or e2e", "-q")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    report = json.loads((site.folder / "reports" / "readiness.json").read_text())
    assert report["verdict"]["decision"] in {"KEEP", "KEEP AND WATCH"}
    assert report["rollback"]["actions"] == []
    assert not site.rolled.exists()
    assert site.hub.process.poll() is None
