"""The fault matrix: every known way to be broken, as data, and the hub that is broken that way."""

from __future__ import annotations

from tests.faults import answers, content, near, reach, security, streams

FAULTS = (*reach.FAULTS, *answers.FAULTS, *streams.FAULTS, *content.FAULTS, *security.FAULTS, *near.FAULTS)
"""All of them; the near misses come last."""
