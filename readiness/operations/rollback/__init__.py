"""Going back to the release before: planned here, executed by an explicit step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.rollback import plan
    from readiness.operations.rollback.before import failed_on_previous, release_versions
    from readiness.operations.rollback.document import (
        PLAN_FILE,
        PlanRun,
        ProbedCause,
        ProbeLook,
        ProbeResult,
        SavedCause,
        SavedPlan,
        read_plan,
        save_plan,
        write_plan,
    )
    from readiness.operations.rollback.execute import abandon
    from readiness.operations.rollback.follow_up import carry_out
    from readiness.operations.rollback.journal import (
        FOLDER,
        PROBE,
        RollbackState,
        entries_of,
        rollback_of,
        rollbacks,
        unfinished_rollback,
    )
    from readiness.operations.rollback.outcome import EXIT
    from readiness.operations.rollback.plan import DEPLOY_COMMAND, plan_after_failed_deploy, plan_rollback
    from readiness.operations.rollback.probe import doubtful_causes, narrowed_plan
    from readiness.operations.rollback.terminal import by_hand, confirmed, show_plan, typed
    from readiness.operations.rollback.verify import compared
else:
    __all__, __getattr__ = front_door(__name__, __file__)
