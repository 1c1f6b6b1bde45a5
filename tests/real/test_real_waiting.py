"""A run that waits says what for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.real.conftest import Judge


@pytest.mark.matrix
def test_waiting_for_a_hub_that_is_young_shows_that_it_waits(hubs: Any, judge: Judge) -> None:
    """A hub that has just started: a line says how long it has been up, and of how many seconds; nothing of it is a finding."""
    hub = hubs()
    hub.wait_ready()
    judge.configure(hub, stable=40)
    judged = judge.run("-k", "hub_stays_up or hub_answers")
    assert "waiting: the hub has been up " in judged.out
    assert " s of 40" in judged.out
    (finding,) = [f for f in judged.report["findings"] if f["check"] == "hub-stays-up"]
    assert finding["outcome"] == "passed", finding["reason"]
    assert not any("waiting" in note for note in finding["notes"])
