"""The plan: what a run has to prove, known before anything is narrowed.

It is `catalogue.json` (generated from the decorators) for the selected phases, plus whatever else was collected. What
`-k`, `--lf` or node ids then leave out stays in the plan and is unknown.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.checks import DECLARED
from readiness.config import ABILITIES, Claim, nearest
from readiness.errors import ReadinessError
from readiness.findings import OPT_IN_PHASES, PHASES, Check, Planned, Severity, Stage
from readiness.session.invocation import reaches_suites, suite_folders
from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import pytest

    from readiness.config import Config
    from readiness.findings import Limits

CATALOGUE_FILE: Final = Path(__file__).with_name("catalogue.json")
_DECORATED: Final = "slow"
"""A keyword that `readiness.check` always sets: without it somebody wrote the bare marker."""
_IDENTIFIER: Final = re.compile(r"[^\W\d][\w.\-+]*")
_MOST_NAMES: Final = 10
"""Names of an expression that are tried in every combination."""
_BEFORE: Final = frozenset({"preflight", "infra"})


class PlanError(ReadinessError):
    """A suite contradicts itself: one id on two functions, two phases on one check."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """One collected test function that is a check; `selected` is False where the run was narrowed past it."""

    check: Check
    instance: str | None
    nodeid: str
    function: str
    markers: frozenset[str]
    selected: bool = True
    why: str = ""
    """Why pytest made no test of it, where it did not; else empty."""


@functools.cache
def _catalogue(file: Path) -> tuple[tuple[Check, str], ...]:
    entries = json.loads(file.read_text(encoding="utf-8"))["checks"]
    return tuple((Check.from_json({k: v for k, v in e.items() if k != "file"}), e["file"]) for e in entries)


def catalogue() -> tuple[tuple[Check, str], ...]:
    """Every check that ships, with the file it stands in (`smoke/test_health.py`)."""
    return _catalogue(CATALOGUE_FILE)


def catalogue_json(items: Iterable[PlannedItem], files: Callable[[PlannedItem], str]) -> str:
    """The text of `catalogue.json` for collected `items`; `files` gives each item's path below its suite."""
    entries = {item.check.id: item.check.to_json() | {"file": files(item)} for item in items}
    ordered = sorted(entries.values(), key=lambda e: (PHASES.index(e["phase"]), e["file"], e["id"]))
    return json.dumps({"checks": ordered}, indent=1, ensure_ascii=True) + "\n"


def matches(expression: str, markers: Collection[str]) -> bool:
    """Whether a `-m` expression selects a test that bears `markers`; an empty one selects everything."""
    if not expression:
        return True
    return bool(_compiled(expression).evaluate(lambda name, **_: name in markers))


@functools.lru_cache(maxsize=8)
def _compiled(expression: str) -> Any:  # noqa: ANN401 - pytest's own type is private
    from _pytest.mark.expression import Expression

    try:
        return Expression.compile(expression)
    except SyntaxError:
        # pytest itself refuses the expression, with a better message, a moment later
        return Expression.compile("readiness_never_selected")


def selected_phases(expression: str, items: Iterable[PlannedItem] = ()) -> frozenset[str]:
    """Phases of which an entry or item satisfies `-m`; without `-m` every phase that need not be named."""
    if not expression:
        return frozenset(PHASES) - OPT_IN_PHASES
    phases = {phase for phase in PHASES if matches(expression, {phase, "check"})}
    phases |= {item.check.phase for item in items if matches(expression, item.markers)}
    return frozenset(phase for phase in phases if phase not in OPT_IN_PHASES or asks_for(expression, phase))


@functools.lru_cache(maxsize=32)
def asks_for(expression: str, phase: str) -> bool:
    """Whether a `-m` expression names `phase` and asks for it: "not health" selects the load too, and asks for none.

    It does where there are markers for which it is `phase` alone that makes the expression true.
    """
    compiled, names = _compiled(expression), dict.fromkeys(_IDENTIFIER.findall(expression))
    if phase not in names:
        return False
    others = [name for name in names if name not in {"and", "or", "not", phase}][:_MOST_NAMES]

    def is_true(markers: Collection[str]) -> bool:
        return bool(compiled.evaluate(lambda name, **_: name in markers))

    return any(
        is_true({phase, *some}) and not is_true(set(some))
        for number in range(len(others) + 1)
        for some in itertools.combinations(others, number)
    )


