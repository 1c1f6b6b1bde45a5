"""`readiness.prom`: the figures of a run for the textfile collector of a node exporter.

It is replaced atomically, as every report is, so no scrape sees half of it. A scrape goes on showing the last run for as long
as the file lies there: an alert on the age of `readiness_last_completion_timestamp_seconds` tells that nothing runs any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import one_line, worst
from readiness.results.report import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from readiness.results.report import Report

STATUSES: Final = ("READY", "CONDITIONAL", "NOT READY", "INCOMPLETE")
DECISIONS: Final = ("DEPLOY", "DO NOT DEPLOY", "KEEP", "KEEP AND WATCH", "ROLL BACK", "HOLD")
_LABEL: Final = 200
_CODES: Final = "0 passed, 1 flaky, 2 degraded, 3 waived, 4 unknown, 5 failed, -1 not applicable"

Sample = tuple["Mapping[str, str]", float]


def render(report: Report) -> str:
    """Metrics in the text format; all bear `environment` and `target`, so that several hubs fit on one machine."""
    who = {"environment": report.environment, "target": report.target}
    counts = words.counts(report)
    run = report.run
    parts = [
        _metric("readiness_verdict", "The verdict of the last run: 1 for the one that holds.",
                (({"status": name}, float(report.status == name)) for name in STATUSES), who),
        _metric("readiness_decision", "The decision of the last run: 1 for the one that holds.",
                (({"decision": name}, float(report.decision == name)) for name in DECISIONS), who),
        _metric("readiness_rolled_back", "1 where the release of this verdict was rolled back, proven: the service is well.",
                [({}, float(words.service(report) is not None))], who),
        _metric("readiness_score", "Score, 0 to 100, floored to 0.1.", [({}, shown(report.score))], who),
        _metric("readiness_headline", "The score as shown: held down by the verdict.", [({}, shown(report.headline))], who),
        _metric("readiness_best_case", "The score if all that is unknown passed.", [({}, shown(report.best_case))], who),
        _metric("readiness_proven_ratio", "Share of what had to be proven that was, 0 to 1.",
                [({}, shown(report.proven, 4))], who),
        _metric("readiness_findings", "Findings by outcome.",
                (({"outcome": name}, float(counts.get(name, 0))) for name in words.OUTCOMES), who),
        _metric("readiness_trouble", "Things that broke the run itself.", [({}, float(len(report.trouble)))], who),
        _metric("readiness_run_seconds", "Wall time of the run.", [({}, run.seconds)], who),
        _metric("readiness_last_completion_timestamp_seconds", "When the last run ended, since the epoch.",
                [({}, run.finished)], who),
        *_checks(report, who),
    ]  # fmt: skip
    return "".join(parts)


def _checks(report: Report, who: Mapping[str, str]) -> Iterable[str]:
    """A series a finding; of two whose labels look the same the worse one is kept, for equal series void the whole file."""
    by_outcome: dict[tuple[str, str], tuple[Mapping[str, str], float, float]] = {}
    for row in worst(report.rows):
        named = (_label(row.check), _label(row.instance or ""))
        about = {"check": row.check, "instance": row.instance or "", "category": row.category}
        outcome = (about | {"severity": row.severity.value}, float(row.outcome.rank), row.seconds)
        if named not in by_outcome or by_outcome[named][1] < outcome[1]:
            by_outcome[named] = outcome
    rows = by_outcome.values()
    yield _metric(
        "readiness_check_outcome", f"Outcome of a finding: {_CODES}.", ((about, rank) for about, rank, _ in rows), who
    )
    yield _metric("readiness_check_seconds", "Time it took.", ((about, seconds) for about, _, seconds in rows), who)
    yield _metric(
        "readiness_findings_left_out",
        "Findings that are counted above and have no series of their own.",
        [({}, float(len(report.rows) - len(rows)))],
        who,
    )


def _metric(name: str, told: str, samples: Iterable[Sample], who: Mapping[str, str]) -> str:
    shared = ",".join(f'{key}="{_label(value)}"' for key, value in who.items())
    lines = [f"# HELP {name} {told}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        own = "".join(f',{key}="{_label(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{shared}{own}}} {value!r}")
    return "\n".join(lines) + "\n"


def _label(value: str) -> str:
    """A label's value: bounded, on one line, with the three escapes of the format."""
    return one_line(value[:_LABEL]).replace("\\", "\\\\").replace('"', '\\"')
