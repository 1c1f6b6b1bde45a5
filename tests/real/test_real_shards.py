"""Shards of one decision in front of the real hub: they are about the process that runs now, or they are no evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from readiness.cli.report import main

if TYPE_CHECKING:
    from tests.real.conftest import Judge


pytestmark = pytest.mark.matrix


def test_a_hub_that_is_replaced_between_two_shards_is_told(hubs: Any, judge: Judge, capsys: Any) -> None:
    """Two shards of one process are one verdict; what an earlier process said proves nothing about the next one."""
    reports = {name: str(judge.folder / name) for name in ("health", "e2e", "later")}
    hub = hubs()
    hub.wait_ready()
    judge.configure(hub)
    for name in ("health", "e2e"):
        judge.start("-m", name, "--readiness-report", reports[name]).communicate(timeout=120)
    main(["--merge", reports["health"], reports["e2e"]])
    assert "different processes" not in capsys.readouterr().err
    hub.stop()
    again = hubs(port=hub.port)
    again.wait_ready()
    judge.configure(again)
    judge.start("-m", "e2e", "--readiness-report", reports["later"]).communicate(timeout=120)
    assert main(["--merge", reports["health"], reports["later"]]) == 12
    told = capsys.readouterr().err
    assert f"the shards judged different processes of {hub.url}: process {hub.process.pid} of " in told
    assert f"then process {again.process.pid} of " in told
