"""Small tools that know nothing of hubs: files, text, processes, signals, statistics."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_IMPORT: Final = re.compile(r"^    from (readiness[\w.]*) import (?:\(([^)]*)\)|([^\n(]+))$", re.MULTILINE)


def front_door(package: str, file: str) -> tuple[list[str], Callable[[str], object]]:
    """`__all__` and `__getattr__` of a package, for its `__init__`: a name loads its module when it is first asked for.

    What the package offers stands in one place, the imports for type checkers in `file`, its `__init__`.
    """
    homes = {
        name.strip(): module
        for module, several, one in _IMPORT.findall(Path(file).read_text(encoding="utf-8"))
        for name in (several or one).split(",")
        if name.strip()
    }

    def get(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # a module that is offered itself stands in the package that it is imported from
        value = None if home == package else getattr(importlib.import_module(home), name, None)
        return importlib.import_module(f"{home}.{name}") if value is None else value

    return sorted(homes), get


if TYPE_CHECKING:
    from readiness.support import (
        child_process,
        console,
        file_reading,
        file_streams,
        file_writing,
        git,
        locks,
        process_identity,
        stats,
    )
    from readiness.support.child_process import FinishedProcess
    from readiness.support.console import (
        endure,
        flush_output,
        let_go,
        open_closed_streams,
        say,
        say_what_was_lost,
        survive_hangup,
    )
    from readiness.support.environment import (
        CHECK_ID,
        DRILL,
        EXPECTED_VERSION,
        INTERNAL_URL,
        LOAD_KEY,
        LOCK_TOKEN,
        OURS,
        OWN_CHECKS,
        PREVIOUS,
        ROLLBACK,
        RUN_ID,
        SAFE_PATH,
        SCHEDULED,
        UNIT,
        VERIFYING,
        WINDOW,
        for_checks,
        for_command,
        for_drill,
        forget_safe_path,
    )
    from readiness.support.extras import ExtraNotInstalled, missing_libraries, require_extra
    from readiness.support.file_reading import Unreadable, content_or_none
    from readiness.support.file_streams import printable_path
    from readiness.support.file_writing import flush_folder, make_folder, replace_file, why_unwritable
    from readiness.support.signals import TermAsInterrupt
    from readiness.support.stats import mann_whitney, quantile, superiority, tail
    from readiness.support.text import (
        EventStreamLines,
        fold,
        one_line,
        shorten,
        visible_text,
        width,
        without_ci_commands,
    )
else:
    __all__, __getattr__ = front_door(__name__, __file__)
