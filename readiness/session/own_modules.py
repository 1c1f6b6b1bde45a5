"""The modules of the working directory: found by the code that lies there, and by who names a plugin, never by what is installed.

On the path of all, even in its last place, an h2.py that lies beside readiness.toml would be run wherever a library asks whether
an extra of its own is there.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType

_BETWEEN: Final = ("importlib", "pkgutil", "unittest.mock", "_pytest.outcomes")
"""Modules that import for whoever calls them."""
_PLUGINS: Final = "_pytest.config"
"""The module that imports the plugins that `-p`, an environment or a conftest.py names."""


class OwnModules:
    """Finds the modules of a folder for code of that folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: Any = None,  # noqa: ANN401, ARG002 - as importlib calls it
    ) -> ModuleSpec | None:
        """Where the module is, if it lies in the folder and code of the folder asks."""
        if path is not None or not self._is_asked_from(sys._getframe(1)):  # noqa: SLF001 - who imports is told nowhere else
            return None
        return PathFinder.find_spec(name, [self._folder])

    def _is_asked_from(self, frame: FrameType | None) -> bool:
        while frame is not None and str(frame.f_globals.get("__name__")).startswith(_BETWEEN):
            frame = frame.f_back
        if frame is None:
            return False
        file = Path(frame.f_code.co_filename)
        is_own = file.is_relative_to(self._folder) and not {"site-packages", "dist-packages"} & {*file.parts}
        return is_own or frame.f_globals.get("__name__") == _PLUGINS


def find_own_modules() -> None:
    """Let code of the working directory find its modules from here on, after all that is installed."""
    sys.meta_path.append(OwnModules(Path(os.getcwd())))  # noqa: PTH109 - as the files of its code are called
