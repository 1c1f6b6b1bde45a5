"""Runs single checks in this process, each with its fixtures, and gives their findings: what a whole run would find.

pytest itself collects and runs them, with the worker that whole runs have: attempts, settle time, applicability, limits and
redaction are the same code. What a run keeps for its session (connections, what was read once) is kept from check to check.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final, Self

import pytest
from _pytest.config import get_config
from _pytest.runner import runtestprotocol

from readiness.errors import ReadinessError
from readiness.findings import PHASES, Finding, Outcome, Planned
from readiness.session import fixtures
from readiness.session.invocation import suite_folders
from readiness.session.plan.planning import catalogue
from readiness.session.worker import Worker, is_worth_another_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.findings import Check
    from readiness.session.plan.planning import Scope

_ARGUMENTS: Final = (
    # nothing of the folder that this process stands in, and nothing on its output
    *("-c", "/dev/null", "-o", "addopts=", "--noconftest", "--disable-plugin-autoload", "--import-mode=importlib", "--capture=no"),
    *(part for name in ("terminal", "cacheprovider", "logging", "warnings", "faulthandler", "junitxml", "stepwise", "unraisableexception", "threadexception") for part in ("-p", f"no:{name}")),
)  # fmt: skip
_SCOPES: Final = frozenset({"session", "package", "module", "class"})
_FACT: Final = "readiness-fact"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The finding of one instance of a check; `may_pass_later`: it went wrong in a way that another attempt may mend."""

    finding: Finding
    may_pass_later: bool = False


def run_one(
    check_id: str, config: Config, scope: Scope, redact: Callable[[str], str], folder: Path
) -> tuple[Finding, ...]:
    """The findings of one check, one an instance. `folder` is private to the run. Raises ReadinessError for an unknown id."""
    with CheckRunner(config, scope, redact, folder) as runner:
        return tuple(ran.finding for ran in runner.run(check_id))


