"""Checks that a project declares and that pytest never makes a test of, each with its file, its line and the reason.

pytest passes over tests in silence: a file, a class or a function of another name, a class with `__init__`, a skip at the top of
a file, `--ignore`. What is declared is known twice: files below the given paths are parsed, and `readiness.check` remembers
what it decorated.
"""

from __future__ import annotations

import ast
import dataclasses
import fnmatch
import inspect
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness import checks
from readiness.findings import PHASES, Check, Severity, Stage
from readiness.session.invocation import PACKAGE, suite_folders
from readiness.session.plan.planning import PlannedItem, catalogue, matches
from readiness.support import content_or_none

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import pytest

_MOST_FILES: Final = 10_000
_BYTES: Final = 1024 * 1024
_PRUNED: Final = frozenset({"__pycache__", "_darcs", "build", "CVS", "dist", "node_modules", "venv"})
"""Folders that pytest does not look into as it comes; one that a project adds to norecursedirs may hold checks."""
_KEPT: Final = ("severity", "remedy", "rollback", "phase", "topic")
_BLOCKS: Final = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.Match)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One function that bears `@check`, as its file says or as `readiness.check` saw it."""

    path: str
    first: int
    """The line of its first decorator."""
    line: int
    name: str
    id: str | None = None
    given: Mapping[str, str] = dataclasses.field(default_factory=dict)
    markers: frozenset[str] = frozenset()
    classes: tuple[str, ...] = ()
    why: str = ""
    """What of its own file keeps pytest from making a test of it, where that can be seen."""

    @property
    def phase(self) -> str:
        """The one that its markers name."""
        return self.given.get("phase") or next((name for name in PHASES if name in self.markers), "health")


class Files:
    """What pytest made of the files of a run."""

    def __init__(self) -> None:
        self.collected: set[str] = set()
        self.left_out: dict[str, str] = {}
        """Path to the reason why nothing in it was collected."""

    def note(self, path: Path, report: pytest.CollectReport) -> None:
        """Remember the end of one file's collection."""
        if report.outcome == "passed":
            self.collected.add(str(path))
            return
        words = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        skipped = report.outcome == "skipped"
        self.left_out[str(path)] = (
            f"the whole file was skipped: {words}" if skipped else "the file could not be collected"
        )


def vanished(config: pytest.Config, items: Sequence[pytest.Item], files: Files) -> list[PlannedItem]:
    """The declared checks of the given paths that are no item, each with `why`; those of phases that `-m` leaves out are none."""
    own, roots = _own_files(config)
    declared = [one for path in own for one in in_file(path)]
    known = {(one.path, line) for one in declared for line in range(one.first, one.line + 1)}
    declared += [
        one
        for one in _remembered()
        if (one.path, one.first) not in known and one.path.startswith(tuple(roots or ("\0",)))
    ]
    if not declared:
        return []
    lines, names = _collected(items)
    expression = config.getoption("markexpr", "") or ""
    ids = {check.id for check, _ in catalogue()} | {
        str(mark.args[0]) for item in items if (mark := item.get_closest_marker("check")) is not None and mark.args
    }
    lost = {}
    for one in declared:
        at_a_line = one.id is None and any((one.path, line) in lines for line in range(one.first, one.line + 1))
        if at_a_line or (one.path, one.id or one.name) in names:
            continue
        if matches(expression, {one.phase, "check", *one.markers}):
            item = _planned(one, _why(one, config, files), ids)
            ids.add(item.check.id)
            lost[one.path, one.line, one.id] = item
    return list(lost.values())


def _remembered() -> Iterator[Declared]:
    why = "it was made while the file was imported, and stands under no name that pytest collects"
    for mark, code in checks.DECLARED.known:
        first, given = code.co_firstlineno, {key: text for key in _KEPT if (text := mark.kwargs[key])}
        yield Declared(
            path=code.co_filename, first=first, line=first, name=code.co_name, id=mark.args[0], given=given, why=why
        )


def _collected(items: Sequence[pytest.Item]) -> tuple[set[tuple[str, int]], set[tuple[str, str]]]:
    """Where the functions of the collected checks stand: file and line, file and name or id."""
    lines, names = set(), set()
    for item in items:
        mark = item.get_closest_marker("check")
        if mark is None:
            continue
        function = inspect.unwrap(getattr(item, "function", None))  # type: ignore[arg-type]
        code = getattr(function, "__code__", None)
        places = {str(item.path)}
        if code is not None:
            lines.add((code.co_filename, code.co_firstlineno))
            places.add(code.co_filename)
        for place in places:
            names.add((place, getattr(item, "originalname", None) or item.name))
            names.update((place, str(argument)) for argument in mark.args[:1])
    return lines, names


def _own_files(config: pytest.Config) -> tuple[list[Path], list[str]]:
    """The files of Python below the given paths, but for what ships; and those paths."""
    shipped = (PACKAGE, *suite_folders().values())
    files, roots = [], []
    for argument in config.args:
        path = Path(os.path.abspath(config.invocation_params.dir / argument))  # noqa: PTH100 - links stay as pytest shows them
        if "::" in argument or not path.exists() or any(path.is_relative_to(folder) for folder in shipped):
            continue
        roots.append(f"{path}{os.sep}" if path.is_dir() else str(path))
        for file in _python(path):
            if not any(file.is_relative_to(folder) for folder in shipped):
                files.append(file)
            if len(files) > _MOST_FILES:
                break
    return files, roots


