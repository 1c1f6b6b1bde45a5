"""The hub is well: its LLM, its cache, its queue and breaker, its cost and traffic, its deploys and its availability."""

from __future__ import annotations

import dataclasses
import time

import pytest

from readiness import Limits, check, compared, measure, note, unknown, warn

pytestmark = pytest.mark.alerts

PUBLISHED = ("llm", "telemetry")


@check(
    "llm-success-rate",
    severity="critical",
    rollback="success-rate",
    limits=Limits(warning=0.95, critical=0.90, rollback=0.80, better="higher", samples=20),
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="Look at the provider's status page and its key's quota, then at the hub's log for the calls that failed.",
)
def test_llm_success_rate(telemetry, limits):
    """The LLM answers nearly every call."""
    _judge_share(telemetry, "llm", limits, "LLM success rate")


@check(
    "llm-p95-latency",
    severity="critical",
    rollback="latency",
    limits=Limits(warning=2000, critical=5000, unit="ms", samples=20),
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="Compare with the provider's latency; use a faster model, or a nearer base URL, in llmCategorization.",
)
def test_llm_p95_latency(telemetry, limits):
    """Nineteen of twenty LLM calls are answered in time."""
    _judge_latency(telemetry, "llm.p95", limits)


@check(
    "llm-p99-latency",
    severity="high",
    limits=Limits(critical=5000, unit="ms", samples=20),
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="Give llmCategorization a time-out below this limit, so that one slow call cannot hold up an agent.",
)
def test_llm_p99_latency(telemetry, limits):
    """Even the slowest LLM calls are answered in time."""
    _judge_latency(telemetry, "llm.p99", limits)


@check(
    "cache-hit-rate",
    severity="medium",
    limits=Limits(warning=0.80, critical=0.60, better="higher", samples=20),
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="See that the cache is large enough and outlives restarts; prompts that never repeat cannot be cached.",
)
def test_cache_hit_rate(telemetry, limits):
    """The cache answers most prompts that were analysed before."""
    # every entry was missed once, before it was there: of a cold cache that says nothing bad
    first = telemetry.reading("cache.entries").number or 0
    _judge_share(telemetry, "cache", limits, "cache hit rate", excused=first)


@check(
    "queue-depth",
    severity="high",
    limits=Limits(warning=10, critical=50),
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="Calls wait for the LLM: look at its latency and rate limit, and allow more calls at once.",
)
def test_queue_depth(telemetry):
    """No long queue waits for the LLM."""
    measure(_number(telemetry, "queue.depth"), what="queue depth")


@check(
    "circuit-breaker-is-closed",
    severity="critical",
    rollback="circuit-breaker",
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="The LLM failed several times in a row: mend what the hub's log says about it; the breaker closes by itself.",
)
def test_circuit_breaker_is_closed(telemetry):
    """The circuit breaker in front of the LLM is closed, and stays so."""
    reading = telemetry.reading("breaker.state")
    if reading.value is None:
        unknown(reading.reason)
    compared(expected="closed", actual=reading.value)
    if reading.value == "open":
        pytest.fail("the circuit breaker is open: the hub no longer asks the LLM", pytrace=False)
    if reading.value == "half-open":
        warn("the circuit breaker is half-open: the LLM is being tried again after failures")
    trips = telemetry.share("trips")
    if trips.trouble and telemetry.reading("breaker.trips").trouble != "absent":
        unknown(trips.trouble)
    if trips.n:
        warn(f"the circuit breaker opened {trips.n} times {trips.since}")


@check(
    "breaker-failures",
    severity="medium",
    limits=Limits(critical=2, unit="failures in a row"),
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="Read in the hub's log why the LLM's calls fail, before the circuit breaker opens.",
)
def test_breaker_failures(telemetry):
    """Fewer than three LLM calls in a row have failed."""
    measure(_number(telemetry, "breaker.failures"), what="the breaker counts")


