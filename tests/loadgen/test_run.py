"""The generator against a server whose truth is known: what it measures, and how it ends."""

from __future__ import annotations

import math
import signal
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from readiness.loadgen.samples import DROPPED, ERRORS, NO_CONNECTION, UNFINISHED
from tests.loadgen.child import ROOT, generator, steady
from tests.loadgen.target import Target, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.facts.load import samples as load_samples


@pytest.fixture
def server() -> Iterator[Target]:
    """A server with a known truth."""
    with target() as running:
        yield running


def outcomes(samples: load_samples.Samples) -> dict[str, set[str]]:
    """Which errors each route had."""
    found: dict[str, set[str]] = {}
    for route, error in zip(samples.route, samples.error, strict=True):
        found.setdefault(samples.routes[route], set()).add(ERRORS[error])
    return found


def rank(values: list[float], share: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def test_every_way_to_answer_is_told_apart(server: Target, tmp_path: Path) -> None:
    """Good answers are good, each kind of bad one has its name, and the token rides on every request."""
    wanted = {
        "/ok": "",
        "/bye": "",
        "/status/500": "http-status",
        "/status/204": "",
        "/away/127.0.0.1:1/": "http-status",
        "/big": "too-large",
        "/drip": "time-out",
        "/hang": "time-out",
    }
    mix: list[dict[str, Any]] = [{"name": path, "path": path} for path in wanted]
    mix += [
        {"name": "other", "path": "/ok", "contains": "no such text"},
        {"name": "head", "path": "/ok", "method": "HEAD"},
    ]
    plan = {"base": server.url, "mix": mix, "arrivals": steady(100, 0.6), "body_limit": 100_000, "timeout": 1.0}
    with generator(
        tmp_path,
        plan | {"token_env": "LOAD_TEST_TOKEN"},
        LOAD_TEST_TOKEN="secret-of-the-test",
        http_proxy="http://127.0.0.1:1",
    ) as child:
        assert child.end()["end"] == "done"
    found = outcomes(child.samples())
    assert found.pop("other") == {"wrong-answer"}
    assert found.pop("head") == {""}
    assert found == {path: {error} for path, error in wanted.items()}
    assert {headers.get("authorization") for headers in server.headers} == {"Bearer secret-of-the-test"}
    assert len(child.samples()) == 60
    assert child.lines[-2]["done"] == 60


def test_a_freeze_is_seen_from_the_intended_start(server: Target, tmp_path: Path) -> None:
    """A server that stands still for 2 s in the middle shows it in the p99, while its usual answers stay fast."""
    plan = {"base": server.url, "mix": [{"path": "/delay/5"}], "arrivals": steady(50, 4), "timeout": 10.0}
    with generator(tmp_path, plan) as child:
        child.next("t")
        server.freeze(2.0)
        assert child.end()["end"] == "done"
    samples = child.samples()
    latencies = samples.latencies()
    assert len(latencies) == 200
    assert not any(samples.error)
    # of 200 arrivals 100 fell into the freeze; two of them waited longer than 98 % of it
    assert 1500 < rank(latencies, 0.99) < 4000
    assert rank(latencies, 0.25) >= 5


def test_too_many_in_flight_are_dropped_and_counted(server: Target, tmp_path: Path) -> None:
    """Where nothing is answered, the schedule goes on: what finds no room is dropped, what hangs is unfinished."""
    plan = {"base": server.url, "mix": [{"path": "/hang"}], "arrivals": steady(50, 1), "in_flight": 10}
    with generator(tmp_path, plan | {"drain": 0.3}) as child:
        assert child.end()["end"] == "done"
    samples = child.samples()
    assert sorted(samples.error) == [DROPPED] * 40 + [UNFINISHED] * 10
    assert (child.lines[-2]["dropped"], child.lines[-2]["in_flight"]) == (40, 10)


@pytest.mark.parametrize(
    "way",
    [
        "SIGINT",
        "stdin",
        pytest.param("SIGTERM", marks=pytest.mark.matrix),
        pytest.param("stdout", marks=pytest.mark.matrix),
    ],
)
def test_an_interrupted_run_ends_at_once_and_still_writes(way: str, server: Target, tmp_path: Path) -> None:
    """A signal, or a parent that is gone, ends the run soon, and what was measured is there."""
    plan = {"base": server.url, "mix": [{"path": "/ok"}], "arrivals": steady(50, 30)}
    with generator(tmp_path, plan) as child:
        child.next("t")
        began = time.monotonic()
        if way == "stdin":
            assert child.process.stdin is not None
            child.process.stdin.close()
        elif way == "stdout":
            assert child.process.stdout is not None
            child.process.stdout.close()
        else:
            child.process.send_signal(signal.Signals[way])
        if way != "stdout":
            assert child.end()["end"] == "interrupted"
        child.process.wait(10)
        # a second is the promise; a busy machine gets more
        assert time.monotonic() - began < 5
    assert len(child.samples()) > 0


def test_a_hopeless_run_is_given_up(server: Target, tmp_path: Path) -> None:
    """When more has failed than the whole run may, nothing more is sent, and the last line says why."""
    plan = {"base": server.url, "mix": [{"path": "/status/503"}], "arrivals": steady(50, 60)}
    with generator(tmp_path, plan | {"abort": {"error_rate": 0.01}}) as child:
        last = child.end()
    assert last["end"] == "aborted"
    assert "of all 3000 planned requests" in last["why"]
    assert 30 < len(child.samples()) < 1000


@pytest.mark.parametrize("streamable", [False, True], ids=["legacy", "streamable"])
def test_tool_calls_share_three_sessions(*, streamable: bool, tmp_path: Path) -> None:
    """Calls go over either transport and three sessions; an error inside a 200 is an error."""
    tools = {"echo": "", "wrong": "wrong-answer", "missing": "wrong-answer"}
    mix: list[dict[str, Any]] = [
        {"name": tool, "tool": tool, "arguments": {"message": "hi"}, "contains": "Echo: hi"} for tool in tools
    ]
    mix.append({"name": "other text", "tool": "echo", "arguments": {"message": "ho"}, "contains": "Echo: hi"})
    with target(streamable=streamable) as server:
        with generator(tmp_path, {"base": server.url, "mix": mix, "arrivals": steady(40, 1)}) as child:
            last = child.end()
        assert (last["end"], last["why"]) == ("done", "")
        assert server.opened == 3
        assert server.closed == (3 if streamable else 0)
    assert outcomes(child.samples()) == {"other text": {"wrong-answer"}, **{tool: {bad} for tool, bad in tools.items()}}
    assert all(status in {200, 202} for status in child.samples().status)


def test_a_target_that_refuses_is_all_errors(tmp_path: Path) -> None:
    """Nobody listens: every arrival is an error, also the tool calls whose sessions could not be opened."""
    with target() as server:
        url = server.url
    plan = {"base": url, "mix": [{"path": "/"}, {"tool": "echo"}], "arrivals": steady(50, 0.4)}
    with generator(tmp_path, plan) as child:
        last = child.end()
    assert last["end"] == "done"
    assert "only 0 of 3 MCP sessions" in last["why"]
    assert list(child.samples().error) == [NO_CONNECTION] * 20


LOCUSTFILE = """
from locust import FastHttpUser, SequentialTaskSet, task
from readiness.loadgen.users import McpUser

class Session(FastHttpUser):
    weight = 2
    @task
    class Steps(SequentialTaskSet):
        @task
        def first(self):
            self.client.get("/delay/20", name="first")
        @task
        def second(self):
            with self.client.get("/delay/20", name="second", catch_response=True) as answer:
                if b"ok" not in answer.content:
                    answer.failure("no")

class Agent(McpUser):
    @task
    def call(self):
        self.call_tool("wrong", {"message": "x"})

class Broken(FastHttpUser):
    @task
    def nothing(self):
        raise ValueError("x")

class Stray(FastHttpUser):
    @task
    def elsewhere(self):
        self.client.get("http://127.0.0.2:1/", name="elsewhere")
"""


def test_users_of_a_locustfile_run_when_they_are_due(server: Target, tmp_path: Path) -> None:
    """Tasks run at the arrivals' times, a session's second request follows the first, and what sends nothing fails."""
    file = tmp_path / "locustfile.py"
    file.write_text(LOCUSTFILE, encoding="utf-8")
    with generator(tmp_path, {"base": server.url, "locustfile": str(file), "arrivals": steady(50, 1)}) as child:
        last = child.end()
    assert (last["end"], last["why"]) == ("done", "")
    samples = child.samples()
    assert outcomes(samples) == {
        "first": {""},
        "second": {""},
        "wrong": {"wrong-answer"},
        "a task": {"user-code"},
        "elsewhere": {"no-connection"},
    }
    second = samples.routes.index("second")
    ends = set(samples.ended)
    follow = [samples.intended[row] in ends for row in range(len(samples)) if samples.route[row] == second]
    assert len(follow) > 10
    assert all(follow)


@pytest.mark.matrix
def test_the_committed_locustfile_is_run_by_the_generator(server: Target, tmp_path: Path) -> None:
    """The example that people copy loads, and sends what it says."""
    plan = {"base": server.url, "locustfile": str(ROOT / "load" / "locustfile.py"), "arrivals": steady(50, 0.5)}
    with generator(tmp_path, plan, LOAD_TOOL="echo", LOAD_CONTAINS="readiness") as child:
        assert child.end()["end"] == "done"
    found = outcomes(child.samples())
    # this server is no hub, and the example notices
    assert found == {"GET /api/health": {"wrong-answer"}, "GET /api/servers": {""}, "MCP echo": {""}}


BOTH_CLIENTS = """
from locust import FastHttpUser, HttpUser, task

class Fast(FastHttpUser):
    @task
    def get(self):
        self.client.get("/ok", name="fast")

class Slow(HttpUser):
    @task
    def get(self):
        self.client.get("/ok", name="requests")
"""


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_verified_by_every_client(*, trusted: bool, tmp_path: Path) -> None:
    """The mix, Locust's fast client and requests: each believes the plan's authority and no other."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(tmp_path / "ca.pem")
    file = tmp_path / "locustfile.py"
    file.write_text(BOTH_CLIENTS, encoding="utf-8")
    with target(tls=context) as server:
        common = {"base": server.url, "ca_file": str(tmp_path / "ca.pem"), "arrivals": steady(20, 0.5)}
        with generator(
            tmp_path, common | {"mix": [{"name": "mix", "path": "/ok"}]}, https_proxy="http://127.0.0.1:1"
        ) as child:
            assert child.end()["end"] == "done"
            mixed = child.samples()
        with generator(tmp_path, common | {"locustfile": str(file)}, https_proxy="http://127.0.0.1:1") as child:
            assert child.end()["end"] == "done"
        answered = len(server.asked)
    found = outcomes(mixed) | outcomes(child.samples())
    assert set(found) == {"mix", "fast", "requests"}
    assert all(("" in errors) == trusted and len(errors) == 1 for errors in found.values()), found
    assert answered == (20 if trusted else 0)


def test_a_plan_that_is_wrong_is_refused_in_one_line(tmp_path: Path) -> None:
    """The last line says what is wrong, nothing is sent, and the status is 2."""
    with generator(tmp_path, {"base": "http://127.0.0.1:1", "mix": [], "arrivals": steady(1, 1)}) as child:
        last = child.end()
        assert child.process.wait(10) == 2
    assert (last["end"], last["file"]) == ("refused", None)
    assert "nothing to send" in last["why"]


def test_a_name_that_no_route_reaches_is_told(tmp_path: Path) -> None:
    """A target that cannot be looked up stands in the last line, and every arrival is an error."""
    plan = {"base": "http://nobody.invalid", "mix": [{"path": "/"}], "arrivals": steady(20, 0.2)}
    with generator(tmp_path, plan) as child:
        last = child.end()
    assert "cannot be looked up" in last["why"]
    assert set(child.samples().error) == {NO_CONNECTION}


@pytest.mark.matrix
def test_nobody_reads_and_the_schedule_goes_on(server: Target, tmp_path: Path) -> None:
    """A parent that does not read the progress holds nothing up: all is sent in its time."""
    plan = {"base": server.url, "mix": [{"path": "/ok"}], "arrivals": steady(50, 1)}
    with generator(tmp_path, plan) as child:
        time.sleep(2.5)
        assert child.end()["end"] == "done"
    assert max(child.samples().started) < 4
