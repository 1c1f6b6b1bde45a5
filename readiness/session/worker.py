"""What happens in every process that runs tests: attempts of a check, their outcome, and the finding on its report.

A finding rides on the test report as one ASCII JSON string (`report.readiness`), because worker traffic carries neither Enums
nor lone surrogates.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import gc
import inspect
import json
import os
import sys
import time
import unittest
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest
from _pytest.unittest import TestCaseFunction

from readiness import checks
from readiness.errors import HubDown, Unknown
from readiness.findings import OPT_IN_PHASES, Finding, Outcome
from readiness.session.fixtures import HAD_ITS_START, RUN_DIR, WAITED
from readiness.session.plan.declared import Files, vanished
from readiness.session.plan.planning import (
    PlanError,
    PlannedItem,
    asks_for,
    contradictions,
    item_of,
    misspelt_phase,
    never_collected,
    plan_document,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from readiness.session.plan.planning import Scope

ITEM: Final = pytest.StashKey[PlannedItem]()
RECORDER: Final = pytest.StashKey[checks.Recorder]()
ATTEMPTS: Final = pytest.StashKey[int]()
ENDED: Final = pytest.StashKey[BaseException | None]()
"""How the last call of a check's own function ended, as this process saw it: what plugins make of it is theirs."""
BESIDE: Final = pytest.StashKey[str]()
"""What a check's set-up or tear-down raised, as this process saw it."""
COPY: Final = 70
"""The status of a copy of this process that a check made by forking, and that went on: it ends at once."""
_SHOWN: Final = 200
_BUDGETED: Final = frozenset({"health", "alerts", "e2e"})
"""Phases that ask a running hub, and end in seconds where it is well."""
_TOKEN: Final = pytest.StashKey[contextvars.Token[checks.Recorder | None]]()
_ORDER: Final = ("preflight", "infra", "health", "alerts", "e2e", "load", "drill")
"""Phases in the order in which one process runs them."""
LARGE_RUN: Final = 1_000
"""Tests from which the garbage collector's rounds are felt."""


