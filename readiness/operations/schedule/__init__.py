"""Runs that are repeated: jobs, units, cron lines, and one scheduled run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.schedule import jobs, units
    from readiness.operations.schedule.jobs import Job, Time
    from readiness.operations.schedule.scheduled_run import Options, run
    from readiness.operations.schedule.units import MARK, Site, overwritten
else:
    __all__, __getattr__ = front_door(__name__, __file__)
