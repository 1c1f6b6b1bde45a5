"""Infra's fault matrix: every known way for a host to be unfit, as edits of what a healthy one answers."""

from __future__ import annotations

from tests.faults.infra.healthy import TOPICS

FAULTS = tuple(fault for topic in TOPICS for fault in topic.FAULTS)
"""All of them."""
