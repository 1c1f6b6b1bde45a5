"""The hub is broken on purpose, survives it, and is put back: opt-in by -m drill and --readiness-drill."""

from __future__ import annotations

import pytest

from readiness import Limits, check, compared, measure, note, unknown, warn

pytestmark = pytest.mark.drill

NOBODY = "nothing brought it back"


def _judge_return(found, what):
    """A new process is ready within the start-up budget, as the old one was."""
    __tracebackhide__ = True
    back = found.back
    note(found.restored.told)
    compared(expected=f"a new process, ready within {found.budget:g} s", actual=_seen(back))
    if back.seconds is None and back.pid not in {None, found.pid}:
        pytest.fail(f"{what}; process {back.pid} came, but {back.why}; {found.restored.told}", pytrace=False)
    if back.seconds is None:
        pytest.fail(
            f"{what}, and {NOBODY} within {found.budget:g} s ({back.why}); {found.restored.told}", pytrace=False
        )
    if found.restored.unrest:
        warn(f"back after {back.seconds:.1f} s, but not as before: {found.restored.unrest}")
    if found.orphans:
        warn(f"its MCP servers outlived it: processes {', '.join(map(str, found.orphans))}; end them by hand")


def _seen(back):
    if back.seconds is not None:
        return f"process {back.pid}, after {back.seconds:.1f} s"
    return back.why


@check(
    "service-restarts-after-a-crash",
    severity="critical",
    needs=("identity",),
    slow="kills the hub's process and waits for its supervisor",
    remedy="Run the hub under a supervisor that always restarts it: `Restart=always` in its unit, "
    "`restart: always` in compose; then `systemctl daemon-reload`. Set [drill] start to bring it back in a drill.",
)
def test_service_restarts_after_a_crash(drills):
    """A supervisor brings the hub back, with its servers and tools, when its process is killed."""
    found = drills.crash()
    _judge_return(found, f"process {found.pid} was killed")


@check(
    "stop-is-graceful-live",
    severity="high",
    needs=("identity",),
    limits=Limits(critical=30, unit="s"),
    slow="tells the hub to stop with requests in flight and waits for its supervisor",
    remedy="Look what keeps the process: `TimeoutStopSec=` must be longer than the hub needs; take traffic off the hub "
    "before it is stopped, since calls in flight are lost.",
)
def test_stop_is_graceful_live(drills, limits):
    """Told to stop with requests in flight, the hub ends by itself in time, and is started again."""
    found = drills.stop(limits.critical or 30)
    if found.ended.seconds is None:
        pytest.fail(
            f"process {found.pid} still ran {limits.critical or 30:g} s after SIGTERM; {found.restored.told}",
            pytrace=False,
        )
    note(f"process {found.pid} {found.ended.status or 'ended; its status was seen by its parent alone'}")
    _judge_return(found, f"process {found.pid} ended {found.ended.seconds:.1f} s after SIGTERM")
    _judge_calls(found.calls)
    measure(found.ended.seconds, what="from SIGTERM to the end")


def _judge_calls(calls):
    """Calls in flight that are lost degrade: published hubs lose them all, and an agent sees an error and can repeat."""
    for call in calls:
        note(f"{call.what}: {call.ended}{', before SIGTERM: it was not in flight' if call.early else ''}")
    lost = [call for call in calls if call.lost]
    if lost:
        told = "; ".join(f"{call.what}: {call.ended}" for call in lost)
        warn(f"{len(lost)} of {len(calls)} requests in flight were lost: {told}")


@check(
    "llm-outage-is-survived",
    severity="critical",
    needs=("llm", "identity"),
    limits=Limits(critical=90, unit="s"),
    slow="takes the hub's LLM away and gives it back",
    remedy="Put a circuit breaker and a time-out around the LLM's calls, and a supervisor above the hub; "
    "set [drill] llm_down and llm_up to what takes the LLM away and gives it back.",
)
def test_llm_outage_is_survived(drills, limits):
    """Without its LLM the hub goes on with everything else, reports its breaker, and recovers when the LLM is back."""
    found = drills.llm(limits.critical or 90)
    note(f"{found.failed} of {found.asked} analyses failed meanwhile; breaker: {found.breaker or 'not published'}")
    back = _recovery(found)
    assert found.pid_after is not None, f"without its LLM the hub went down and does not answer; {back}"
    assert found.pid_after == found.pid, (
        f"the hub did not survive: process {found.pid} was replaced by {found.pid_after} without its LLM; {back}"
    )
    assert not found.troubles, f"without the LLM, more than analyses failed: {'; '.join(found.troubles[:4])}; {back}"
    if not found.felt:
        unknown(f"nothing shows that the LLM was gone: all {found.asked} analyses worked; look at [drill] llm_down")
    if found.recovered is None:
        pytest.fail(f"the LLM is back and the hub does not use it: {found.why}", pytrace=False)
    if found.unrest:
        warn(f"recovered, but not as before: {found.unrest}")
    _judge_breaker(found)
    measure(found.recovered, what="recovered after")


def _recovery(found):
    return f"recovered after {found.recovered:.1f} s" if found.recovered is not None else f"not recovered: {found.why}"


def _judge_breaker(found):
    """A breaker that stays closed under failures protects nothing; one that is not published cannot be watched."""
    note(_recovery(found))
    if found.breaker is None:
        unknown(
            "the hub publishes no circuit breaker (llm.circuitBreakerState or circuitBreaker.state in "
            "/api/filtering/stats), so an outage of its LLM would show nowhere; all else was survived"
        )
    assert found.breaker != "closed", (
        f"{found.failed} of {found.asked} analyses failed in a row and the circuit breaker still says closed"
    )


