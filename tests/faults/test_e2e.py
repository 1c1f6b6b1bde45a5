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
from tests.faults.e2e.model import CHECKS, LISTED, SURVIVES, Fault
from tests.faults.e2e.runner import run

if TYPE_CHECKING:
    from pathlib import Path


SENTINELS = frozenset({"mcp-session-initialises", "tools-list-over-mcp"})
"""Checks that are asked about every fault, and find only what is theirs."""
LEFT_BEHIND = frozenset(
    {
        "silent-session-expires",
        "exposes-to-everyone",
        "answers-cross-sessions",
        "answers-cross-legacy-sessions",
        "wrong-arguments-accepted",
    }
)
"""Faults that one check meets in what another one has left in a session, so that only a whole run shows them."""


def _needs_whole_run(fault: Fault) -> bool:
    """Near misses, and what one check meets in the traces of another."""
    return fault.near_miss or fault.name in LEFT_BEHIND or bool({SURVIVES, LISTED} & fault.expected.keys())


def _in_matrix(fault: Fault, yes: bool) -> object:  # noqa: FBT001 - a mark
    return pytest.param(fault, id=fault.name, marks=[pytest.mark.matrix] if yes else [])


@pytest.mark.parametrize("fault", [_in_matrix(fault, fault.long) for fault in FAULTS if not _needs_whole_run(fault)])
def test_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    """The checks that it names find it, those that are asked beside them do not, and what follows is decided."""
    _assert_judged(fault, tmp_path / "run", {*fault.expected, *SENTINELS})


@pytest.mark.parametrize("fault", [_in_matrix(fault, fault.long or not _needs_whole_run(fault)) for fault in FAULTS])
def test_fault_is_all_that_is_found(fault: Fault, tmp_path: Path) -> None:
    """A whole run finds what is named, nothing else, and decides what is written."""
    _assert_judged(fault, tmp_path / "run", None)


def _assert_judged(fault: Fault, folder: Path, only: set[str] | None) -> None:
    result = run(fault, folder, only=only)
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
