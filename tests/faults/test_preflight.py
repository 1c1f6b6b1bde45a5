"""Every mutation of the sample release is found exactly as written down, and the healthy release has no finding."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.faults import table
from tests.faults.preflight import MUTATIONS
from tests.faults.preflight.matrix import DECISIONS, verdict
from tests.faults.preflight.mutation import Mutation
from tests.faults.preflight.runner import run
from tests.faults.preflight.site import Site, site
from tests.faults.runner import EXITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENOUGH = 100
"""Mutations at least, over all checks."""
WHOLE = 32
"""Every so many mutations a whole run is made every day; `make matrix` makes all of them."""
SENTINELS = frozenset(
    {
        "artifact-is-executable",
        "config-parses",
        "env-file-is-not-tracked",
        "lifecycle-scripts-are-present",
        "previous-release-is-kept",
    }
)
"""Checks of several topics that are asked about every mutation, and find only what is theirs."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host with the sample release for all mutations of this process."""
    with site(tmp_path_factory.mktemp("host")) as made:
        yield made


def untouched(_: Path) -> None:
    """Change nothing."""


def _named(mutation: Mutation) -> str:
    return mutation.name


@pytest.mark.parametrize("mutation", MUTATIONS, ids=_named)
def test_mutation_is_found(mutation: Mutation, host: Site) -> None:
    """The checks that it names find it, those that are asked beside them do not, and what follows is decided."""
    _assert_judged(mutation, host, {*mutation.expected, *SENTINELS})


@pytest.mark.parametrize(
    "mutation",
    [pytest.param(m, id=m.name, marks=() if m in MUTATIONS[::WHOLE] else pytest.mark.matrix) for m in MUTATIONS],
)
def test_mutation_is_all_that_is_found(mutation: Mutation, host: Site) -> None:
    """A whole run of preflight finds what is named, nothing else, and decides what follows from it."""
    _assert_judged(mutation, host, None)


def _assert_judged(mutation: Mutation, host: Site, only: set[str] | None) -> None:
    if mutation.tool is not None and shutil.which(mutation.tool) is None:
        pytest.skip(f"{mutation.tool} is not installed")
    result = run(mutation, host, only=only)
    table.assert_found_exactly(mutation, result)
    status = verdict(mutation)
    assert (result.status, result.decision, result.exit_code) == (status, DECISIONS[status], EXITS[status]), result


@pytest.mark.parametrize("committed", [True, False], ids=["after-a-merge", "as-made"])
def test_the_healthy_release_has_no_finding(committed: bool, host: Site) -> None:  # noqa: FBT001 - a parameter
    """A release in which nothing is wrong passes everything that applies to it."""
    healthy = Mutation(name="healthy", sentence="Nothing is wrong.", mutate=untouched, committed=committed, builds=True)
    result = run(healthy, host)
    assert (result.troubled, result.exit_code, result.status) == ({}, 0, "READY"), result
    assert [check for check, outcome in result.outcomes.items() if outcome == "not_applicable"] == []


def test_every_check_has_a_mutation_of_its_own() -> None:
    """Each check of preflight is named by at least one mutation, as failed or degraded."""
    named = {check for m in MUTATIONS for check, outcome in m.expected.items() if outcome in {"failed", "degraded"}}
    assert set(table.severities("preflight")) - named == set()


def test_mutations_are_well_formed() -> None:
    """There are enough, names are unique, and whatever is found has words that an operator can look for."""
    table.assert_well_formed(MUTATIONS, table.severities("preflight"))
    assert len(MUTATIONS) >= ENOUGH
