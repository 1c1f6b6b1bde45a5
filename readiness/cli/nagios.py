"""`readiness nagios`: the last report as the answer of a monitoring plugin, whatever state it is in.

It reads what a scheduled run left and asks nothing of the hub: monitoring systems give a plugin ten seconds. A report that is
missing, damaged or too old is UNKNOWN, and so is everything that goes wrong here.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.results.render import UNKNOWN, nagios_status, status_line
from readiness.results.render import render as render_nagios
from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.results.report import Report

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_AGE: Final = 30 * 60.0
"""Seconds: several runs of a schedule that runs every few minutes have to be missed before nothing is known any more."""
_SLACK: Final = 60.0
"""Seconds that a report may lie ahead of our clock."""


def main(argv: Sequence[str]) -> int:
    """Print one line and return 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN; never anything else."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has said what is wrong
        return 0 if end.code in {0, None} else UNKNOWN
    try:
        text_and_status, status = answer(options.readiness_report / "readiness.json", time.time(), options.max_age)
    except Exception as error:  # noqa: BLE001 - an exit status of Python's own would be read as WARNING
        text_and_status, status = (
            f"{status_line(UNKNOWN, f'{type(error).__name__}: {one_line(error, 200)}')}\n",
            UNKNOWN,
        )
    sys.stdout.write(text_and_status)
    return status


def _parser() -> argparse.ArgumentParser:
    from readiness.operations.watch import duration

    parser = argparse.ArgumentParser(
        prog="readiness nagios",
        description="Answer as a monitoring plugin does, from the report that the last run left.",
        allow_abbrev=False,
        epilog="exit: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, as monitoring systems read it; nothing else ever",
    )
    parser.add_argument(
        "--readiness-report", type=Path, default=Path("reports"), metavar="DIR", help="default: reports"
    )
    parser.add_argument(
        "--max-age",
        type=duration,
        default=MAX_AGE,
        metavar="TIME",
        help="90s, 60m, 2h: an older report is UNKNOWN (30m)",
    )
    return parser


def answer(file: Path, now: float, max_age: float) -> tuple[str, int]:
    """The line and the status that the report in `file` gives at the moment `now`; raises nothing for a bad file."""
    try:
        report = _read(file)
    except ReadinessError as error:
        return f"{status_line(UNKNOWN, str(error))}\n", UNKNOWN
    age = now - report.run.finished
    if age > max_age:
        problem = f"the last run ended {_ago(age)} ago, and more than {_ago(max_age)} is too old: {file}"
        return f"{status_line(UNKNOWN, problem)}\n", UNKNOWN
    if age < -_SLACK:
        return f"{status_line(UNKNOWN, f'the last run ended in the future, {_ago(-age)} from now: {file}')}\n", UNKNOWN
    return render_nagios(report), nagios_status(report)


def _read(file: Path) -> Report:
    import json

    from readiness.results import history, report
    from readiness.support import file_reading

    content = file_reading.content_or_none(file, MAX_BYTES)
    if content is None:
        raise ReadinessError(f"no report at {file}: run readiness check, or name its folder with --readiness-report")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadinessError(f"{file} is no JSON: {one_line(error, 200)}") from error
    return history.latest(report.judged_again(report.read(document)), file.parent)


def _ago(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"  # noqa: PLR2004 - two hours
