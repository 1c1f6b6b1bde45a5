"""Every load run is judged exactly as written down: within limits, beyond them, or proving nothing."""

from __future__ import annotations

import pytest

from tests.faults.load import FAULTS, PROVES_NOTHING
from tests.faults.load.build import run
from tests.faults.load.judge import judge, suite
from tests.faults.load.model import Generator, LoadFault, Server


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_load_run_is_judged_exactly(fault: LoadFault) -> None:
    """The checks find what is named and nothing else, in words that an operator can look for."""
    found = judge(fault)
    troubled = {name: one.outcome for name, one in found.items() if one.outcome != "passed"}
    told = "\n".join(f"{name}: {one.outcome}: {one.reason}" for name, one in found.items())
    assert troubled == fault.expected, told
    assert [word for word in fault.words if word not in told] == [], told


def test_faults_are_well_formed() -> None:
    """There are enough of them, each has a name of its own, and each check is proven bad by one."""
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 25
    for name in suite():
        assert any(fault.expected.get(name) == "failed" for fault in FAULTS), name


def test_only_what_is_bad_enough_rolls_back() -> None:
    """A p95 of 3 s fails, one of 6 s rolls back; a run that proves nothing rolls nothing back."""
    names = ("p95-past-limit", "p95-past-rollback", "p99-alone")
    by_name = {fault.name: judge(fault) for fault in FAULTS if fault.name in names or fault.expected == PROVES_NOTHING}
    assert not by_name["p95-past-limit"]["latency-stays-within-limits"].fires
    assert by_name["p95-past-rollback"]["latency-stays-within-limits"].fires
    assert not by_name["p99-alone"]["latency-stays-within-limits"].fires
    for fault in FAULTS:
        if fault.expected == PROVES_NOTHING:
            assert not any(one.fires for one in by_name[fault.name].values()), fault.name


@pytest.mark.parametrize(
    ("server", "share", "truth"),
    [
        (Server(delay=0.02), 0.99, 20.0),
        (Server(slow=0.1, slow_delay=0.3), 0.95, 300.0),
        # 3000 arrivals in 30 s; a freeze of 2 s holds 200 of them, so that 1 % wait longer than 1700 ms, 5 % than 500 ms
        (Server(freezes=((10.0, 2.0),)), 0.99, 1710.0),
        (Server(freezes=((10.0, 2.0),)), 0.95, 510.0),
        # Pareto: 10 ms at least, exponent 2: the p-th quantile is 10 / (1 - p) ** 0.5
        (Server(tail=2.0), 0.90, 31.62),
    ],
)
def test_percentiles_are_the_injected_truth(server: Server, share: float, truth: float) -> None:
    """Every interval holds the injected percentile, and fixed ones are met within 3 % or 2 ms."""
    found = run(LoadFault(name="", sentence="", expected={}, server=server)).percentile(share)
    assert found.low * 0.97 - 2 <= truth <= found.high * 1.03 + 2
    if server.tail is None:
        assert abs(found.value - truth) <= max(2.0, 0.03 * truth)


def test_what_never_ended_does_not_drop_out_of_a_percentile() -> None:
    """Four requests that nobody answered are the slowest of all, not absent."""
    made = run(LoadFault(name="", sentence="", expected={}, seconds=3, generator=Generator(unfinished=4)))
    assert made.percentile(0.999).value == float("inf")
