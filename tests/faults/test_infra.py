"""Every fault of a host is found exactly as written down, and a healthy host has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tomli_w import dumps

from readiness.config.loading import load
from readiness.facts.host import collect
from tests.faults.hub.runner import ROOT, Result
from tests.faults.infra import FAULTS
from tests.faults.infra.healthy import answers, recorded, settings
from tests.faults.infra.matrix import DECISIONS, EXITS, markdown, severities, verdict
from tests.faults.infra.model import Fault
from tests.faults.infra.runner import run

if TYPE_CHECKING:
    from pathlib import Path

HEALTHY = Fault(name="healthy", sentence="Nothing is wrong.")


def told(result: Result) -> str:
    """Everything that a person would want to see of a run that went otherwise."""
    lines = [f"{check}: {result.troubled[check]}: {reason}" for check, reason in result.reasons.items()]
    return "\n".join([f"exit {result.exit_code}, {result.report['verdict']['because']}", *lines])


def _faults() -> list[Any]:
    """Each fault; those that prove nothing bad that another one did not wait for `make matrix`."""
    told: set[tuple[str, str]] = set()
    found = []
    for fault in FAULTS:
        new = {(check, outcome) for check, outcome in fault.expected.items() if outcome == "failed"} - told
        told |= new
        marks = () if new or fault.unreachable else pytest.mark.matrix
        found.append(pytest.param(fault, id=fault.name, marks=marks))
    return found


@pytest.mark.parametrize("fault", _faults())
def test_fault_is_found_exactly(fault: Fault, tmp_path: Path) -> None:
    """Infra finds what is named, nothing else, and decides what follows from it."""
    result = run(fault, tmp_path)
    said = told(result)
    assert result.troubled == dict(fault.expected), said
    status = verdict(fault)
    assert (result.report["verdict"]["status"], result.exit_code) == (status, EXITS[status]), said
    assert result.report["verdict"]["decision"] == DECISIONS[status], said
    reasons = "\n".join(result.reasons.values())
    assert [word for word in fault.words if word not in reasons] == [], said
    assert "Traceback" not in reasons, said
    absent = {row["check"] for row in result.report["findings"] if row["outcome"] == "not_applicable"}
    assert absent == set(fault.absent), said


def test_the_healthy_host_has_no_finding(tmp_path: Path) -> None:
    """A host on which nothing is wrong passes everything, and nothing is declared away."""
    result = run(HEALTHY, tmp_path)
    assert (result.troubled, result.exit_code) == ({}, 0), told(result)
    assert result.report["verdict"]["status"] == "READY"
    assert {row["outcome"] for row in result.report["findings"]} == {"passed"}


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
    assert set(severities()) - named == set()


def test_faults_are_well_formed() -> None:
    """Names are unique, checks exist, and whatever is found has words that an operator can look for."""
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    for fault in FAULTS:
        assert set(fault.expected) <= set(severities()), fault.name
        assert bool(fault.words) != fault.near_miss, fault.name


def test_the_documented_matrix_is_current() -> None:
    """`docs/infra-faults.md` is what `python -m tests.faults.infra` prints."""
    assert (ROOT / "docs" / "infra-faults.md").read_text(encoding="utf-8") == markdown()
