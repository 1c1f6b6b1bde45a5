"""A hub that is silent costs a run one settle time, not one for every check."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.hub.model import Answer, Fault, How, Site
from tests.faults.hub.runner import run
from tests.faults.hub.words import EVERY, TOOLS, paced

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT, ATTEMPTS = 1.5, 2
SETTLE = TIMEOUT * ATTEMPTS
"""Seconds that proving one silence may take."""
REST = 30.0
"""Seconds for all else, on a machine that is busy with other things: what is judged is who waited, not how fast it went."""
SITE = Site(config={"probe": {"attempts": ATTEMPTS, "interval": 0.05, "timeout": TIMEOUT}})


@pytest.mark.parametrize(
    ("how", "settles", "short"),
    [
        (How(answers=(paced(EVERY, "silent"),)), 1, 1),
        (How(dead=True), 0, 0),
        # tools-are-listed is about it; three more checks read it
        (How(answers=(paced(TOOLS, "silent"),)), 1, 3),
        # events-stream is about it; six looks ask who answers
        (How(events="never"), 1, 1),
        # four checks ask it
        (How(answers=(Answer(route=EVERY, pace="silent", listener="public"),)), 1, 3),
    ],
    ids=["everything", "dead", "tools", "events", "proxy"],
)
def test_silence_is_waited_for_once(how: How, settles: int, short: int, tmp_path: Path) -> None:
    """One check alone waits a settle time for what is silent; whoever asks later looks for a second at most."""
    started = time.monotonic()
    result = run(Fault(name="silent", sentence="", how=how, site=SITE), tmp_path)
    spent = time.monotonic() - started
    told = {row["check"]: row["seconds"] for row in result.report["findings"] if row["seconds"] > TIMEOUT / 4}
    waited = [check for check, seconds in told.items() if seconds >= SETTLE]
    assert len(waited) == settles, told
    assert spent < settles * SETTLE + short + REST, told
