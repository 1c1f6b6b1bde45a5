"""From a finished ledger to a verdict, a rollback plan and a report: the steps in order, each in a module of its own."""

from __future__ import annotations

import dataclasses
import datetime as dt
import platform
import sys
import time
from typing import TYPE_CHECKING

import pytest

from readiness import verdict
from readiness.errors import ReadinessError
from readiness.findings import Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from readiness.findings import Planned
    from readiness.report import Report
    from readiness.run import Run
    from readiness.setup import Setup

HUB_ANSWERS = "hub-answers"


@dataclasses.dataclass(slots=True, kw_only=True)
class Conclusion:
    """A verdict with its report, and how to tell people."""

    report: Report
    status: verdict.Status
    exit_code: int
    report_trouble: tuple[str, ...]
    directory: Path
    formats: tuple[str, ...]
    problems: list[str] = dataclasses.field(default_factory=list)
    paths: list[Path] = dataclasses.field(default_factory=list)

    def write(self, *, junit: str | None) -> None:
        """Write every report; a problem is told in the terminal and never loses the verdict."""
        from readiness import render

        try:
            self.paths = list(render.write_all(self.report, self.directory, self.formats))
        except (ReadinessError, OSError) as error:
            self.problems.append(f"the report could not be written: {error}")
        if junit:
            from readiness.render.junit import add_verdict

            problem = add_verdict(junit, self.report)
            if problem:
                self.problems.append(problem)

    def terminal_lines(self, *, width: int, color: bool, exit_status: int) -> list[str]:
        """At most 25 lines that say what the HTML says."""
        from readiness.render.terminal import lines

        return lines(
            self.report,
            width=width,
            color=color,
            exit_status=exit_status,
            paths=self.paths,
            problems=self.problems,
        )
