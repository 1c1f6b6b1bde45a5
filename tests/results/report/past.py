"""A history made by hand, for pages and formats that show one."""

from __future__ import annotations

import dataclasses

from readiness.results.report import History, PastCheck, PastRun, SinceReady
from tests.results.report.factory import STARTED


def past_runs(statuses: str, p95: tuple[float | None, ...] = ()) -> tuple[PastRun, ...]:
    """A run an hour for each letter: `r` READY, `c` CONDITIONAL, `n` NOT READY, `i` INCOMPLETE; the last one is the report's."""
    told = {"r": ("READY", "KEEP", 97.5), "c": ("CONDITIONAL", "KEEP AND WATCH", 86.1),
            "n": ("NOT READY", "HOLD", 61.0), "i": ("INCOMPLETE", "HOLD", 74.9)}  # fmt: skip
    return tuple(
        PastRun(
            id=f"past{index:04d}", started=STARTED - 3600.0 * (len(statuses) - index), status=told[letter][0],
            decision=told[letter][1], score=told[letter][2] + index % 3, headline=told[letter][2] + index % 3,
            p95_ms=p95[index] if index < len(p95) else None, plan_hash="8f2c1d90ab34", selection="health",
        )
        for index, letter in enumerate(statuses)
    )  # fmt: skip


def history() -> History:
    """Eighteen runs: a flaky check, one that fails since yesterday, one that is new, and runs that measured no p95."""
    runs = past_runs(
        "rrrcrrnrrrrirrcrcn", (31, 30, 33, 44, None, 32, 210, 35, 33, None, 31, None, 36, 33, 90, 38, 240, 612)
    )
    runs = (*runs[:-1], dataclasses.replace(runs[-1], score=29.5, headline=29.5, decision="ROLL BACK"))
    count = len(runs)
    strips: dict[str, tuple[str | None, ...]] = {
        "hub-is-ready": (*["passed"] * 6, "failed", *["passed"] * 4, "unknown", *["passed"] * 5, "failed"),
        "api-answers-fast": (*["passed"] * 3, "degraded", *["passed"] * 10, "degraded", "passed", "degraded", "passed"),
        "events-stream": (None, None, *["passed", "flaky"] * 8),
        "errors-hide-internals": (*["passed"] * 8, *["failed"] * 6, *["waived"] * 4),
    }
    steady = ("tools-are-listed", "mcp-endpoint-answers", "admin-routes-are-closed")
    checks = [PastCheck(key=key, outcomes=outcomes) for key, outcomes in strips.items()]
    checks += [PastCheck(key=key, outcomes=("passed",) * count) for key in steady]
    return History(
        runs=runs, checks=tuple(checks), flaky=("events-stream",),
        since_ready=SinceReady(
            id="past0015", started=runs[15].started, runs_since=2, score_change=-36.5, same_plan=True,
            newly_failing=("hub-is-ready",), newly_unknown=("tools-are-listed",), fixed=("api-answers-fast",),
            versions=(("hub", "4.2.1", "4.3.0"),),
        ),
    )  # fmt: skip
