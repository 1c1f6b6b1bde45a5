"""Every fault of the agent's path is found exactly as written down, and a healthy hub has none."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from readiness.demo import FAULTS as NAMED
from tests.faults.e2e import FAULTS
from tests.faults.e2e.matrix import markdown
from tests.faults.e2e.model import CHECKS, SURVIVES, Fault
from tests.faults.e2e.runner import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.hub.runner import Result


def _told(result: Result) -> str:
    because = result.report["verdict"]["because"]
    lines = [f"{check}: {result.troubled[check]}: {reason}" for check, reason in result.reasons.items()]
    return "\n".join([f"exit {result.exit_code}, {because}", *lines, *result.report.get("trouble", ())])


def _marked(fault: Fault) -> object:
    return pytest.param(fault, id=fault.name, marks=[pytest.mark.matrix] if fault.long else [])


@pytest.mark.parametrize("fault", [_marked(fault) for fault in FAULTS])
def test_fault_is_found_exactly(fault: Fault, tmp_path: Path) -> None:
    """The suite finds what is named, nothing else, and decides what is written."""
    result = run(fault, tmp_path / "run")
    told = _told(result)
    found = {check: outcome for check, outcome in result.troubled.items() if check not in fault.racy}
    assert found == dict(fault.expected), told
    verdict = result.report["verdict"]
    assert (verdict["status"], verdict["decision"]) == (fault.ends.status, fault.ends.decision), told
    assert sorted(result.fired) == sorted(fault.ends.fired), result.report["rollback"]
    assert result.exit_code == fault.ends.exit_code, told
    reasons = "\n".join(row["reason"] or "" for row in result.report["findings"] if row["outcome"] != "passed")
    assert [word for word in fault.words if word not in reasons] == [], told


def _catalogued() -> set[str]:
    entries = json.loads((ROOT / "readiness" / "session" / "plan" / "catalogue.json").read_text(encoding="utf-8"))
    found = entries["checks"] if isinstance(entries, dict) else entries
    return {entry["id"] for entry in found if entry["phase"] == "e2e"}


def test_the_matrix_knows_every_check() -> None:
    """The checks that a fault may name are those of the catalogue."""
    assert set(CHECKS) == _catalogued()


def test_every_check_is_proven_bad_by_a_fault() -> None:
    """Each check fails for a fault, and each that has limits or says warnings degrades for one."""
    failing = {check for fault in FAULTS for check, outcome in fault.expected.items() if outcome == "failed"}
    assert _catalogued() - failing == set()


def test_faults_are_well_formed() -> None:
    """Names are unique and known to the embedded hub, near misses end well, every fault has words to look for."""
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    assert len([fault for fault in FAULTS if not fault.near_miss]) >= 60
    assert len([fault for fault in FAULTS if not fault.long]) >= 30
    for fault in FAULTS:
        assert {name for name in fault.faults.split(",") if name} <= NAMED.keys(), fault.name
        assert set(fault.expected) | fault.racy <= set(CHECKS), fault.name
        assert not set(fault.expected) & fault.racy, fault.name
        assert bool(fault.words) != fault.near_miss, fault.name
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


def test_the_documented_matrix_is_current() -> None:
    """`docs/e2e-faults.md` is what `python -m tests.faults.e2e` prints."""
    documented = (ROOT / "docs" / "e2e-faults.md").read_text(encoding="utf-8")
    assert documented == markdown()


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a run no child process, signal handler, changed environment or thread of it is left."""
    run(Fault(name="warm", sentence=""), tmp_path / "warm")
    before = threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)
    children = {child.pid for child in psutil.Process().children()}
    run(Fault(name="again", sentence=""), tmp_path / "again")
    assert (threading.active_count(), signal.getsignal(signal.SIGTERM), dict(os.environ)) == before
    assert {child.pid for child in psutil.Process().children()} <= children
