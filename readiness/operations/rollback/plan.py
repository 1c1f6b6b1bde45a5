"""Pure: from a verdict and the record of a deploy → whether to go back, by which actions, and if not, why not.

Only what can be decided from values is decided here; locks, backups and cooldowns are looked at where a plan is
executed. Nothing here acts.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.findings import TRIGGER_ORDER, TRIGGERS, Outcome, Stage
from readiness.results.verdict import (
    BY_HAND,
    PLANNED,
    DismissedCheck,
    PlannedAction,
    RollbackCause,
    RollbackMode,
    RollbackPlan,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from readiness.config import Config, RollbackSettings
    from readiness.operations.deploys import DeployRecord
    from readiness.results.verdict import Judged, Judgement

DEPLOY_COMMAND: Final = "deploy-command"
"""Stands for the deploy command where checks are named: it fires a trigger of its own."""
_MODES: Final[tuple[RollbackMode, ...]] = ("plan", "ask", "auto")
_NOTHING_DEPLOYED: Final = frozenset({"preflight", "infra"})
"""Phases whose findings never roll back: they judge what is on disk and on the host, not the release that runs."""
_SECURITY_PHASES: Final = frozenset({"health", "alerts", "e2e", "drill"})
"""The phases of smoke checks: the only ones whose security findings count."""
_NAMED: Final = 3
_CLOCK_SKEW: Final = dt.timedelta(seconds=60)
"""How far ahead of this clock the record's may be."""
PROBES: Final = 3
"""Looks in a row that a trigger on a rate or a time must hold for."""
PROBE_SECONDS: Final = 10.0
"""Seconds between two of them."""


