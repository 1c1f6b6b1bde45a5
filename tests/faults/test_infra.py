"""Every fault of a host is found exactly as written down, and a healthy host has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tomli_w import dumps

from readiness.config.loading import load
from readiness.facts.host import collect
from tests.faults import table
from tests.faults.infra import FAULTS
from tests.faults.infra.healthy import answers, recorded, settings
from tests.faults.infra.matrix import DECISIONS, verdict
from tests.faults.infra.model import Fault
from tests.faults.infra.runner import run
from tests.faults.runner import EXITS

if TYPE_CHECKING:
    from pathlib import Path

HEALTHY = Fault(name="healthy", sentence="Nothing is wrong.")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_found_exactly(fault: Fault, tmp_path: Path) -> None:
    """Infra finds what is named, nothing else, and decides what follows from it."""
    result = run(fault, tmp_path)
    table.assert_found_exactly(fault, result)
    status = verdict(fault)
    assert (result.status, result.decision, result.exit_code) == (status, DECISIONS[status], EXITS[status]), result
    absent = {check for check, outcome in result.outcomes.items() if outcome == "not_applicable"}
    assert absent == set(fault.absent), result


def test_the_healthy_host_has_no_finding(tmp_path: Path) -> None:
    """A host on which nothing is wrong passes everything, and nothing is declared away."""
    result = run(HEALTHY, tmp_path)
    assert (result.troubled, result.exit_code, result.status) == ({}, 0, "READY"), result
    assert set(result.outcomes.values()) == {"passed"}


def test_the_healthy_host_was_asked_what_hosts_are_asked(tmp_path: Path) -> None:
    """The recorded answers are those to the questions of the two round trips: none is missing, none is left over."""
    file = tmp_path / "readiness.toml"
    file.write_text(dumps(settings({})), encoding="utf-8")
    config = load(file=file, environ={})
    asked = [*collect.questions(config), *collect.questions(config, answers(HEALTHY))]
    names = [ask.name for ask in asked]
    assert len(names) == len(set(names))
    assert set(names) == set(recorded())


def test_every_check_has_a_fault_of_its_own() -> None:
    """Each check of infra is proven bad by at least one fault."""
    named = {
        check for fault in FAULTS for check, outcome in fault.expected.items() if outcome in {"failed", "degraded"}
    }
    assert set(table.severities("infra")) - named == set()


def test_faults_are_well_formed() -> None:
    """Names are unique, checks exist, and whatever is found has words that an operator can look for."""
    table.assert_well_formed(FAULTS, table.severities("infra"))
