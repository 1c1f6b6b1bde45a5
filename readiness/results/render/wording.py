"""What every rendering says, in the same words and the same order: groups of rows and short sentences."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from readiness.config import is_loopback
from readiness.findings import Outcome
from readiness.results.report import causes, shown
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from readiness.results.report import Action, Cause, Comparison, Report, Row

OUTCOMES: Final = ("failed", "unknown", "degraded", "flaky", "waived", "passed", "not_applicable")
"""In the order in which they are told."""
MOST_GAINS: Final = 3
LEAST_GAIN: Final = 0.05
"""Points; half of what is shown of a score."""
LOST: Final = frozenset({"failed", "degraded", "flaky", "waived"})

_ABOUT_CALLERS: Final = frozenset({"api-requires-authentication", "admin-routes-are-closed"})
"""Whoever reaches a hub that asks for no credentials can have any command executed."""

CAUSE: Final = 240
"""Characters of what was found first; a phone shows them in its first screen."""

MEANING: Final[Mapping[str, str]] = {
    "DEPLOY": "Nothing that was asked speaks against deploying.",
    "DO NOT DEPLOY": "Keep what is running; mend what failed first.",
    "KEEP": "Leave the release running.",
    "KEEP AND WATCH": "Leave it running, and watch what is named below.",
    "ROLL BACK": "Return to the release that ran before.",
    "HOLD": "Deploy nothing and roll nothing back until a person has looked.",
}
"""A decision in one sentence."""


_ACTED: Final[Mapping[str, str]] = {
    "ROLLED_BACK_VERIFIED": "ROLLED BACK",
    "ROLLED_BACK_UNVERIFIED": "ROLLED BACK, UNPROVEN",
    "ROLLBACK_FAILED": "ROLLBACK FAILED",
}
"""What stands in place of the decision once it was acted on: nobody is told to roll back what is back."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service as it is after a proven rollback: the verdict of the run is that of a release which is gone."""

    status: str
    said: str
    """What became of the release, in a few words."""
    proof: str
    gone: str
    """The verdict on the release that is gone, in a sentence."""
    release: str
    """What the release that is gone is called."""


def decision(report: Report) -> str:
    """The decision, or what was done about it."""
    run = report.release_run
    return report.decision if run is None else _ACTED.get(run.outcome, report.decision)


