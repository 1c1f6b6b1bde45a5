"""The project's own source as syntax trees, for the tests of its architecture."""

from __future__ import annotations

import ast
import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported module (a name of `from readiness import name` counts as one where it is one)."""

    module: str
    name: str | None
    line: int
    for_types: bool


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import of a file, those inside functions included.

    Where a module is imported by a name that is computed, every text of the file that names a module counts.
    """
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    typed = {id(node) for guard in ast.walk(tree(path)) if _for_types(guard) for node in _guarded(guard)}
    for node in ast.walk(tree(path)):
        only_types = id(node) in typed
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module=alias.name, name=None, line=node.lineno, for_types=only_types)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides where it points"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                module, name = (inner, None) if is_module(inner) else (str(node.module), alias.name)
                yield Import(module=module, name=name, line=node.lineno, for_types=only_types)
        elif isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"}:
            for name in _named_in(tree(path)):
                yield Import(module=name, name=None, line=node.lineno, for_types=False)


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of this project."""
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    file = ROOT.joinpath(*name.split("."))
    return file.with_suffix(".py").is_file() or (file / "__init__.py").is_file()


def _named_in(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.rstrip(".")
            if name.startswith("readiness.") and is_module(name):
                yield name


def _for_types(node: ast.AST) -> bool:
    if not isinstance(node, ast.If) or not isinstance(node.test, (ast.Name, ast.Attribute)):
        return False
    return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _guarded(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.If)
    for statement in node.body:
        yield from ast.walk(statement)


def called(node: ast.Call) -> str:
    """The last part of the name that a call calls."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def sources(folder: str = "readiness") -> list[Path]:
    """Python files of a folder, installed copies left out."""
    return sorted(p for p in (ROOT / folder).rglob("*.py") if "suites" not in p.relative_to(ROOT).parts)


def module_of(path: Path) -> str:
    """`readiness/facts/hub/hub.py` → `readiness.facts.hub.hub`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def where(path: Path, line: int) -> str:
    """A place in the source for a message."""
    return f"{path.relative_to(ROOT)}:{line}"
