"""Every kind of telemetry is judged exactly as written down, and an idle, healthy hub raises no alarm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.faults.alerts import FAULTS
from tests.faults.alerts.matrix import markdown
from tests.faults.alerts.runner import judge
from tests.faults.alerts.words import CHECKS
from tests.faults.hub.runner import ROOT, Result

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.alerts.model import AlertFault


def _cases() -> list[object]:
    """A representative part always, the rest with the matrix."""
    return [pytest.param(fault, id=fault.name, marks=() if fault.quick else (pytest.mark.matrix,)) for fault in FAULTS]


def _told(result: Result) -> str:
    lines = [f"{check}: {result.troubled[check]}: {reason}" for check, reason in result.reasons.items()]
    return "\n".join([f"exit {result.exit_code}, {result.report['verdict']['because']}", *lines])


@pytest.mark.parametrize("fault", _cases())
def test_telemetry_is_judged_exactly(fault: AlertFault, tmp_path: Path) -> None:
    """The alerts find what is named, nothing else, and decide what is written."""
    result = judge(fault, tmp_path)
    told = _told(result)
    assert result.troubled == dict(fault.expected), told
    verdict = result.report["verdict"]
    assert (verdict["status"], verdict["decision"]) == (fault.ends.status, fault.ends.decision), told
    assert sorted(result.fired) == sorted(fault.ends.fired), result.report["rollback"]
    assert result.exit_code == fault.ends.exit_code, told
    reasons = "\n".join(result.reasons.values())
    assert [word for word in fault.words if word not in reasons] == [], told
    notes = "\n".join(note for row in result.report["findings"] for note in row["notes"])
    assert [word for word in fault.notes if word not in notes] == [], notes


def _catalogued() -> set[str]:
    entries = json.loads((ROOT / "readiness" / "session" / "plan" / "catalogue.json").read_text(encoding="utf-8"))
    found = entries["checks"] if isinstance(entries, dict) else entries
    return {entry["id"] for entry in found if entry["phase"] == "alerts"}


def test_the_matrix_knows_every_alert() -> None:
    """The checks that a fault may name are those of the catalogue."""
    assert set(CHECKS) == _catalogued()


def test_every_alert_has_faults_of_its_own() -> None:
    """Each check is proven bad by a fault, and unproven by one that does not simply take everything away."""
    for outcome in ("failed", "unknown"):
        named = {
            check
            for fault in FAULTS
            for check, found in fault.expected.items()
            if found == outcome and len(fault.expected) <= 4
        }
        assert _catalogued() - named <= {"llm-p99-latency", "llm-cost", "breaker-failures"}, outcome


def test_faults_are_well_formed() -> None:
    """Names are unique, what ends well is at most degraded, and every fault has words that an operator can look for."""
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    assert len(names) >= 40
    for fault in FAULTS:
        assert set(fault.expected) <= set(CHECKS), fault.name
        assert bool(fault.words) != fault.near_miss, fault.name
        assert (fault.ends.status != "READY") or set(fault.expected.values()) <= {"degraded"}, fault.name


def test_the_documented_matrix_is_current() -> None:
    """`docs/alert-faults.md` is what `python -m tests.faults.alerts` prints."""
    documented = (ROOT / "docs" / "alert-faults.md").read_text(encoding="utf-8")
    assert documented == markdown()
