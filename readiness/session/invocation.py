"""How pytest was called: the plugin's options, where its suites stand, and whether a run may be about readiness at all.

Every run of an installation loads this, also of projects that never heard of readiness: it imports the standard library alone.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "--readiness-config": {"metavar": "FILE", "help": "read FILE instead of the nearest readiness.toml"},
    "--readiness-report": {"metavar": "DIR", "help": "write reports to DIR (default: reports)"},
    "--readiness-demo": {"action": "store_true", "help": "judge the embedded hub and its sample release"},
    "--readiness-strict": {"action": "store_true", "help": "exit 10 when the verdict is CONDITIONAL"},
    "--readiness-hold": {
        "metavar": "SECONDS",
        "type": float,
        "help": "leave an agent's session alone for SECONDS and ask it again (default: [probe] hold)",
    },
    "--readiness-drill": {"action": "store_true", "help": "allow checks that break things on purpose"},
}
PACKAGE: Final = Path(__file__).resolve().parents[1]
SUITES: Final = ("preflight", "smoke", "infra", "load")
_MODULE: Final = "readiness.suites"
_VARIABLES: Final = ("MCP_HUB_", "READINESS_")
"""How the names of the environment variables begin that say something to a run."""
_FILE: Final = "readiness.toml"


@functools.cache
def suite_folders() -> dict[str, Path]:
    """Suite name to folder: beside the package in a checkout, `readiness.suites` below it where installed."""
    folders = {}
    for name in SUITES:
        for folder in (PACKAGE / "suites" / name, PACKAGE.parent / name):
            if folder.is_dir() and (folder.parent != PACKAGE.parent or (PACKAGE.parent / "pyproject.toml").is_file()):
                folders[name] = folder
                break
    return folders


def may_concern(config: pytest.Config) -> bool:
    """Whether anything says that this run is about readiness: an option, a variable, a suite or a configuration.

    A cheap look that rather says yes: what is meant is read afterwards. Where it says no, only a check that is collected can
    make it one.
    """
    if any(name.startswith(_VARIABLES) for name in os.environ) or reaches_suites(config):
        return True
    if any(config.getoption(flag, default=None) for flag in OPTIONS):
        return True
    here = Path(os.path.abspath(config.invocation_params.dir))  # noqa: PTH100 - as readiness.config.source.find
    return any(os.path.lexists(folder / _FILE) for folder in (here, *here.parents))


def reaches_suites(config: pytest.Config) -> bool:
    """Whether the arguments reach into a suite that ships.

    One that is installed is not reached from above the package: pytest passes over the virtual environment in a project.
    """
    here = config.invocation_params.dir
    installed = PACKAGE / "suites"
    for argument in config.args:
        place = argument.split("::")[0]
        if place == _MODULE or place.startswith(f"{_MODULE}."):
            return True
        path = (here / place).resolve()
        for folder in suite_folders().values():
            if path == folder or folder in path.parents:
                return True
            if path in folder.parents and (folder.parent != installed or path in {installed, installed.parent}):
                return True
    return False


_WORD: Final = re.compile(r"[A-Za-z_][\w.-]*")
_LIKE: Final = 0.75
"""How like a marker a word of `-m` must be to be a slip of it."""
_FOLDERS: Final = {"smoke": "health", "infrastructure": "infra"}
"""What people call a phase, as the folder of its suite, where nobody's marker has that name."""


def misspelt_markers(expression: str, phases: Collection[str], known: Collection[str]) -> list[str]:
    """A sentence for each word of `-m` that is no marker and was probably meant for a phase. `known` are other markers."""
    import difflib  # only when nothing was found

    sentences = []
    for word in dict.fromkeys(_WORD.findall(expression)):
        if word in {"and", "or", "not", *phases, *known}:
            continue
        near = [_FOLDERS[word]] if word in _FOLDERS else difflib.get_close_matches(word.lower(), phases, 1, _LIKE)
        if near:
            sentences.append(f'there is no marker "{word}"; did you mean "{near[0]}"?')
    return sentences


def why_zero(config: pytest.Config, phases: Collection[str]) -> str:
    """Why a run that named a phase collected no check, and what would; empty where it named none, or nobody can say."""
    expression = config.getoption("markexpr", "") or ""
    known = {line.partition(":")[0].partition("(")[0].strip() for line in config.getini("markers")}
    misspelt = misspelt_markers(expression, phases, known)
    if misspelt:
        return f"0 checks: {'; '.join(misspelt)}"
    if not any(word in phases for word in _WORD.findall(expression)):
        return ""
    if not reaches_suites(config):
        return f"0 checks here: the suites that ship are not below this folder; run: readiness check -m {shlex.quote(expression)}"
    return f"0 checks: no check that was collected is what -m {shlex.quote(expression)} asks for"


def find_suites(config: pytest.Config) -> None:
    """In a checkout let `--pyargs readiness.suites` mean the folders at its top: the package of that name is empty there.

    And let no arguments mean them too where pytest did not read the checkout's pyproject.toml: it takes the folder of
    `--readiness-report FOLDER`, an option that it does not know yet, for an argument, and looks for its settings there.
    """
    if config.getoption("pyargs", default=False):
        config.args[:] = [place for argument in config.args for place in _places(argument)]
    elif config.args_source is config.ArgsSource.INVOCATION_DIR:
        here = config.invocation_params.dir.resolve()
        config.args[:] = [str(folder) for folder in suite_folders().values() if folder.parent == here] or config.args


def _places(argument: str) -> list[str]:
    name, separator, test = argument.partition("::")
    parts = name.split(".")
    folders = suite_folders()
    if parts[:2] != _MODULE.split(".") or any(folder.parent.name == "suites" for folder in folders.values()):
        return [argument]
    if len(parts) == 2:  # noqa: PLR2004 - the package itself
        return [str(folder) for folder in folders.values()]
    if parts[2] not in folders:
        return [argument]
    path = folders[parts[2]].joinpath(*parts[3:])
    return [f"{path if path.is_dir() else path.with_suffix('.py')}{separator}{test}"]
