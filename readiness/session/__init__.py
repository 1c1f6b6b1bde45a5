"""One run's life under pytest: controller, worker, plan, outcomes, crash recovery and conclusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.session import journal
    from readiness.session.conclusion import accept_load_baseline
    from readiness.session.controller import Closing, Ledger
    from readiness.session.crash_recovery import contradiction, recover
    from readiness.session.fixtures import CONFIG, REDACT, RUN_DIR, register
    from readiness.session.fixtures.reachability import BLOCKED
    from readiness.session.invocation import OPTIONS, find_suites, may_concern, suite_folders, why_zero
    from readiness.session.journal import VERDICT_PIPE, JournalRead
    from readiness.session.own_modules import find_own_modules
    from readiness.session.plan.planning import (
        CATALOGUE_FILE,
        PlannedItem,
        Scope,
        catalogue,
        catalogue_json,
        ignored_by_phase,
        item_of,
        phases_of,
        plan_document,
        selected_phases,
        write_atomically,
    )
    from readiness.session.run_one import CheckRunner, Ran
    from readiness.session.setup import Setup, deployed_claims
    from readiness.session.shield import Shield
    from readiness.session.worker import Worker
else:
    __all__, __getattr__ = front_door(__name__, __file__)
