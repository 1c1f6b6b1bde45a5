"""Pure: the reports of several runs of one decision, as the shards of a CI matrix leave them, made into one.

The worst outcome of a check wins, nothing that a shard planned vanishes, and the verdict is made anew by the rules of every
verdict, but never better than the worst of the shards: each of them may know a reason that its rows do not show.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeVar

from readiness.config import GateSettings, is_loopback
from readiness.errors import ReadinessError
from readiness.findings import Check, Finding, Outcome, Planned, Severity, Stage
from readiness.results.report.document import to_json
from readiness.results.report.model import Category, Report, Rollback, Row, RunInfo, iso
from readiness.results.verdict import verdict
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from readiness.results.report.model import Escalation, HubProcess

Value = TypeVar("Value")

_SEVERITIES: Final = tuple(Severity)
_TEXT: Final = 1_000
_STRICT: Final = 10
"""The exit code of a CONDITIONAL run that was asked to be strict."""
MAX_AGE: Final = 3 * 3600.0
"""Seconds between a shard's end and the newest one's beginning, or now, from which on it is no evidence any more."""
_SLACK: Final = 600.0
"""Seconds that the clock of another machine may be ahead of ours."""
_START: Final = 10.0
"""Seconds by which two sources differ on when one process started."""
_RELEASE: Final = ("hub", "release", "commit")
"""What `versions` tell of the release that was judged."""
_DRILL: Final = "drill"
_BLOCKED: Final = 2
_BLOCKS: Final = {
    verdict.Status.READY: 0,
    verdict.Status.CONDITIONAL: 1,
    verdict.Status.INCOMPLETE: _BLOCKED,
    verdict.Status.NOT_READY: _BLOCKED,
}
_ROUNDED: Final = Fraction(1, 5)
"""Points by which a score may differ from that of its findings, where only a rounded one was kept."""
_GO: Final = frozenset(d.value for d in verdict.Decision if d.name in {"DEPLOY", "KEEP", "KEEP_AND_WATCH"})


def merge(  # noqa: PLR0913 - a merge is its shards and what was asked of it, one keyword each
    reports: Sequence[Report],
    *,
    planned: Sequence[Check] = (),
    trouble: Sequence[str] = (),
    strict: bool = False,
    now: float | None = None,
    max_age: float = MAX_AGE,
) -> tuple[Report, int]:
    """One report of `reports`, whatever their order, and the exit code of its verdict.

    `planned` are checks of shards that never reported: unknown unless another shard has them. `trouble` says what went
    wrong with the shards. A shard that ended more than `max_age` seconds before the newest of them began, or before `now`
    (seconds since the epoch; None: no matter), or that met another process or release, proves nothing: what it asked is
    unknown. One report alone, with nothing of that, is what it was. Raises ReadinessError where there is none.
    """
    if not reports:
        raise ReadinessError("nothing to merge: no shard left a report")
    shards = sorted(reports, key=_order)
    strict = strict or any(shard.exit_code == _STRICT for shard in shards)
    apart = _apart(shards, now, max_age)
    if len(shards) == 1 and not planned and not trouble and not apart:
        return shards[0], verdict.exit_code(verdict.Status(shards[0].status), strict=strict)
    sentences = tuple(dict.fromkeys([*trouble, *apart.values(), *(t for shard in shards for t in shard.trouble)]))
    shards = [_unproven(shard, apart[place]) if place in apart else shard for place, shard in enumerate(shards)]
    rows = _rows(shards)
    gate = _gate(shards)
    judgement = _judged(shards, rows, planned, sentences, gate)
    code = verdict.exit_code(judgement.status, strict=strict)
    return _report(shards, rows, judgement, sentences, code), code


def _order(report: Report) -> tuple[float, str, str]:
    return report.run.started, report.run.id, json.dumps(to_json(report), sort_keys=True)


# --- one report, judged again -----------------------------------------------------------------------------------------


def judged_again(report: Report) -> Report:
    """`report` where its verdict follows from its findings; else what they make of it, with a sentence that says so.

    A verdict may be worse than its findings, for a reason that no row shows; never better. One that is was changed by hand,
    or by a rule that is none of ours: it is INCOMPLETE at best.
    """
    recorded = verdict.Status(report.status)
    rows, gate = _rows([report]), _gate([report])
    judgement = _judged_alone(report, rows, gate, report.trouble)
    contradictions = []
    if _BLOCKS[recorded] < _BLOCKS[judgement.status]:
        contradictions.append(f"the report says {report.status}, and its findings make it {judgement.status.value}")
    if _BLOCKS[recorded] == _BLOCKED and report.decision in _GO:
        contradictions.append(f"the report says {report.status}, and decides {report.decision}")
    if _BLOCKS[recorded] == _BLOCKED and report.exit_code == 0:
        contradictions.append(f"the report says {report.status}, and that its exit code is 0")
    if _BLOCKS[recorded] != _BLOCKED and not contradictions and abs(report.score - judgement.score) > _ROUNDED:
        contradictions.append(
            f"the report says that its score is {float(report.score):.1f}, and its findings make it {float(judgement.score):.1f}"
        )
    if not contradictions:
        return report
    sentence = f"{'; '.join(contradictions)}: it was changed after its run, and is judged again"
    trouble = (sentence, *report.trouble)
    again = _judged_alone(report, rows, gate, trouble)
    again = verdict.lowered(again, recorded, report.because, gate)
    code = verdict.exit_code(again.status, strict=False)
    return dataclasses.replace(_report([report], rows, again, trouble, code), run=report.run, notes=report.notes)


def superseded(report: Report, *, run_id: str, started: float, selection: str, why: str) -> Report:
    """What is known once a later run than that of `report` began and left nothing: all that it asked is unknown."""
    known = _unproven(report, why) if report.run.selection == selection else dataclasses.replace(report, rows=())
    rows, gate = _rows([known]), _gate([report])
    judgement = _judged_alone(known, rows, gate, (why,))
    run = dataclasses.replace(
        report.run, id=run_id, started=started, finished=started, seconds=0.0, selection=selection, process=None
    )
    code = verdict.exit_code(judgement.status, strict=False)
    made = _report([dataclasses.replace(known, decision=verdict.Decision.HOLD.value)], rows, judgement, (why,), code)
    return dataclasses.replace(
        made, run=run, because=why, rollback=None, notes=(), inventory=None, load=None, release_run=None, exit_code=code
    )


def _judged_alone(
    report: Report, rows: dict[tuple[str, str | None], Row], gate: GateSettings, trouble: Sequence[str]
) -> verdict.Judgement:
    evidence = verdict.Evidence(
        plan=_plan(rows, Stage(report.stage)),
        findings=[_finding(row) for row in rows.values() if row.outcome is not Outcome.NOT_APPLICABLE],
        trouble=tuple(trouble),
        cap="a first look: nothing was declared" if report.first_look else None,
    )
    return verdict.judge(evidence, gate)


# --- what belongs together --------------------------------------------------------------------------------------------


def _apart(shards: Sequence[Report], now: float | None, max_age: float) -> dict[int, str]:
    """Why shards are no evidence for this decision, by their place: too old, or about another process or release."""
    began = max(shard.run.started for shard in shards)
    apart: dict[int, str] = {}
    for place, shard in enumerate(shards):
        name = (
            f"the shard {shard.run.selection} ({shard.run.id})" if shard.run.selection else f"the shard {shard.run.id}"
        )
        before, ago = began - shard.run.finished, 0.0 if now is None else now - shard.run.finished
        if before > max_age:
            apart[place] = f"{name} is too old: it ended {_time(before)} before the newest began{_limit(max_age)}"
        elif ago > max_age:
            apart[place] = f"{name} is too old: it ended {_time(ago)} ago{_limit(max_age)}"
        elif now is not None and shard.run.started > now + _SLACK:
            ahead = _time(shard.run.started - now)
            apart[place] = f"{name} began {ahead} from now: a clock is wrong, and its age is not known"
    for place, shard in enumerate(shards):
        sentence = "" if place in apart else _other(shard, [s for s in shards[place + 1 :] if _same_target(s, shard)])
        if sentence:
            apart[place] = sentence
    return apart


def _limit(seconds: float) -> str:
    return f", more than {_time(seconds)}; --max-age sets the limit"


def _time(seconds: float) -> str:
    """A time as people say it, rounded down: `9 days`, `3 h`, `40 min`."""
    for size, word in ((2 * 86_400, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / {'days': 86_400, 'h': 3_600, 'min': 60}[word]:.0f} {word}"
    return f"{seconds:.0f} s"


def _same_target(one: Report, other: Report) -> bool:
    return (one.target, one.environment) == (other.target, other.environment)


def _other(shard: Report, later: Sequence[Report]) -> str:
    """How `shard` met another release or process than a later one at the same target; empty: it did not."""
    for name in _RELEASE:
        own = shard.run.versions.get(name, "")
        versions = {version for s in later if (version := s.run.versions.get(name))} | {own}
        if own and len(versions) > 1:
            return f"the shards judged different releases of {shard.target}: {name} {', '.join(sorted(versions))}"
    mine = _process(shard)
    for process in filter(None, map(_process, later)):
        if mine is not None and process.version and mine.version and process.version != mine.version:
            both = ", ".join(sorted({mine.version, process.version}))
            return f"the shards judged different releases of {shard.target}: hub {both}"
        if mine is not None and _replaced(mine, process, shard.target):
            return (
                f"the shards judged different processes of {shard.target}: {_named(mine)} ({shard.run.id}), "
                f"then {_named(process)}"
            )
    return ""


def _process(shard: Report) -> HubProcess | None:
    """The process that a shard is about; None where it replaced it itself."""
    return None if any(row.marker == _DRILL for row in shard.rows) else shard.run.process


def _replaced(one: HubProcess, other: HubProcess, target: str) -> bool:
    # the same address of this machine, asked on two machines, is two hubs, as where each job of a matrix starts its own
    if one.machine != other.machine and is_loopback(target):
        return False
    if one.pid != other.pid:
        return True
    return one.started is not None and other.started is not None and abs(one.started - other.started) > _START


def _named(process: HubProcess) -> str:
    return f"process {process.pid}" + ("" if process.started is None else f" of {iso(process.started)[:19]}Z")


def _unproven(shard: Report, why: str) -> Report:
    """`shard` as what could not be looked at: nothing that it saw holds for this decision, good or bad."""
    rows = tuple(
        row
        if row.outcome is Outcome.NOT_APPLICABLE
        else dataclasses.replace(row, outcome=Outcome.UNKNOWN, reason=why, blocked_by=None, points_lost=Fraction(0))
        for row in shard.rows
    )
    incomplete = verdict.Status.INCOMPLETE.value
    return dataclasses.replace(
        shard, rows=rows, status=incomplete, decision=verdict.Decision.HOLD.value, because=why, rollback=None
    )


# --- outcomes ---------------------------------------------------------------------------------------------------------


def _rows(shards: Sequence[Report]) -> dict[tuple[str, str | None], Row]:
    """The worst row of each instance; what one shard declared away and another asked was asked."""
    worst: dict[tuple[str, str | None], Row] = {}
    for shard in shards:
        for row in shard.rows:
            key = (row.check, row.instance)
            if key not in worst or row.outcome.rank > worst[key].outcome.rank:
                worst[key] = row
    asked = {check for (check, _), row in worst.items() if row.outcome is not Outcome.NOT_APPLICABLE}
    return {
        key: row for key, row in worst.items() if row.outcome is not Outcome.NOT_APPLICABLE or row.check not in asked
    }


def _judged(
    shards: Sequence[Report],
    rows: dict[tuple[str, str | None], Row],
    planned: Sequence[Check],
    trouble: tuple[str, ...],
    gate: GateSettings,
) -> verdict.Judgement:
    """The verdict on the worst of all, and no better than the worst of theirs."""
    stage = Stage.AFTER if any(shard.stage == Stage.AFTER.value for shard in shards) else Stage.BEFORE
    evidence = verdict.Evidence(
        plan=[*_plan(rows, stage), *_missing(rows, planned)],
        findings=[_finding(row) for row in rows.values() if row.outcome is not Outcome.NOT_APPLICABLE],
        trouble=trouble,
    )
    judgement = verdict.judge(evidence, gate)
    for shard in shards:
        sentence = f"{shard.run.selection or shard.run.id}: {shard.because}"
        judgement = verdict.lowered(judgement, verdict.Status(shard.status), sentence, gate)
    return judgement


def _plan(rows: dict[tuple[str, str | None], Row], stage: Stage) -> list[Planned]:
    planned: dict[str, list[Row]] = {}
    for row in rows.values():
        planned.setdefault(row.check, []).append(row)
    return [
        Planned(
            check=Check(
                id=name,
                title=mine[0].title,
                phase=mine[0].category.partition("/")[0],
                topic=mine[0].category.partition("/")[2],
                severity=min((row.severity for row in mine), key=_SEVERITIES.index),
                stage=stage,
                remedy=mine[0].remedy,
                rollback=mine[0].rollback,
            ),
            instances=tuple(row.instance for row in mine),
            not_applicable=mine[0].reason if mine[0].outcome is Outcome.NOT_APPLICABLE else None,
        )
        for name, mine in planned.items()
    ]


def _missing(rows: dict[tuple[str, str | None], Row], planned: Sequence[Check]) -> list[Planned]:
    known = {check for check, _ in rows}
    return [Planned(check=check) for check in planned if check.id not in known]


def _finding(row: Row) -> Finding:
    # a cause that is named excuses what is unknown, never what is proven bad
    cause = row.blocked_by if row.outcome is Outcome.UNKNOWN else None
    return Finding(check=row.check, outcome=row.outcome, instance=row.instance, reason=row.reason, blocked_by=cause)


def _gate(shards: Sequence[Report]) -> GateSettings:
    """The strictest limits of any shard, and the highest weight of each category."""
    weights: dict[str, Fraction] = {}
    for shard in shards:
        for category in shard.categories:
            weights[category.name] = max(category.weight, weights.get(category.name, category.weight))
    ready, conditional, weakest, proven = (
        max(Fraction(str(shard.gate[name])) for shard in shards)
        for name in ("ready", "conditional", "category", "proven")
    )
    failures = [int(shard.gate["high_failures"]) for shard in shards if "high_failures" in shard.gate]
    return GateSettings(
        ready=ready,
        conditional=conditional,
        category=weakest,
        proven=proven,
        high_failures=min(failures, default=GateSettings().high_failures),
        weights=weights,
    )


# --- the report -------------------------------------------------------------------------------------------------------


def _report(
    shards: Sequence[Report],
    rows: dict[tuple[str, str | None], Row],
    judgement: verdict.Judgement,
    trouble: tuple[str, ...],
    code: int,
) -> Report:
    first = shards[0]
    wanted = any(shard.decision == verdict.Decision.ROLL_BACK.value for shard in shards)
    merged = f"made of {len(shards)} runs: {', '.join(shard.run.id for shard in shards)}"
    return Report(
        run=_run(shards),
        environment=_joined(shard.environment for shard in shards),
        target=_joined(shard.target for shard in shards),
        release=_joined(shard.release for shard in shards),
        demo=any(shard.demo for shard in shards),
        first_look=_first(shard.first_look for shard in shards),
        status=judgement.status.value,
        decision=verdict.decide(judgement, roll_back=wanted).value,
        because=judgement.because,
        score=judgement.score,
        headline=judgement.headline,
        best_case=judgement.best_case,
        proven=judgement.proven,
        cap=judgement.cap,
        stage=judgement.stage.value,
        gate={name: _strictest(name, shards) for name in first.gate},
        categories=tuple(Category(name=c.name, score=c.score, weight=c.weight) for c in judgement.categories),
        rows=tuple(_row(judged, rows) for judged in judgement.rows),
        rollback=_rollback(shards),
        comparison=None,
        contacts={role: who for shard in shards for role, who in shard.contacts.items()},
        trouble=trouble,
        notes=(one_line(merged, _TEXT), *dict.fromkeys(note for shard in shards for note in shard.notes)),
        exit_code=code,
        inventory=_first(shard.inventory for shard in shards),
        load=_first(shard.load for shard in shards),
        escalation=_escalation(shards),
        release_run=_first(shard.release_run for shard in shards),
    )


def _run(shards: Sequence[Report]) -> RunInfo:
    ids = "\0".join(sorted(shard.run.id for shard in shards))
    hashes = sorted({shard.run.plan_hash for shard in shards})
    started = min(shard.run.started for shard in shards)
    finished = max(shard.run.finished for shard in shards)
    names = dict.fromkeys(name for shard in shards for name in shard.run.versions)
    return RunInfo(
        id=f"merged-{_digest(ids)}",
        started=started,
        finished=finished,
        seconds=max(finished - started, 0.0),
        selection=_joined(shard.run.selection for shard in shards),
        versions={name: _joined(shard.run.versions.get(name, "") for shard in shards) for name in names},
        plan_hash=hashes[0] if len(hashes) == 1 else _digest("\0".join(hashes)),
        process=_first(shard.run.process for shard in reversed(shards)),
    )


def _row(judged: verdict.Judged, rows: dict[tuple[str, str | None], Row]) -> Row:
    """The shard's row with what this verdict makes of it; a new one for a check of a shard that never reported."""
    check, finding = judged.check, judged.finding
    row = rows.get((check.id, finding.instance)) or rows.get((check.id, None))
    if row is not None:
        same = row.blocked_by == finding.blocked_by or finding.blocked_by is None
        return dataclasses.replace(
            row,
            severity=check.severity,
            reason=row.reason if same else finding.reason,
            outcome=finding.outcome,
            points_lost=judged.points_lost,
            blocked_by=finding.blocked_by,
        )
    return Row(
        check=check.id,
        instance=finding.instance,
        title=check.title,
        category=check.category,
        marker=check.phase,
        severity=check.severity,
        reason=finding.reason,
        attempts=0,
        seconds=0.0,
        remedy=check.remedy,
        rollback=check.rollback,
        waiver=None,
        notes=(),
        expected="",
        actual="",
        unit="",
        nodeid="",
        outcome=finding.outcome,
        points_lost=judged.points_lost,
        blocked_by=finding.blocked_by,
    )