def service(report: Report) -> Service | None:
    """The service after a proven rollback; None where there was none, and the verdict is that of what runs."""
    run = report.release_run
    if run is None or not run.is_rolled_back:
        return None
    release = run.deployed or "the release"
    proof = next((phase.detail for phase in run.phases if phase.name == "rollback" and phase.detail), run.because)
    before = f"{run.before} answers again: " if run.before else ""
    return Service(
        status="SERVICE OK",
        said=f"{release} was rolled back",
        proof=f"{before}{proof}",
        gone=f"{release} was {report.status}, score {number(report.headline)}: {report.because}",
        release=release,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The rows of a report as they are told; each row stands in exactly one place."""

    ranked: tuple[Cause, ...]
    """What is to be mended or found out, in that order: what the two below hold."""
    first: tuple[Cause, ...]
    """The few of them to begin with; none where the list is short."""
    lost: tuple[Cause, ...]
    """Failed, degraded, flaky and waived ones."""
    unknown: tuple[Cause, ...]
    """Could not be proven, and nothing else explains it."""
    orphans: tuple[tuple[str, tuple[Row, ...]], ...]
    """Rows blocked by a check that is not in this report, by its id."""
    passed: tuple[Row, ...]
    not_applicable: tuple[Row, ...]
    counts: Mapping[str, int]
    """Outcome to number of rows, without zeros."""


def shape(report: Report) -> Shape:
    """Sort the rows of `report` into what is told where."""
    by_outcome: dict[str, list[Row]] = {name: [] for name in OUTCOMES}
    for row in report.rows:
        by_outcome[row.outcome.value].append(row)
    ordered = causes(report)
    return Shape(
        ranked=ordered.ranked,
        first=ordered.first,
        lost=tuple(cause for cause in ordered.ranked if cause.row.outcome.value in LOST),
        unknown=tuple(cause for cause in ordered.ranked if cause.row.outcome.value == "unknown"),
        orphans=ordered.orphans,
        passed=tuple(by_outcome["passed"]),
        not_applicable=tuple(by_outcome["not_applicable"]),
        counts={name: len(rows) for name, rows in by_outcome.items() if rows},
    )


def counts(report: Report) -> dict[str, int]:
    """Outcome to number of rows, without zeros; all that a rendering of figures needs of a shape."""
    numbers = dict.fromkeys(OUTCOMES, 0)
    for row in report.rows:
        numbers[row.outcome.value] += 1
    return {name: count for name, count in numbers.items() if count}


def found_first(report: Report, grouped: Shape) -> str:
    """What was seen at the check that the verdict's reason names, for whoever reads no further; empty where it names none."""
    for cause in grouped.ranked[:1]:
        named = [row for row in (cause.row, *cause.also) if row.check in report.because]
        seen = one_line(cause.row.reason, CAUSE).strip()
        if named and seen and seen not in report.because:
            alone = report.because.endswith(f": {named[0].check}") or len(cause.also) > 0
            return seen if alone else f"{cause.row.key}: {seen}"
    return ""


def headline(first: Sequence[Cause], gone: str = "") -> str:
    """What stands above the few causes to begin with; `gone` names the release that they are of, where it runs no more."""
    if gone:
        return f"Mend in {gone} before it is deployed again"
    if all(cause.row.outcome.value == "unknown" for cause in first):
        return f"Find these {len(first)} out first"
    return f"Mend these {len(first)} first"


def gains(grouped: Shape) -> tuple[Cause, ...]:
    """What would raise the score most if it were well, most first; what would hardly be seen in the score is no gain."""
    costly = sorted((cause for cause in grouped.ranked if cause.points >= LEAST_GAIN), key=lambda cause: -cause.points)
    return tuple(costly[:MOST_GAINS])


def settled(cause: Cause) -> str:
    """`may also settle 3 checks`: what goes away with a cause besides the finding that names it; empty for nothing."""
    return f"may also settle {plural(cause.settles, 'check')}" if cause.settles else ""


def points(lost: Fraction | int) -> str:
    """Points lost as text: `-12.4`; what is too small to show is not shown as nothing."""
    if lost <= 0:
        return "0"
    return f"-{float(lost):.1f}" if lost >= 0.05 else "-<0.1"  # noqa: PLR2004 - half of what is shown


def number(value: Fraction) -> str:
    """A score as text, floored to 0.1."""
    return f"{shown(value):.1f}"


def best_case(report: Report) -> str:
    """`up to 91.0 if 3 unknown checks pass`; empty where nothing is unknown or nothing would change."""
    count = report.unknown_checks
    if not count or report.best_case <= report.score:
        return ""
    checks = f"{count} unknown checks pass" if count > 1 else "1 unknown check passes"
    return f"up to {number(report.best_case)} if {checks}"


def capped(report: Report) -> str:
    """Why the headline is below the score, both numbers in it; empty where it is not."""
    return report.cap or ""


def unchecked_callers(report: Report) -> str:
    """That nobody checked who may call a hub which other machines reach, and why; empty where that was checked, or none does."""
    if report.demo or not report.target:
        return ""
    process, is_own = report.run.process, is_loopback(report.target)
    if is_own and not (process and process.exposed):
        return ""
    unchecked = [
        row
        for row in report.rows
        if row.check in _ABOUT_CALLERS
        and row.outcome in {Outcome.NOT_APPLICABLE, Outcome.UNKNOWN}
        and not row.blocked_by
    ]
    if not unchecked:
        return ""
    where = ", which listens on more than loopback" if is_own else ""
    return f"nobody checked who may call this hub{where}: {one_line(unchecked[0].reason, CAUSE)}"


def to_do(row: Row) -> str:
    """The remedy of a finding that it mends: none for what is unknown, where its reason says what to find out, nor waived."""
    return "" if row.waiver or row.outcome is Outcome.UNKNOWN else row.remedy


def measured(row: Row) -> str:
    """What was measured, with its unit."""
    return f"{row.actual} {row.unit}".strip() if row.actual else ""


def expected(row: Row) -> str:
    """What was expected, with its unit where a measured value stands beside it."""
    return f"{row.expected} {row.unit}".strip() if row.expected and row.actual else row.expected


def said(row: Row) -> str:
    """Why a row is what it is: the reason, and what was measured where the reason does not say it anyway."""
    values = [
        f"{name} {value}"
        for name, value in (("measured", measured(row)), ("expected", expected(row)))
        if value and value not in row.reason
    ]
    if row.waiver:
        return row.waiver
    sentence = f"{row.reason} ({', '.join(values)})" if row.reason and values else row.reason or ", ".join(values)
    return f"{row.place}: {sentence}" if sentence and row.place not in sentence else sentence or row.place


def checks(rows: Sequence[Row]) -> str:
    """`39 checks`: how many rows are of, a check that was asked for each server or host counted once."""
    return plural(len({row.check for row in rows}), "check")


def plural(count: int, noun: str) -> str:
    """`1 check`, `2 checks`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def label(outcome: str) -> str:
    """An outcome as a reader says it."""
    return outcome.replace("_", " ")


def rollback_sentence(report: Report) -> str:
    """What the rollback plan says, in one sentence; empty where no plan was made and none would be."""
    plan, run = report.rollback, report.release_run
    acted = "" if run is None or run.outcome not in _ACTED else f"rollback: {_ACTED[run.outcome].lower()}"
    if plan is None or acted:
        return f"{acted}: {run.because}" if acted and run is not None and run.because else acted
    if plan.refused:
        return f"no rollback: {plan.refused}"
    if plan.actions:
        return f"rollback planned: {', '.join(step(action) for action in plan.actions)}"
    if plan.wanted:
        return "rollback by hand: no action is configured for what fired"
    if plan.fired:
        return f"triggers fired, nothing planned: {', '.join(plan.fired)}"
    return "no rollback: no trigger fired"


def step(action: Action) -> str:
    """An action with its status; what is left to a person bears the same words as both."""
    return action.name if action.status in {"", action.name} else f"{action.name} ({action.status})"


def by_itself(report: Report) -> bool:
    """Whether the plan holds an action that `readiness rollback` can carry out."""
    return report.rollback is not None and any(action.status != action.name for action in report.rollback.actions)


def change_sentence(comparison: Comparison | None) -> str:
    """What changed since the last comparable run, in one sentence."""
    if comparison is None:
        return ""
    since = comparison.previous_started[:16].replace("T", " ")
    parts = [f"{comparison.score_change:+.1f} since {since}"]
    if not comparison.same_plan:
        parts[0] += f" ({comparison.outcome_change:+.1f} outcomes, {comparison.plan_change:+.1f} a changed plan)"
    counts = (
        (comparison.newly_failing, "newly failing"),
        (comparison.newly_unknown, "newly unknown"),
        (comparison.fixed, "fixed"),
        (comparison.still_failing, "still failing"),
    )
    return ", ".join(parts + [f"{len(names)} {words}" for names, words in counts if names])


def exit_meaning(report: Report, status: int) -> str:
    """What an exit status says about this report, in one clause."""
    if status == 0 and report.status == "CONDITIONAL":
        return "exit 0: what failed or is unknown does not block"
    if status == 1 and (gone := service(report)) is not None:
        return f"exit 1: {gone.release} was not ready, and is gone"
    if status == 1 and report.status != "NOT READY":
        return "exit 1: a test that is no check failed"
    meanings = {
        0: "exit 0: ready",
        1: "exit 1: not ready",
        2: "exit 2: pytest was interrupted or could not import a file of checks; the verdict stands beside it",
        10: "exit 10: conditional, which --readiness-strict does not let pass",
        12: "exit 12: incomplete; what is missing has to be found out first",
    }
    return meanings.get(status, f"exit {status}: pytest's own status; the verdict above stands beside it")


def lasted(seconds: float) -> str:
    """A duration as people say it: `0.4 s`, `48 s`, `4 min 10 s`, `1 h 2 min`."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    if seconds < 9.95:  # noqa: PLR2004 - tenths matter to short ones alone
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
