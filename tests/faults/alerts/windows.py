"""Counters as differences: old incidents, new ones, restarts, and stored reads that are gone."""

from __future__ import annotations

from typing import Any

from tests.faults.alerts.model import Before, Ran, Stored
from tests.faults.alerts.words import IDLE, NO_LOOKUPS, OUT, SUCCESS, counted, deployed, fault, hub
from tests.faults.hub.model import How, Site
from tests.faults.hub.words import DEGRADED, FAILED, STOPPED, UNKNOWN, UNPROVEN, WATCHED

GARBLED = '{"reads": [{"at": 1, '
AN_HOUR = 60
QUIET_RATE = {"successfulCalls": OUT, "failedCalls": OUT}


def llm(minutes: float, total: float, bad: float, **more: Any) -> Stored:
    """A stored read of the LLM's calls."""
    return Stored(minutes=minutes, counters={"llm": (total, bad)}, **more)


def _few(good: int, bad: int = 0) -> How:
    """A hub that has done little, in every respect."""
    return counted(good, bad, **({} if good + bad else IDLE))


OLD_INCIDENT = counted(1150, 50)
JUDGED = Ran(minutes=AN_HOUR, success_rate="passed")

FAULTS = (
    fault(
        "old-incident",
        "Fifty calls failed before the last run; since then 200 succeeded.",
        OLD_INCIDENT,
        before=Before(reads=(llm(AN_HOUR, 1000, 50),)),
        notes=("200 LLM calls since the run 60 min ago, 0 of them bad",),
        quick=True,
    ),
    fault(
        "old-incident-and-quiet-since",
        "Half of all calls failed before the last run; nobody has asked since.",
        counted(50, 50),
        before=Before(reads=(llm(AN_HOUR, 100, 50),)),
        notes=("little traffic: 0 LLM calls",),
    ),
    fault(
        "old-incident-from-the-share-alone",
        "As old-incident, where only the rate and the number of calls are published.",
        hub(QUIET_RATE | {"totalCalls": 1200, "successRate": 0.9583}),
        before=Before(reads=(llm(AN_HOUR, 1000, 50),)),
    ),
    fault(
        "new-incident",
        "Of 10,100 calls 150 failed, 50 of them among the 100 since the last run.",
        counted(9950, 150),
        before=Before(reads=(llm(AN_HOUR, 10_000, 100),)),
        expected={"llm-success-rate": FAILED},
        ends=SUCCESS,
        words=("0.5",),
        quick=True,
    ),
    fault(
        "run-again-at-once",
        "As new-incident, judged again five minutes after a run that has found it: what that one read begins no window.",
        counted(9950, 150),
        before=Before(reads=(llm(AN_HOUR, 10_000, 100), llm(5, 10_100, 150))),
        expected={"llm-success-rate": FAILED},
        ends=SUCCESS,
        words=("0.5",),
        quick=True,
    ),
    fault(
        "stored-read-deleted",
        "As new-incident, but the stored read is gone, and a run of an hour ago had made one.",
        counted(9950, 150),
        before=Before(runs=(JUDGED,), up=3 * AN_HOUR),
        expected={"llm-success-rate": UNKNOWN, "cache-hit-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("150 of 10100", "does not hold"),
        quick=True,
    ),
    fault(
        "stored-read-of-an-unproven-run-deleted",
        "The same, where the run of an hour ago had seen too few calls to tell.",
        counted(9950, 150),
        before=Before(runs=(Ran(minutes=AN_HOUR, success_rate="unknown"),), up=3 * AN_HOUR),
        expected={"llm-success-rate": UNKNOWN, "cache-hit-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("150 of 10100", "does not hold"),
    ),
    fault(
        "stored-read-garbled",
        "As new-incident, but the file of stored reads is garbled.",
        counted(9950, 150),
        before=Before(text=GARBLED),
        expected={"llm-success-rate": UNKNOWN, "cache-hit-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("telemetry.json is garbled",),
        quick=True,
    ),
    fault(
        "garbled-and-nothing-bad",
        "The file of stored reads is garbled, but nothing has gone wrong since the start.",
        hub(
            {"totalCalls": 100, "successfulCalls": 100, "failedCalls": 0, "successRate": 1},
            {"hits": 100, "misses": 0, "hitRate": 1},
        ),
        before=Before(text=GARBLED),
    ),
    fault(
        "store-of-wrong-types",
        "The file of stored reads is JSON, and no store.",
        counted(100, 0),
        before=Before(text='{"reads": [{"at": "yesterday"}]}'),
        expected={"cache-hit-rate": UNKNOWN},
        ends=WATCHED,
        words=("garbled",),
    ),
    fault(
        "history-of-another-hub",
        "No read is stored; the run of an hour ago was about another hub.",
        before=Before(runs=(Ran(minutes=AN_HOUR, success_rate="passed", foreign=True),), up=3 * AN_HOUR),
    ),
    fault(
        "first-run",
        "No read is stored, and no run has been: the whole life of the process is judged.",
        notes=("100 LLM calls since the hub's process started, 1 of them bad",),
    ),
    fault(
        "counter-went-backwards",
        "The same process has counted fewer calls than an hour ago.",
        counted(100, 0),
        before=Before(reads=(llm(AN_HOUR, 500, 2),)),
        expected={"llm-success-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("went backwards in the same process", "2 of 500"),
        quick=True,
    ),
    fault(
        "failures-went-backwards",
        "The same process has forgotten its failures.",
        counted(200, 0),
        before=Before(reads=(llm(AN_HOUR, 150, 20),)),
        expected={"llm-success-rate": UNKNOWN},
        ends=UNPROVEN,
        words=("went backwards",),
    ),
    fault(
        "underway-then-ended",
        "Three calls that were under way an hour ago have succeeded: they were counted as failed while they ran.",
        counted(200, 0),
        before=Before(reads=(llm(AN_HOUR, 150, 3, underway=3),)),
    ),
    fault(
        "restart-undeclared-and-idle",
        "The process was restarted since the deploy, by nobody's declaration: its counters begin anew.",
        hub(IDLE, NO_LOOKUPS),
        site=deployed(120),
        before=Before(reads=(llm(AN_HOUR, 500, 300, process="other"),)),
        expected=dict.fromkeys(("llm-success-rate", "llm-p95-latency", "llm-p99-latency", "cache-hit-rate"), UNKNOWN),
        ends=UNPROVEN,
        words=("a restart nobody declared",),
        quick=True,
    ),
    fault(
        "restart-undeclared-no-record",
        "Another process answered an hour ago, and no deploy was recorded.",
        _few(5),
        site=deployed(None),
        before=Before(reads=(llm(AN_HOUR, 500, 300, process="other"),)),
        expected=dict.fromkeys(("llm-success-rate", "llm-p95-latency", "llm-p99-latency"), UNKNOWN),
        ends=UNPROVEN,
        words=("another one's place", "no deploy is on record"),
    ),
    fault(
        "restart-between",
        "Deployed five minutes ago, seen running then, and restarted since.",
        _few(5),
        before=Before(reads=(llm(3, 40, 20, process="other"),)),
        expected=dict.fromkeys(("llm-success-rate", "llm-p95-latency", "llm-p99-latency"), UNKNOWN),
        ends=UNPROVEN,
        words=("after another one had run since the recorded deploy",),
    ),
    fault(
        "restart-of-another-pid",
        "The record of the deploy names another process than the one that answers.",
        _few(5),
        before=Before(deployed_pid="other"),
        expected=dict.fromkeys(("llm-success-rate", "llm-p95-latency", "llm-p99-latency"), UNKNOWN),
        ends=UNPROVEN,
        words=("was deployed: a restart nobody declared",),
    ),
    fault(
        "restart-declared",
        "Another process answered an hour ago; the deploy of five minutes ago replaced it.",
        _few(5),
        before=Before(reads=(llm(AN_HOUR, 500, 300, process="other"),)),
        notes=("little traffic: 5 LLM calls",),
        quick=True,
    ),
    fault(
        "restart-declared-by-pid",
        "The record of the deploy is two hours old, and names the process that answers.",
        _few(5),
        site=deployed(120),
        before=Before(deployed_pid="same", reads=(llm(AN_HOUR, 500, 300, process="other"),)),
    ),
    fault(
        "restart-undeclared-and-busy",
        "Restarted by nobody's declaration, but with calls enough since.",
        site=deployed(120),
        before=Before(reads=(llm(AN_HOUR, 500, 300, process="other"),)),
    ),
    fault(
        "restarted-a-day-ago",
        "Restarted by nobody's declaration, a day and an hour ago, and little traffic since.",
        _few(5),
        site=deployed(60 * 48),
        before=Before(up=60 * 25),
    ),
    fault(
        "record-garbled",
        "The record of the deploy is garbled: whether it started this process is unknown.",
        _few(5),
        site=deployed(None),
        before=Before(record="{"),
        expected=dict.fromkeys(
            ("llm-success-rate", "llm-p95-latency", "llm-p99-latency", "recent-deployments-succeeded"), UNKNOWN
        ),
        ends=UNPROVEN,
        words=("no record of a deploy",),
    ),
    fault(
        "process-unknown",
        "The hub does not say which process answers; few calls then prove nothing.",
        How(edits=_few(5).edits, events="other-pid"),
        expected=dict.fromkeys(("llm-success-rate", "llm-p95-latency", "llm-p99-latency"), UNKNOWN),
        ends=UNPROVEN,
        words=("when the process started is not known",),
    ),
    fault(
        "flapping",
        "The breaker opened twice since the last run, and is closed again.",
        hub({"circuitBreakerTrips": 5}),
        before=Before(reads=(Stored(minutes=AN_HOUR, counters={"trips": (3, 3)}),)),
        expected={"circuit-breaker-is-closed": DEGRADED},
        ends=WATCHED,
        words=("opened 2 times since the run 60 min ago",),
        quick=True,
    ),
    fault(
        "opened-long-ago",
        "The breaker opened three times, all before the last run.",
        hub({"circuitBreakerTrips": 3}),
        before=Before(reads=(Stored(minutes=AN_HOUR, counters={"trips": (3, 3)}),)),
    ),
    fault(
        "trips-went-backwards",
        "The breaker has forgotten how often it opened.",
        hub({"circuitBreakerTrips": 1}),
        before=Before(reads=(Stored(minutes=AN_HOUR, counters={"trips": (3, 3)}),)),
        expected={"circuit-breaker-is-closed": UNKNOWN},
        ends=UNPROVEN,
        words=("went backwards",),
    ),
    fault("no-trips", "The breaker does not count how often it opened.", hub({"circuitBreakerTrips": OUT})),
    fault(
        "cache-was-cold",
        "The cache missed 100 times before the last run, and hit 95 of 100 since.",
        hub(cache={"hits": 95, "misses": 105, "hitRate": 0.475}),
        before=Before(reads=(Stored(minutes=AN_HOUR, counters={"cache": (100, 100)}),)),
    ),
    fault(
        "low-rate-in-a-high-average",
        "Of 19 calls since the last run 10 failed, too few for a rollback, and enough to be bad whatever comes.",
        counted(1009, 10),
        before=Before(reads=(llm(AN_HOUR, 1000, 0),)),
        expected={"llm-success-rate": FAILED},
        ends=STOPPED,
        words=("10 of 19",),
    ),
    fault(
        "store-is-a-folder-of-others",
        "Stored reads are of hubs at other addresses.",
        site=Site(),
        before=Before(text='{"reads": []}'),
    ),
)