@check(
    "mcp-server-crash-is-contained",
    severity="high",
    needs=("server_processes", "identity"),
    slow="kills one MCP server of the hub and has it back",
    remedy="Update the hub: one server's end must neither end it nor its other servers; have the server back by "
    "POST /api/servers/stop and /api/servers/start, or restart the hub.",
)
def test_mcp_server_crash_is_contained(drills):
    """When one MCP server dies, the hub and its other servers go on, health shows it, and it can be had back."""
    found = drills.server()
    dead = f"{found.server} (process {', '.join(map(str, found.pids))}) was killed"
    note(f"{dead}; its own call {'' if found.own == 'answered' else 'ended '}{found.own}; {found.asked} others asked")
    note(f"health shows {found.noticed or 'nothing'}{', and the hub started it again' if found.again else ''}")
    compared(
        expected=f"process {found.hub_pid} goes on, health shows it",
        actual=f"process {found.hub_now}, health shows {found.noticed or 'nothing'}",
    )
    assert found.hub_now is not None, f"{dead}, and the hub does not answer any more{_left(found)}"
    assert found.hub_now == found.hub_pid, (
        f"{dead}, and the hub's process {found.hub_pid} was replaced by {found.hub_now}{_left(found)}"
    )
    assert not found.others, f"{dead}, and others failed: {'; '.join(found.others[:4])}{_left(found)}"
    assert found.noticed, f"{dead}, and health shows it as connected, with an uptime that grows{_left(found)}"
    assert not found.back, f"{dead}, and it could not be had back by servers/stop and servers/start: {found.back}"
    if found.unrest:
        warn(f"back, but not as before: {found.unrest}")


def _left(found):
    return f"; it is NOT back: {found.back}" if found.back else ""


@check(
    "rollback-restores-service",
    severity="critical",
    needs=("rollback", "identity"),
    limits=Limits(unit="s"),
    slow="deploys a broken release and has it rolled back",
    remedy="Run `readiness rollback` by hand and read its journal: the action must bring the kept release back and end with "
    "status 0; what was not noticed needs a check, or a tool call in [[expect.tool_call]].",
)
def test_rollback_restores_service(drills, limits):
    """A broken release is noticed after its deploy, rolled back and proven, within the recovery objective."""
    found = drills.rollback(limits.critical)
    _tell_rehearsal(found)
    if found.outcome in {"REFUSED", "ABORTED"}:
        unknown(f"nothing broken was deployed ({found.outcome}: {found.because}): look at [drill] deploy")
    if found.outcome == "KEPT":
        pytest.fail(f"nothing noticed that the release was broken: it was kept; {found.restored}", pytrace=False)
    if found.outcome != "ROLLED_BACK_VERIFIED":
        pytest.fail(f"{found.outcome}: {found.because}; {found.restored}", pytrace=False)
    assert not found.trouble, f"it says that it was rolled back and verified, and {found.trouble}; {found.restored}"
    if found.unwritten:
        warn(f"verified, and not written down, so preflight will not know: {found.unwritten}")
    allowed = Limits(critical=found.allowed, unit="s")
    measure(round(found.recovery, 1), limits=allowed, what="from the failed verdict to the proven rollback")


def _tell_rehearsal(found):
    note(f"noticed by {found.noticed}" if found.noticed else "noticed by nothing")
    note(f"{found.seconds:.1f} s from the deploy to the end: {found.times}")
    if found.by_hand:
        note("[rollback] mode waits for a person here: the drill carried the plan out with `readiness rollback --yes`")
    if found.record:
        note(f"written down for preflight: {found.record}")
    compared(expected=f"rolled back and verified within {found.allowed:g} s", actual=f"{found.outcome}")


@check(
    "memory-is-stable-under-soak",
    severity="critical",
    needs=("identity",),
    rollback="memory-leak",
    limits=Limits(critical=20, unit="MB/h"),
    slow="sends traffic for [drill] soak minutes (30 unless configured) and a third more",
    remedy="Take two heap snapshots of the hub under traffic and compare them; until it is mended, bound it: "
    "`MemoryMax=` and `Restart=always` in its unit.",
)
def test_memory_is_stable_under_soak(drills, limits):
    """Under steady traffic the hub's memory reaches a plateau and stays there."""
    limit = limits.critical if limits.critical is not None else 20
    found = drills.soak(limit)
    note(
        f"{found.requests} requests ({found.failed} failed) in {found.minutes:.3g} min after {found.warm:.3g} to warm up"
    )
    note(f"{found.first:.0f} MB at first, {found.last:.0f} MB at last: {found.interval}")
    compared(expected=f"≤ {limit:g} MB/h", actual=found.interval)
    if found.pid_after != found.pid:
        unknown(f"the hub was process {found.pid} at first and is {found.pid_after or 'gone'} now: memory began anew")
    if found.failed * 2 > found.requests:
        unknown(
            f"{found.failed} of {found.requests} requests failed, so this was no traffic to judge by: {found.worst}"
        )
    if found.growth.outcome == "grows":
        pytest.fail(f"memory grows by {found.interval}; at most {limit:g} MB/h are allowed", pytrace=False)
    if found.growth.outcome == "open":
        more = found.more or found.minutes
        unknown(
            f"too short to tell: {found.interval}, held against {limit:g} MB/h; it needs about {max(1, round(more))} more "
            f"minutes: [drill] soak = {round(found.minutes + more + 0.5)}"
        )
