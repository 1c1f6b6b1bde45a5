"""Mistakes in how checks are declared that would silently drop or replace one; reported before anything runs.

An id that a shipped check bears, an `after` that is nearly an id, a phase marker with a typing error, a check in a function
that pytest never collects, or that another one of the same name replaces. What is wrong inside the decorator's own call `readiness.check` refuses at import.
"""

from __future__ import annotations

import functools
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.config.mistakes import nearest
from readiness.findings import PHASES
from readiness.session.invocation import suite_folders
from readiness.session.plan.planning import PlanError, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

    from readiness.session.plan.planning import PlannedItem

_FUNCTION: Final = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
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
    """Functions with a decorator whose name a later function of the file bears too: Python keeps the last one alone."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    names = _FUNCTION.findall(text)
    if "check(" not in text or len(names) == len(set(names)):
        return []
    import ast  # only where the cheap look had a hit

    last: dict[str, int] = {}
    mistakes = []
    for node in reversed(ast.parse(text).body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name in last and any("check(" in ast.unparse(mark) for mark in node.decorator_list):
                mistakes.append(
                    f"{path}:{node.lineno}: a function further down (line {last[node.name]}) is called {node.name} too, "
                    "and replaces this check; rename one"
                )
            last.setdefault(node.name, node.lineno)
    return mistakes
