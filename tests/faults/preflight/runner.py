"""A release that is mutated as a mutation says, judged by preflight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults import runner

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tests.faults.preflight.mutation import Mutation
    from tests.faults.preflight.site import Site


def run(
    mutation: Mutation, where: Site, *, only: Collection[str] | None = None, options: Sequence[str] = ()
) -> runner.Result:
    """Mutate a fresh copy of the healthy release, judge it by all of preflight or some checks `only`, and read the report."""
    where.put(mutation)
    # the service's user: its cache and its state are the sample's, not whoever runs the tests'
    home = {"HOME": str(where.sample.home)}
    world = {"config": where.file, "reports": where.reports, "environment": home}
    if only is not None:
        return runner.judge("preflight", only, **world)
    return runner.run("preflight", "preflight", options=options, **world)