def item_of(item: pytest.Item) -> PlannedItem | None:
    """Read a collected test's declaration; None for a test that is no check. Raises PlanError."""
    marker = item.get_closest_marker("check")
    if marker is None:
        return None
    declared = _declared(item, marker)
    if DECLARED.is_another(marker, getattr(inspect.unwrap(item.obj), "__code__", None)):  # type: ignore[attr-defined]
        raise PlanError(f"{item.nodeid}: a conftest.py or a plugin changed what @check declares: leave it as it stands")
    markers = _shared(frozenset([mark.name for mark in item.iter_markers()]))
    phase = _phase(item.nodeid, markers, declared.pop("phase", None))
    function = getattr(item, "function", None)
    stage = declared.pop("stage", None)
    topic = declared.pop("topic", None) or item.path.stem.removeprefix("test_")
    check = Check(
        id=marker.args[0],
        title=_title(function, marker.args[0]),
        phase=phase,
        topic=topic,
        severity=Severity(declared.pop("severity")),
        stage=Stage(stage) if stage else (Stage.BEFORE if phase in _BEFORE else Stage.AFTER),
        **declared,
    )
    callspec = getattr(item, "callspec", None)
    return PlannedItem(
        check=check,
        instance=callspec.id if callspec is not None else None,
        nodeid=item.nodeid,
        function=f"{item.path}::{getattr(function, '__qualname__', item.name)}",
        markers=markers if phase in markers else _shared(markers | {phase}),
    )


def _declared(item: pytest.Item, marker: pytest.Mark) -> dict[str, Any]:
    """What the decorator declares; a bare `pytest.mark.check(...)` is held to the same rules and given the same defaults."""
    if len(marker.args) != 1:
        raise PlanError(f"{item.nodeid}: @check wants exactly one id, got {len(marker.args)}")
    if _DECORATED in marker.kwargs:
        return dict(marker.kwargs)
    from readiness.checks import check

    try:
        return dict(check(*marker.args, **marker.kwargs).kwargs)
    except (TypeError, ValueError) as error:
        raise PlanError(f"{item.nodeid}: {error}; write it with `from readiness import check`") from None


@functools.lru_cache(maxsize=256)
def _shared(markers: frozenset[str]) -> frozenset[str]:
    """One set for all tests that bear the same markers: ten thousand of them are 7 MB."""
    return markers


def _phase(nodeid: str, markers: frozenset[str], declared: str | None) -> str:
    phases = sorted((markers & frozenset(PHASES)) | ({declared} if declared else set()))
    if len(phases) > 1:
        raise PlanError(f"{nodeid}: a check bears one phase, this one bears {' and '.join(phases)}; remove one marker")
    return phases[0] if phases else "health"


def _title(function: object, check_id: str) -> str:
    doc = (getattr(function, "__doc__", None) or "").strip()
    return " ".join(doc.split("\n\n")[0].split()) or check_id.replace("-", " ")


def build(
    items: Sequence[PlannedItem],
    *,
    phases: frozenset[str],
    narrowed_by: str,
    adjust: Callable[[Planned], Planned],
) -> dict[str, Planned]:
    """Merge the catalogue of `phases` with the collected `items` into the plan, id by id.

    `narrowed_by` names what may have left something out ("-k smoke"). `adjust` applies the configuration: limits and
    applicability.
    """
    by_id: dict[str, list[PlannedItem]] = {}
    for item in items:
        if item.check.phase in phases:
            by_id.setdefault(item.check.id, []).append(item)
    checks = {check.id: check for check, _ in catalogue() if check.phase in phases}
    checks |= {check_id: group[0].check for check_id, group in by_id.items()}
    plan = {}
    for check_id, check in checks.items():
        group = by_id.get(check_id, [])
        left_out = None
        if not group or not any(item.selected for item in group):
            left_out = next((item.why for item in group if item.why), f"left out of this run{narrowed_by}")
        instances = tuple(dict.fromkeys(item.instance for item in group)) or (None,)
        plan[check_id] = adjust(Planned(check=check, instances=instances, left_out=left_out))
    return plan


