"""What a rollback came to: its result from the proof, and the seconds of its phases from the journal."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from readiness.operations.deploys import journal
from readiness.operations.rollback.outcome import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.operations.deploys.record import DeployRecord
    from readiness.operations.rollback.verify import Proof


def judged(proof: Proof) -> tuple[Result, str]:
    """The result and its reason: what is proven bad fails, what is not proven is not verified."""
    if proof.bad:
        return Result.FAILED, "; ".join(proof.bad[:3])
    if proof.unproven:
        return Result.UNVERIFIED, "; ".join(proof.unproven[:3])
    return Result.VERIFIED, f"the release before answers, and all {proof.passed} checks that passed before pass again"


def seconds(state: journal.State, plan: Mapping[str, Any], deploy: DeployRecord) -> dict[str, float]:
    """Seconds of each phase, by the wall clock: a rollback outlives the process that began it."""
    verdict = dt.datetime.fromisoformat(str(plan["run"]["finished"])).timestamp()
    intent, verify = state.first(journal.INTENT), state.first(journal.VERIFY)
    begun = float(intent.get("at", time.time()))
    acted = float(verify.get("at", time.time()))
    found = {"detect": verdict - deploy.deployed_at.timestamp(), "decide": begun - verdict, "act": acted - begun}
    if verify:
        found["verify"] = time.time() - acted
    return {phase: max(0.0, round(took, 3)) for phase, took in found.items()}
