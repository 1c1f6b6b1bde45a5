"""From a fault to a load run: every arrival, its start and its end, as the server and the generator of the fault make them."""

from __future__ import annotations

import array
import math
import random
from typing import TYPE_CHECKING

from readiness.facts.load import plan as load_plan
from readiness.facts.load.generator import GeneratorEnd
from readiness.facts.load.hub_watch import HubAroundLoad
from readiness.facts.load.load_run import LoadRun
from readiness.facts.load.samples import Samples

if TYPE_CHECKING:
    from tests.faults.load.model import Generator, LoadFault, Server

TIMEOUT = 10.0
ROUTES = ("GET /api/health", "GET /api/servers", "call everything/echo")
MIB = 2**20


def run(fault: LoadFault) -> LoadRun:
    """The run that `fault` describes; the same one at each call."""
    shape = load_plan.arrivals(fault.kind, fault.rate, fault.seconds)
    plan = {"arrivals": shape, "workers": fault.generator.workers, "timeout": TIMEOUT}
    count = 0 if fault.generator.nothing else int(load_plan.due_requests(shape))
    samples = answers(fault.server, fault.generator, count, fault.rate)
    seen = {"idle_ms": 2.0, "after_ms": 2.0, "back": 0.1, "memory_before": 95 * MIB, "memory_peak": 200 * MIB,
            "memory_after": 180 * MIB, "same_process": True}  # fmt: skip
    ended = GeneratorEnd(
        end=fault.generator.end,
        why=fault.generator.why,
        file="samples.bin.gz",
        cpu=fault.generator.cpu,
        clock_offset_ms=fault.generator.clock_offset_ms,
    )
    return LoadRun(plan, ended, samples, HubAroundLoad(**seen | dict(fault.around)), p99=fault.p99)


def answers(server: Server, generator: Generator, count: int, rate: float) -> Samples:
    """What `server` makes of `count` requests at `rate` a second, sent by `generator`."""
    columns = {name: array.array(code) for name, code in zip(("i", "s", "e"), "ddd", strict=True)}
    route, status, error = array.array("H"), array.array("H"), array.array("B")
    chance, free, flying = random.Random(7), 0.0, list[float]()
    for number in range(count):
        due = number / rate
        if generator.silent_after is not None and due >= generator.silent_after and number % generator.workers == 0:
            continue
        begin = due + (generator.late if chance.random() < generator.late_share else 0.00005)
        if chance.random() < generator.dropped:
            begin = math.nan
        took, code, free = _answer(server, begin, number, chance, free)
        end = begin + took
        flying = [one for one in flying if one > begin]
        if server.at_once is not None and len(flying) >= server.at_once:
            end, code = begin + 0.0005, 0
        flying.append(end)
        if end - due > TIMEOUT:
            end, code = due + TIMEOUT, 0
        if number >= count - generator.unfinished:
            end, code = math.nan, 0
        behind = generator.skew if number % 2 else 0.0
        for name, value in zip("ise", (due, begin - behind, end - behind), strict=True):
            columns[name].append(value)
        route.append(number % len(ROUTES))
        status.append(code)
        error.append(0 if code == 200 and not math.isnan(end) else 1)
    return Samples(
        routes=ROUTES, epoch=0.0, intended=columns["i"], started=columns["s"], ended=columns["e"],
        route=route, status=status, error=error,
    )  # fmt: skip


def _answer(server: Server, begin: float, number: int, chance: random.Random, free: float) -> tuple[float, int, float]:
    """Seconds until the answer, its status (0: none), and when a server of limited capacity is free again."""
    took = server.delay + server.growth * number
    if server.tail is not None:
        took = server.delay * (1 - chance.random()) ** (-1 / server.tail)
    if chance.random() < server.slow:
        took = server.slow_delay
    if begin < server.warm:
        took *= 10
    for when, lasting in server.freezes:
        if when <= begin < when + lasting:
            took += when + lasting - begin
    if server.carries is not None:
        free = max(free, begin) + 1 / server.carries
        took += free - begin
    mine = server.route is None or number % len(ROUTES) == server.route
    burst = any(start <= begin < stop for start, stop in server.bursts)
    if server.refuses is not None and begin >= server.refuses:
        return 0.0003, 0, free
    return took, 500 if mine and (burst or chance.random() < server.wrong) else 200, free
