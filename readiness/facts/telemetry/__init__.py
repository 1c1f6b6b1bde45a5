"""What a hub publishes about its LLM, cache, queue and traffic: readings with units, and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.telemetry.earlier_runs import EarlierRuns
    from readiness.facts.telemetry.metrics import BY_NAME, METRICS, Reading, reading, readings, unread
    from readiness.facts.telemetry.telemetry import Moment, Telemetry
else:
    __all__, __getattr__ = front_door(__name__, __file__)