class Worker:
    """Registered in the process that runs the tests: each xdist worker, or the only process."""

    def __init__(
        self,
        scope: Scope,
        *,
        redact: Callable[[str], str],
        publish: Callable[[list[PlannedItem], list[str]], None],
        needs_target: Callable[[frozenset[str]], None],
        settle: bool = True,
    ) -> None:
        """`publish` receives the collected checks and the suites' contradictions, once; without `settle`, one attempt each."""
        self.settle = settle
        self.is_whole_run = True
        """Whether what the given paths declare and pytest passes over is looked for."""
        self.scope, self.redact, self.publish, self.needs_target = scope, redact, publish, needs_target
        self._pid = os.getpid()
        self._passed_over: list[str] = []
        self._files = Files()
        self._spent = 0.0
        """Seconds that checks with a budget have taken."""

    # --- the plan, before anything is deselected ------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note the checks that pytest passes over because of their function's name, and what becomes of each file."""
        report = yield
        if isinstance(collector, pytest.Module):
            self._files.note(collector.path, report)
            if report.outcome == "passed":
                self.note_passed_over(collector)
        return report

    def note_passed_over(self, module: pytest.Module) -> None:
        """Note the checks of a module that pytest does not collect."""
        self._passed_over += never_collected(module)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Note every collected check, let others narrow, then note what is left."""
        planned, errors = self._read(items)
        lost = vanished(config, items, self._files) if self.is_whole_run and not errors else []
        yield
        if not planned and not errors and not lost:
            return
        self._keep_opt_in_phases_out(config, items)
        left = {id(item) for item in items}
        self.publish(
            [
                *(item if key in left else dataclasses.replace(item, selected=False) for key, item in planned.items()),
                *map(self._without_secrets, lost),
            ],
            errors,
        )
        self.needs_target(frozenset(item.check.phase for key, item in planned.items() if key in left))
        items.sort(key=_position)
        spare_the_collector(len(items))

    def _read(self, items: list[pytest.Item]) -> tuple[dict[int, PlannedItem], list[str]]:
        planned, errors = {}, [self.redact(sentence) for sentence in self._passed_over]
        for item in items:
            try:
                planned_item = item_of(item)
                if planned_item is not None:
                    misspelt_phase(item, planned_item.markers)
            except PlanError as error:
                errors.append(self.redact(str(error)))
                continue
            if planned_item is not None:
                planned_item = item.stash[ITEM] = self._without_secrets(planned_item)
                if item.get_closest_marker(planned_item.check.phase) is None:
                    item.add_marker(planned_item.check.phase)
                planned[id(item)] = planned_item
        return planned, errors + contradictions(list(planned.values()))

    def _without_secrets(self, planned: PlannedItem) -> PlannedItem:
        """A declaration is a text like any other: a remedy may be put together from what must not be shown."""
        check = planned.check
        title, remedy = self.redact(check.title), self.redact(check.remedy)
        if (title, remedy) == (check.title, check.remedy):
            return planned
        return dataclasses.replace(planned, check=dataclasses.replace(check, title=title, remedy=remedy))

    def _keep_opt_in_phases_out(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Load and drill run only when `-m` asks for them by name, drill only with its option too."""
        expression = config.getoption("markexpr", "")
        out = []
        for item in items:
            planned = item.stash.get(ITEM, None)
            if planned is None or planned.check.phase not in OPT_IN_PHASES:
                continue
            if not asks_for(expression, planned.check.phase) or (
                planned.check.phase == "drill" and not self.scope.config.drill_requested
            ):
                out.append(item)
        if out:
            config.hook.pytest_deselected(items=out)
            gone = {id(item) for item in out}
            items[:] = [item for item in items if id(item) not in gone]

    # --- one check ------------------------------------------------------------------------------------------------

    # the innermost of the wrappers: pytest's own for logs has begun when a check is left out, and ends in order
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Open a recorder; end what the configuration declared out of scope; remember what a fixture raises."""
        planned = item.stash.get(ITEM, None)
        if planned is not None:
            self._begin(item, planned)
        with _remembering(item, "setup"):
            yield

    def _begin(self, item: pytest.Item, planned: PlannedItem) -> None:
        self._open(item)
        reason = self.scope.adjust_check(planned.check).not_applicable
        if reason:
            pytest.skip(f"not applicable: {reason}")
        if self._is_out_of_time(planned):
            raise Unknown(
                f"out of time: the checks before took {self._spent:.0f} s of the {self._budget:g} s that all may take ([probe] budget)"
            )

    @property
    def _budget(self) -> float:
        return self.scope.config.seconds_for_checks

    def _is_out_of_time(self, planned: PlannedItem, so_far: float = 0.0) -> bool:
        return self._spent + so_far >= self._budget and _has_budget(planned)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Close the recorder after every other tear-down; remember what that raises."""
        try:
            with _remembering(item, "teardown"):
                yield
        finally:
            token = item.stash.get(_TOKEN, None)
            if token is not None:
                del item.stash[_TOKEN]
                checks.current.reset(token)

    def _open(self, item: pytest.Item) -> checks.Recorder:
        recorder = checks.Recorder(limits=self.scope.adjust_check(item.stash[ITEM].check).check.limits)
        token = item.stash.get(_TOKEN, None)
        if token is not None:
            checks.current.reset(token)
        item.stash[_TOKEN] = checks.current.set(recorder)
        item.stash[RECORDER] = recorder
        return recorder

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Repeat a failing attempt until it passes or the check's settle time is over."""
        planned = pyfuncitem.stash.get(ITEM, None)
        if planned is None or inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        if sys.flags.optimize and not _keeps_its_asserts(pyfuncitem.obj):
            raise Unknown("Python left this check's asserts away (-O or PYTHONOPTIMIZE): run without it")
        if _is_replaced(pyfuncitem):
            raise Unknown("a conftest.py or a plugin put another function in its place, so it was never called")
        interval = self.scope.config.probe.interval
        names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - what pytest's own pyfunc_call uses
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        started, tries = time.monotonic(), 0
        while True:
            tries += 1
            pyfuncitem.stash[ATTEMPTS] = pyfuncitem.stash.get(ATTEMPTS, 0) + 1
            pyfuncitem.stash[ENDED] = None
            try:
                _ended_with_nothing(pyfuncitem.obj(**arguments))
            except (Exception, pytest.fail.Exception) as error:
                pyfuncitem.stash[ENDED] = error
                if not is_worth_another_attempt(error) or self._is_over(pyfuncitem, started, tries):
                    raise
                if self._is_out_of_time(planned, time.monotonic() - started):
                    raise Unknown(
                        f"out of time after {tries} attempts: all may take {self._budget:g} s ([probe] budget); the last one: {_message(error)}"
                    ) from None
                time.sleep(interval)
                self._open(pyfuncitem)
                _forget_facts(arguments.values())
            else:
                return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Keep an own record of a method that pytest hands to unittest, too."""
        if isinstance(item, TestCaseFunction) and ITEM in item.stash:
            _record_method(item)

    def _is_over(self, item: pytest.Item, started: float, tries: int) -> bool:
        """Whether no further attempt may follow: a probe is counted, since slow attempts must not eat up later ones."""
        if not self.settle:
            return True
        planned = item.stash[ITEM]
        waits = (
            "probe"
            if planned.check.settle == "startup" and item.stash.get(HAD_ITS_START, False)
            else planned.check.settle
        )
        if waits == "probe":
            return tries >= self.scope.config.probe.attempts
        spent = time.monotonic() - started + self.scope.config.probe.interval
        return spent > self.scope.settle_seconds(planned.check) * 1.0001

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the finding on the report: on the call's, or on the first abnormal one before or after it."""
        planned = item.stash.get(ITEM, None)
        if os.getpid() != self._pid:
            _end_copy(item)
        raised = call.excinfo.value if call.excinfo is not None else None
        try:
            report = yield
        except Exception as error:
            if planned is None or call.excinfo is None:
                raise
            report = _plain_report(item, call, error)
        if planned is not None and _has_budget(planned):
            self._spent += self._took(item, planned, report)
        if planned is not None and (report.when == "call" or report.outcome != "passed" or BESIDE in item.stash):
            finding = self._finding(item, planned, call, report, raised)
            shown = call.excinfo.value if call.excinfo is not None else None
            report.readiness = json.dumps(finding.to_json())  # type: ignore[attr-defined]
            report.readiness_unknown = finding.outcome is Outcome.UNKNOWN and is_deliberately_unknown(shown)  # type: ignore[attr-defined]
        if report.when == "teardown":
            _forget_call(item)
        return report

    def _took(self, item: pytest.Item, planned: PlannedItem, report: pytest.TestReport) -> float:
        """Seconds of a check that count: not its wait for a start, for its turn among workers, or to see what lasts."""
        is_waiting = item.stash.get(WAITED, False) or hasattr(item.config, "workerinput")
        if report.when == "teardown" or (report.when == "setup" and is_waiting):
            return 0.0
        held = self.scope.config.probe.hold * item.stash.get(ATTEMPTS, 1) if planned.check.last else 0.0
        return max(report.duration - held, 0.0)

    def _finding(
        self,
        item: pytest.Item,
        planned: PlannedItem,
        call: pytest.CallInfo[None],
        report: pytest.TestReport,
        raised: BaseException | None,
    ) -> Finding:
        recorder = item.stash.get(RECORDER, None) or checks.Recorder()
        outcome, reason = outcome_of(recorder, call, report)
        if report.outcome == "passed" and BESIDE in item.stash:
            outcome, reason = Outcome.UNKNOWN, f"{item.stash[BESIDE]} ({_TURNED} 'passed')"
        elif report.when == "call" and type(report) is pytest.TestReport:
            outcome, reason = _seen(item, report, outcome, reason, raised)
        error = call.excinfo.value if call.excinfo is not None else None

        def shown(text: str) -> str:
            return self.redact(bounded(self.scope.config.target.kind.speak(text))) if text else ""

        return Finding(
            check=planned.check.id,
            instance=self.redact(bounded(planned.instance)) if planned.instance else planned.instance,
            outcome=outcome,
            reason=shown(reason),
            expected=shown(recorder.expected),
            actual=shown(recorder.actual),
            unit=recorder.unit,
            attempts=item.stash.get(ATTEMPTS, 1),
            seconds=round(report.duration, 6),
            nodeid=item.nodeid,
            notes=tuple(shown(text) for text in recorder.notes[:20]),
            fires=recorder.fires,
            lost_hub=recorder.lost_hub or any(isinstance(leaf, HubDown) for leaf in leaves(error)),
            path=recorder.path,
            line=recorder.line,
            limits=recorder.bounds,
            remedy=shown(recorder.remedy),
            blocked_by=_cause(recorder, planned, outcome),
        )


