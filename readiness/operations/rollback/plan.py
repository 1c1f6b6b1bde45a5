"""Pure: from a verdict and the record of a deploy → whether to go back, by which actions, and if not, why not.

Only what can be decided from values is decided here; locks, backups and cooldowns are looked at where a plan is
executed. Nothing here acts.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal

from readiness.findings import TRIGGER_ORDER, TRIGGERS, Outcome, Stage
from readiness.operations.deploys.record import DeployRecord, read_record, write_record
from readiness.operations.rollback import milder, refuse

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from readiness.config.model import Config, Rollback
    from readiness.results.verdict.verdict import Judged, Judgement

__all__ = [
    "Action",
    "Cause",
    "DeployRecord",
    "Dismissed",
    "RollbackPlan",
    "deploy_failed",
    "plan",
    "read_record",
    "write_record",
]

Mode = Literal["plan", "ask", "auto"]

BY_HAND: Final = "by hand"
"""Name and status of what a person has to do because no action is configured for a trigger."""
PLANNED: Final = "planned"
DEPLOY_COMMAND: Final = "deploy-command"
"""Stands for the deploy command where checks are named: it fires a trigger of its own."""
_MODES: Final[tuple[Mode, ...]] = ("plan", "ask", "auto")
_NOTHING_DEPLOYED: Final = frozenset({"preflight", "infra"})
"""Phases whose findings never roll back: they judge what is on disk and on the host, not the release that runs."""
_SECURITY_PHASES: Final = frozenset({"health", "alerts", "e2e", "drill"})
"""The phases of smoke checks: the only ones whose security findings count."""
_NAMED: Final = 3
PROBED: Final = frozenset({"success-rate", "latency"})
"""Triggers on a rate or a time: one look may be chance, so they count only when they hold."""
PROBES: Final = 3
"""Looks in a row that such a trigger must hold for."""
PROBE_SECONDS: Final = 10.0
"""Seconds between two of them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A trigger that fired and the checks that fired it."""

    trigger: str
    checks: tuple[str, ...]
    phases: tuple[str, ...] = ()
    """Those of its checks: what proves afterwards that the cause is gone."""

    @property
    def to_be_probed(self) -> bool:
        """Whether it must hold for `PROBES` looks before anything acts on it; a run looks only once."""
        return self.trigger in PROBED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dismissed:
    """A failed check whose trigger counts for nothing, and why."""

    check: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step: a configured action, or what is left to a person."""

    name: str
    triggers: tuple[str, ...]
    because: str
    status: str
    mode: Mode
    """How far it may go of its own: the milder of the configured mode and its triggers' default."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPlan:
    """What to do about a bad deploy; `refused` says in one sentence why a fired trigger leads to nothing."""

    mode: Mode
    """The mildest of its configured actions' modes: who looks at it alone does no more than every step allows."""
    causes: tuple[Cause, ...] = ()
    actions: tuple[Action, ...] = ()
    refused: str | None = None
    """The first of `refusals`."""
    refusals: tuple[str, ...] = ()
    """All that speaks against it, a sentence each."""
    dismissed: tuple[Dismissed, ...] = ()

    @property
    def fired(self) -> tuple[str, ...]:
        """The triggers that fired, in their fixed order."""
        return tuple(cause.trigger for cause in self.causes)

    @property
    def wanted(self) -> bool:
        """Whether something is to be rolled back, by an action or by hand."""
        return bool(self.actions) and self.refused is None


def plan(  # noqa: PLR0913 - each keyword is one thing that was known, and may be left out
    judgement: Judgement,
    config: Config,
    deploy: DeployRecord | None,
    *,
    now: dt.datetime,
    version: str | None = None,
    commit: str | None = None,
    failed_on_previous: Collection[str] = (),
) -> RollbackPlan:
    """Decide whether to go back. `now` needs a time zone.

    `version` (default: the configured one) and `commit` name the release that was judged; `failed_on_previous` are
    ids of checks that the release we would return to is known to have failed.
    """
    failures = _firing(judgement.rows)
    causes = _causes(failures)
    if not causes:
        return RollbackPlan(mode=config.rollback.mode)
    refusals = [
        *refuse.not_judged_so(judgement, config),
        *refuse.no_deploy(config, deploy, now),
        *refuse.other_release(deploy, version or config.target.version, commit),
    ]
    if deploy is None:
        return _refused(config, causes, refusals, ())
    bad_before = {*deploy.failed_before, *failed_on_previous}
    counting = [f for f in failures if f.check.id in deploy.passed_before and f.check.id not in bad_before]
    dismissed = _dismissed([f for f in failures if f not in counting], bad_before)
    if not counting:
        refusals.append(_nothing_new(failures, bad_before))
    if refusals:
        return _refused(config, causes, refusals, dismissed)
    causes = _causes(counting)
    reason = milder.why(deploy, unwell=milder.unwell(judgement.rows, deploy))
    actions = milder.asked_for(_actions(config.rollback, causes), reason)
    modes = [action.mode for action in actions if action.status != BY_HAND]
    mode: Mode = min(modes, key=_MODES.index, default="plan")
    return RollbackPlan(mode=mode, causes=causes, actions=actions, dismissed=dismissed)