class CheckRunner:
    """Runs checks one at a time against one target; for one thread at a time. Use it in a `with` block, or close it."""

    def __init__(
        self, config: Config, scope: Scope, redact: Callable[[str], str], folder: Path, *, settle: bool = True
    ) -> None:
        """`folder`, private to the run, is where facts note what they have seen first; without `settle`, one attempt each."""
        self.config, self.scope, self.redact = config, scope, redact
        self._files = {check.id: (check, file) for check, file in catalogue()}
        self._items: dict[str, list[pytest.Function]] = {}
        self._read: set[str] = set()
        self._errors: dict[int, bool] = {}
        self._kept: dict[str, Any] = {}
        self._closed = False
        self._fact: pytest.Function | None = None
        self._pytest = _configured(folder)
        try:
            self._pytest.stash[fixtures.CONFIG] = config
            self._pytest.stash[fixtures.RUN_DIR] = folder
            self._pytest.stash[fixtures.REDACT] = redact
            self._pytest.stash[fixtures.LOOKS_ONCE] = not settle
            worker = Worker(scope, redact=redact, publish=_ignore, needs_target=_ignore, settle=settle)
            worker.is_whole_run = False
            self._pytest.pluginmanager.register(worker, "readiness-worker")
            self._pytest.pluginmanager.register(self, "readiness-run-one")
            self._session = pytest.Session.from_config(self._pytest)
            self._pytest.hook.pytest_sessionstart(session=self._session)
        except BaseException:
            self._pytest._ensure_unconfigure()  # noqa: SLF001 - the counterpart of what _configured does
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def planned(self, check_id: str) -> Planned:
        """A check with the limits and the scope of the configuration. Raises ReadinessError."""
        return self.scope.adjust(Planned(check=self._known(check_id)[0]))

    def run(self, check_id: str) -> tuple[Ran, ...]:
        """Run a check: a finding for each of its instances. Raises ReadinessError for an unknown id; all else is an outcome."""
        items = self._collected(check_id)
        return tuple(self._ran(item, check_id) for item in items) or (_missing(check_id),)

    def collect(self, check_ids: Iterable[str]) -> None:
        """Collect checks at once and not when each is first asked for, which takes longer. Raises as `run` does."""
        files: dict[str, set[str]] = {}
        for check, file in map(self._known, check_ids):
            if check.id not in self._items and file not in self._read:
                files.setdefault(check.phase, set()).add(file)
        for phase, named in files.items():
            self._collect(sorted(named), phase)
            self._read |= named

    def fact(self, name: str) -> Any:  # noqa: ANN401 - whatever the fixture gives
        """One fact as a check would get it. Raises what its set-up raises."""
        item = self._carrier()
        item._initrequest()  # noqa: SLF001 - as pytest-rerunfailures does: the item may have run before
        state = self._session._setupstate  # noqa: SLF001 - pytest offers no fixture outside a test
        try:
            state.setup(item)
            return item._request.getfixturevalue(name)  # noqa: SLF001
        finally:
            with contextlib.suppress(Exception):  # the tear-down of a look must not end whoever looks
                state.teardown_exact(self._resting())  # type: ignore[arg-type]

    def forget(self, *, keep: Collection[str] = ()) -> None:
        """Tear down what was kept between checks, but for the fixtures named in `keep`: the next check looks anew."""
        request = self._carrier()._request  # noqa: SLF001
        for name, definition in list(self._kept.items()):
            if name not in keep:
                del self._kept[name]
                with contextlib.suppress(Exception):
                    definition.finish(request)

    def close(self) -> None:
        """End what the facts opened. More than once does nothing."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(Exception):
            self._session._setupstate.teardown_exact(None)  # noqa: SLF001
        with contextlib.suppress(Exception):
            self._pytest.hook.pytest_sessionfinish(session=self._session, exitstatus=pytest.ExitCode.OK)
        self._pytest._ensure_unconfigure()  # noqa: SLF001

    # --- how it is done -------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note whether what went wrong may pass later."""
        if call.excinfo is not None:
            self._errors[id(item)] = is_worth_another_attempt(call.excinfo.value)
        return (yield)

    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Note which of our facts outlive a check."""
        if fixturedef.scope in _SCOPES and fixturedef.func.__module__.startswith("readiness."):
            self._kept[fixturedef.argname] = fixturedef

    def _known(self, check_id: str) -> tuple[Check, str]:
        if check_id not in self._files:
            raise ReadinessError(f"there is no check {check_id[:80]!r}")
        return self._files[check_id]

    def _collected(self, check_id: str) -> list[pytest.Function]:
        if check_id not in self._items:
            self.collect([check_id])
        return self._items.get(check_id, [])

    def _collect(self, files: Sequence[str], phase: str) -> None:
        fixtures.register(self._pytest, [phase])
        # what a person has to name before it runs is named by whoever asks for one check of it
        self._pytest.option.markexpr = phase
        errors: list[str] = []
        catcher = _Failures(errors)
        self._pytest.pluginmanager.register(catcher)
        try:
            items = self._session.perform_collect([str(_path_of(file)) for file in files])
        finally:
            self._pytest.pluginmanager.unregister(catcher)
        if errors:
            raise ReadinessError(f"{', '.join(files)} could not be collected: {self.redact(errors[0])[:500]}")
        for item in items:
            marker = item.get_closest_marker("check")
            if marker is not None and isinstance(item, pytest.Function):
                self._items.setdefault(str(marker.args[0]), []).append(item)

    def _carrier(self) -> pytest.Function:
        """A test that does nothing, for the fixtures that somebody wants without a check."""
        if self._fact is None:
            fixtures.register(self._pytest, ["alerts"])
            module = next((items[0].parent for items in self._items.values() if items), None)
            parent = module or pytest.Module.from_parent(
                self._session, path=next(iter(suite_folders().values())) / "test_health.py"
            )
            self._fact = pytest.Function.from_parent(parent, name=_FACT, callobj=_do_nothing)
        return self._fact

    def _ran(self, item: pytest.Function, check_id: str) -> Ran:
        self._errors.pop(id(item), None)
        item._initrequest()  # noqa: SLF001 - as above
        reports = runtestprotocol(item, nextitem=self._resting(), log=False)  # type: ignore[arg-type]
        findings = [
            Finding.from_json(json.loads(report.readiness)) for report in reports if hasattr(report, "readiness")
        ]
        if not findings:
            return _missing(check_id)
        worst = max(findings, key=lambda finding: finding.outcome.rank)
        unwell = worst.outcome in {Outcome.FAILED, Outcome.UNKNOWN}
        return Ran(finding=worst, may_pass_later=unwell and self._errors.get(id(item), False))

    def _resting(self) -> _Resting:
        return _Resting(self._session)


@dataclasses.dataclass(frozen=True, slots=True)
class _Resting:
    """Stands for the test that follows: all is torn down but what the session keeps."""

    session: pytest.Session

    def listchain(self) -> list[pytest.Session]:
        """The nodes that the next test needs."""
        return [self.session]


@dataclasses.dataclass(frozen=True, slots=True)
class _Failures:
    """Gathers what could not be collected."""

    errors: list[str]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that does not import."""
        if report.failed:
            self.errors.append(str(report.longrepr))


def _configured(folder: Path) -> pytest.Config:
    """pytest, configured as no file and no variable of this process says. Raises ReadinessError."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
            patch.delenv(name, raising=False)
        # nothing above the suites is looked through: pytest would list each folder on the way down to a check
        ceiling = next(iter(suite_folders().values()), folder)
        arguments = [*_ARGUMENTS, "--rootdir", str(folder), "--confcutdir", str(ceiling), "-p", "no:readiness.plugin"]
        config = get_config(arguments)
        try:
            config.pluginmanager.hook.pytest_cmdline_parse(pluginmanager=config.pluginmanager, args=arguments)
            config._do_configure()  # noqa: SLF001 - pytest offers no other way to run one test
        except pytest.UsageError as error:
            config._ensure_unconfigure()  # noqa: SLF001
            raise ReadinessError(f"pytest does not start: {error}") from None
    # a traceback goes nowhere here, and looking up its source takes longer than many a check
    config.option.tbstyle = "native"
    for marker in ("check(id, ...): a readiness check; see readiness.check", *PHASES):
        config.addinivalue_line("markers", marker)
    return config


def _path_of(file: str) -> Path:
    suite, _, name = file.partition("/")
    folder = suite_folders().get(suite)
    if folder is None:
        raise ReadinessError(f"the suite {suite} is not installed")
    return folder / name


def _missing(check_id: str) -> Ran:
    return Ran(finding=Finding(check=check_id, outcome=Outcome.UNKNOWN, reason="it gave no result"))


def _ignore(*_: object) -> None:
    """What a whole run does with its plan, and one check does not need."""


def _do_nothing() -> None:
    """Stands for a test."""
