"""Telemetry as pytest fixtures: `telemetry` and `past_runs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from readiness import checks

if TYPE_CHECKING:
    from readiness.config.model import Config
    from readiness.facts.hub import Hub
    from readiness.facts.telemetry_past import Past
    from readiness.facts.telemetry_read import Moment, Telemetry


@pytest.fixture(scope="session")
def readiness_moment() -> Moment:
    """The one moment that this process of a run looks at the telemetry."""
    from readiness.facts.telemetry_read import Moment

    return Moment()


@pytest.fixture(scope="session")
def past_runs(readiness_config: Config) -> Past:
    """What earlier runs and the record of the last deploy say about this hub."""
    from readiness.facts.telemetry_past import Past

    return Past(readiness_config)


@pytest.fixture
def telemetry(hub: Hub, past_runs: Past, readiness_moment: Moment) -> Telemetry:
    """What the hub publishes about its LLM, cache, queue and traffic, and what of it is new since the last run."""
    from readiness.facts.telemetry_read import Telemetry

    return Telemetry(hub, past_runs, readiness_moment, checks.current.get)
