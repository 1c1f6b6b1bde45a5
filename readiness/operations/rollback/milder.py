"""What makes a step one for a person, whatever the mode: the way back is a build, or leads to what was not well. Pure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.findings import TRIGGERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness.operations.deploys.record import DeployRecord
    from readiness.operations.rollback.plan import Action
    from readiness.results.verdict.verdict import Judged

ASK: Final = "ask"
AUTO: Final = "auto"


def why(deploy: DeployRecord | None, *, unwell: Iterable[str] = ()) -> str:
    """Why nothing may be done by itself; empty where it may. `unwell` says what was wrong with the release before."""
    bad = ", ".join(sorted(unwell))
    if bad:
        return f"the release before was not well either ({bad})"
    # a folder is prebuilt and kept; anything else is a commit, checked out and built where the hub runs
    if deploy is not None and deploy.previous is not None and "/" not in deploy.previous:
        return "the way back is a commit that has to be built in place"
    return ""


def unwell(rows: Iterable[Judged], deploy: DeployRecord) -> set[str]:
    """The checks that failed before the deploy although their failure alone would have led back."""
    failed = set(deploy.failed_before)
    return {row.check.id for row in rows if row.check.id in failed and TRIGGERS.get(row.check.rollback or "") == AUTO}


def asked_for(actions: Iterable[Action], reason: str) -> tuple[Action, ...]:
    """The actions, each of which asks where there is a reason; what is planned only stays so."""
    if not reason:
        return tuple(actions)
    return tuple(
        dataclasses.replace(one, mode=ASK, because=f"{one.because}; a person decides: {reason}")
        if one.mode == AUTO
        else one
        for one in actions
    )
