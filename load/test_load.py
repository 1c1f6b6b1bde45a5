"""The hub carries its traffic, and the answer can be believed: opt-in by -m load; only allow-listed hosts."""

from __future__ import annotations

import pytest

from readiness import Limits, check, compared, measure, note, unknown

pytestmark = pytest.mark.load

VALID = "load-evidence-is-valid"
NEVER = 1e9
"""A limit that no latency passes: the p99 fails a check, and p95 alone rolls back."""


def _believed(run, *, aborted=False):
    """End the check where the run proves nothing; one that was given up proves errors alone."""
    doubts = run.doubts()
    if doubts:
        unknown(f"the load run proves nothing: {doubts[0]}")
    if run.aborted and not aborted:
        unknown(f"the load run was given up: {run.ended.why}")


def _needs(more):
    if more is None:
        return "it lies exactly on the limit, which no number of requests decides"
    return f"needs about {more:,} more requests to tell: raise [load] duration"


@check(
    "load-evidence-is-valid",
    severity="critical",
    slow="puts the hub under load for [load] duration",
    remedy="Nothing is wrong with the hub: run the load again from a machine with an idle processor to spare, with more "
    "[load] workers, a lower rate or a longer duration, as the reason says.",
)
def test_load_evidence_is_valid(load_run):
    """The generator kept its schedule, accounted for every request, and sent enough of them to decide."""
    note(f"{load_run.samples.sent} of {load_run.planned} requests sent, lag p99 {_lag(load_run)}")
    doubts = load_run.doubts()
    compared(expected="a schedule that was kept", actual=doubts[0] if doubts else "kept")
    if doubts and doubts == load_run.too_few():
        unknown(doubts[0])
    if doubts:
        pytest.fail("; ".join(doubts), pytrace=False)


def _lag(run):
    return f"{run.lag:.2f} ms" if run.samples.sent else "unknown"


@check(
    "sustains-its-request-rate",
    severity="critical",
    rollback="latency",
    after=(VALID,),
    limits=Limits(critical=99, unit="%", better="higher", samples=299),
    remedy="Give the hub more processor or a second instance behind the proxy, or plan with the rate that it carries.",
)
def test_sustains_its_request_rate(load_run):
    """The hub answers as many requests a second as arrive."""
    _believed(load_run)
    note(f"{load_run.rate:g} requests/s planned for {load_run.seconds:g} s; {load_run.worst_routes() or 'no errors'}")
    measure(load_run.in_step(), n=load_run.planned, what="answered in step with the schedule:")


@check(
    "latency-stays-within-limits",
    severity="critical",
    rollback="latency",
    after=(VALID,),
    limits=Limits(warning=500, critical=2000, rollback=5000, unit="ms"),
    remedy="See in the report when answers were slow: a freeze shows as a peak, overload as a slope. Look at the hub's log, "
    "its LLM and its processor at that time.",
)
def test_latency_stays_within_limits(load_run, limits):
    """From the intended start of each request, p95 and p99 of the answers are within their limits."""
    _believed(load_run)
    p95, p99 = load_run.percentile(0.95), load_run.percentile(0.99)
    note(f"p95 {_between(p95)}, p99 {_between(p99)}, slowest {load_run.judged[-1]:.4g} ms")
    bounds = Limits(critical=load_run.p99, rollback=max(NEVER, load_run.p99), unit="ms")
    ninety_five = NEVER if limits.critical is None else limits.critical
    if p95.against(ninety_five) == "beyond":
        measure(_finite(p95.low, load_run), what="p95 is at least")
    if p99.against(load_run.p99) == "beyond":
        measure(_finite(p99.low, load_run), limits=bounds, what="p99 is at least")
    for name, found, share, limit in (("p95", p95, 0.95, ninety_five), ("p99", p99, 0.99, load_run.p99)):
        if found.against(limit) == "open":
            unknown(f"{name} {_between(found)} is not told from {limit:g} ms: {_needs(load_run.more(share, limit))}")
    measure(p95.value, what="p95")


def _between(found):
    high = f"{found.high:.4g}" if found.high < NEVER else "unbounded"
    return f"{found.value:.4g} ms ({found.low:.4g} to {high})"


def _finite(value, run):
    """What never came to an end took at least the run's time-out."""
    return value if value < NEVER else 1000 * run.plan["timeout"]


