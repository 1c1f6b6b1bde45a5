"""The benchmarks: nothing runs them every day, so at least what they import of the package must be there."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from typing import TYPE_CHECKING, Final

import pytest

from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BENCHMARKS: Final = sorted((ROOT / "benchmarks").glob("*.py"))
OURS: Final = ("readiness", "tests")


def _trees(source: str) -> Iterator[ast.AST]:
    """The program, and each program that it holds as a text."""
    tree = ast.parse(source)
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
            try:
                yield ast.parse(node.value)
            except SyntaxError:
                continue


def _imports(source: str) -> Iterator[tuple[str, str | None]]:
    """Module and name of each import of ours; the name is None where a module is imported whole."""
    for tree in _trees(source):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
                yield from ((node.module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((alias.name, None) for alias in node.names if alias.name.split(".")[0] in OURS)


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: file.stem)
def test_what_a_benchmark_imports_is_there(file: Path) -> None:
    """Modules and names, those of the programs it starts too; the generator's patch their process and are only looked for."""
    for module, name in _imports(file.read_text(encoding="utf-8")):
        if module.startswith("readiness.loadgen"):
            assert importlib.util.find_spec(module) is not None, module
            continue
        found = importlib.import_module(module)
        if name is not None and not hasattr(found, name):
            importlib.import_module(f"{module}.{name}")
