"""Load runs as data: what a server or a generator did, and what each check of the load must make of it."""

from __future__ import annotations

from typing import Any, Final

from tests.faults.load.model import Generator, LoadFault, Server

VALID: Final = "load-evidence-is-valid"
RATE: Final = "sustains-its-request-rate"
LATENCY: Final = "latency-stays-within-limits"
ERRORS: Final = "errors-stay-within-limits"
BASELINE: Final = "no-regression-against-baseline"
RECOVERY: Final = "recovers-after-load"
MEMORY: Final = "memory-is-released-after-load"
OTHERS: Final = (RATE, LATENCY, ERRORS, BASELINE, RECOVERY, MEMORY)
PROVES_NOTHING: Final = {VALID: "failed", **dict.fromkeys(OTHERS, "blocked")}
GIVEN_UP: Final = {ERRORS: "failed", **dict.fromkeys((RATE, LATENCY, BASELINE, RECOVERY, MEMORY), "unknown")}


def _fault(name: str, sentence: str, expected: dict[str, str], *words: str, **more: Any) -> LoadFault:
    return LoadFault(name=name, sentence=sentence, expected=expected, words=words, **more)


WELL: Final = (
    _fault("fixed-delay", "Every answer takes 10 ms.", {}),
    _fault("bimodal", "One answer in fifty takes 400 ms.", {}, server=Server(slow=0.02, slow_delay=0.4)),
    _fault("short-freeze", "A freeze of 300 ms, as a session that closes makes one.", {}, server=Server(freezes=((9, 0.3),))),
    _fault("two-errors", "2 of 3000 answers are errors.", {}, server=Server(bursts=((5, 5.015),))),
    _fault("cold-start", "Ten times slower in the first second.", {}, server=Server(warm=1.0)),
    _fault("poisson-arrivals", "Random arrivals: a few fewer than planned are no loss.", {}, kind="poisson"),
    _fault("constant-as-before", "All answers take exactly as long as in the accepted run.", {}, before=Server()),
    _fault("a-tenth-of-a-millisecond", "All answers are 0.1 ms slower: certain, and nobody notices.", {},
           server=Server(delay=0.0101), before=Server()),
    _fault("two-workers", "Two workers, both idle enough.", {}, generator=Generator(cpu=(0.1, 0.4, 0.5), workers=2)),
)  # fmt: skip

SERVERS: Final = (
    _fault("p95-past-warning", "Answers take 600 ms.", {LATENCY: "degraded"}, "warning limit of 500",
           server=Server(delay=0.6)),
    _fault("p95-past-limit", "Answers take 3 s.", {LATENCY: "failed", RATE: "failed"}, "p95 is at least 3000",
           server=Server(delay=3.0)),
    _fault("p95-past-rollback", "Answers take 6 s.", {LATENCY: "failed", RATE: "failed"}, "p95 is at least 6000",
           server=Server(delay=6.0)),
    _fault("two-second-freeze", "A freeze of 4 s in the middle: a closed model would not see it.",
           {LATENCY: "failed"}, "p95 is at least", server=Server(freezes=((10, 4.0),))),
    _fault("p95-on-the-limit", "5 % of the answers take 2.5 s: chance decides on which side p95 falls.",
           {LATENCY: "unknown"}, "more requests", server=Server(slow=0.05, slow_delay=2.5)),
    _fault("heavy-tail", "A Pareto tail of exponent 0.6: 3 % are slower than 2 s, 1.5 % slower than 7 s.",
           {LATENCY: "failed", RATE: "failed", ERRORS: "unknown"}, "p99", server=Server(tail=0.6)),
    _fault("p99-alone", "2 % of the answers take 6 s.", {LATENCY: "failed"}, "p99 is at least 6000",
           server=Server(slow=0.02, slow_delay=6.0)),
    _fault("p99-tightened", "2 % take 400 ms, and [load] p99 is 100 ms.", {LATENCY: "failed"}, "p99 is at least",
           server=Server(slow=0.02, slow_delay=0.4), p99=100.0),
    _fault("cannot-carry-the-rate", "It answers 80 a second of the 100 that arrive.",
           {LATENCY: "failed", RATE: "failed"}, "in step with the schedule", server=Server(carries=80)),
    _fault("carries-half", "It answers 50 a second: most requests time out.",
           {LATENCY: "failed", RATE: "failed", ERRORS: "failed"}, "requests went wrong", server=Server(carries=50)),
    _fault("error-burst", "Everything fails for a second.", {ERRORS: "failed", RATE: "failed"}, "GET /api/health: 3",
           server=Server(bursts=((12, 13),))),
    _fault("one-route-fails", "One of three routes fails.", {ERRORS: "failed", RATE: "failed"}, "call everything/echo: 1000 of 1000",
           server=Server(wrong=1.0, route=2)),
    _fault("errors-on-the-limit", "29 errors in 3000: under 1 %, and not certainly so.", {ERRORS: "unknown"}, "more requests",
           server=Server(bursts=((12, 12.285),))),
    _fault("refuses-connections", "From the tenth second on nobody listens; the run is given up.", GIVEN_UP, "given up",
           server=Server(refuses=10.0), generator=Generator(end="aborted", why="61 errors are past 1.00% of 3000")),
    _fault("connection-limit", "It takes 5 requests at once and refuses the rest.",
           {ERRORS: "failed", RATE: "failed"}, "requests went wrong", server=Server(delay=0.1, at_once=5)),
    _fault("slower-than-before", "The median doubled.", {BASELINE: "failed"}, "slower than the accepted run",
           server=Server(delay=0.02), before=Server()),
    _fault("longer-tail-than-before", "One answer in ten became slow; the median is the same.", {BASELINE: "failed"},
           "slowest answers", server=Server(slow=0.1, slow_delay=0.3), before=Server()),
    _fault("grows-slower", "Each request is a little slower than the last.", {LATENCY: "degraded"}, "warning limit",
           server=Server(growth=0.0003)),
)  # fmt: skip