def deploy_failed(
    config: Config, deploy: DeployRecord | None, *, now: dt.datetime, because: str, was_well: bool = True
) -> RollbackPlan:
    """Decide whether to go back from a deploy whose command failed, having changed something; `because` says how it ended.

    No check has to fail: the command itself is the evidence. `now` needs a time zone; `was_well`: the release before was
    not NOT READY.
    """
    causes = (Cause(trigger="deploy-failure", checks=(DEPLOY_COMMAND,)),)
    refusals = list(refuse.no_deploy(config, deploy, now))
    if config.first_look:
        refusals.insert(0, "a first look never rolls back: nothing was declared about this deployment")
    if deploy is not None and not deploy.passed_before:
        refusals.append("nothing passed before the deploy, so going back would prove nothing: hold")
    if refusals:
        return _refused(config, causes, refusals, ())
    reason = milder.why(deploy, unwell=() if was_well else ("NOT READY",))
    planned = (dataclasses.replace(one, because=because) for one in _actions(config.rollback, causes))
    actions = milder.asked_for(planned, reason)
    modes = [action.mode for action in actions if action.status != BY_HAND]
    return RollbackPlan(mode=min(modes, key=_MODES.index, default="plan"), causes=causes, actions=actions)


def _refused(
    config: Config, causes: tuple[Cause, ...], refusals: Sequence[str], dismissed: tuple[Dismissed, ...]
) -> RollbackPlan:
    mode = _mode(config.rollback.mode, causes)
    return RollbackPlan(mode=mode, causes=causes, refused=refusals[0], refusals=tuple(refusals), dismissed=dismissed)


def _firing(rows: Sequence[Judged]) -> list[Judged]:
    """Failed checks of a running hub whose trigger fires; what is merely unknown never does."""
    return [
        row
        for row in rows
        if row.finding.outcome is Outcome.FAILED
        and row.finding.fires
        and row.check.stage is Stage.AFTER
        and row.check.phase not in _NOTHING_DEPLOYED
        and row.check.rollback in TRIGGERS
        and (row.check.rollback != "security" or row.check.phase in _SECURITY_PHASES)
    ]


def _causes(failures: Sequence[Judged]) -> tuple[Cause, ...]:
    by_trigger: dict[str, dict[str, str]] = {}
    for row in failures:
        if row.check.rollback is not None:
            by_trigger.setdefault(row.check.rollback, {})[row.check.id] = row.check.phase
    return tuple(
        Cause(
            trigger=trigger,
            checks=tuple(by_trigger[trigger]),
            phases=tuple(dict.fromkeys(by_trigger[trigger].values())),
        )
        for trigger in sorted(by_trigger, key=TRIGGER_ORDER.__getitem__)
    )


# --- what does not count ----------------------------------------------------------------------------------------------


def _dismissed(failures: Sequence[Judged], bad_before: Collection[str]) -> tuple[Dismissed, ...]:
    old, unseen = "it failed on the previous release too", "it had not passed before the deploy"
    ids = dict.fromkeys(row.check.id for row in failures)
    return tuple(Dismissed(check=check, reason=old if check in bad_before else unseen) for check in ids)


def _nothing_new(failures: Sequence[Judged], bad_before: Collection[str]) -> str:
    ids = list(dict.fromkeys(row.check.id for row in failures))
    old = [check for check in ids if check in bad_before]
    unseen = [check for check in ids if check not in bad_before]
    told = [f"{_names(old)} failed on the previous release too"] if old else []
    told += [f"{_names(unseen)} had not passed before the deploy"] if unseen else []
    return f"{' and '.join(told)}: going back would not help"


# --- actions ----------------------------------------------------------------------------------------------------------


def _actions(settings: Rollback, causes: Sequence[Cause]) -> tuple[Action, ...]:
    """Each configured action once, in the order of the triggers that want it; then what no action covers."""
    found: list[tuple[int, int, Action]] = []
    for index, action in enumerate(settings.actions):
        wanting = [cause for cause in causes if cause.trigger in action.triggers]
        if wanting:
            first = TRIGGER_ORDER[wanting[0].trigger]
            planned = _action(action.name, wanting, PLANNED, settings)
            if action.restores:  # data since the backup is lost: a person decides
                planned = dataclasses.replace(planned, mode=min(planned.mode, "ask", key=_MODES.index))
            found.append((first, index, planned))
    ordered = [action for _, _, action in sorted(found, key=lambda entry: entry[:2])]
    covered = {trigger for action in ordered for trigger in action.triggers}
    alone = [cause for cause in causes if cause.trigger not in covered]
    if alone:
        ordered.append(_action(BY_HAND, alone, BY_HAND, settings))
    return tuple(ordered)


def _action(name: str, causes: Sequence[Cause], status: str, settings: Rollback) -> Action:
    checks = list(dict.fromkeys(check for cause in causes for check in cause.checks))
    mode = "plan" if status == BY_HAND else _mode(settings.mode, causes)
    return Action(
        name=name,
        triggers=tuple(cause.trigger for cause in causes),
        because=because(checks),
        status=status,
        mode=mode,
    )


def because(checks: Sequence[str]) -> str:
    """Why an action is planned."""
    return f"{_names(checks)} failed after the deploy"


def _mode(configured: Mode, causes: Sequence[Cause]) -> Mode:
    """The milder of what is configured and what the triggers default to; of several, the boldest is enough of a reason."""
    boldest = max((TRIGGERS[cause.trigger] for cause in causes), key=_rank, default="plan")
    return _MODES[min(_MODES.index(configured), _rank(boldest))]


def _rank(mode: str) -> int:
    return [str(m) for m in _MODES].index(mode)


def _names(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_NAMED])
    return shown if len(ids) <= _NAMED else f"{shown} and {len(ids) - _NAMED} more"
