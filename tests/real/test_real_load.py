"""Load on mcp-hub@4.2.1 itself: HTTP and an agent's calls mixed, from one process and from two workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real.conftest import ROOT
from tests.real.test_real_e2e import CALLS

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub


@pytest.mark.matrix
@pytest.mark.parametrize("workers", [1, 2])
def test_a_healthy_hub_carries_its_load(healthy: RealHub, judge: Judge, workers: int) -> None:
    """At 50 requests a second for 8 s every request is accounted for, none goes wrong, and the hub is as it was."""
    judge.configure(healthy, f"{CALLS}\n[load]\nrate = 50\nduration = 8\nworkers = {workers}\n")
    found = judge.run("-m", "load", str(ROOT / "load"))
    load = found.report["load"]
    assert (load["planned"], load["errors"], load["ended"]) == (400, 0, "done"), found.out[-3000:]
    assert len(load["cpu"]) >= workers
    assert {row["name"].split()[0] for row in load["routes"]} == {"GET", "MCP"}
    assert 0 < load["percentiles"]["p95"][1] < 2000
    before, peak, after = load["memory"]
    assert min(before, after) > 30e6
    assert peak >= before
    # how busy this machine is decides whether the evidence holds; where it does, the hub is ready
    assert found.status == ("NOT READY" if load["doubts"] else "READY"), found.out[-3000:]
    assert list((judge.folder / "reports" / "load").glob("*.bin.gz"))