def plan_document(items: list[PlannedItem], errors: list[str]) -> str:
    """The plan of a worker as one ASCII JSON string."""
    return json.dumps(
        {
            "checks": [check.to_json() for check in {item.check.id: item.check for item in items}.values()],
            "items": [
                [
                    item.check.id,
                    item.instance,
                    item.nodeid,
                    item.function,
                    sorted(item.markers),
                    item.selected,
                    item.why,
                ]
                for item in items
            ],
            "errors": errors,
        }
    )


def read_plan_document(text: str) -> tuple[list[PlannedItem], list[str]]:
    """Inverse of `plan_document`."""
    data = json.loads(text)
    known = {entry["id"]: Check.from_json(entry) for entry in data["checks"]}
    return [
        PlannedItem(
            check=known[check_id],
            instance=instance,
            nodeid=nodeid,
            function=function,
            markers=frozenset(markers),
            selected=selected,
            why=why,
        )
        for check_id, instance, nodeid, function, markers, selected, why in data["items"]
    ], list(data["errors"])


def write_atomically(path: Path, text: str) -> None:
    """Write a small private file so that a reader sees all of it or nothing. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="ascii")
    temporary.replace(path)


_FUNCTION: Final = re.compile(r"^\s*(?:async )?def (\w+)", re.MULTILINE)
_LIKE: Final = 0.8
"""How alike two words must be (difflib's ratio) before one is taken for a typing error of the other: below it, strangers' words are."""


def contradictions(items: Sequence[PlannedItem]) -> list[str]:
    """What the declarations of `items` say against one another or against what ships, as sentences."""
    return [*_twice(items), *_taken(items), *_waiting(items)]


def _twice(items: Sequence[PlannedItem]) -> list[str]:
    """One id on two functions."""
    where: dict[str, str] = {}
    mistakes = []
    for item in items:
        first = where.setdefault(item.check.id, item.function)
        if first != item.function:
            mistakes.append(
                f"check id {item.check.id!r} stands on two functions: {first} and {item.function}; rename one"
            )
    return list(dict.fromkeys(mistakes))


def _taken(items: Iterable[PlannedItem]) -> list[str]:
    """The id of a shipped check on a stranger's function: it would answer in that check's place wherever only it was collected."""
    shipped = {check.id: file for check, file in catalogue()}
    mistakes = {}
    for item in items:
        file = shipped.get(item.check.id)
        if (
            file is not None
            and item.function not in mistakes
            and not _is_its_own(item.function.partition("::")[0], file)
        ):
            mistakes[item.function] = (
                f"check id {item.check.id!r} is that of a check that ships ({file}), and stands on {item.function} too; "
                "rename yours"
            )
    return list(mistakes.values())


@functools.lru_cache(maxsize=1024)
def _is_its_own(path: str, file: str) -> bool:
    """Whether `path` is the shipped file `suite/test_topic.py`: here, by another name, or in another checkout of this project."""
    suite, _, name = file.partition("/")
    folder = suite_folders().get(suite)
    here = Path(path)
    if folder is None or here == folder / name or not here.is_file():
        return True
    if (folder / name).is_file() and here.samefile(folder / name):
        return True
    return here.parts[-2:] == (suite, name) and any(
        (above / "session" / "plan" / "catalogue.json").is_file()
        for above in (here.parents[1] / "readiness", here.parents[2])
    )


def _waiting(items: Sequence[PlannedItem]) -> list[str]:
    """`after` names what is no check's id but nearly one. Any other stranger may be a check that these arguments left out."""
    ids = {check.id for check, _ in catalogue()} | {item.check.id for item in items}
    mistakes = {}
    for item in items:
        for name in item.check.after:
            near = None if name in ids else nearest(name, ids, _LIKE)
            if near:
                mistakes[item.check.id, name] = (
                    f"check {item.check.id!r} waits for {name!r} (after=…), and no check has that id; "
                    f'did you mean "{near}"?'
                )
    return list(mistakes.values())


def misspelt_phase(item: pytest.Item, names: frozenset[str]) -> None:
    """Raise PlanError where `names`, a check's markers, hold one that nobody registered and that is nearly a phase.

    `-m` would pass that check over, and nobody would miss it.
    """
    for name, near in _near_phases(names):
        known = {line.partition(":")[0].partition("(")[0].strip() for line in item.config.getini("markers")}
        if name not in known:
            raise PlanError(f'{item.nodeid}: there is no phase {name!r}; did you mean "{near}"?')


@functools.lru_cache(maxsize=256)
def _near_phases(names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, near)
        for name in sorted(names - {"check", *PHASES})
        if (near := nearest(name, PHASES, _LIKE)) is not None
    )


