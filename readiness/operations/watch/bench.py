"""Checks of the suites run one at a time outside a pytest run: what `readiness watch` shows is judged by the very functions.

A check gets its facts from the same fixtures, with the same limits and the same words; nothing is judged anew here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import inspect
from typing import TYPE_CHECKING, Any, Final

import pytest

from readiness import checks
from readiness.errors import ReadinessError
from readiness.findings import Finding, Outcome, Planned
from readiness.session.fixtures import hub as fixtures
from readiness.session.fixtures.registry import CONFIG, REDACT, RUN_DIR
from readiness.session.invocation import suite_folders
from readiness.session.outcome import bounded, outcome_of
from readiness.session.plan.plan import catalogue

# the plugin's own rule for what time may mend: a second one would be a fork of it
from readiness.session.worker import _worth_another

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from readiness.config.model import Config
    from readiness.findings import Check
    from readiness.session.plan.scope import Scope

LIVE: Final = ("hub-answers", "hub-is-ready", "mcp-servers-are-connected")
"""Checks of health that are watched beside every alert: without them an alert means nothing."""
_LASTING: Final = frozenset({"readiness_config", "readiness_reach", "past_runs"})
"""Facts of a session that outlive a round: open connections, and the history, which reads every run of it once.

All others are made anew each round: what a run sees once, a watch has to see again.
"""
_DEPTH: Final = 20
_ENDS: Final = (KeyboardInterrupt, SystemExit)
"""What ends the view, and is no outcome."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One attempt of one check; `again`: it went wrong in a way that another attempt may mend."""

    finding: Finding
    again: bool = False


class _Node:
    """As much of a pytest item as a fixture asks for: the marker of the check that runs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        marks = getattr(self.function, "pytestmark", [])
        return next((mark for mark in marks if mark.name == name), None)


class _Holder:
    """As much of pytest's configuration as a fixture asks for."""

    def __init__(self, stash: pytest.Stash) -> None:
        self.stash = stash


class _Request:
    """As much of `request` as a fixture asks for."""

    def __init__(self, stash: pytest.Stash, node: _Node) -> None:
        self.config, self.node = _Holder(stash), node


@dataclasses.dataclass(slots=True)
class _Look:
    """What one attempt has gathered: its facts, and what they must end."""

    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    node: _Node = dataclasses.field(default_factory=lambda: _Node(lambda: None))
    module: ModuleType | None = None
    ends: list[Iterator[Any]] = dataclasses.field(default_factory=list)