def _python(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _PRUNED
            and not name.startswith(".")
            and not name.endswith(".egg")
            and not os.path.lexists(os.path.join(folder, name, "pyvenv.cfg"))  # noqa: PTH118 - many folders
        )
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


# --- what a file declares -------------------------------------------------------------------------------------------------


def in_file(path: Path) -> list[Declared]:
    """The checks that a file declares at its top or in classes; empty where it is no Python."""
    content = content_or_none(path, _BYTES)
    if content is None or b"check" not in content:
        return []
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return []  # pytest cannot collect it either, and says so
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "readiness"
        for alias in node.names
        if alias.name == "check"
    }
    return list(_in_body(tree.body, _Place(str(path), names, _marks(tree.body))))


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """What is known of where a function stands."""

    path: str
    names: Collection[str]
    """What the file calls `readiness.check`."""
    markers: frozenset[str]
    classes: tuple[str, ...] = ()
    why: str = ""


def _in_body(body: Sequence[ast.stmt], place: _Place) -> Iterator[Declared]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            call = next((mark for mark in node.decorator_list if _is_check(mark, place.names)), None)
            if isinstance(call, ast.Call):
                yield Declared(
                    path=place.path,
                    first=min(mark.lineno for mark in node.decorator_list),
                    line=node.lineno,
                    name=node.name,
                    id=_text(call.args[0]) if call.args else _keyword(call, "id"),
                    given={key: text for key in _KEPT if (text := _keyword(call, key)) is not None},
                    markers=place.markers | _names(node.decorator_list),
                    classes=place.classes,
                    why=place.why,
                )
        elif isinstance(node, ast.ClassDef):
            inner = dataclasses.replace(
                place,
                markers=place.markers | _names(node.decorator_list) | _marks(node.body),
                classes=(*place.classes, node.name),
                why=place.why or _about_class(node),
            )
            yield from _in_body(node.body, inner)
        elif isinstance(node, _BLOCKS):
            parts = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
            parts += [part.body for name in ("handlers", "cases") for part in getattr(node, name, [])]
            why = f"it stands in a block (line {node.lineno}) that did not define it when the file was imported"
            inner = dataclasses.replace(place, why=place.why or why)
            for part in parts:
                yield from _in_body(part, inner)


def _about_class(node: ast.ClassDef) -> str:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name in {"__init__", "__new__"}:
            return f"pytest collects no class with {inner.name}, and {node.name} has one (line {inner.lineno})"
        if isinstance(inner, ast.Assign) and ast.unparse(inner) == "__test__ = False":
            return f"{node.name} says __test__ = False (line {inner.lineno})"
    return ""


def _is_check(mark: ast.expr, names: Collection[str]) -> bool:
    if not isinstance(mark, ast.Call):
        return False
    name = ast.unparse(mark.func)
    return name in names or (
        name.rpartition(".")[2] == "check" and any(keyword.arg == "severity" for keyword in mark.keywords)
    )


def _keyword(call: ast.Call, name: str) -> str | None:
    return next((_text(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _marks(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The markers of `pytestmark`, of a file or a class: of its last one."""
    values = [
        node.value for node in body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    return _names(values[-1:])


def _names(nodes: Sequence[ast.expr]) -> frozenset[str]:
    """The markers among decorators: `pytest.mark.NAME`."""
    return frozenset(
        node.attr
        for outer in nodes
        for node in ast.walk(outer)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("mark")
    )


# --- why it is no test ----------------------------------------------------------------------------------------------------


def _why(one: Declared, config: pytest.Config, files: Files) -> str:
    if one.path in files.left_out:
        return files.left_out[one.path]
    name = Path(one.path).name
    if one.path not in files.collected:
        patterns = config.getini("python_files")
        if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            return f"pytest collects no file of this name, only {', '.join(patterns)}"
        return "pytest passed over the file: --ignore, collect_ignore, norecursedirs, a conftest.py or a plugin says so"
    for kind, label, names in (
        ("python_classes", "class", one.classes),
        ("python_functions", "function", (one.name,)),
    ):
        patterns = config.getini(kind)
        for wrong in names:
            if not any(wrong.startswith(pattern) or fnmatch.fnmatch(wrong, pattern) for pattern in patterns):
                return f"pytest collects no {label} called {wrong}, only {', '.join(f'{p}…' for p in patterns)}"
    return one.why or "pytest made no test of it: another definition, a conftest.py or a plugin took it out"


def _planned(one: Declared, why: str, taken: Collection[str]) -> PlannedItem:
    check_id = one.id if one.id and checks.kebab(one.id) == one.id else checks.kebab(one.id or one.name) or "check"
    if check_id in taken:
        check_id = f"{check_id}-line-{one.line}"
    given: dict[str, Any] = {key: one.given[key] for key in ("remedy", "rollback") if key in one.given}
    severity, phase = one.given.get("severity", ""), one.phase
    place = f"{os.path.relpath(one.path)}:{one.line}"
    return PlannedItem(
        check=Check(
            id=check_id,
            title=check_id.replace("-", " "),
            phase=phase,
            topic=one.given.get("topic") or Path(one.path).stem.removeprefix("test_"),
            severity=Severity(severity) if severity in {s.value for s in Severity} else Severity.HIGH,
            stage=Stage.BEFORE if phase in {"preflight", "infra"} else Stage.AFTER,
            **given,
        ),
        instance=None,
        nodeid=place,
        function=f"{one.path}::{'.'.join((*one.classes, one.name))}",
        markers=frozenset({phase, "check"}),
        selected=False,
        why=f"declared in {place} and never run: {why}",
    )
