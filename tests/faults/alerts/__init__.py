"""The alerts' fault matrix, as data: what a hub may publish about itself, and exactly what must come of it."""

from __future__ import annotations

from tests.faults.alerts import endpoint, history, limits, rates, windows

FAULTS = (*rates.FAULTS, *limits.FAULTS, *windows.FAULTS, *endpoint.FAULTS, *history.FAULTS)
"""All of them."""
