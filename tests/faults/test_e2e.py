"""Every fault of the agent's path is found exactly as written down, and a healthy hub has none."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from readiness.demo import FAULTS as NAMED
from tests.faults import table
from tests.faults.e2e import FAULTS
from tests.faults.e2e.model import CHECKS, SURVIVES, Fault
from tests.faults.e2e.runner import run

if TYPE_CHECKING:
    from pathlib import Path


def _marked(fault: Fault) -> object:
    return pytest.param(fault, id=fault.name, marks=[pytest.mark.matrix] if fault.long else [])


@pytest.mark.parametrize("fault", [_marked(fault) for fault in FAULTS])
def test_fault_is_found_exactly(fault: Fault, tmp_path: Path) -> None:
    """The suite finds what is named, nothing else, and decides what is written."""
    result = run(fault, tmp_path / "run")
    table.assert_found_exactly(fault, result, but=fault.racy)
    table.assert_ends_as_written(fault.ends, result)


def test_every_check_is_proven_bad_by_a_fault() -> None:
    """The checks are those of the catalogue, and each fails for a fault."""
    assert set(CHECKS) == table.catalogued("e2e")
    failing = {check for fault in FAULTS for check, outcome in fault.expected.items() if outcome == "failed"}
    assert set(CHECKS) - failing == set()


def test_faults_are_well_formed() -> None:
    """Names are unique and known to the embedded hub, near misses end well, every fault has words to look for."""
    table.assert_well_formed(FAULTS, CHECKS)
    assert len([fault for fault in FAULTS if not fault.near_miss]) >= 60
    assert len([fault for fault in FAULTS if not fault.long]) >= 75
    for fault in FAULTS:
        assert {name for name in fault.faults.split(",") if name} <= NAMED.keys(), fault.name
        assert fault.racy <= set(CHECKS), fault.name
        assert not set(fault.expected) & fault.racy, fault.name
        assert (fault.ends.decision == "ROLL BACK") == bool(fault.ends.fired), fault.name


def test_a_process_that_ends_is_always_a_failure() -> None:
    """Whatever ended or replaced the hub's process fails the check that is there for it: never merely unknown."""
    ended = [
        fault for fault in FAULTS if "kills" in fault.faults or "-kill" in fault.faults or "replaced" in fault.faults
    ]
    assert len(ended) >= 5
    for fault in ended:
        if fault.faults not in {"server-killed", "server-killed-at-a-call"}:
            assert fault.expected[SURVIVES] == "failed", fault.name


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a run no child process, signal handler, changed environment or thread of it is left."""
    run(Fault(name="warm", sentence=""), tmp_path / "warm")
    before = threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)
    children = {child.pid for child in psutil.Process().children()}
    run(Fault(name="again", sentence=""), tmp_path / "again")
    assert (threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)) == before
    assert {child.pid for child in psutil.Process().children()} <= children
