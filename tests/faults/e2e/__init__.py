"""The e2e fault matrix: every known way in which the agent's path breaks, as data."""

from __future__ import annotations

from tests.faults.e2e import near, path, work

FAULTS = (*path.FAULTS, *work.FAULTS, *near.FAULTS)
"""All of them."""