class Bench:
    """The alerts, and the few checks of health that go with them, with their facts; for one thread at a time."""

    def __init__(self, config: Config, scope: Scope, redact: Callable[[str], str], run_dir: Path) -> None:
        """`run_dir` is a private folder: facts note there what they have seen first."""
        self.config, self.scope, self.redact = config, scope, redact
        self._stash = pytest.Stash()
        self._stash[CONFIG] = config
        self._stash[RUN_DIR] = run_dir
        self._stash[REDACT] = redact
        self._kept: dict[str, Any] = {}
        self._ends: dict[str, Iterator[Any]] = {}
        self._modules: dict[str, ModuleType] = {}
        watched = {c.id: (c, file) for c, file in catalogue() if c.phase == "alerts" or c.id in LIVE}
        # a hub that is down is found once: whoever asks first tells all others
        self._checks = {check_id: watched.pop(check_id) for check_id in LIVE if check_id in watched} | watched
        # a starting hub is shown as it is: nobody waits for it here
        self.reach.waited = True

    @property
    def plan(self) -> dict[str, Planned]:
        """What is watched, with the limits and the scope of the configuration."""
        return {check_id: self.scope.adjust(Planned(check=check)) for check_id, (check, _) in self._checks.items()}

    @property
    def reach(self) -> Any:  # noqa: ANN401 - a Reach; what a fixture gives has no static type
        """The connections that all checks share."""
        return self.fact("readiness_reach")

    def fact(self, name: str) -> Any:  # noqa: ANN401 - whatever the fixture gives
        """One fact as a check would get it. Raises what its set-up raises, and ReadinessError for an unknown name."""
        look = _Look()
        try:
            return self._value(name, look)
        finally:
            _finish(look.ends)

    def new_round(self) -> None:
        """Forget what a run sees once; its checks look again."""
        for name in self._kept.keys() - _LASTING:
            del self._kept[name]
            if name in self._ends:
                _finish([self._ends.pop(name)])

    def look(self, check_id: str) -> Seen:
        """Run one attempt of a check. Raises nothing: what goes wrong is its outcome."""
        check, file = self._checks[check_id]
        recorder = checks.Recorder(limits=self.scope.adjust_check(check).check.limits)
        token = checks.current.set(recorder)
        look = _Look()
        try:
            return self._tried(check, file, recorder, look)
        finally:
            _finish(look.ends)
            checks.current.reset(token)

    def _tried(self, check: Check, file: str, recorder: checks.Recorder, look: _Look) -> Seen:
        ready: list[Callable[[], None]] = []

        def set_up() -> None:
            look.module = self._module(file)
            function = _function(look.module, check.id)
            look.node = _Node(function)
            arguments = {name: self._value(name, look) for name in _names(function)}
            ready.append(lambda: function(**arguments))

        call = pytest.CallInfo.from_call(set_up, when="setup", reraise=_ENDS)
        if call.excinfo is None:
            call = pytest.CallInfo.from_call(ready[0], when="call", reraise=_ENDS)
        error = call.excinfo.value if call.excinfo is not None else None
        outcome, reason = outcome_of(recorder, call, _report(call, error))
        return Seen(
            finding=Finding(
                check=check.id,
                outcome=outcome,
                reason=self._shown(reason),
                expected=self._shown(recorder.expected),
                actual=self._shown(recorder.actual),
                unit=recorder.unit,
                seconds=round(call.duration, 6),
                notes=tuple(self._shown(note) for note in recorder.notes[:5]),
                fires=recorder.fires,
                lost_hub=recorder.lost_hub,
            ),
            again=error is not None and outcome in {Outcome.FAILED, Outcome.UNKNOWN} and _worth_another(error),
        )

    def _shown(self, text: str) -> str:
        return self.redact(bounded(text)) if text else ""

    def _module(self, file: str) -> ModuleType:
        """A file of the suites, imported once and under a name of its own. Raises what its import raises."""
        known = self._modules.get(file)
        if known is not None:
            return known
        suite, _, name = file.partition("/")
        folder = suite_folders().get(suite)
        spec = folder and importlib.util.spec_from_file_location(f"readiness_watch_{suite}_{name[:-3]}", folder / name)
        if not spec or spec.loader is None:
            raise ReadinessError(f"the suite {suite} is not installed")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._modules[file] = module
        return module

    def _value(self, name: str, look: _Look, depth: int = 0) -> Any:  # noqa: ANN401 - whatever the fixture gives
        """A fixture's value: those of the session once for all, the others once a look."""
        if name == "request":
            return _Request(self._stash, look.node)
        for known in (look.values, self._kept):
            if name in known:
                return known[name]
        definition = getattr(look.module, name, None) or getattr(fixtures, name, None)
        function = getattr(definition, "_fixture_function", None)
        if function is None or depth > _DEPTH:
            raise ReadinessError(f"{name} is a fact that only a pytest run has: see `readiness check -m alerts`")
        marker = definition._fixture_function_marker  # type: ignore[union-attr] # noqa: SLF001 - pytest offers no other way
        lasting = marker.scope in {"session", "package", "module"}
        made = function(**{n: self._value(n, look, depth + 1) for n in _names(function)})
        if inspect.isgeneratorfunction(function):
            if lasting:
                self._ends[name] = made
            else:
                look.ends.append(made)
            made = next(made)
        (self._kept if lasting else look.values)[name] = made
        return made

    def close(self) -> None:
        """End what the facts opened."""
        _finish(list(self._ends.values()))
        self._ends.clear()
        self._kept.clear()


def _finish(generators: list[Iterator[Any]]) -> None:
    while generators:
        # the tear-down of a look must not end the view
        with contextlib.suppress(Exception):
            next(generators.pop(), None)


def _names(function: Callable[..., object]) -> list[str]:
    """Names of the facts that a function takes; what has a default is no fact."""
    return [name for name, p in inspect.signature(function).parameters.items() if p.default is inspect.Parameter.empty]


def _function(module: ModuleType, check_id: str) -> Callable[..., None]:
    """The function in `module` that is the check. Raises ReadinessError."""
    members: Mapping[str, Any] = vars(module)
    for member in members.values():
        marks = getattr(member, "pytestmark", None) if callable(member) else None
        if marks and any(mark.name == "check" and mark.args[:1] == (check_id,) for mark in marks):
            found: Callable[..., None] = member
            return found
    raise ReadinessError(f"{check_id} stands no longer in its file")


def _report(call: pytest.CallInfo[Any], error: BaseException | None) -> pytest.TestReport:
    """The report that pytest would make of a call, as far as its outcome is read from it."""
    skipped = isinstance(error, pytest.skip.Exception)
    outcome: Any = "passed" if error is None else "skipped" if skipped else "failed"
    when: Any = call.when
    return pytest.TestReport(nodeid="", location=("", None, ""), keywords={}, outcome=outcome, longrepr=None, when=when)