def _strictest(name: str, shards: Sequence[Report]) -> float:
    values = [shard.gate[name] for shard in shards if name in shard.gate]
    return min(values) if name == "high_failures" else max(values)


def _rollback(shards: Sequence[Report]) -> Rollback | None:
    plans = [shard.rollback for shard in shards if shard.rollback is not None]
    if not plans:
        return None
    refused = dict.fromkeys(plan.refused for plan in plans if plan.refused)
    return Rollback(
        mode=_joined(plan.mode for plan in plans),
        wanted=any(plan.wanted for plan in plans),
        fired=tuple(dict.fromkeys(trigger for plan in plans for trigger in plan.fired)),
        actions=tuple(dict.fromkeys(action for plan in plans for action in plan.actions)),
        refused="; ".join(refused) or None,
        journal=_first(plan.journal for plan in plans),
    )


def _escalation(shards: Sequence[Report]) -> tuple[Escalation, ...]:
    steps: dict[tuple[str, str], Escalation] = {}
    for step in (step for shard in shards for step in shard.escalation):
        known = steps.get((step.role, step.contact))
        steps[step.role, step.contact] = (
            step if known is None else dataclasses.replace(known, due=known.due or step.due)
        )
    return tuple(steps.values())


def _first(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)


def _joined(values: Iterable[str]) -> str:
    """One text where all are the same, else all of them."""
    return one_line(" + ".join(dict.fromkeys(value for value in values if value)), _TEXT)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
