"""`readiness.nagios`: the verdict as the one line a monitoring plugin prints, with performance data.

A rendering sets no exit code: `nagios_status` says what the status of such a plugin would be, and `readiness nagios` exits
with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import one_line

if TYPE_CHECKING:
    from readiness.results.report import Report

NAMES: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
UNKNOWN: Final = 3
_STATUSES: Final = {"READY": 0, "CONDITIONAL": 1, "NOT READY": 2, "INCOMPLETE": 3}
_TEXT: Final = 400


def nagios_status(report: Report) -> int:
    """The exit status of a monitoring plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.

    After a proven rollback the service is OK again, whatever the release that is gone was. INCOMPLETE is unknown, and so is whatever the embedded hub was found to be: nothing follows from it for yours.
    """
    if report.demo:
        return UNKNOWN
    return 0 if words.service(report) else _STATUSES.get(report.status, UNKNOWN)


def render(report: Report) -> str:
    """`READINESS CRITICAL - NOT READY, ROLL BACK, score 74.9: hub-answers failed | score=74.9;90:;75:;0;100 …`."""
    stamp = "DEMO " if report.demo else ""
    if service := words.service(report):
        message = f"{stamp}{service.status}, {service.said}: {service.proof}; {service.gone}"
    else:
        score = words.number(report.headline)
        message = f"{stamp}{report.status}, {words.decision(report)}, score {score}: {report.because}"
        if seen := words.found_first(report, words.shape(report)):
            message += f"; {seen}"
    return f"{status_line(nagios_status(report), message)} | {_performance(report)}\n"


def status_line(status: int, message: str) -> str:
    """The line without performance data; a `|` in a text would begin them, so it is shown as `/`."""
    return f"READINESS {NAMES[status]} - {one_line(message).replace('|', '/')[:_TEXT]}"


def _performance(report: Report) -> str:
    """Label=value;warn;crit;min;max; `90:` alerts below 90."""
    gate, counts = report.gate, words.counts(report)
    ready, conditional = gate.get("ready", 0.0), gate.get("conditional", 0.0)
    parts = [
        f"score={words.number(report.headline)};{ready:g}:;{conditional:g}:;0;100",
        f"proven={int(report.proven * 100)}%;{gate.get('proven', 0.0) * 100:g}:;;0;100",
        *(f"{name}={counts.get(name, 0)};;;0" for name in words.OUTCOMES),
        f"seconds={report.run.seconds:.3f}s;;;0",
    ]
    return " ".join(parts)
