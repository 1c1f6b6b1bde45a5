"""What of the shipped suites a run selects, and what narrows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.session.invocation import reaches_suites, suite_folders
from readiness.session.plan.planning import catalogue, matches, selected_phases

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def wants_checks(config: pytest.Config) -> bool:
    """Whether the arguments reach into a suite that ships, and `-m` selects one of its phases."""
    return bool(selected_phases(config.getoption("markexpr", "") or "")) and reaches_suites(config)


def phases_of(path: Path) -> frozenset[str]:
    """The phases of the checks in a file of a suite that ships; empty for any other file."""
    for name, folder in suite_folders().items():
        if path.parent == folder:
            return frozenset(check.phase for check, file in catalogue() if file == f"{name}/{path.name}")
    return frozenset()


def ignored_by_phase(path: Path, expression: str) -> bool:
    """Whether a suite's file holds no check that `-m` selects: then it need not be collected."""
    if not expression or path.suffix != ".py" or not path.name.startswith("test_"):
        return False
    phases = phases_of(path)
    return bool(phases) and not any(matches(expression, {phase, "check"}) for phase in phases)


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
