"""What earlier runs have seen: whether the hub was there, and which deploys had to be taken back."""

from __future__ import annotations

from tests.faults.alerts.model import Before, Ran
from tests.faults.alerts.words import WELL, deployed, fault
from tests.faults.hub.words import DEGRADED, FAILED, UNKNOWN, WATCHED

DAY = 24 * 60
BACK = {"status": "NOT READY", "decision": "ROLL BACK"}


def _hours(number: int, *bad: int) -> tuple[Ran, ...]:
    """So many hourly runs; those at the hours `bad` found the hub down."""
    return tuple(_run(60 * hour + 30, up=hour not in bad) for hour in range(number))


def _run(minutes: float, *, up: bool = True) -> Ran:
    ends = {} if up else {"answers": "failed", "status": "NOT READY", "decision": "HOLD"}
    return Ran(minutes=minutes, **ends)  # type: ignore[arg-type]


FAULTS = (
    fault(
        "always-there",
        "Fifty hourly runs have found the hub up.",
        before=Before(runs=_hours(50)),
        notes=("50 runs in 30 days: up 2.0 d",),
        quick=True,
    ),
    fault(
        "down-for-hours",
        "Of fifty hourly runs four in a row have found it down.",
        before=Before(runs=_hours(50, 10, 11, 12, 13)),
        expected={"availability-meets-its-objective": FAILED},
        ends=WATCHED,
        words=("availability 0.8", "≥ 0.999"),
        quick=True,
    ),
    fault(
        "down-once",
        "Of fifty hourly runs one has found it down: for how long is not known.",
        before=Before(runs=_hours(50, 10)),
        expected={"availability-meets-its-objective": UNKNOWN},
        ends=WATCHED,
        words=("between", "100 %"),
    ),
    fault(
        "down-once-closely-watched",
        "A run every minute for three days; one has found it down: for two minutes at worst.",
        before=Before(runs=tuple(_run(minute, up=minute != 300) for minute in range(1, 3 * DAY, 1))[:450]),
        expected={"availability-meets-its-objective": UNKNOWN},
        ends=WATCHED,
        words=("between 99.5",),
    ),
    fault(
        "little-history",
        "Three runs in all, and the hub was there.",
        before=Before(runs=_hours(3)),
        notes=("little history: 3 runs",),
    ),
    fault(
        "little-history-and-down",
        "Three runs in all; one has found the hub down.",
        before=Before(runs=_hours(3, 1)),
        expected={"availability-meets-its-objective": UNKNOWN},
        ends=WATCHED,
        words=("1 of 3 runs", "little history"),
    ),
    fault(
        "gaps",
        "A run a day for 25 days, all well: nobody has looked in between.",
        before=Before(runs=tuple(_run(DAY * day + 30) for day in range(25))),
        notes=("little history: 25 runs, 0% of the time seen",),
    ),
    fault(
        "gaps-and-down",
        "A run a day for 25 days; one has found it down.",
        before=Before(runs=tuple(_run(DAY * day + 30, up=day != 5) for day in range(25))),
        expected={"availability-meets-its-objective": UNKNOWN},
        ends=WATCHED,
        words=("1 of 25 runs",),
    ),
    fault(
        "down-for-a-day-and-little-else",
        "Six runs, five of them within four hours of darkness: not even a month of good days would make up for it.",
        before=Before(runs=(_run(30), *(_run(60 * hour, up=False) for hour in range(20, 25)))),
        expected={"availability-meets-its-objective": FAILED},
        ends=WATCHED,
        words=("of 30 days", "at best"),
    ),
    fault(
        "last-deploy-rolled-back",
        "A run of three hours ago decided to roll back, and none has found the hub fit since.",
        before=Before(runs=(Ran(minutes=180, **BACK),)),
        expected={"recent-deployments-succeeded": FAILED},
        ends=WATCHED,
        words=("the last deploy was to be rolled back",),
        quick=True,
    ),
    fault(
        "a-deploy-rolled-back",
        "A deploy of last week was rolled back; the hub was found fit since.",
        before=Before(runs=(Ran(minutes=7 * DAY, **BACK), Ran(minutes=7 * DAY - 30))),
        expected={"recent-deployments-succeeded": DEGRADED},
        ends=WELL,
        words=("to be rolled back",),
    ),
    fault(
        "rolled-back-long-ago",
        "A deploy of two months ago was rolled back.",
        before=Before(runs=(Ran(minutes=60 * DAY, **BACK), Ran(minutes=120))),
    ),
    fault(
        "never-deployed",
        "No deploy is on record: there is nothing to judge, and that is said.",
        site=deployed(None),
        notes=("no deploy is on record",),
        quick=True,
    ),
)
