"""Whether a pytest run asks for checks at all: runs that do not are left alone.

Known before collection where the arguments name a suite; a user's own checks are known once they are collected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from readiness.session.plan.plan import catalogue, matches, selected_phases, suite_folders

if TYPE_CHECKING:
    from pathlib import Path

_MODULE: Final = "readiness.suites"


def wants_checks(config: pytest.Config) -> bool:
    """Whether the arguments reach into a suite that ships, and `-m` selects one of its phases."""
    if not selected_phases(config.getoption("markexpr", "") or ""):
        return False
    here = config.invocation_params.dir
    folders = list(suite_folders().values())
    for argument in config.args:
        place = argument.split("::")[0]
        if place == _MODULE or place.startswith(f"{_MODULE}."):
            return True
        path = (here / place).resolve()
        if any(path == folder or folder in path.parents or path in folder.parents for folder in folders):
            return True
    return False


def find_suites(config: pytest.Config) -> None:
    """In a checkout let `--pyargs readiness.suites` mean the folders at its top: the package of that name is empty there.

    And let no arguments mean them too where pytest did not read the checkout's pyproject.toml: it takes the folder of
    `--readiness-report FOLDER`, an option that it does not know yet, for an argument, and looks for its settings there.
    """
    if config.getoption("pyargs", default=False):
        config.args[:] = [place for argument in config.args for place in _places(argument)]
    elif config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
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


def ignored_by_phase(path: Path, expression: str) -> bool:
    """Whether a suite's file holds no check that `-m` selects: then it need not be collected."""
    if not expression or path.suffix != ".py" or not path.name.startswith("test_"):
        return False
    for name, folder in suite_folders().items():
        if path.parent == folder:
            phases = {check.phase for check, file in catalogue() if file == f"{name}/{path.name}"}
            return bool(phases) and not any(matches(expression, {phase, "check"}) for phase in phases)
    return False


def narrowed_by(config: pytest.Config) -> str:
    """What narrowed the run besides `-m`, for the reason of a check that was left out: " by -k …"."""
    ways = []
    if keyword := config.getoption("keyword", ""):
        ways.append(f"-k {keyword[:80]!r}")
    for option, flag in (("lf", "--lf"), ("stepwise", "--stepwise"), ("deselect", "--deselect")):
        if config.getoption(option, None):
            ways.append(flag)
    if config.getoption("maxfail", 0):
        ways.append("-x or --maxfail")
    return f" by {', '.join(ways)}" if ways else ", not collected by these arguments"


def narrowed_to_nodes(config: pytest.Config) -> str | None:
    """Why a run of single tests is CONDITIONAL at best: what stands beside them was never collected, so never planned."""
    nodes = [argument for argument in config.args if "::" in argument]
    return f"narrowed to single tests ({nodes[0][-80:]})" if nodes else None
