"""The controller's ledger: gathers plan and findings from wherever tests run, and asks for the verdict once, at the end.

And the verdict as the terminal's last lines, below pytest's own summary.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import traceback
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest

from readiness.findings import PHASES, Finding, Outcome
from readiness.session import worker
from readiness.session.invocation import misspelt_markers
from readiness.session.journal import Run
from readiness.session.plan.planning import (
    PlannedItem,
    build,
    catalogue,
    contradictions,
    narrowed_by,
    narrowed_to_nodes,
    read_plan_document,
    selected_phases,
)
from readiness.session.private_folder import PrivateFolder
from readiness.support import OURS, RUN_ID, SAFE_PATH, TermAsInterrupt, forget_safe_path, say_what_was_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from readiness.config import Config, UnknownName
    from readiness.findings import Planned
    from readiness.results.history import RunMarker
    from readiness.session.conclusion import Conclusion
    from readiness.session.journal import Journal
    from readiness.session.setup import Setup


class Ledger:
    """Registered on the controller alone (`not hasattr(config, "workerinput")`)."""

    def __init__(self, config: pytest.Config, setup: Setup) -> None:
        """`setup` holds the run's settings: configuration, scope, redaction."""
        self.config, self.setup, self.run = config, setup, Run()
        self.run_id = os.environ.get(RUN_ID) or uuid.uuid4().hex[:12]
        self.started = time.time()
        self._private = PrivateFolder(setup.config.report_dir)
        self.folder = self._private.path
        self.items: dict[tuple[str, str], PlannedItem] = {}
        self.conclusion: Conclusion | None = None
        self.explained = False
        self.final_status: int | None = None
        self.interrupted = False
        self.late_error: Exception | None = None
        self._journal: Journal | None = None
        self._marker: RunMarker | None = None
        self._plan: dict[str, Planned] | None = None
        self._planned: dict[str, Planned] | None = None
        """The plan that the journal holds."""
        self._pid = os.getpid()
        self._term = TermAsInterrupt()

    # --- a run's beginning ----------------------------------------------------------------------------------------

    @property
    def involved(self) -> bool:
        """Whether this run asks for checks; if not, nothing is judged and no file is written."""
        return self.setup.involved or bool(self.items) or bool(self.run.findings)

    def begin(self) -> None:
        """Let whoever reads the folder of reports know that a run is at work, before anything is collected or asked."""
        if self._marker is None and self.involved and not self.config.getoption("collectonly", default=False):
            from readiness.results.history import RunMarker

            self._marker = RunMarker(
                self.setup.config.report_dir,
                self.run_id,
                started=self.started,
                selection=self.config.getoption("markexpr", "") or "",
            )

    def _end(self, *, is_reported: bool) -> None:
        if self._marker is not None:
            self._marker.end(is_reported=is_reported)
            self._marker = None

    def _forget(self) -> None:
        """It was refused, or is none of ours: nothing is out of date by it, and there is nothing to judge."""
        if self._journal is not None:
            self._journal.close()
            with contextlib.suppress(OSError):
                self._journal.path.unlink(missing_ok=True)
        self._end(is_reported=True)

    @property
    def journal(self) -> Journal:
        """The run's journal, opened when there is first something to write."""
        if self._journal is None:
            from readiness.session.journal import Journal

            self._journal = Journal(self.setup.config.report_dir / "journal" / f"{self.run_id}.jsonl")
            expression = self.config.getoption("markexpr", "") or ""
            self._journal.write(
                "start",
                {"run": self.run_id, "started": self.started, "pid": os.getpid(), "selection": expression},
            )
        return self._journal

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind."""
        forget_safe_path()
        self._term.restore()
        if self._journal is not None:
            self._journal.close()
        self.setup.close()
        self._private.remove()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self) -> None:
        """Keep Python from looking into the working directory first while it starts a worker, before it has this process's path."""
        os.environ.setdefault(SAFE_PATH, OURS)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's type is private
        """Tell a worker what cannot be read from its options."""
        node.workerinput["readiness"] = self.setup.for_workers(self.folder)

    # --- the plan -------------------------------------------------------------------------------------------------

    def take_plan(self, items: list[PlannedItem], errors: list[str]) -> None:
        """Merge one process's plan: selected anywhere is selected."""
        first = not self.items
        self._plan = None
        for item in items:
            known = self.items.get((item.check.id, item.nodeid))
            if known is None or item.selected:
                self.items[item.check.id, item.nodeid] = item
        self.setup.involved |= bool(errors)
        for sentence in [*errors, *contradictions(list(self.items.values()))]:
            self.trouble(sentence)
        if first and self.items:
            if misspelt := [name.sentence for name in self._unknown_names() if name.is_misspelt]:
                raise pytest.UsageError(self.setup.redact("\n".join(misspelt)))
            self.begin()
            self.run.plan = self.plan()
            if RUN_ID in os.environ and self._marker is not None:  # only `readiness check` will read it back
                self._planned = self.run.plan
                self.journal.plan(self.run.plan.values(), self.setup.redact)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:  # noqa: ANN401
        """A worker has collected: its plan lies in the run's private folder."""
        known = bool(self.items)
        self._read_plan(self.folder / f"plan-{node.gateway.id}.json")
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self.items and not known:
            for line in self._outlook():
                reporter.write_line(line)

    def _read_plan(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="ascii")
        except OSError:
            return
        self.take_plan(*read_plan_document(text))

    def plan(self) -> dict[str, Planned]:
        """The plan as far as it is known now; made anew only when there is more to know."""
        if self._plan is None:
            self._plan = self._built()
        return self._plan

    def _built(self) -> dict[str, Planned]:
        expression = self.config.getoption("markexpr", "") or ""
        items = list(self.items.values())
        return build(
            items,
            phases=selected_phases(expression, items),
            narrowed_by=narrowed_by(self.config),
            adjust=self.setup.scope.adjust,
        )

    def pytest_report_collectionfinish(self) -> list[str]:
        """Say what is to be proven and what of it takes long, before the first check runs."""
        return self._outlook() if self.items else []

    def _outlook(self) -> list[str]:
        if self.config.getoption("collectonly", default=False) or self.config.get_verbosity() < 0:
            return []
        from readiness.session.conclusion import outlook

        unknown = [f"  {self.setup.redact(name.sentence)}" for name in self._unknown_names()]
        expression = self.config.getoption("markexpr", "") or ""
        markers = {marker for item in self.items.values() for marker in item.markers}
        slips = [f"  -m: {sentence}" for sentence in misspelt_markers(expression, PHASES, markers)]
        return [*outlook(self.plan()), *unknown, *slips]

    def _unknown_names(self) -> list[UnknownName]:
        """Names in the configuration that no check goes by, of those that ship or were collected."""
        from readiness.config import unknown_names

        collected = [item.check for item in self.items.values()]
        return unknown_names(self.setup.config, [*(check for check, _ in catalogue()), *collected])

    # --- findings -------------------------------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a finding from a report, wherever it was made."""
        text = getattr(report, "readiness", None)
        if text is None:
            if report.outcome != "passed":
                self._without_finding(report)
            return
        if report.outcome != "passed":
            self.explained = True
        finding = Finding.from_json(json.loads(text))
        if str(report.outcome) == "rerun":
            self.run.rerun(finding.check, finding.instance)
            self.journal.write("rerun", {"check": finding.check, "instance": finding.instance})
            return
        self.run.record(finding)
        self.journal.finding(text)

    def _without_finding(self, report: pytest.TestReport) -> None:
        if report.outcome == "skipped":
            return
        self.explained = True
        if report.outcome != "failed":
            return
        item = next((i for i in self.items.values() if i.nodeid == report.nodeid), None)
        if item is None:
            self.run.plain_failures.append(report.nodeid)
            return
        # xdist's made-up report for a test whose worker died: nothing was proven
        self.run.record(
            Finding(
                check=item.check.id,
                instance=item.instance,
                outcome=Outcome.UNKNOWN,
                reason="lost: the worker died while running it",
                nodeid=item.nodeid,
            )
        )

    # --- what is lost ---------------------------------------------------------------------------------------------

    def trouble(self, sentence: str) -> None:
        """Note a broken integrity."""
        sentence = self.setup.redact(sentence)
        if sentence not in self.run.trouble:
            self.run.add_trouble(sentence)
            if self._marker is not None:
                self.journal.write("trouble", {"sentence": sentence})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A suite that fails to import drops its checks without a trace: leave one."""
        if report.failed:
            self.explained = True
            self.trouble(f"{report.nodeid or 'a suite'} could not be collected: its checks are missing")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ANN401
        """A worker is gone; with an error it died."""
        self._read_plan(self.folder / f"plan-{node.gateway.id}.json")
        if error:
            self.explained = True
            self.trouble(f"worker {node.gateway.id} died: {str(error)[:200]}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Pytest or a plugin broke: nothing after this can be trusted to have run."""
        last = str(excrepr).strip().splitlines()[-1:] or ["no message"]
        self.trouble(f"internal error of the test run: {last[0][:200]}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C, SIGTERM, or `pytest.exit`."""
        self.interrupted = True
        ended = {"KeyboardInterrupt": "by Ctrl-C or SIGTERM"}.get(excinfo.typename, f"({excinfo.typename})")
        self.trouble(f"interrupted {ended}")

    # --- the end --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Judge before the plain hooks, so that their reports can say it; set the exit status after them."""
        if os.getpid() != self._pid:
            os._exit(worker.COPY)
        if self.config.getoption("collectonly", default=False) or not self._is_ours(session):
            self._forget()
            return (yield)
        worker.spare_the_collector(len(self.items))
        self._conclude(session)
        try:
            result = yield
        except Exception as error:  # noqa: BLE001 - Python would end with 1, which says NOT READY
            what = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
            self.trouble(f"another plugin failed at the end of the run: {what}")
            self.late_error = error
            result = None
        if self.conclusion is not None and list(self.conclusion.trouble) != self.run.trouble:
            self._conclude(session)
        self._close(session)
        return result

    def _is_ours(self, session: pytest.Session) -> bool:
        for path in sorted(self.folder.glob("plan-*.json")):
            self._read_plan(path)
        return self.involved and int(session.exitstatus) != int(pytest.ExitCode.USAGE_ERROR)

    def _conclude(self, session: pytest.Session) -> None:
        from readiness.session.conclusion import conclude

        self.run.plan = self.plan()
        for item in self.items.values():
            if (
                not item.selected
                and item.check.id in self.run.plan
                and (item.check.id, item.instance) not in self.run.findings
            ):
                self.run.record(
                    Finding(
                        check=item.check.id,
                        instance=item.instance,
                        outcome=Outcome.UNKNOWN,
                        reason=item.why or f"left out of this run{narrowed_by(self.config)}",
                        nodeid=item.nodeid,
                    )
                )
        if int(session.exitstatus) == int(pytest.ExitCode.INTERNAL_ERROR):
            self.trouble("internal error of the test run")
        if not self.interrupted and any(finding.lost_hub for finding in self.run.findings.values()):
            ask_again(self.run, self.setup.config, self.setup.redact, self.folder)
        self.conclusion = conclude(
            self.run,
            self.setup.config,
            cap=narrowed_to_nodes(self.config) or self.setup.scope.first_look_cap(),
            redact=self.setup.redact,
            run_id=self.run_id,
            started=self.started,
            selection=self.config.getoption("markexpr", "") or "",
            folder=self.folder,
            notes=() if self._marker is None else self._marker.notes,
        )

    def _close(self, session: pytest.Session) -> None:
        """Write the reports, then the status: what went wrong while writing is reported, and never loses the verdict."""
        from readiness.session.conclusion import keep_inventory, keep_load

        if self.conclusion is None:
            return
        keep_inventory(self.run, self.conclusion, self.folder)
        keep_load(self.run, self.conclusion, self.folder, self.setup.config, self.setup.redact)
        self.conclusion.write(junit=self.config.getoption("xmlpath", None))
        is_reported = self.conclusion.is_written
        if self.journal.problem and is_reported:
            self.conclusion.problems.append(self.journal.problem)
        session.exitstatus = self.final_status = self.exit_status(int(session.exitstatus))
        if self._planned is not None and self._planned != self.run.plan:  # the workers of xdist told of more
            self.journal.plan(self.run.plan.values(), self.setup.redact)
        self.journal.verdict(
            {"status": self.conclusion.status.value, "exit": int(session.exitstatus), "is_reported": is_reported}
        )
        if is_reported:  # a `readiness check` that waits has it through its pipe, and may have been killed
            with contextlib.suppress(OSError):
                self.journal.path.unlink(missing_ok=True)
        self._end(is_reported=is_reported)

    def exit_status(self, pytests: int) -> int:
        """Pytest's own status where it is not 0 or 1; else 1 for what is no check; else the verdict's."""
        if pytests not in {0, 1} or self.conclusion is None:
            return pytests
        if self.run.plain_failures or (pytests == 1 and not self.explained):
            return 1
        return self.conclusion.exit_code

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # noqa: ANN401
        """The plan, where that is all that was asked for."""
        if self.config.getoption("collectonly", default=False) and self.involved:
            from readiness.session.conclusion import plan_lines

            for line in plan_lines(self.plan()):
                terminalreporter.write_line(line)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """One line on pytest-html's page."""
        if self.conclusion is not None:
            from readiness.results.render import summary_line

            prefix.append(summary_line(self.conclusion.report))


_COUNTED: Final = ("failed", "passed", "skipped", "xfailed", "xpassed", "error", "warnings")
"""What pytest's last line counts."""
_FRAMES: Final = 8
"""Parts of a traceback of another plugin's that are shown."""


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
        if report.outcome == "failed" and getattr(report, "readiness_unknown", False):
            return "unknown", "?", ("UNKNOWN", {"yellow": True})
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:  # noqa: ANN401
        """Under `readiness check`, without -v: one list and one count, of checks as the verdict has them, not pytest's of tests."""
        if RUN_ID not in os.environ or config.get_verbosity() > 0 or config.getoption("tbstyle", "") != "no":
            return
        stats: dict[str, list[Any]] = terminalreporter.stats
        for kind, reports in list(stats.items()):
            stats[kind] = [report for report in reports if not hasattr(report, "readiness")]
        if not any(stats.get(kind) for kind in _COUNTED):
            terminalreporter.summary_stats = lambda: None

    def _tell(self, session: pytest.Session) -> None:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        conclusion = self.ledger.conclusion
        if conclusion is None or reporter is None:
            return
        writer = reporter._tw  # noqa: SLF001 - the only way to its width and colour
        status = self.ledger.final_status
        if self.ledger.late_error is not None and not isinstance(self.ledger.late_error, OSError):
            for line in traceback.format_exception(self.ledger.late_error)[-_FRAMES:]:
                writer.write(self.ledger.setup.redact(line))
        reporter.section("readiness")
        for line in conclusion.terminal_lines(
            width=writer.fullwidth,
            color=writer.hasmarkup,
            exit_status=int(session.exitstatus) if status is None else status,
        ):
            writer.line(line)
        for command in conclusion.commands():
            writer.line(command)
        say_what_was_lost()


HUB_ANSWERS: Final = "hub-answers"


def ask_again(run: Run, config: Config, redact: Callable[[str], str], folder: Path | None = None) -> None:
    """Record that the hub does not answer, if a check lost it in the middle and it does not now: the worse answer counts."""
    known = run.findings.get((HUB_ANSWERS, None))
    if HUB_ANSWERS not in run.plan or (known is not None and known.outcome is Outcome.FAILED):
        return
    if not any(finding.lost_hub for finding in run.findings.values()):
        return
    from readiness.session.fixtures import reachability

    reason, recorder = reachability.ask_again(config, folder)
    if reason:
        run.record(
            Finding(
                check=HUB_ANSWERS,
                outcome=Outcome.FAILED,
                reason=redact(f"lost in the middle of the run, and asked again at its end: {reason}"),
                nodeid=known.nodeid if known else "",
                fires=recorder.fires,
                notes=tuple(map(redact, recorder.notes)),
            )
        )
