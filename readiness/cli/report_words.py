"""What `readiness report` prints besides renderings: the list of runs, and how two of them differ."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from readiness.operations.notify.incident import escaped
from readiness.results.report import shown
from readiness.support.text import line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from readiness.results.history.index import Entry
    from readiness.results.report import Comparison, Report

_NAMED: Final = 20
"""Checks that are named of each kind; the rest is counted."""
_TEXT: Final = 200
_LISTS: Final = (
    ("newly_failing", "newly failing"),
    ("newly_unknown", "newly unknown"),
    ("fixed", "fixed"),
    ("still_failing", "still failing"),
    ("added", "new in the plan"),
    ("removed", "no longer in the plan"),
    ("replanned", "weighed or applied otherwise"),
)


def run_lines(entries: Sequence[Entry], width: int) -> list[str]:
    """A line a run: when, verdict, decision, score, latency, id, what was asked of whom."""
    lines = [f"{'started (UTC)':<16}  {'verdict':<11}  {'decision':<14}  {'score':>5}  {'p95 ms':>7}  id"]
    for entry in entries:
        p95 = "" if entry.p95_ms is None else f"{entry.p95_ms:.4g}"
        about = " · ".join(line(text, _TEXT) for text in (entry.selection, entry.target, entry.environment) if text)
        head = f"{_moment(entry.started)}  {line(entry.status, 11):<11}  {line(entry.decision, 14):<14}"
        told = f"{head}  {entry.headline:>5.1f}  {p95:>7}  {line(entry.id, _TEXT)}  {about}"
        lines.append(shorten(told, width))
    return lines


def difference_lines(before: Report, after: Report, found: Comparison) -> list[str]:
    """How `after` differs from `before`, for a terminal."""
    return _told(before, after, found, lambda text: line(text, _TEXT), ("", "  "))


def difference_markdown(before: Report, after: Report, found: Comparison) -> str:
    """The same for a merge request or a channel: whatever a hub said is escaped."""
    return "\n".join(["### Readiness, compared", "", *_told(before, after, found, escaped, ("- ", "  - "))]) + "\n"


def difference_json(before: Report, after: Report, found: dict[str, Any]) -> dict[str, Any]:
    """The same for programs: the report's own `comparison`, and both verdicts."""
    ends = {
        name: {"id": run.run.id, "status": run.status, "decision": run.decision, "score": shown(run.score)}
        for name, run in (("before", before), ("after", after))
    }
    return {**ends, "comparison": found}


def _told(
    before: Report, after: Report, found: Comparison, safe: Callable[[object], str], marks: tuple[str, str]
) -> list[str]:
    one, two = marks
    lines = [
        f"{one}{name}: {safe(run.run.id)}, {_moment(run.run.started)} UTC: {safe(run.status)}, {safe(run.decision)}, "
        f"score {shown(run.score)}: {safe(run.because)}"
        for name, run in (("before", before), ("after", after))
    ]
    lines.append(f"{one}score {found.score_change:+.1f}: {_split(found)}")
    lines += [
        f"{one}{safe(what)}: {safe(then or 'not known')} → {safe(now or 'not known')}"
        for what, then, now in _versions(before, after)
    ]
    for name, words in _LISTS:
        keys = [
            entry if isinstance(entry, str) else f"{entry[0]} (since {entry[1][:16]})" for entry in getattr(found, name)
        ]
        if keys:
            lines += [f"{one}{words}: {len(keys)}", *(f"{two}{safe(key)}" for key in keys[:_NAMED])]
            lines += [f"{two}and {len(keys) - _NAMED} more"] if len(keys) > _NAMED else []
    return lines


def _split(found: Comparison) -> str:
    """What the change of the score is made of."""
    if found.same_plan:
        return "by outcomes alone, both had to prove the same"
    return f"{found.outcome_change:+.1f} by outcomes, {found.plan_change:+.1f} by what had to be proven"


def _versions(before: Report, after: Report) -> Iterable[tuple[str, str, str]]:
    names = dict.fromkeys([*before.run.versions, *after.run.versions])
    pairs = ((name, before.run.versions.get(name, ""), after.run.versions.get(name, "")) for name in names)
    return [(name, then, now) for name, then, now in pairs if then != now]


def _moment(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M}"
