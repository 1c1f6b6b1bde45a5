"""Every fault is found exactly as written down, and a healthy hub has none."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.faults import table
from tests.faults.hub import FAULTS, disclosed, framing, messages
from tests.faults.hub.model import Fault, How
from tests.faults.hub.runner import run
from tests.faults.hub.words import CHECKS
from tests.faults.runner import EXITS

if TYPE_CHECKING:
    from pathlib import Path

HEALTHY_RUNS = 50
PARTS = 5
SENTINELS = frozenset({"hub-answers", "hub-is-ready", "tools-are-listed"})
"""Checks that are asked about every fault, and find only what is theirs."""
LATER = frozenset(
    {
        "dies-in-the-middle",
        "events-never-come-after-a-restart",
        "restarted-in-the-middle",
        "server-ends-during-the-run",
        "tool-disappeared",
    }
)
"""Faults that begin after so many requests, which only a whole run makes."""
"""The healthy runs are shared out over workers in so many tests."""


WIRE = {fault.name for fault in (*framing.FAULTS, *messages.FAULTS, *disclosed.FAULTS) if fault.near_miss}
"""Near misses of the wire: what reads that route decides, and a whole run of each would take minutes."""
READERS = SENTINELS | {
    "api-discloses-no-secret",
    "api-matches-its-contract",
    "events-stream",
    "health-answers-agree",
    "mcp-endpoint-answers",
}


def _needs_whole_run(fault: Fault) -> bool:
    """Near misses, and what begins after so many requests."""
    return (fault.near_miss and fault.name not in WIRE) or fault.name in LATER


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if not _needs_whole_run(fault)], ids=lambda fault: fault.name
)
def test_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    """The checks that it names find it, those that are asked beside them do not, and what follows is decided."""
    _assert_judged(fault, tmp_path, {*fault.expected, *(READERS if fault.near_miss else SENTINELS)})


@pytest.mark.parametrize(
    "fault",
    [pytest.param(f, id=f.name, marks=() if _needs_whole_run(f) else pytest.mark.matrix) for f in FAULTS],
)
def test_fault_is_all_that_is_found(fault: Fault, tmp_path: Path) -> None:
    """A whole run finds what is named, nothing else, and decides what is written."""
    _assert_judged(fault, tmp_path, None)


def _assert_judged(fault: Fault, folder: Path, only: set[str] | None) -> None:
    result = run(fault, folder, only=only)
    table.assert_found_exactly(fault, result)
    table.assert_ends_as_written(fault.ends, result)


@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=pytest.mark.matrix) for n in range(1, PARTS))])
def test_a_healthy_hub_is_ready_every_time(part: int, tmp_path: Path) -> None:
    """Fifty whole runs against a healthy hub give no finding at all."""
    for number in range(HEALTHY_RUNS // PARTS):
        result = run(Fault(name="healthy", sentence="Nothing is wrong."), tmp_path / str(number))
        assert (result.troubled, result.exit_code) == ({}, 0), f"part {part}, run {number}: {result}"
        assert result.status == "READY"


def test_every_check_has_a_fault_of_its_own() -> None:
    """Each check is proven bad by a fault, or unproven by one that does not simply take the whole hub away."""
    assert set(CHECKS) == table.catalogued("health")
    named = {
        check
        for fault in FAULTS
        for check, outcome in fault.expected.items()
        if outcome == "failed" or len(fault.expected) < len(CHECKS) // 2
    }
    assert set(CHECKS) - named == set()


def test_faults_are_well_formed() -> None:
    """Names are unique, near misses end well, and every fault has words that an operator can look for."""
    table.assert_well_formed(FAULTS, CHECKS)
    for fault in FAULTS:
        assert (fault.ends.status == "READY") == fault.near_miss, fault.name
        assert fault.ends.status in EXITS, fault.name


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a run no thread, child process, signal handler or changed environment of it is left."""
    before = threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)
    children = {child.pid for child in psutil.Process().children()}
    run(Fault(name="restarted", sentence="", how=How(replaced_after=8)), tmp_path)
    assert (threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)) == before
    assert {child.pid for child in psutil.Process().children()} <= children