AFTERWARDS: Final = (
    _fault("slow-afterwards", "As fast as before only after 20 s.", {RECOVERY: "degraded"}, "warning limit of 10",
           around={"back": 20.0}),
    _fault("never-recovers", "A minute later it is still slow.", {RECOVERY: "failed"}, "within a minute",
           around={"back": None, "why": "health still took 900 ms, 2.0 ms before"}),
    _fault("restarted-under-load", "Another process answers afterwards.", {RECOVERY: "failed", MEMORY: "unknown"}, "replaced",
           around={"same_process": False, "memory_after": None, "memory_why": "the hub's process was replaced"}),
    _fault("nobody-names-its-process", "No event and no socket tells which process answers.", {RECOVERY: "unknown"},
           "which process answers", around={"same_process": None}),
    _fault("keeps-memory", "It holds five times the memory.", {MEMORY: "failed"}, "memory after the load",
           around={"memory_after": 475 * 2**20}),
    _fault("keeps-some-memory", "It holds three and a half times the memory.", {MEMORY: "degraded"}, "warning limit of 3",
           around={"memory_after": 332 * 2**20}),
    _fault("memory-elsewhere", "The hub runs on another host.", {MEMORY: "unknown"}, "not on this host",
           around={"memory_before": None, "memory_after": None, "memory_why": "the process is not on this host"}),
)  # fmt: skip

GENERATORS: Final = (
    _fault("starved-of-cpu", "The generator used 97 % of its processor.", PROVES_NOTHING, "97 % busy",
           generator=Generator(cpu=(0.97,))),
    _fault("one-worker-starved", "One of two workers was busy.", PROVES_NOTHING, "94 % busy",
           generator=Generator(cpu=(0.1, 0.2, 0.94), workers=2)),
    _fault("does-not-say-its-cpu", "The generator did not measure itself.", PROVES_NOTHING, "did not say",
           generator=Generator(cpu=())),
    _fault("one-worker-does-not-say-its-cpu", "One of two workers did not measure itself.", PROVES_NOTHING, "did not say",
           generator=Generator(cpu=(0.1, 0.2), workers=2)),
    _fault("late-schedule", "2 % of the requests were sent 50 ms late.", PROVES_NOTHING, "late (p99)",
           generator=Generator(late=0.05, late_share=0.02)),
    _fault("drops", "3 % of the requests were never sent.", PROVES_NOTHING, "were sent; the bottleneck",
           generator=Generator(dropped=0.03)),
    _fault("unfinished", "Four requests were neither answered nor timed out.", PROVES_NOTHING, "neither answered nor timed out",
           generator=Generator(unfinished=4)),
    _fault("worker-killed", "A worker was killed in the middle, and the master saw it.", PROVES_NOTHING, "lost-worker",
           generator=Generator(end="lost-worker", why="worker 2 is gone", workers=2, cpu=(0.1, 0.2, 0.2))),
    _fault("worker-killed-unseen", "A worker went silent, and the generator says it is done.", PROVES_NOTHING, "accounts for",
           generator=Generator(silent_after=15.0, workers=2, cpu=(0.1, 0.2, 0.2))),
    _fault("clock-offset", "The workers' clocks differ by 40 ms.", PROVES_NOTHING, "clocks differ by 40",
           generator=Generator(clock_offset_ms=40.0, workers=2, cpu=(0.1, 0.2, 0.2))),
    _fault("clock-skew", "One worker's clock is 50 ms behind and nobody measured it.", PROVES_NOTHING, "before their time",
           generator=Generator(skew=0.05, workers=2, cpu=(0.1, 0.2, 0.2))),
    _fault("no-requests", "The generator ended well after no request at all.", PROVES_NOTHING, "not one request",
           generator=Generator(nothing=True)),
    _fault("too-few", "100 requests cannot tell a p99: nothing has failed.", dict.fromkeys((VALID, *OTHERS), "unknown"), "a p99 needs 299", rate=10, seconds=10),
    _fault("interrupted", "Somebody stopped it.", PROVES_NOTHING, "interrupted",
           generator=Generator(end="interrupted", why="somebody interrupted it")),
)  # fmt: skip

FAULTS: Final = (*WELL, *SERVERS, *AFTERWARDS, *GENERATORS)