def _end_copy(item: pytest.Item) -> NoReturn:
    """End this process, a copy that a check made: two that go on would judge twice. It leaves a word for the one that judges."""
    folder = item.config.stash.get(RUN_DIR, None)
    sentence = f"{item.nodeid} forked this process, and the copy went on with the run"
    with contextlib.suppress(OSError):
        if folder is not None:
            write_atomically(folder / f"plan-copy-{os.getpid()}.json", plan_document([], [sentence]))
    os._exit(COPY)


_TURNED: Final = "a conftest.py or a plugin turned this into"


def _seen(
    item: pytest.Item, report: pytest.TestReport, outcome: Outcome, reason: str, raised: BaseException | None
) -> tuple[Outcome, str]:
    """What a call came to, held against what this process saw itself: a plugin or a conftest.py may have turned its report.

    `raised` is what the call is said to have raised: of a subtest nothing else is known.
    """
    if not isinstance(item, pytest.Function) or report.outcome == "failed":
        return outcome, reason
    if ENDED not in item.stash:
        if report.outcome == "passed" and not inspect.iscoroutinefunction(item.function):
            return Outcome.UNKNOWN, "its function was never called: a conftest.py or a plugin answered for it"
        return outcome, reason
    error = item.stash[ENDED] or raised
    if error is None or str(report.outcome) == "rerun" or item.get_closest_marker("xfail") is not None:
        return outcome, reason
    if isinstance(error, pytest.skip.Exception | pytest.xfail.Exception | unittest.SkipTest) or (
        report.outcome == "skipped" and (is_deliberately_unknown(error) or _may_fail(item))
    ):
        return outcome, reason
    proven = is_failure(error) and not _may_fail(item)
    return (Outcome.FAILED if proven else Outcome.UNKNOWN), f"{_message(error)} ({_TURNED} '{report.outcome}')"


