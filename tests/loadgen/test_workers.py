"""Runs of several processes: shared out without loss, led by one clock, and worth nothing when a worker is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.loadgen.child import ROOT, generator, steady
from tests.loadgen.target import Target, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[Target]:
    """A server with a known truth."""
    with target() as running:
        yield running


def mix(server: Target, rate: float, seconds: float) -> dict[str, Any]:
    """A plan with two routes."""
    routes = [{"name": "fast", "path": "/ok", "weight": 3}, {"name": "slow", "path": "/delay/20"}]
    return {"base": server.url, "mix": routes, "arrivals": steady(rate, seconds)}


def test_two_workers_send_one_schedule(server: Target, tmp_path: Path) -> None:
    """Every arrival is sent exactly once, at its time; clocks of one machine agree; all figures come together."""
    with generator(tmp_path, mix(server, 60, 1.5) | {"workers": 2}) as child:
        last = child.end()
    samples = child.samples()
    assert last["end"] == "done"
    assert sorted(samples.intended) == pytest.approx([number / 60 for number in range(90)])
    assert not any(samples.error)
    assert len(server.asked) == 90
    counts = {name: count for name, count, _, _ in samples.by_route()}
    assert 60 <= counts["fast"] <= 75
    assert sum(counts.values()) == 90
    assert set(last["clock_offset_ms"]) == {"worker 0", "worker 1"}
    assert set(last["cpu"]) == {"master", "worker 0", "worker 1"}
    assert (child.lines[-2]["planned"], child.lines[-2]["done"]) == (90, 90)


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The worker processes that a generator has started."""
    return [one for one in psutil.Process(process.pid).children() if "worker" in one.cmdline()]


@pytest.mark.matrix
def test_a_killed_worker_makes_the_run_invalid(server: Target, tmp_path: Path) -> None:
    """A worker that dies in the middle ends the run at once, by name, and nobody outlives it."""
    with generator(tmp_path, mix(server, 60, 30) | {"workers": 2}) as child:
        while child.next("t")["done"] < 5:
            pass
        workers = workers_of(child.process)
        os.kill(workers[0].pid, signal.SIGKILL)
        last = child.end()
        assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert last["end"] == "lost-worker"
    assert "ended with status -9" in last["why"]
    # what the other one had is there to be looked at
    assert 0 < len(child.samples()) < 1800


@pytest.mark.matrix
def test_a_silent_worker_makes_the_run_invalid(server: Target, tmp_path: Path) -> None:
    """A worker that stands still is as good as lost."""
    with generator(tmp_path, mix(server, 60, 30) | {"workers": 2}) as child:
        while child.next("t")["done"] < 5:
            pass
        workers = workers_of(child.process)
        os.kill(workers[1].pid, signal.SIGSTOP)
        try:
            last = child.end()
        finally:
            workers[1].kill()
    assert last["end"] == "lost-worker"
    assert "silent" in last["why"]


@pytest.mark.matrix
@pytest.mark.parametrize("way", ["SIGINT", "parent"])
def test_an_interrupt_ends_all_workers(way: str, server: Target, tmp_path: Path) -> None:
    """The leader's end is everybody's end, also when it has no time to say so."""
    with generator(tmp_path, mix(server, 60, 30) | {"workers": 2}) as child:
        while child.next("t")["done"] < 5:
            pass
        workers = workers_of(child.process)
        if way == "parent":
            child.process.kill()
        else:
            child.process.send_signal(signal.SIGINT)
            assert child.end()["end"] == "interrupted"
            assert len(child.samples()) >= 5
        assert psutil.wait_procs(workers, timeout=15)[1] == []


SKEWED = "import time, runpy, sys; real = time.time; time.time = lambda: real() + 5.0; sys.argv = ['loadgen', *sys.argv[1:]]; runpy.run_module('readiness.loadgen', run_name='__main__')"


def join(port: int, key: str, *start: str) -> subprocess.Popen[bytes]:
    """A worker that joins by address, as one on another machine does."""
    argv = [sys.executable, *start, "--master", "127.0.0.1", "--port", str(port)]
    env = {**os.environ, "READINESS_LOAD_KEY": key}
    return subprocess.Popen(argv, stdin=subprocess.PIPE, env=env, cwd=ROOT)


@pytest.mark.matrix
def test_a_worker_joins_by_address_whatever_its_clock_says(server: Target, tmp_path: Path) -> None:
    """Workers with the right key join; one whose clock is 5 s ahead still sends at the common epoch, and it is told."""
    plan = mix(server, 60, 1) | {"workers": 0, "remote": 2}
    with generator(tmp_path, plan, READINESS_LOAD_KEY="right") as child:
        port = child.next("port")["port"]
        joined = [
            join(port, "right", "-c", SKEWED, "worker"),
            join(port, "wrong", "-m", "readiness", "load-worker"),
            join(port, "right", "-m", "readiness", "load-worker"),
        ]
        try:
            last = child.end()
        finally:
            for process in joined:
                process.terminate()
            for process in joined:
                process.wait(20)
    samples = child.samples()
    assert (last["end"], len(samples), sum(samples.error)) == ("done", 60, 0)
    assert sorted(abs(round(offset / 1000)) for offset in last["clock_offset_ms"].values()) == [0, 5]
    # the epoch is common: nobody began seconds before or after
    assert all(abs(begin - due) < 2 for begin, due in zip(samples.started, samples.intended, strict=True))


@pytest.mark.matrix
def test_a_worker_that_never_comes_is_waited_for_and_told(server: Target, tmp_path: Path) -> None:
    """Fewer workers than planned prove nothing: no request is sent."""
    with generator(tmp_path, mix(server, 60, 1) | {"workers": 1, "remote": 1, "join": 4.0}) as child:
        last = child.end()
    assert (last["end"], server.asked) == ("lost-worker", [])
    assert "1 of 2 workers joined within 4 s" in last["why"]


def test_an_open_port_needs_a_key(server: Target, tmp_path: Path) -> None:
    """Where other machines can reach the master, strangers must not join: without a key it does not start."""
    plan = mix(server, 60, 1) | {"remote": 1, "bind": "0.0.0.0"}
    with generator(tmp_path, plan, READINESS_LOAD_KEY="") as child:
        last = child.end()
    assert last["end"] == "failed"
    assert "READINESS_LOAD_KEY" in last["why"]
