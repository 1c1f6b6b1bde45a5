"""How old a hub is: no time that another machine's clock told is ever held against ours, and a wrong one is none."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from readiness.facts.http.answer import HttpAnswer
from readiness.facts.hub import uptime
from readiness.facts.hub.identity import Identity
from readiness.facts.hub.records import Health, servers_in


def stamp(moment: float) -> str:
    """As a hub writes a time."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(seen: float, age: float | None = None, *, start: str = "then", clock: Any = "hub") -> Identity:
    """A reading of process 7 at `seen` seconds."""
    return Identity(pid=7, seen=seen, age=age, clock=clock if age is not None else None, claimed_start=start)


@pytest.mark.parametrize(
    ("first", "now", "seconds"),
    [
        (read(0, 100), read(20, 120), 120),
        (read(0, 100), read(20, 100), 20),
        (read(0, 100), read(20, 5_000), 20),
        (read(0, 100), read(0.5, 100.5), 0.5),
        (read(0, 100), read(20), 20),
        (read(0), read(20, 5_000), 20),
        (read(0), read(20), 20),
        (read(0, 90, clock="kernel"), read(20, 110, clock="kernel"), 110),
        (read(0), read(1, 110, clock="kernel"), 110),
    ],
    ids=["both clocks run alike", "it stands still", "it jumps", "read twice at once", "silent at the end", "silent at first",
         "silent", "counted by the kernel", "the kernel needs one look"],
)  # fmt: skip
def test_a_hub_is_as_old_as_is_proven(first: Identity, now: Identity, seconds: float) -> None:
    """What was watched counts; a clock of its own adds to that only where two reads of it run as ours does."""
    assert now.up_for(first) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("now", "restarted"),
    [
        (read(20, 4, start="now"), True),
        (read(20, 4), False),
        (read(20, 120, start="now"), False),
        (read(20, start="now"), False),
        (read(20, 4, clock="kernel"), True),
        (read(20, 19, start="now"), False),
        (Identity(pid=8, seen=20), True),
    ],
    ids=["younger, a new start", "its clock was set back", "all its times moved", "no age", "younger by the kernel", "as old as the run",
         "another process"],
)  # fmt: skip
def test_a_restart_under_the_same_number_is_seen(now: Identity, *, restarted: bool) -> None:
    """In a container each hub is process 1: its age and its start together tell, and a clock that was set does not."""
    assert now.is_restart_of(read(0, 100)) is restarted


@pytest.mark.parametrize("ahead", [0.0, 600.0, -600.0, 90_000.0])
@pytest.mark.parametrize(
    ("age", "server", "told"),
    [(40, 30, 40), (0, 0, 0), (-5, 0, None), (1e9, 0, None), (40, 300, None)],
    ids=["well", "just started", "started in the future", "30 years old", "a server that is older"],
)
def test_a_hubs_own_clock_is_held_against_its_own_start(
    ahead: float, age: float, server: float, told: float | None
) -> None:
    """Only what the hub says twice counts, however far its clock stands from ours."""
    now = time.time() + ahead
    health = Health(
        raw={"timestamp": stamp(now), "servers": [{"name": "memory", "status": "connected", "uptime": server}]}
    )
    answer = HttpAnswer(method="GET", url="/api/health", status=200)
    clock = uptime.told_clock(answer, health, {"startTime": stamp(now - age)})
    assert clock.age == (None if told is None else pytest.approx(told, abs=0.5))
    assert clock.ahead == pytest.approx(ahead, abs=0.5)


@pytest.mark.parametrize("value", [-0.5, -600, 1e9, float("nan"), True, "12", None])
def test_an_uptime_that_cannot_be_is_none(value: object) -> None:
    """A hub whose clock was set tells negative or absurd uptimes: they prove neither life nor death."""
    (server,) = servers_in({"servers": [{"name": "a", "status": "connected", "uptime": value}]}, "")
    assert server.uptime is None


def test_a_process_here_is_counted_by_the_kernel() -> None:
    """Its age grows with our clock from its start on, and never comes from a time of day."""
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = psutil.Process(child.pid)
        age = uptime.age_here(process)
        assert age is not None
        assert 0 <= age <= time.monotonic() - began + 0.1
        older = uptime.age_here(psutil.Process(os.getpid()))
        assert older is not None
        assert older > age