@check(
    "llm-cost",
    severity="high",
    limits=Limits(critical=100, unit="$/day"),
    needs=PUBLISHED,
    after=("hub-answers",),
    remedy="Look at what asks so much: cache more, use a cheaper model, or set a budget at the provider.",
)
def test_llm_cost(telemetry):
    """The LLM costs no more a day than was agreed."""
    reading = telemetry.reading("llm.cost")
    if not _is_idle(telemetry, reading):
        measure(_number(telemetry, "llm.cost"), what="LLM cost")


@check(
    "traffic-is-as-expected",
    severity="medium",
    limits=Limits(critical=1000, unit="requests/min"),
    needs=("telemetry", "traffic"),
    after=("hub-answers",),
    remedy="Find out who asks so much in the proxy's access log; limit its rate there (limit_req).",
)
def test_traffic_is_as_expected(telemetry):
    """The hub gets no more requests than it was planned for."""
    measure(_number(telemetry, "traffic"), what="traffic")


@check(
    "llm-is-watched",
    severity="medium",
    needs=("llm",),
    remedy="Publish the LLM's numbers (a hub with /api/filtering/stats) and claim [expect] telemetry; until then watch the "
    "provider's own page, and its costs.",
)
def test_llm_is_watched(readiness_config):
    """What the LLM of a hub in production does is published, so that somebody can notice when it fails."""
    claim = readiness_config.claim("telemetry")
    compared(expected="telemetry", actual="declared away" if claim.expected is False else "claimed")
    if claim.expected is not False:
        return
    away = f"[expect] telemetry is declared away ({claim.reason}), and with it every alert about the LLM"
    if readiness_config.production:
        warn(f"nothing watches the LLM in production: {away}")
    else:
        note(f"nothing watches the LLM: {away}; the environment is {readiness_config.environment}")


@check(
    "recent-deployments-succeeded",
    severity="medium",
    needs=("deployments",),
    remedy="Read the report of the run that decided ROLL BACK; deploy again only once its cause is mended.",
)
def test_recent_deployments_succeeded(past_runs):
    """No deploy of the last 30 days had to be rolled back."""
    found = past_runs.deploys(time.time())
    if not found.recorded:
        note("no deploy is on record: `readiness release` records one, and the runs that follow judge it")
    told = ", ".join(_moment(run.started) for run in found.taken_back)
    compared(expected="0 deploys rolled back", actual=f"{len(found.taken_back)} in 30 days")
    note(f"{found.judged} earlier runs have judged a running release in the last 30 days")
    assert found.standing, f"the last deploy was to be rolled back ({told}), and no run has found the hub fit since"
    if found.taken_back:
        warn(f"deploys of the last 30 days that were to be rolled back: {told}")


@check(
    "availability-meets-its-objective",
    severity="high",
    limits=Limits(critical=0.999, better="higher", samples=20),
    needs=("availability",),
    remedy="See in the history when the hub was down, and why; run the health checks more often to know it better.",
)
def test_availability_meets_its_objective(past_runs, limits):
    """Over the last 30 days the hub was there as much as was promised, as far as runs have looked."""
    _need_shares(limits)
    found = past_runs.uptime(time.time())
    note(
        f"{found.runs} runs in 30 days: up {_span(found.up)}, down {_span(found.down)}, turning {_span(found.turning)}, "
        f"unseen {_span(found.unseen)} (no two runs within 2 h)"
    )
    seen = f"{_percent(found.at_worst)} of the time that was seen" if found.seen else ""  # nothing seen is not 0 %
    compared(expected=f"≥ {_percent(limits.critical)}", actual=seen)
    if found.runs < limits.samples or found.seen < 1 / 2:
        _judge_little_history(found, limits)
    elif limits.beyond(found.at_best, limits.critical) or not limits.beyond(found.at_worst, limits.critical):
        measure(round(found.at_worst, 9), what="availability")
    else:
        unknown(
            f"between {_percent(found.at_worst)} and {_percent(found.at_best)}: {found.bad} runs found it down, "
            "and when that began or ended is not known closely enough; run the health checks more often"
        )