def never_collected(collector: pytest.Module) -> list[str]:
    """Checks of a module that pytest never sees, as sentences: its name is no test's, or another function took the name."""
    mistakes = []
    for name, value in vars(collector.obj).items():
        if not inspect.isfunction(value) or all(mark.name != "check" for mark in getattr(value, "pytestmark", ())):
            continue
        if not collector.funcnamefilter(name):
            mistakes.append(
                f"{collector.path}::{name}: @check stands on a function that pytest does not collect; "
                f"call it test_{name.strip('_')}"
            )
    return mistakes + _overwritten(collector.path)


def _overwritten(path: Path) -> list[str]:
    """Functions with a decorator whose name a later one of the same file or class bears too: Python keeps the last one alone."""
    try:
        text = file_reading.text(path)
    except Unreadable:
        return []
    names = _FUNCTION.findall(text)
    if "check(" not in text or len(names) == len(set(names)):
        return []
    import ast  # only where the cheap look had a hit

    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return []  # Python has read it before; beside a busy thread CPython 3.11 may fail by chance
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    mistakes = []
    for body in bodies:
        last: dict[str, int] = {}
        for node in reversed(body):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if node.name in last and any("check(" in ast.unparse(mark) for mark in node.decorator_list):
                    mistakes.append(
                        f"{path}:{node.lineno}: a function further down (line {last[node.name]}) is called {node.name} too, "
                        "and replaces this check; rename one"
                    )
                last.setdefault(node.name, node.lineno)
    return mistakes


def wants_checks(config: pytest.Config) -> bool:
    """Whether the arguments reach into a suite that ships, and `-m` selects one of its phases."""
    return bool(selected_phases(config.getoption("markexpr", "") or "")) and reaches_suites(config)


def phases_of(path: Path) -> frozenset[str]:
    """The phases of the checks in a file of a suite that ships; empty for any other file."""
    for name, folder in suite_folders().items():
        if path.parent == folder:
            return frozenset(check.phase for check, file in catalogue() if file == f"{name}/{path.name}")
    return frozenset()


def ignored_by_phase(path: Path, expression: str) -> bool:
    """Whether a suite's file holds no check that `-m` selects: then it need not be collected."""
    if not expression or path.suffix != ".py" or not path.name.startswith("test_"):
        return False
    phases = phases_of(path)
    return bool(phases) and not any(matches(expression, {phase, "check"}) for phase in phases)


def narrowed_by(config: pytest.Config) -> str:
    """What narrowed the run besides `-m`, for the reason of a check that was left out: " by -k …"."""
    ways = []
    if keyword := config.getoption("keyword", ""):
        ways.append(f"-k {keyword[:80]!r}")
    for option, flag in (("lf", "--lf"), ("stepwise", "--stepwise"), ("deselect", "--deselect")):
        if config.getoption(option, None):
            ways.append(flag)
    if config.getoption("maxfail", 0):
        ways.append("-x or --maxfail")
    return f" by {', '.join(ways)}" if ways else ", not collected by these arguments"


def narrowed_to_nodes(config: pytest.Config) -> str | None:
    """Why a run of single tests is CONDITIONAL at best: what stands beside them was never collected, so never planned."""
    nodes = [argument for argument in config.args if "::" in argument]
    return f"narrowed to single tests ({nodes[0][-80:]})" if nodes else None


