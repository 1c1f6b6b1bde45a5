"""Every kind of telemetry is judged exactly as written down, and an idle, healthy hub raises no alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults import table
from tests.faults.alerts import FAULTS
from tests.faults.alerts.runner import judge
from tests.faults.alerts.words import CHECKS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.alerts.model import AlertFault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_telemetry_is_judged_exactly(fault: AlertFault, tmp_path: Path) -> None:
    """The alerts find what is named, nothing else, and decide what is written."""
    result = judge(fault, tmp_path)
    table.assert_found_exactly(fault, result)
    table.assert_ends_as_written(fault.ends, result)
    notes = "\n".join(note for row in result.report["findings"] for note in row["notes"])
    assert [word for word in fault.notes if word not in notes] == [], notes


def test_every_alert_has_faults_of_its_own() -> None:
    """Each check is proven bad by a fault, and unproven by one that does not simply take everything away."""
    assert set(CHECKS) == table.catalogued("alerts")
    for outcome in ("failed", "unknown"):
        named = {
            check
            for fault in FAULTS
            for check, found in fault.expected.items()
            if found == outcome and len(fault.expected) <= 4
        }
        # what is declared away is at most degraded
        assert set(CHECKS) - named <= {"llm-p99-latency", "llm-cost", "breaker-failures", "llm-is-watched"}, outcome


def test_faults_are_well_formed() -> None:
    """There are enough of them, what ends well is at most degraded, and every fault has words to look for."""
    table.assert_well_formed(FAULTS, CHECKS)
    assert len(FAULTS) >= 40
    for fault in FAULTS:
        assert (fault.ends.status != "READY") or set(fault.expected.values()) <= {"degraded"}, fault.name
