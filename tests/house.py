"""Contracts of import-linter for rules that it does not bring along: front doors, circles, and room in a folder.

`lint-imports` reads them from pyproject.toml, where each is named with the packages it holds for (`make lint`).
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from grimp import ImportGraph

ROOT: Final = Path(__file__).resolve().parent.parent
TEMPLATE: Final = "release/tree"
"""Files of the sample release: data, no modules of ours."""


def file_of(module: str) -> Path:
    """The file of a module, by its dotted name."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def offered(package: str) -> list[str]:
    """What a package's front door offers: the names that its `__init__` imports."""
    tree = ast.parse(file_of(package).read_text(encoding="utf-8"))
    return [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]


class FrontDoors(Contract):  # type: ignore[misc]  # import-linter ships no types
    """Modules import from another package's `__init__` alone, and from a package of one's own by the module.

    `groups` are packages that hold packages, such as `readiness.facts`; `inner` are packages with a front door of their own.
    """

    type_name = "front_doors"

    groups = fields.ListField(subfield=fields.StringField())
    inner = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - the base class's signature
        """Look at every import between two packages, and at every import of a package's own front door."""
        doors: dict[str, list[str]] = {}
        wrong = []
        for importer in sorted(graph.modules):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                package = self._package(imported)
                if package is None or imported in self.inner:
                    continue
                own = self._package(importer) == package
                if own and imported == package and importer not in {package, *self.inner}:
                    wrong.append(f"{importer} imports its own package's front door")
                if own or imported == package:
                    continue
                names = doors.setdefault(package, offered(package))
                parent, _, leaf = imported.rpartition(".")
                lines = [
                    detail["line_contents"] for detail in graph.get_import_details(importer=importer, imported=imported)
                ]
                if parent != package or leaf not in names or any(f"from {imported} import" in line for line in lines):
                    wrong.append(f"{importer} imports {imported}: ask {package} for it")
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line an import."""
        _print(check.metadata)

    def _package(self, module: str) -> str | None:
        parts = module.split(".")
        depth = 3 if ".".join(parts[:2]) in self.groups else 2
        package = ".".join(parts[:depth])
        return package if len(parts) >= depth and file_of(package).name == "__init__.py" else None


class NoCircles(Contract):  # type: ignore[misc]
    """No module reaches itself by imports, those for type checkers included."""

    type_name = "no_circles"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001
        """Look for a way from each imported module back to its importer."""
        wrong = set()
        for importer in graph.modules:
            for imported in graph.find_modules_directly_imported_by(importer):
                way = graph.find_shortest_chain(imported, importer)
                if way:
                    start = way.index(min(way))
                    wrong.add(" -> ".join((*way[start:], *way[:start], way[start])))
        return ContractCheck(kept=not wrong, metadata={"wrong": sorted(wrong)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line a circle."""
        _print(check.metadata)


class Room(Contract):  # type: ignore[misc]
    """A folder holds so many entries at most, and the top of the package so many modules."""

    type_name = "room"

    folder = fields.StringField()
    most_entries = fields.IntegerField()
    most_modules_at_the_top = fields.IntegerField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001
        """Count what git would see: no caches, and no file of the sample release, which is data."""
        top = ROOT / self.folder
        wrong = []
        for folder in (top, *sorted(path for path in top.rglob("*") if path.is_dir())):
            if "__pycache__" in folder.parts or TEMPLATE in folder.as_posix():
                continue
            entries = [path for path in folder.iterdir() if path.name != "__pycache__"]
            if len(entries) > self.most_entries:
                wrong.append(f"{folder.relative_to(ROOT)}: {len(entries)} entries, {self.most_entries} at most")
        modules = len(list(top.glob("*.py")))
        if modules > self.most_modules_at_the_top:
            wrong.append(f"{self.folder}: {modules} modules, {self.most_modules_at_the_top} at most")
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line a folder."""
        _print(check.metadata)


def _print(metadata: dict[str, Any]) -> None:
    for line in metadata["wrong"]:
        output.print_error(line)