def _forget_call(item: pytest.Item) -> None:
    """Drop what was kept of a check's call: an error holds all that its frames held."""
    keys: tuple[pytest.StashKey[Any], ...] = (RECORDER, ENDED, BESIDE)
    for key in keys:
        if key in item.stash:
            del item.stash[key]


@contextlib.contextmanager
def _remembering(item: pytest.Item, when: str) -> Generator[None, None, None]:
    """Keep the words of what a check's set-up or tear-down raises, should somebody turn its report."""
    try:
        yield
    except (Exception, pytest.fail.Exception) as error:
        if ITEM in item.stash:
            item.stash[BESIDE] = f"{when}: {_message(error)}"
        raise


def _is_replaced(item: pytest.Function) -> bool:
    """Whether somebody else's function would be called; one that wraps the check's own, and says so, is none."""
    own, called = item._getobj(), item.obj  # type: ignore[no-untyped-call]  # noqa: SLF001 - as pytest itself finds it
    own, called = getattr(own, "__func__", own), getattr(called, "__func__", called)
    while called is not own and hasattr(called, "__wrapped__"):
        called = called.__wrapped__
    return called is not own


def _may_fail(item: pytest.Function) -> bool:
    """Whether unittest was told to expect a failure."""
    marked = (item.obj, getattr(item.parent, "obj", None))
    return any(getattr(one, "__unittest_expecting_failure__", False) for one in marked)


