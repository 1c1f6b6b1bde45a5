"""Every fault is found exactly as written down, and a healthy hub has none."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.faults.hub import FAULTS
from tests.faults.hub.matrix import markdown
from tests.faults.hub.model import Fault, How
from tests.faults.hub.runner import ROOT, Result, run
from tests.faults.hub.words import CHECKS

if TYPE_CHECKING:
    from pathlib import Path

HEALTHY_RUNS = 50
PARTS = 5
"""The healthy runs are shared out over workers in so many tests."""


def _told(result: Result) -> str:
    because = result.report["verdict"]["because"]
    lines = [f"{check}: {result.troubled[check]}: {reason}" for check, reason in result.reasons.items()]
    return "\n".join([f"exit {result.exit_code}, {because}", *lines, *result.report.get("trouble", ())])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_found_exactly(fault: Fault, tmp_path: Path) -> None:
    """The suite finds what is named, nothing else, and decides what is written."""
    result = run(fault, tmp_path)
    told = _told(result)
    assert result.troubled == dict(fault.expected), told
    verdict = result.report["verdict"]
    assert (verdict["status"], verdict["decision"]) == (fault.ends.status, fault.ends.decision), told
    assert sorted(result.fired) == sorted(fault.ends.fired), result.report["rollback"]
    assert result.exit_code == fault.ends.exit_code, told
    reasons = "\n".join(result.reasons.values())
    assert [word for word in fault.words if word not in reasons] == [], told


@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=pytest.mark.matrix) for n in range(1, PARTS))])
def test_a_healthy_hub_is_ready_every_time(part: int, tmp_path: Path) -> None:
    """Fifty whole runs against a healthy hub give no finding at all."""
    for number in range(HEALTHY_RUNS // PARTS):
        result = run(Fault(name="healthy", sentence="Nothing is wrong."), tmp_path / str(number))
        assert (result.troubled, result.exit_code) == ({}, 0), f"part {part}, run {number}: {_told(result)}"
        assert result.report["verdict"]["status"] == "READY"


def _catalogued() -> set[str]:
    entries = json.loads((ROOT / "readiness" / "session" / "plan" / "catalogue.json").read_text(encoding="utf-8"))
    found = entries["checks"] if isinstance(entries, dict) else entries
    return {entry["id"] for entry in found if entry["phase"] == "health"}


def test_the_matrix_knows_every_check() -> None:
    """The checks that a fault may name are those of the catalogue."""
    assert set(CHECKS) == _catalogued()


def test_every_check_has_a_fault_of_its_own() -> None:
    """Each check is proven bad by a fault, or unproven by one that does not simply take the whole hub away."""
    named = {
        check
        for fault in FAULTS
        for check, outcome in fault.expected.items()
        if outcome == "failed" or len(fault.expected) < len(CHECKS) // 2
    }
    assert _catalogued() - named == set()


def test_faults_are_well_formed() -> None:
    """Names are unique, near misses end well, and every fault has words that an operator can look for."""
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    for fault in FAULTS:
        assert set(fault.expected) <= set(CHECKS), fault.name
        assert bool(fault.words) != fault.near_miss, fault.name
        assert (fault.ends.status == "READY") == fault.near_miss, fault.name


def test_the_documented_matrix_is_current() -> None:
    """`docs/fault-matrix.md` is what `python -m tests.faults.hub` prints."""
    documented = (ROOT / "docs" / "fault-matrix.md").read_text(encoding="utf-8")
    assert documented == markdown()


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a run no thread, child process, signal handler or changed environment of it is left."""
    before = threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)
    children = {child.pid for child in psutil.Process().children()}
    run(Fault(name="restarted", sentence="", how=How(replaced_after=8)), tmp_path)
    assert (threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)) == before
    assert {child.pid for child in psutil.Process().children()} <= children
