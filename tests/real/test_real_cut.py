"""The real hub behind a line that cuts each session once it is initialised: the same fault ends the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.forwarder import Forwarder
from tests.real.test_real_e2e import CALLS

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub

INITIALISED = b'"protocolVersion"'
"""What the answer to `initialize` says, and no other answer."""


@pytest.mark.parametrize("number", [0, *(pytest.param(n, marks=pytest.mark.matrix) for n in range(1, 10))])
def test_a_session_that_is_cut_ends_the_same_way(number: int, healthy: RealHub, judge: Judge) -> None:
    """Sessions open and break: that is not ready, by what rests on a session, and blames no check that passed."""
    del number  # each run is another draw of the race
    with Forwarder(healthy.port, cut_after=INITIALISED) as proxy:
        judge.configure(healthy, CALLS + "[probe]\ninterval = 0.1\n")
        settings = judge.folder / "readiness.toml"
        settings.write_text(settings.read_text().replace(healthy.url, proxy.url))
        judged = judge.run("-m", "e2e")
    assert judged.status == "NOT READY", judged.out[-3000:]
    assert judged.code == 1
    assert "INTERNALERROR" not in judged.out
    failed, unknown = judged.by_outcome("failed"), judged.by_outcome("unknown")
    if "mcp-session-initialises" not in failed:
        assert "tools-list-over-mcp" in failed
        assert not [reason for reason in unknown.values() if "blocked by mcp-session-initialises" in reason]
