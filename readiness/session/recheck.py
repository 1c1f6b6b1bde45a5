"""The last question of a run: whether the hub answers, asked once more where a check lost it in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.findings import Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.config.model import Config
    from readiness.session.journal import Run

HUB_ANSWERS: Final = "hub-answers"


def ask_again(run: Run, config: Config, redact: Callable[[str], str]) -> None:
    """Record that the hub does not answer, if a check lost it in the middle and it does not now: the worse answer counts."""
    known = run.findings.get((HUB_ANSWERS, None))
    if HUB_ANSWERS not in run.plan or (known is not None and known.outcome is Outcome.FAILED):
        return
    if not any(finding.lost_hub for finding in run.findings.values()):
        return
    from readiness.session.fixtures import reachability

    reason = reachability.ask_again(config)
    if reason:
        run.record(
            Finding(
                check=HUB_ANSWERS,
                outcome=Outcome.FAILED,
                reason=redact(f"lost in the middle of the run, and asked again at its end: {reason}"),
                nodeid=known.nodeid if known else "",
            )
        )
