"""Pure: outcomes become score, verdict and decision; waivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.results.verdict import verdict
    from readiness.results.verdict.verdict import (
        BY_HAND,
        PLANNED,
        Decision,
        DismissedCheck,
        Judged,
        Judgement,
        PlannedAction,
        RollbackCause,
        RollbackMode,
        RollbackPlan,
        Status,
        exit_code,
        units,
    )
else:
    __all__, __getattr__ = front_door(__name__, __file__)