def _record_method(item: TestCaseFunction) -> None:
    """Stand between unittest and a method of a TestCase: what it raises is noted, and what it returns proves nothing."""
    case, method = item.instance, item.obj
    is_plain = getattr(type(case), "_callTestMethod", None) is getattr(unittest.TestCase, "_callTestMethod", type)

    @contextlib.contextmanager
    def recording() -> Generator[None, None, None]:
        item.stash[ENDED] = None
        try:
            yield
        except (Exception, pytest.fail.Exception) as error:
            item.stash[ENDED] = error
            raise

    @functools.wraps(method)
    def recorded(*arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - somebody's own
        with recording():
            result = method(*arguments, **keywords)
            if is_plain:
                _ended_with_nothing(result)
            return result

    @functools.wraps(method)
    async def awaited(*arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - as above
        with recording():
            return await method(*arguments, **keywords)

    if inspect.iscoroutinefunction(method) and not is_plain:
        setattr(case, item.name, awaited)  # unittest looks the method up; pytest leaves one that is async to it
    else:
        item.obj = recorded


def _keeps_its_asserts(function: object) -> bool:
    """Whether pytest rewrote the file of a check: then its asserts hold also where Python leaves asserts away."""
    module = sys.modules.get(getattr(inspect.unwrap(function), "__module__", ""))  # type: ignore[arg-type]
    loader = getattr(getattr(module, "__spec__", None), "loader", None)
    return type(loader).__name__ == "AssertionRewritingHook" and "PYTEST_DONT_REWRITE" not in (module.__doc__ or "")


def _ended_with_nothing(result: object) -> None:
    """Raise Unknown for a check that returns something: pytest would take a False, or a coroutine that nobody ran, for a pass."""
    if result is None:
        return
    if inspect.iscoroutine(result):
        result.close()
    raise Unknown(
        f"the check returned a {type(result).__name__}, which proves nothing: write what has to hold as an assert, and return nothing"
    )


def _plain_report(item: pytest.Item, call: pytest.CallInfo[None], error: Exception) -> pytest.TestReport:
    """The report of a check whose traceback pytest could not show: CPython 3.11 parses no source beside another busy thread.

    Without it such a run would end with pytest's "internal error", by chance.
    """
    assert call.excinfo is not None
    assert call.when != "collect"
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome="failed",
        longrepr=f"{call.excinfo.exconly()}\n(pytest could not show where: {type(error).__name__}: {str(error)[:_SHOWN]})",
        when=call.when,
        duration=call.duration,
        start=call.start,
        stop=call.stop,
        user_properties=item.user_properties,
    )


def _has_budget(planned: PlannedItem) -> bool:
    """Whether a check's time counts, and it is not begun once that is spent: not where it waits for a start."""
    return planned.check.phase in _BUDGETED and planned.check.settle != "startup"


def _cause(recorder: checks.Recorder, planned: PlannedItem, outcome: Outcome) -> str | None:
    """The other check that this one says is about its cause; it is borne out, or dropped, once all checks are in."""
    explained = outcome in {Outcome.FAILED, Outcome.UNKNOWN} and recorder.cause != planned.check.id
    return recorder.cause if explained else None


def spare_the_collector(tests: int) -> None:
    """Keep what lives to the end of a large run out of the garbage collector's rounds: it would walk it again and again.

    It stays out until the process ends, where walking it once more costs two seconds for 10,000 checks; a process that goes on
    loses only what stands in cycles, and small runs are left alone.
    """
    if tests > LARGE_RUN:
        gc.freeze()


def _position(item: pytest.Item) -> tuple[bool, int, bool]:
    """Phase by phase, so that what disturbs a hub follows what looks at it; those that watch the whole run come last.

    Within a phase, checks that others wait for come first; the rest stays in order.
    """
    planned = item.stash.get(ITEM, None)
    if planned is None:
        return (False, _ORDER.index("health"), True)
    check = planned.check
    return (check.last, _ORDER.index(check.phase), bool(check.after))


def is_worth_another_attempt(error: BaseException) -> bool:
    """Whether time may mend it: a failed assertion or a fact that could not be fetched, but not a plain unknown."""
    if any(getattr(leaf, "retry", None) is False for leaf in leaves(error)):
        return False
    return is_failure(error) or _is_transient(error)


def _is_transient(error: BaseException) -> bool:
    from readiness.errors import CouldNotLook

    return all(isinstance(leaf, CouldNotLook) for leaf in leaves(error))


def _forget_facts(fixtures: Iterable[Any]) -> None:
    """Facts are never shared across attempts."""
    for fixture in fixtures:
        forget = getattr(fixture, "new_attempt", None)
        if callable(forget):
            forget()


_NO_RUNNER: Final = "async def functions are not natively supported"
"""How pytest's own words begin."""
_FOREIGN: Final = ("testinfra", "pytest_timeout", "readiness.facts")
MAX_REASON: Final = 2_000
"""Characters of a reason that travel; the full message stays in pytest's own output."""


def leaves(error: BaseException | None) -> list[BaseException]:
    """The exceptions of a group, however deep; one that is no group alone."""
    if error is None:
        return []
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def is_failure(error: BaseException) -> bool:
    """The outcome *failed*: only assertions and `pytest.fail`, raised by a check and not by what it looks with."""
    causes = leaves(error)
    return bool(causes) and all(
        isinstance(leaf, (AssertionError, pytest.fail.Exception)) and not _is_foreign(leaf) for leaf in causes
    )


def is_deliberately_unknown(error: BaseException | None) -> bool:
    """Whether it was raised to say that something is unknown: its words are all there is, and no line of code is at fault."""
    causes = leaves(error)
    return bool(causes) and all(isinstance(leaf, Unknown) for leaf in causes)


def _is_foreign(error: BaseException) -> bool:
    """Whether testinfra, pytest-timeout or a fact raised it: then nothing was proven."""
    frame = error.__traceback__
    while frame is not None:
        module = str(frame.tb_frame.f_globals.get("__name__", ""))
        if module.startswith(_FOREIGN) and (module in _FOREIGN or module.startswith(tuple(f"{m}." for m in _FOREIGN))):
            return True
        frame = frame.tb_next
    return False


def outcome_of(
    recorder: checks.Recorder, call: pytest.CallInfo[None], report: pytest.TestReport
) -> tuple[Outcome, str]:
    """The outcome of one report, and its reason."""
    error = call.excinfo.value if call.excinfo is not None else None
    if report.outcome == "skipped":
        if hasattr(report, "wasxfail"):
            return Outcome.UNKNOWN, f"marked as an expected failure: {report.wasxfail or 'no reason given'}"
        return Outcome.UNKNOWN, f"skipped: {error or 'no reason given'}"
    if report.outcome == "failed":
        return _failed(error, report)
    return _ended_well(recorder)


def _ended_well(recorder: checks.Recorder) -> tuple[Outcome, str]:
    """What a check came to that neither failed nor was skipped."""
    if recorder.degraded:
        return Outcome.DEGRADED, "; ".join(recorder.degraded)
    if recorder.looked_at_nothing:
        return Outcome.UNKNOWN, f"nothing was looked at, so nothing is proven: {recorder.looked_at_nothing}"
    if recorder.flaky:
        return Outcome.FLAKY, "passed only after a transport retry"
    return Outcome.PASSED, ""


def _failed(error: BaseException | None, report: pytest.TestReport) -> tuple[Outcome, str]:
    """Failed in the call phase by assertion is proof; anything else is not."""
    if report.when == "call":
        if isinstance(error, pytest.fail.Exception) and str(error.msg).startswith(_NO_RUNNER):
            return Outcome.UNKNOWN, "an async def check needs a plugin that runs it, and none did: write it with def"
        if error is None:
            if "XPASS(strict)" in str(report.longrepr):
                return Outcome.UNKNOWN, "passed although it was marked as a strict expected failure"
            return Outcome.FAILED, str(report.longrepr).strip() or "failed"
        return (Outcome.FAILED if is_failure(error) else Outcome.UNKNOWN), _message(error)
    if error is None:
        return Outcome.UNKNOWN, "could not be proven"
    words = _message(error)
    return Outcome.UNKNOWN, words if is_deliberately_unknown(error) else f"{report.when}: {words}"


def _message(error: BaseException) -> str:
    """One or two lines an operator can read."""
    causes = leaves(error)
    if len(causes) > 1:
        return "; ".join(dict.fromkeys(_message(leaf) for leaf in causes))
    error = causes[0] if causes else error
    text = getattr(error, "msg", None) if isinstance(error, pytest.fail.Exception) else None
    words = str(text if text is not None else error).strip()
    if isinstance(error, AssertionError):
        words = _assertion(words)
    if isinstance(error, (AssertionError, pytest.fail.Exception, Unknown)):
        return words or "assertion failed without a message"
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _assertion(words: str) -> str:
    """The author's message if there is one, else the compared values, without pytest's `+ where` lines."""
    lines = words.splitlines()
    for index, line in enumerate(lines):
        if index and line.startswith("assert "):
            return "\n".join(lines[:index])
    return "\n".join(line for line in lines if not line.lstrip().startswith("+ ")) if lines else words


def bounded(text: str) -> str:
    """`text`, cut to what may travel."""
    return text if len(text) <= MAX_REASON else text[:MAX_REASON] + f"… [{len(text) - MAX_REASON} characters cut]"
