"""Every mutation of the sample release is found exactly as written down, and the healthy release has no finding."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.faults.hub.runner import ROOT, Result
from tests.faults.preflight import MUTATIONS
from tests.faults.preflight.matrix import DECISIONS, EXITS, markdown, severities, verdict
from tests.faults.preflight.mutation import Mutation
from tests.faults.preflight.runner import run
from tests.faults.preflight.site import Site, site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENOUGH = 100
"""Mutations at least, over all checks."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host with the sample release for all mutations of this process."""
    with site(tmp_path_factory.mktemp("host")) as made:
        yield made


def untouched(_: Path) -> None:
    """Change nothing."""


def told(result: Result) -> str:
    """Everything that a person would want to see of a run that went otherwise."""
    lines = [f"{check}: {result.troubled[check]}: {reason}" for check, reason in result.reasons.items()]
    return "\n".join([f"exit {result.exit_code}, {result.report['verdict']['because']}", *lines])


@pytest.mark.matrix  # four minutes: `make matrix`, which CI runs after `make test`
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_is_found_exactly(mutation: Mutation, host: Site) -> None:
    """Preflight finds what is named, nothing else, and decides what follows from it."""
    if mutation.tool is not None and shutil.which(mutation.tool) is None:
        pytest.skip(f"{mutation.tool} is not installed")
    result = run(mutation, host)
    said = told(result)
    assert result.troubled == dict(mutation.expected), said
    status = verdict(mutation, severities())
    assert (result.report["verdict"]["status"], result.exit_code) == (status, EXITS[status]), said
    assert result.report["verdict"]["decision"] == DECISIONS[status], said
    reasons = "\n".join(result.reasons.values())
    assert [word for word in mutation.words if word not in reasons] == [], said
    assert "Traceback" not in reasons, said


@pytest.mark.parametrize("committed", [True, False], ids=["after-a-merge", "as-made"])
def test_the_healthy_release_has_no_finding(committed: bool, host: Site) -> None:  # noqa: FBT001 - a parameter
    """A release in which nothing is wrong passes everything that applies to it."""
    healthy = Mutation(name="healthy", sentence="Nothing is wrong.", mutate=untouched, committed=committed, builds=True)
    result = run(healthy, host)
    assert (result.troubled, result.exit_code) == ({}, 0), told(result)
    assert result.report["verdict"]["status"] == "READY"
    inapplicable = [row["check"] for row in result.report["findings"] if row["outcome"] == "not_applicable"]
    assert inapplicable == []


def test_every_check_has_a_mutation_of_its_own() -> None:
    """Each check of preflight is named by at least one mutation, as failed or degraded."""
    named = {check for m in MUTATIONS for check, outcome in m.expected.items() if outcome in {"failed", "degraded"}}
    assert set(severities()) - named == set()


def test_mutations_are_well_formed() -> None:
    """There are enough, names are unique, and whatever is found has words that an operator can look for."""
    names = [mutation.name for mutation in MUTATIONS]
    assert len(names) == len(set(names)) >= ENOUGH
    for mutation in MUTATIONS:
        assert set(mutation.expected) <= set(severities()), mutation.name
        assert bool(mutation.words) != mutation.near_miss, mutation.name


def test_the_documented_matrix_is_current() -> None:
    """`docs/preflight-faults.md` is what `python -m tests.faults.preflight` prints."""
    assert (ROOT / "docs" / "preflight-faults.md").read_text(encoding="utf-8") == markdown()
