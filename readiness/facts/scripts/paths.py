"""The ways through a script: one run for each side of every test whose outcome is not known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.interpreter import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.facts.scripts.values import Library, Loaded, Trace, Value, World

MOST_PATHS: Final = 48
"""Runs of one script at most, for one question."""


def healthy(_: object) -> None:
    """A world in which every command succeeds."""


def paths(  # noqa: PLR0913 - what a run depends on
    script: Loaded,
    library: Library,
    world: World = healthy,
    *,
    args: Sequence[Value] = (),
    environ: Mapping[str, str] | None = None,
    attended: bool = False,
) -> list[Trace]:
    """Run `script` until both sides of each undecided test were taken once: that is every branch, not every combination.

    The first one is the usual way, on which all is well.
    """
    waiting: list[dict[tuple[str, int], int]] = [{}]
    seen: set[tuple[tuple[str, int], int]] = set()
    found: list[Trace] = []
    while waiting and len(found) < MOST_PATHS:
        trace = Machine(library, world, choices=waiting.pop(0), environ=environ, attended=attended).start(script, args)
        found.append(trace)
        seen.update((key, taken) for key, _, taken in trace.decisions)
        for number, (key, ways, _) in enumerate(trace.decisions):
            for other in range(ways):
                if (key, other) not in seen:
                    seen.add((key, other))
                    before = {earlier: taken for earlier, _, taken in trace.decisions[:number]}
                    waiting.append(before | {key: other})
    return found
