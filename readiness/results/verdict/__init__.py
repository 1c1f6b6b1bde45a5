"""Pure: outcomes become score, verdict and decision; waivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.results.verdict import verdict
    from readiness.results.verdict.rollback_plan import (
        BY_HAND,
        PLANNED,
        DismissedCheck,
        PlannedAction,
        RollbackCause,
        RollbackMode,
        RollbackPlan,
    )
    from readiness.results.verdict.verdict import Decision, Judged, Judgement, Status, exit_code
else:
    __all__, __getattr__ = front_door(__name__, __file__)