def _judge_little_history(found, limits):
    runs = f"{found.runs} run" if found.runs == 1 else f"{found.runs} runs"
    little = f"little history: {runs}, {found.seen:.0%} of the time seen"
    if limits.beyond(found.at_very_best, limits.critical):
        pytest.fail(
            f"down for {_span(found.down)} of 30 days: {_percent(found.at_very_best)} at best, "
            f"expected ≥ {_percent(limits.critical)}",
            pytrace=False,
        )
    if found.bad:
        unknown(f"{found.bad} of {runs} found the hub down, and for how long is unknown ({little})")
    note(little)


def _judge_share(telemetry, kind, limits, what, excused=0):
    """A share of good ones in what was counted: with too few of them, only what no missing one could change.

    With too few, `excused` bad ones do not count.
    """
    _need_shares(limits)
    share = telemetry.share(kind)
    if telemetry.problem:
        note(f"what was read could not be stored for the next run: {telemetry.problem}")
    if share.trouble:
        unknown(share.trouble)
    note(f"{share.n} {share.what} {share.since}, {share.bad:g} of them bad")
    if share.n >= limits.samples:
        measure(round(share.good, 9), what=what)
        return
    share = dataclasses.replace(share, bad=max(0.0, share.bad - excused))
    at_best = share.at_best(limits.samples)
    few = f"{share.bad:g} of {share.n} {share.what} {share.since} were bad"
    if limits.beyond(at_best, limits.critical):
        # proven bad, but a rollback wants as many samples as the limit does
        words = f"{few}; {what}, if all that are missing to {limits.samples} were good,"
        measure(at_best, limits=dataclasses.replace(limits, rollback=0.0), what=words)
    if share.bad:
        unknown(f"{few}: too few to tell ({limits.samples} are needed)")
    if share.doubt:
        unknown(f"{share.n} {share.what} are too few to tell, and {share.doubt}")
    compared(expected=f"≥ {_percent(limits.critical)}", actual=f"{share.n} {share.what}, none bad")
    note(f"little traffic: {share.n} {share.what}")


def _judge_latency(telemetry, name, limits):
    """A percentile: of too few calls it proves nothing bad, and nothing good if it looks bad."""
    reading = telemetry.reading(name)
    if _is_idle(telemetry, reading):
        return
    value, calls = _number(telemetry, name), telemetry.snapshot().calls
    if calls is None:
        unknown(f"of how many calls {reading.source} speaks is not published: llm.totalCalls would say")
    if calls >= limits.samples:
        measure(value, what="the hub reports")
        return
    seen = f"{value:.6g} of {calls:g} calls" if calls else f"{value:.6g}, with no call yet"
    compared(expected=f"≤ {limits.critical:g}", actual=seen, unit=limits.unit)
    if limits.beyond(value, limits.critical) or limits.beyond(value, limits.warning):
        unknown(f"{value:.6g} {limits.unit} of only {calls:g} calls ({limits.samples} are needed)")
    _need_the_deployed_process(telemetry)
    note(f"little traffic: {calls:g} calls")


def _is_idle(telemetry, reading):
    """Whether the hub says that it has no value because it made no call yet; that is no alarm."""
    if reading.trouble != "empty" or telemetry.snapshot().calls != 0:
        return False
    _need_the_deployed_process(telemetry)
    note("little traffic: 0 calls")
    return True


def _need_the_deployed_process(telemetry):
    doubt = telemetry.snapshot().seen.doubt
    if doubt:
        unknown(f"too few calls to tell, and {doubt}")


def _need_shares(limits):
    """Limits written as 95 instead of 0.95 would condemn every hub."""
    for name in ("warning", "critical", "rollback"):
        number = getattr(limits, name)
        if number is not None and number > 1:
            unknown(f"the limit {name} = {number:g} is no share from 0 to 1: write {number / 100:g} for {number:g} %")


def _number(telemetry, name):
    reading = telemetry.reading(name)
    if reading.number is None:
        unknown(reading.reason)
    return reading.number


def _percent(share):
    return f"{100 * share:.4g} %"


def _span(seconds):
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.1f} d"


def _moment(seconds):
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
