"""From a judgement and its run to a Report: every text made visible and bounded, on the way in and only here."""

from __future__ import annotations

import dataclasses
import math
import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from readiness.findings import Outcome, Severity
from readiness.results.report.model import (
    Action,
    Category,
    Comparison,
    Escalation,
    ReleaseRun,
    Report,
    Rollback,
    Row,
    RunInfo,
)
from readiness.results.verdict import Status
from readiness.support import one_line, visible_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from readiness.config import Config
    from readiness.findings import Limits
    from readiness.results.report.model import ToolInventory
    from readiness.results.verdict import Decision, Judged, Judgement, RollbackPlan

_LONG: Final = 4_000
"""Characters kept of a reason; the recorder of a check keeps as many."""
_TEXT: Final = 1_000
_SENTENCE: Final = 400
_NAME: Final = 200
_GATE: Final = ("ready", "conditional", "category", "proven", "high_failures")
_HEARS: Final = {
    "on_call": "every failed check, and every run that proves too little",
    "tech_lead": "what is critical, and every rollback",
    "product": "every rollback",
    "security": "every failed check of security",
}
"""The path along which people are told, in order."""
_ALARMING: Final = frozenset({Status.NOT_READY, Status.INCOMPLETE})


def build(  # noqa: PLR0913 - one keyword for each thing a report is made of
    judgement: Judgement,
    *,
    decision: Decision | str,
    config: Config,
    run: RunInfo,
    rollback: RollbackPlan | None = None,
    trouble: Sequence[str] = (),
    notes: Sequence[str] = (),
    comparison: Comparison | None = None,
    exit_code: int | None = None,
    inventory: ToolInventory | None = None,
    release_run: ReleaseRun | None = None,
) -> Report:
    """Make the report of one run. Raises nothing of its own: odd text is shown, long text is cut."""
    gate = config.gate
    return Report(
        run=_run(run),
        environment=one_line(config.environment, _NAME),
        target=_target(config),
        release="the embedded release" if config.demo else one_line(config.target.release or "", _TEXT),
        demo=config.demo,
        first_look=_init_command(config) if config.first_look else None,
        status=str(judgement.status.value),
        decision=str(decision),
        because=one_line(judgement.because, _SENTENCE),
        score=judgement.score,
        headline=judgement.headline,
        best_case=judgement.best_case,
        proven=judgement.proven,
        cap=None if judgement.cap is None else one_line(judgement.cap, _SENTENCE),
        stage=str(judgement.stage.value),
        gate={name: float(getattr(gate, name)) for name in _GATE},
        categories=tuple(
            Category(name=one_line(c.name, _NAME), score=c.score, weight=c.weight) for c in judgement.categories
        ),
        rows=tuple(_row(judged) for judged in judgement.rows),
        rollback=_rollback(rollback),
        comparison=comparison,
        contacts={one_line(k, _NAME): one_line(v, _TEXT) for k, v in config.contacts.items()},
        trouble=tuple(one_line(sentence, _TEXT) for sentence in trouble),
        notes=tuple(one_line(sentence, _TEXT) for sentence in notes),
        exit_code=exit_code,
        inventory=inventory,
        escalation=_escalation(judgement, config, wanted=rollback is not None and rollback.wanted),
        release_run=release_run,
    )


def _escalation(judgement: Judgement, config: Config, *, wanted: bool) -> tuple[Escalation, ...]:
    """Who hears of what, as the messages of `readiness check` are addressed."""
    failed = [row.check for row in judgement.rows if row.finding.outcome is Outcome.FAILED]
    due = {
        "on_call": judgement.status in _ALARMING or (judgement.status is Status.CONDITIONAL and bool(failed)),
        "tech_lead": wanted or any(check.severity is Severity.CRITICAL for check in failed),
        "product": wanted,
        "security": any(check.topic == "security" or check.rollback == "security" for check in failed),
    }
    return tuple(
        Escalation(role=role, contact=one_line(config.contacts[role], _TEXT), hears=hears, due=due[role])
        for role, hears in _HEARS.items()
        if config.contacts.get(role)
    )


def _run(run: RunInfo) -> RunInfo:
    return dataclasses.replace(
        run,
        id=one_line(run.id, _NAME),
        seconds=run.seconds if math.isfinite(run.seconds) else 0.0,
        selection=one_line(run.selection, _TEXT),
        versions={one_line(k, _NAME): one_line(v, _NAME) for k, v in run.versions.items() if v},
        plan_hash=one_line(run.plan_hash, _NAME),
        process=None
        if run.process is None
        else dataclasses.replace(run.process, version=one_line(run.process.version, _NAME)),
    )


