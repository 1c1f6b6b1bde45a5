"""The verdict, last of all: below pytest's own summary, where a tired person looks and where a log ends.

And what pytest's own lines call a check that nobody could look at: unknown, as the verdict does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from readiness.session.controller import Ledger


class Closing:
    """Registered on the controller beside the ledger; the outermost of all that happens at a run's end."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Let everybody else speak first, also somebody who fails."""
        try:
            return (yield)
        finally:
            self._tell(session)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Call unknown what pytest would count as failed or as an error, and show no code: its reason says all there is.

        What broke in an unforeseen way stays an error with its traceback, and a failed assertion a failure.
        """
        if report.outcome == "failed" and getattr(report, "readiness_told", False):
            return "unknown", "?", ("UNKNOWN", {"yellow": True})
        return None

    def _tell(self, session: pytest.Session) -> None:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        conclusion = self.ledger.conclusion
        if conclusion is None or reporter is None:
            return
        writer = reporter._tw  # noqa: SLF001 - the only way to its width and colour
        status = self.ledger.final_status
        reporter.section("readiness")
        for line in conclusion.terminal_lines(
            width=writer.fullwidth,
            color=writer.hasmarkup,
            exit_status=int(session.exitstatus) if status is None else status,
        ):
            writer.line(line)
        for command in conclusion.commands():
            writer.line(command)
