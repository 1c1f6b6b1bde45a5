"""Nothing outlives a redeploy: no state at module level, no fact remembered for the whole process."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

import pytest

from tests.sources import called, module_of, sources, tree, where

if TYPE_CHECKING:
    from pathlib import Path

MUTATORS: Final = frozenset(
    {
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "setdefault",
        "update",
    }
)
CONTAINERS: Final = frozenset(
    {"dict", "list", "set", "defaultdict", "deque", "OrderedDict", "Counter", "WeakKeyDictionary"}
)
SHIPPED: Final = frozenset({"readiness.facts.hub.contract.schema", "readiness.facts.deployment.hub_config._as_json"})
"""Functions that remember what ships in the package, or what a text means by that very text: neither can go stale."""


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_no_module_keeps_state(path: Path) -> None:
    """State at module level outlives a redeploy: no `global`, and no container there that a function changes."""
    kept = _module_containers(tree(path))
    wrong = [
        where(path, node.lineno)
        for function in ast.walk(tree(path))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
        if isinstance(node, ast.Global) or _changes(node) in kept
    ]
    assert wrong == []


def test_facts_are_never_cached_across_attempts() -> None:
    """A fact that a decorator remembers for the whole process would answer for a hub that is long gone."""
    wrong = []
    for path in [
        *sources("readiness/facts"),
        *(
            p
            for p in sources()
            if module_of(p) in {"readiness.session.fixtures.hub", "readiness.session.fixtures.reachability"}
        ),
    ]:
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names = {
                    ast.unparse(decorator).partition("(")[0].rpartition(".")[2] for decorator in node.decorator_list
                }
                if names & {"cache", "lru_cache"} and f"{module_of(path)}.{node.name}" not in SHIPPED:
                    wrong.append(where(path, node.lineno))
    assert wrong == []


def _module_containers(module: ast.Module) -> set[str]:
    """Names that a module binds to something that can be changed."""
    found = set()
    for node in module.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and _changeable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def _changeable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return called(value) in CONTAINERS
    return isinstance(value, (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp, ast.BinOp))


def _changes(node: ast.AST) -> str | None:
    """The name of what a node changes in place, if it does."""
    target: ast.AST | None = None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
        target = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        target = node.func.value
    elif isinstance(node, ast.AugAssign):
        target = node.target
    return target.id if isinstance(target, ast.Name) else None
