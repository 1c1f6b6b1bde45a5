"""A hub that is silent costs a run one settle time, not one for every check."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.model import Answer, Fault, How, Site
from tests.faults.runner import run
from tests.faults.words import EVERY, TOOLS, paced

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT, ATTEMPTS = 1.5, 2
SETTLE = TIMEOUT * ATTEMPTS
"""Seconds that proving one silence may take."""
REST = 2.5
"""Seconds for all else: starting, the short looks, and a loaded machine."""
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
    """The whole run takes one settle time for what is silent, a second for a few later looks, and little else."""
    started = time.monotonic()
    result = run(Fault(name="silent", sentence="", how=how, site=SITE), tmp_path)
    spent = time.monotonic() - started
    bound = settles * SETTLE + short + REST
    told = {row["check"]: row["seconds"] for row in result.report["findings"] if row["seconds"] > TIMEOUT / 4}
    assert spent < bound, told
    assert (max(told.values(), default=0) >= SETTLE) is (settles > 0), told
