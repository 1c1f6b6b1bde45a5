"""A release that is mutated as a mutation says, judged by preflight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults import runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.preflight.mutation import Mutation
    from tests.faults.preflight.site import Site


def run(mutation: Mutation, where: Site, options: Sequence[str] = ()) -> runner.Result:
    """Mutate a fresh copy of the healthy release, run `pytest -m preflight` on it, and read the report."""
    where.put(mutation)
    # the service's user: its cache and its state are the sample's, not whoever runs the tests'
    home = {"HOME": str(where.sample.home)}
    return runner.run(
        "preflight", "preflight", config=where.file, reports=where.reports, options=options, environment=home
    )
