"""Preflight's fault matrix, as data: each way for a release to be unfit, what must be found, and what must not change."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.faults.preflight.mutation import Mutation


_MACHINERY: Final = frozenset({"changes", "matrix", "mutation", "runner", "site"})


def _collected() -> tuple[Mutation, ...]:
    names = [found.name for found in pkgutil.iter_modules(__path__) if found.name not in _MACHINERY]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(mutation for module in modules for mutation in getattr(module, "MUTATIONS", ()))


MUTATIONS: Final = _collected()
"""Those of every module beside this one that has some."""
