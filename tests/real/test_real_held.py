"""A session that nobody uses for a while, through a proxy that cuts silent streams: agents then lose their tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.forwarder import Forwarder

if TYPE_CHECKING:
    from tests.real.conftest import Judge

pytestmark = pytest.mark.matrix

CHECK = "session-outlives-silence"


@pytest.mark.parametrize(("longest", "outcome"), [(0.0, "passed"), (4.0, "failed")], ids=["patient", "cuts"])
def test_a_session_is_held_and_asked_again(longest: float, outcome: str, hubs: Any, judge: Judge) -> None:
    """Held for longer than the proxy lets a stream live, a session is found cut; a patient proxy raises no alarm."""
    hub = hubs()
    hub.wait_ready()
    with Forwarder(hub.port, longest=longest) as proxy:
        judge.configure(hub)
        path = judge.folder / "readiness.toml"
        path.write_text(path.read_text().replace(hub.url, proxy.url))
        found = judge.run("-m", "e2e", "--readiness-hold=6").by_outcome(outcome)
    assert CHECK in found
    if outcome == "failed":
        assert "a session that asked nothing was cut after" in found[CHECK]


def test_no_session_is_held_unless_somebody_asks_for_it(hubs: Any, judge: Judge) -> None:
    """Without `[probe] hold` nothing waits, and the check says which key is not set."""
    hub = hubs()
    hub.wait_ready()
    judge.configure(hub)
    left_out = judge.run("-m", "e2e").by_outcome("not_applicable")
    assert left_out[CHECK] == "[probe] hold is not set: no session is held"