def plan_rollback(  # noqa: PLR0913 - each keyword is one thing that was known, and may be left out
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
        *_not_judged_so(judgement, config),
        *_no_deploy(config, deploy, now),
        *_other_release(deploy, version or config.target.version, commit),
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
    reason = _why_ask(deploy, unwell=_unwell_before(judgement.rows, deploy))
    actions = _asking(_actions(config.rollback, causes), reason)
    modes = [action.mode for action in actions if action.status != BY_HAND]
    mode: RollbackMode = min(modes, key=_MODES.index, default="plan")
    return RollbackPlan(mode=mode, causes=causes, actions=actions, dismissed=dismissed)


def plan_after_failed_deploy(
    config: Config, deploy: DeployRecord | None, *, now: dt.datetime, because: str, was_well: bool = True
) -> RollbackPlan:
    """Decide whether to go back from a deploy whose command failed, having changed something; `because` says how it ended.

    No check has to fail: the command itself is the evidence. `now` needs a time zone; `was_well`: the release before was
    not NOT READY.
    """
    causes = (RollbackCause(trigger="deploy-failure", checks=(DEPLOY_COMMAND,)),)
    refusals = list(_no_deploy(config, deploy, now))
    if config.first_look:
        refusals.insert(0, "a first look never rolls back: nothing was declared about this deployment")
    if deploy is not None and not deploy.passed_before:
        refusals.append("nothing passed before the deploy, so going back would prove nothing: hold")
    if refusals:
        return _refused(config, causes, refusals, ())
    reason = _why_ask(deploy, unwell=() if was_well else ("NOT READY",))
    planned = (dataclasses.replace(one, because=because) for one in _actions(config.rollback, causes))
    actions = _asking(planned, reason)
    modes = [action.mode for action in actions if action.status != BY_HAND]
    return RollbackPlan(mode=min(modes, key=_MODES.index, default="plan"), causes=causes, actions=actions)


def _refused(
    config: Config, causes: tuple[RollbackCause, ...], refusals: Sequence[str], dismissed: tuple[DismissedCheck, ...]
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


def _causes(failures: Sequence[Judged]) -> tuple[RollbackCause, ...]:
    by_trigger: dict[str, dict[str, str]] = {}
    for row in failures:
        if row.check.rollback is not None:
            by_trigger.setdefault(row.check.rollback, {})[row.check.id] = row.check.phase
    return tuple(
        RollbackCause(
            trigger=trigger,
            checks=tuple(by_trigger[trigger]),
            phases=tuple(dict.fromkeys(by_trigger[trigger].values())),
        )
        for trigger in sorted(by_trigger, key=TRIGGER_ORDER.__getitem__)
    )


# --- what does not count ----------------------------------------------------------------------------------------------


def _dismissed(failures: Sequence[Judged], bad_before: Collection[str]) -> tuple[DismissedCheck, ...]:
    old, unseen = "it failed on the previous release too", "it had not passed before the deploy"
    ids = dict.fromkeys(row.check.id for row in failures)
    return tuple(DismissedCheck(check=check, reason=old if check in bad_before else unseen) for check in ids)


def _nothing_new(failures: Sequence[Judged], bad_before: Collection[str]) -> str:
    ids = list(dict.fromkeys(row.check.id for row in failures))
    old = [check for check in ids if check in bad_before]
    unseen = [check for check in ids if check not in bad_before]
    reasons = [f"{_names(old)} failed on the previous release too"] if old else []
    reasons += [f"{_names(unseen)} had not passed before the deploy"] if unseen else []
    return f"{' and '.join(reasons)}: going back would not help"


# --- actions ----------------------------------------------------------------------------------------------------------


def _actions(settings: RollbackSettings, causes: Sequence[RollbackCause]) -> tuple[PlannedAction, ...]:
    """Each configured action once, in the order of the triggers that want it; then what no action covers."""
    ranked: list[tuple[int, int, PlannedAction]] = []
    for index, action in enumerate(settings.actions):
        wanting = [cause for cause in causes if cause.trigger in action.triggers]
        if wanting:
            first = TRIGGER_ORDER[wanting[0].trigger]
            planned = _action(action.name, wanting, PLANNED, settings)
            if action.restores:  # data since the backup is lost: a person decides
                planned = dataclasses.replace(planned, mode=min(planned.mode, "ask", key=_MODES.index))
            ranked.append((first, index, planned))
    ordered = [action for _, _, action in sorted(ranked, key=lambda entry: entry[:2])]
    covered = {trigger for action in ordered for trigger in action.triggers}
    alone = [cause for cause in causes if cause.trigger not in covered]
    if alone:
        ordered.append(_action(BY_HAND, alone, BY_HAND, settings))
    return tuple(ordered)


def _action(name: str, causes: Sequence[RollbackCause], status: str, settings: RollbackSettings) -> PlannedAction:
    checks = list(dict.fromkeys(check for cause in causes for check in cause.checks))
    mode = "plan" if status == BY_HAND else _mode(settings.mode, causes)
    return PlannedAction(
        name=name,
        triggers=tuple(cause.trigger for cause in causes),
        because=why_planned(checks),
        status=status,
        mode=mode,
    )


def why_planned(checks: Sequence[str]) -> str:
    """Why an action is planned."""
    return f"{_names(checks)} failed after the deploy"


def _mode(configured: RollbackMode, causes: Sequence[RollbackCause]) -> RollbackMode:
    """The milder of what is configured and what the triggers default to; of several, the boldest is enough of a reason."""
    boldest = max((TRIGGERS[cause.trigger] for cause in causes), key=_rank, default="plan")
    return _MODES[min(_MODES.index(configured), _rank(boldest))]


def _rank(mode: str) -> int:
    return [str(m) for m in _MODES].index(mode)


def _names(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_NAMED])
    return shown if len(ids) <= _NAMED else f"{shown} and {len(ids) - _NAMED} more"


# --- what refuses ---


def _not_judged_so(judgement: Judgement, config: Config) -> Iterator[str]:
    """The verdict is another one, nothing was declared, or the hub was seen through its proxy alone."""
    if judgement.status is not Status.NOT_READY:
        yield f"the verdict is {judgement.status.value}: only NOT READY rolls back"
    if config.first_look:
        yield "a first look never rolls back: nothing was declared about this deployment"
    if config.production and config.target.internal_url is None and not _loopback(config.target.url):
        yield (
            "the hub was seen only through its proxy, which may be at fault itself: "
            "set [target] internal_url to the hub's own port"
        )


def _no_deploy(config: Config, deploy: DeployRecord | None, now: dt.datetime) -> Iterator[str]:
    """No deploy inside its window, or none with a release to return to."""
    if deploy is None:
        yield "no deploy is recorded, so nothing shows that one caused this: hold, restart, page"
        return
    age = now - deploy.deployed_at
    when = f"{deploy.deployed_at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    if age < -_CLOCK_SKEW:
        yield f"the recorded deploy of {when} lies in the future: set the clocks right"
    if age > dt.timedelta(minutes=config.rollback.window):
        window = f"the window of {config.rollback.window} min is over"
        yield f"the last deploy was at {when}, and {window}: hold, restart, page"
    if deploy.previous is None:
        yield "there is no release to return to: hold"


def _other_release(deploy: DeployRecord | None, version: str | None, commit: str | None) -> Iterator[str]:
    """Identity: the release that was judged must be proven to be the one that was deployed."""
    if deploy is None:
        return
    proven = False
    for name, judged, recorded in (("commit", commit, deploy.commit), ("version", version, deploy.version)):
        if judged is None or recorded is None:
            continue
        if judged.removeprefix("v") != recorded.removeprefix("v"):
            yield f"the recorded deploy is of {name} {recorded}, and {name} {judged} was judged"
        proven = True
    if not proven:
        yield "nothing proves that the judged release is the recorded one: set [target] version"


def _loopback(url: str | None) -> bool:
    try:
        host = urlsplit(url or "").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- when an automatic action is downgraded to `ask` ---


def _why_ask(deploy: DeployRecord | None, *, unwell: Iterable[str] = ()) -> str:
    """Why nothing may be done by itself; empty where it may. `unwell` says what was wrong with the release before."""
    bad = ", ".join(sorted(unwell))
    if bad:
        return f"the release before was not well either ({bad})"
    # a folder is prebuilt and kept; anything else is a commit, checked out and built where the hub runs
    if deploy is not None and deploy.previous is not None and "/" not in deploy.previous:
        return "the way back is a commit that has to be built in place"
    return ""


def _unwell_before(rows: Iterable[Judged], deploy: DeployRecord) -> set[str]:
    """The checks that failed before the deploy although their failure alone would have led back."""
    failed = set(deploy.failed_before)
    return {row.check.id for row in rows if row.check.id in failed and TRIGGERS.get(row.check.rollback or "") == "auto"}


def _asking(actions: Iterable[PlannedAction], reason: str) -> tuple[PlannedAction, ...]:
    """The actions, each of which asks where there is a reason; what is planned only stays so."""
    if not reason:
        return tuple(actions)
    return tuple(
        dataclasses.replace(one, mode="ask", because=f"{one.because}; a person decides: {reason}")
        if one.mode == "auto"
        else one
        for one in actions
    )