@check(
    "errors-stay-within-limits",
    severity="critical",
    rollback="validation-failure",
    after=(VALID,),
    limits=Limits(critical=1, unit="%"),
    remedy="Ask the named route by hand and look at the hub's log at that time; errors that come with the rate alone are "
    "limits of connections, files or memory.",
)
def test_errors_stay_within_limits(load_run, limits):
    """Fewer than one request in a hundred is answered wrongly or not at all."""
    _believed(load_run, aborted=True)
    found, limit = load_run.errors(), 1.0 if limits.critical is None else limits.critical
    where = load_run.worst_routes()
    told = f"{load_run.samples.errors} of {load_run.planned} requests went wrong"
    compared(expected=f"≤ {limit:g}", actual=f"{100 * found.value:.3g}", unit="%")
    if load_run.aborted:
        pytest.fail(f"{told} ({where}); given up: {load_run.ended.why}", pytrace=False)
    if found.against(limit / 100) == "beyond":
        pytest.fail(f"{told}, at least {100 * found.low:.3g} %, limit {limit:g} % ({where})", pytrace=False)
    if found.against(limit / 100) == "open":
        unknown(f"{told}, at most {100 * found.high:.3g} %: {_needs(load_run.more_for_errors(limit / 100))}")
    note(f"{told}, at most {100 * found.high:.3g} % with 95 % confidence{f' ({where})' if where else ''}")


@check(
    "no-regression-against-baseline",
    severity="high",
    after=(VALID,),
    remedy="Compare the two releases under the same load; if slower is meant to be, accept this run: "
    "`readiness baseline --accept-load`.",
)
def test_no_regression_against_baseline(load_run, load_baseline):
    """Answers are not slower than in the accepted run of the same load."""
    _believed(load_run)
    found = load_baseline()
    if isinstance(found, str):
        # as with the tools: were this unknown, no first run could ever be READY
        note(found)
        return
    told = (
        f"median {found.before[0]:.4g} → {found.now[0]:.4g} ms, p95 {found.before[1]:.4g} → {found.now[1]:.4g} ms "
        f"(Mann-Whitney p {found.p:.2g}, effect {found.effect:.2f})"
    )
    compared(expected=f"median {found.before[0]:.4g}", actual=f"{found.now[0]:.4g}", unit="ms")
    if found.slower:
        pytest.fail(f"slower than the accepted run: {told}", pytrace=False)
    if found.longer_tail:
        pytest.fail(f"the slowest answers are slower than in the accepted run: {told}", pytrace=False)
    note(told)


@check(
    "recovers-after-load",
    severity="high",
    after=(VALID,),
    limits=Limits(warning=10, critical=60, unit="s"),
    slow="waits up to a minute for the hub to be as fast as before",
    remedy="Something is left behind by each request: look for queues, sessions and files that stay open after the load.",
)
def test_recovers_after_load(load_run, readiness_config):
    """After the load the hub is as fast as before it, and is still the same process."""
    _believed(load_run)
    around = load_run.around
    note(f"health took {around.idle_ms:.3g} ms before and {around.after_ms:.3g} ms after")
    assert around.same_process is not False, "the hub's process was replaced during the load: it did not survive it"
    if around.back is None:
        pytest.fail(f"not as fast as before within a minute after the load: {around.why}", pytrace=False)
    measure(round(around.back, 2), what="as fast as before after")
    if around.same_process is None and "identity" not in readiness_config.target.kind.lacks:
        unknown("nothing says which process answers, so it may have been replaced during the load")


@check(
    "memory-is-released-after-load",
    severity="medium",
    needs=("process", "identity"),
    after=(VALID,),
    limits=Limits(warning=3, critical=4, unit="times"),
    remedy="Repeat the load without a restart: memory that grows each time leaks; `pytest -m drill --readiness-drill` soaks "
    "the hub and measures by how much.",
)
def test_memory_is_released_after_load(load_run):
    """After the load the hub's process holds little more memory than before it."""
    _believed(load_run)
    around = load_run.around
    if around.memory_before is None or around.memory_after is None:
        unknown(f"the memory of the hub's process could not be seen: {around.memory_why or 'nothing says why'}")
    note(f"{_mb(around.memory_before)} before, {_mb(around.memory_peak)} at most, {_mb(around.memory_after)} after")
    measure(round(around.memory_after / max(1, around.memory_before), 3), what="memory after the load against before:")


def _mb(number):
    return f"{number / 2**20:.0f} MiB" if number is not None else "unknown"