def _row(judged: Judged) -> Row:
    check, check_and_finding = judged.check, judged.finding
    return Row(
        check=one_line(check.id, _NAME),
        instance=None if check_and_finding.instance is None else one_line(check_and_finding.instance, _NAME),
        title=one_line(check.title, _TEXT),
        category=one_line(check.category, _NAME),
        marker=check.phase,
        severity=check.severity,
        outcome=check_and_finding.outcome,
        reason=visible_text(check_and_finding.reason, _LONG),
        expected=visible_text(check_and_finding.expected.removeprefix("expected "), _TEXT),
        actual=visible_text(check_and_finding.actual, _TEXT),
        unit=one_line(check_and_finding.unit, _NAME),
        attempts=check_and_finding.attempts,
        seconds=check_and_finding.seconds if math.isfinite(check_and_finding.seconds) else 0.0,
        points_lost=judged.points_lost,
        remedy=visible_text(check_and_finding.remedy or check.remedy, _LONG),
        rollback=check.rollback,
        waiver=None if check_and_finding.waiver is None else one_line(check_and_finding.waiver, _TEXT),
        blocked_by=None if check_and_finding.blocked_by is None else one_line(check_and_finding.blocked_by, _NAME),
        nodeid=one_line(check_and_finding.nodeid, _TEXT),
        notes=tuple(visible_text(note, _TEXT) for note in check_and_finding.notes[:20]),
        path=None if check_and_finding.path is None else one_line(check_and_finding.path, _TEXT),
        line=check_and_finding.line,
        limits=check_and_finding.limits if check_and_finding.limits and _finite(check_and_finding.limits) else None,
    )


def _finite(limits: Limits) -> bool:
    return all(math.isfinite(limit) for limit in (limits.warning, limits.critical) if limit is not None)


def _rollback(planned: RollbackPlan | None) -> Rollback | None:
    if planned is None:
        return None
    return Rollback(
        mode=planned.mode,
        wanted=planned.wanted,
        fired=_sentences(planned.fired),
        actions=tuple(
            Action(
                name=one_line(action.name, _NAME),
                triggers=_sentences(action.triggers),
                because=one_line(action.because, _TEXT),
                status=one_line(action.status, _NAME),
            )
            for action in planned.actions
        ),
        refused=None if planned.refused is None else one_line(planned.refused, _TEXT),
        journal=None,
    )


def _sentences(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(one_line(text, _TEXT) for text in texts)


def _target(config: Config) -> str:
    if config.demo:
        return "the embedded hub"
    return one_line(
        _without_login(config.target.url or config.target.internal_url or "") or config.target.release or "", _TEXT
    )


def _without_login(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _init_command(config: Config) -> str:
    words = ["readiness", "init"]
    if config.target.url:
        words += ["--url", one_line(_without_login(config.target.url), _TEXT)]
    if config.target.release:
        words += ["--release", one_line(config.target.release, _TEXT)]
    return shlex.join(words)


_MOST: Final = 200
"""Points, bars, routes and doubts that are kept of each kind."""


def redacted(report: Report, redact: Callable[[str], str]) -> Report:
    """`report` with every text redacted; itself where there is nothing to hide."""
    known: dict[str, str] = {}

    def text(value: str) -> str:
        shown = known.get(value)
        if shown is None:
            shown = known[value] = redact(value)
        return shown

    cleaned: Report = _walk(report, text)
    return cleaned


def _walk(value: Any, text: Callable[[str], str]) -> Any:  # noqa: ANN401 - any field of a report
    kind = type(value)
    if kind is str:
        return text(value) if value else value
    if kind is tuple:
        walked = tuple(_walk(part, text) for part in value)
        return value if walked == value else walked
    if kind is dict or kind is MappingProxyType:
        return {_walk(key, text): _walk(part, text) for key, part in value.items()}
    if dataclasses.is_dataclass(kind):
        return _walk_fields(value, text)
    return value


def _walk_fields(value: Any, text: Callable[[str], str]) -> Any:  # noqa: ANN401 - any dataclass of a report
    changed = {}
    for name in value.__slots__:
        old = getattr(value, name)
        new = _walk(old, text)
        if new is not old and new != old:
            changed[name] = new
    return dataclasses.replace(value, **changed) if changed else value


def load_picture(picture: Mapping[str, Any], redact: Callable[[str], str] = str) -> dict[str, Any]:
    """`found` without secrets and without what no report can show; the same keys."""
    bounded: dict[str, Any] = _bounded(picture, redact)
    return bounded


def _bounded(value: Any, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return one_line(redact(value), _SENTENCE)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_bounded(one, redact) for one in value[:_MOST]]
    if isinstance(value, dict):
        return {one_line(key, _NAME): _bounded(one, redact) for key, one in value.items()}
    return value
