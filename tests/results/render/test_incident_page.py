"""The incident page: how it ended comes first, its numbers are the report's, and no line is for machines alone."""

from __future__ import annotations

import json

from readiness.operations.notify import incident
from readiness.results import render
from tests.results.report.scenes import SCENES

DOCUMENT = json.loads(next(iter(render.made(SCENES["hub_down"](), "json").values())))
JOURNAL = (
    {"kind": "started", "at": 1_790_003_700.0, "action": "previous-release", "pid": 7, "start": 637267, "boot": "9c42"},
    {"kind": "ended", "at": 1_790_003_703.2, "action": "previous-release", "timed_out": False, "seconds": 3.1305615},
    {"kind": "outcome", "at": 1_790_003_710.0, "result": "ROLLED_BACK_VERIFIED", "because": "all that passed passes"},
)


def test_how_it_ended_stands_in_the_first_section() -> None:
    """Whoever gets the page asks first whether it is over."""
    first = incident.markdown(DOCUMENT, JOURNAL).partition("## Timeline")[0]
    assert "How it ended: **ROLLED BACK VERIFIED**: all that passed passes." in first
    assert "How it ended" not in incident.markdown(DOCUMENT)


def test_the_score_is_the_one_that_every_other_rendering_shows() -> None:
    """A capped score is told as it is capped: two numbers for one verdict are a contradiction."""
    held = DOCUMENT | {"verdict": DOCUMENT["verdict"] | {"score": 93.6, "headline": 74.9}}
    assert "score 74.9 of 100" in incident.markdown(held)


def test_the_timeline_is_for_people() -> None:
    """Seconds in tenths; what only resuming needs, and what did not happen, is left to the journal."""
    page = incident.markdown(DOCUMENT, JOURNAL)
    assert "seconds 3.1" in page
    assert not [word for word in ("3.13", "637267", "9c42", "timed") if word in page]
