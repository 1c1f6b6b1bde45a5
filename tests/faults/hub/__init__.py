"""The fault matrix: every known way to be broken, as data, and the hub that is broken that way."""

from __future__ import annotations

from tests.faults.hub import (
    answers,
    between,
    content,
    disclosed,
    framing,
    messages,
    near,
    reach,
    release,
    security,
    streams,
)

FAULTS = (
    *reach.FAULTS,
    *between.FAULTS,
    *answers.FAULTS,
    *streams.FAULTS,
    *framing.FAULTS,
    *messages.FAULTS,
    *disclosed.FAULTS,
    *content.FAULTS,
    *security.FAULTS,
    *release.FAULTS,
    *near.FAULTS,
)
"""All of them."""