class Scope:
    """A configuration applied to checks; the same answer in every process of a run."""

    def __init__(self, config: Config, deployed_claims: Callable[[], Mapping[str, Claim]]) -> None:
        """`deployed_claims` reads what the deployed configuration claims; it is asked only when a check needs it."""
        self.config = config
        self._deployed_claims = deployed_claims
        self._claims: Mapping[str, Claim] | None = None
        self._known: dict[str, Planned] = {}
        self.undeclared: set[str] = set()
        """What a first look met undeclared; it caps the verdict."""

    def claim(self, key: str) -> Claim:
        """What is claimed under `key`: declared, else deployed, else nothing (which counts as claimed)."""
        declared = self.config.claim(key)
        if declared.expected is not None:
            return declared
        if self._claims is None:
            self._claims = self._deployed_claims()
        return self._claims.get(key) or Claim()

    def settle_seconds(self, check: Check) -> float:
        """How long a failing attempt of `check` is repeated, in seconds."""
        probe = self.config.probe
        if check.settle == "probe":
            return (probe.attempts - 1) * probe.interval
        if check.settle == "startup":
            version = self.config.target.version
            return probe.startup(version, connecting=version is not None)
        return float(check.settle)

    def adjust(self, planned: Planned) -> Planned:
        """Apply limits and applicability to a planned check."""
        adjusted = self.adjust_check(planned.check)
        return dataclasses.replace(
            planned,
            check=adjusted.check,
            not_applicable=adjusted.not_applicable,
            scope_exception=adjusted.scope_exception,
        )

    def adjust_check(self, check: Check) -> Planned:
        """`adjust` for a check alone; remembered by id."""
        known = self._known.get(check.id)
        if known is None:
            known = self._known[check.id] = self._adjusted(check)
        return known

    def _adjusted(self, check: Check) -> Planned:
        reason, exception = self._not_applicable(check)
        limits = self._limits(check)
        adjusted = dataclasses.replace(check, limits=limits) if limits is not check.limits else check
        kind = self.config.target.kind
        if not kind.is_hub:
            adjusted = dataclasses.replace(adjusted, title=kind.speak(check.title), remedy=kind.speak(check.remedy))
        return Planned(
            check=adjusted,
            not_applicable=reason,
            scope_exception=exception,
        )

    def _limits(self, check: Check) -> Limits | None:
        override = self.config.limits.get(check.id)
        if check.limits is None or override is None:
            return check.limits
        given = {
            field.name: value
            for field in dataclasses.fields(override)
            if (value := getattr(override, field.name)) is not None
        }
        return dataclasses.replace(check.limits, **given)

    def _not_applicable(self, check: Check) -> tuple[str | None, bool]:
        if check.where == "host" and self.config.target.where == "ci":
            return 'left to the host ([target] where = "ci")', False
        if reason := self._outside(check.phase):
            return reason, False
        lacks = self.config.target.kind.lacks
        for key in check.needs:
            if key in lacks and not (key == "version" and self.config.identity.version):
                return lacks[key], False
            claim = self.claim(key) if key not in ABILITIES else self.config.claim(key)
            if claim.expected is False:
                exception = self.config.production and not check.waivable
                return claim.reason or f"[expect] {key} = false", exception
            if claim.expected is None and self.config.first_look and key not in ABILITIES:
                self.undeclared.add(key)
                return f"a first look: {key} was never declared", False
        return None, False

    def _outside(self, phase: str) -> str | None:
        """Why nothing of a phase is judged: what it looks at belongs to an MCP Hub by custom, and to another kind only where it is named."""
        target = self.config.target
        if target.kind.is_hub:
            return None
        if phase == "preflight" and target.release is None:
            return "no release is looked at: [target] release is not set"
        if phase == "infra" and not target.hosts:
            return "no host is looked at: [target] hosts is not set"
        sent = self.config.load.mix or self.config.load.locustfile or self.config.expect.tool_calls
        if phase == "load" and not sent:
            return "nothing says what is sent: neither [load] mix nor an [[expect.tool_call]] is set"
        return None

    def first_look_cap(self) -> str | None:
        """Why a run without a configuration file is CONDITIONAL at best; None where there is one."""
        if not self.config.first_look:
            return None
        never = f"; never declared: {', '.join(sorted(self.undeclared))}" if self.undeclared else ""
        return f"a first look: no readiness.toml says what this deployment claims{never}"

    def unowned_exceptions(self, checks: Mapping[str, Check]) -> list[str]:
        """Production claims that declare an unwaivable check away without an owner and an expiry, as sentences."""
        if not self.config.production:
            return []
        exceptions = []
        for check in checks.values():
            for key in () if check.waivable else check.needs:
                claim = self.config.claim(key)
                if claim.expected is False and not (claim.owner and claim.expires):
                    exceptions.append(
                        f"[expect] {key}: declares away {check.id}, which cannot be waived in production; "
                        'add owner = "…" and expires = YYYY-MM-DD to it'
                    )
        return list(dict.fromkeys(exceptions))
