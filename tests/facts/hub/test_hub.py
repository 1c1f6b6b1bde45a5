"""Facts about the hub: what each answer means, what is shared within an attempt, and who answers."""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, ProbeSettings, Target
from readiness.errors import CouldNotLook, HubDown, NotServed, Unknown
from readiness.facts.http.answer import BadAnswer, NotTheHub, TimedOut
from readiness.facts.http.client import HttpTransport, TransportSettings
from readiness.facts.hub import identity
from readiness.facts.hub.contract import ROUTES, Contract
from readiness.facts.hub.hub import Hub, HubKnowledge
from tests.helpers import pace
from tests.helpers.wires import Connection, Wires, free_port
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

CONTRACTS = ROOT / "tests" / "data" / "contract"
RECORDED_AGE = 6.5
"""Seconds between the start and the answer of the hub that was recorded."""
VERSIONS = ("4.2.1", "4.3.0")


def recorded(version: str) -> dict[str, tuple[int, str, bytes]]:
    """`METHOD path` to the recorded status, content type and body."""
    found: dict[str, tuple[int, str, bytes]] = {}
    for entry in json.loads((CONTRACTS / f"mcp-hub-{version}.json").read_text(encoding="utf-8")):
        request, answer = entry["request"], entry["response"]
        body = answer["json"]
        text = body["_text"] if set(body) == {"_text"} else json.dumps(body)
        found.setdefault(
            f"{request['method']} {request['path']}", (answer["status"], answer["content_type"], text.encode())
        )
    return found


def _later(body: bytes, seconds: float) -> bytes:
    """A recorded answer with its time told anew: one that stands still is a cache's."""
    answer = json.loads(body)
    told = dt.datetime.fromisoformat(answer["timestamp"]) + dt.timedelta(seconds=seconds)
    return json.dumps(answer | {"timestamp": told.isoformat(timespec="milliseconds").replace("+00:00", "Z")}).encode()


def replay(version: str, pid: int | None = None) -> Callable[[Connection], None]:
    """A hub that answers as recorded; its event stream names `pid`, or this process."""
    answers, began = recorded(version), time.monotonic()

    def handler(connection: Connection) -> None:
        if connection.path == "/api/events":
            state = {"state": "ready", "server_id": "mcp-hub", "pid": pid or os.getpid(), "port": 7000}
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            connection.send(
                f'event: log\ndata: {{"type":"x"}}\n\nevent: hub_state\ndata: {json.dumps(state)}\n\n'.encode()
            )
            connection.stop.wait(2)
            return
        status, kind, body = answers[f"{connection.method} {connection.path}"]
        if connection.path == "/api/health":
            body = _later(body, time.monotonic() - began)
        connection.answer(body, status=status, kind=kind, headers="X-Powered-By: Express\r\n")

    return handler


def hub_at(url: str, known: HubKnowledge | None = None, **target: Any) -> Hub:
    """Facts about the hub at `url`, with little patience."""
    config = Config(target=Target(**{"url": url, **target}), probe=ProbeSettings(timeout=pace.seconds(0.3)))
    return Hub(HttpTransport(TransportSettings(base=url, timeout=pace.seconds(0.3))), config, known)


@pytest.mark.parametrize("version", VERSIONS)
def test_both_versions_are_understood(version: str) -> None:
    """State, servers and tools come out of what real hubs answered; their contract holds."""
    with Wires(replay(version)) as wires:
        hub = hub_at(wires.url)
        assert hub.trouble() == ""
        assert hub.health().state == "ready"
        assert [(s.name, s.status) for s in hub.servers()] == [("everything", "connected"), ("memory", "connected")]
        assert all(server.uptime in {5, 6} for server in hub.servers())
        assert ("everything", "echo") in {(tool.server, tool.name) for tool in hub.tools()}
        broken, absent = Contract.problems(hub)
    assert broken == []
    assert absent == ([] if version == "4.3.0" else ["/api/tools", "/api/filtering/stats", "/api/config"])


def test_what_a_version_does_not_serve_is_named() -> None:
    """404 is "not served", with the version in the reason, and asking again is pointless."""
    with Wires(replay("4.2.1")) as wires:
        hub = hub_at(wires.url)
        hub.health()
        with pytest.raises(NotServed, match=r"4\.2\.1 serves no /api/filtering/stats"):
            hub.filtering_stats()
        with pytest.raises(NotServed, match="/api/config"):
            hub.config_api()


def test_answers_are_shared_within_an_attempt_only() -> None:
    """The same GET is asked once, and again after a new attempt; timing asks every time."""
    with Wires(replay("4.3.0")) as wires:
        hub = hub_at(wires.url)
        hub.health()
        hub.health()
        assert wires.requests == ["GET /api/health"]
        hub.new_attempt()
        hub.health()
        hub.time("/api/health")
        assert len(wires.requests) == 3


@pytest.mark.parametrize(
    ("status", "headers", "kind", "words"),
    [
        (401, "", Unknown, "token_env"),
        (403, "", Unknown, "token_env"),
        (429, "", CouldNotLook, "limited"),
        (503, "Server: nginx\r\n", CouldNotLook, "limited"),
        (503, "", NotTheHub, "503"),
        (502, "Server: nginx\r\n", NotTheHub, "502"),
        (500, "", BadAnswer, "500"),
        (404, "", BadAnswer, "404"),
        (302, "Location: https://login.example/\r\n", Unknown, "login.example"),
    ],
)
def test_each_status_of_health_has_its_meaning(status: int, headers: str, kind: type[Unknown], words: str) -> None:
    """A limit, a login or a proxy is no proof; a server error, or no hub under the route, is."""
    with Wires(lambda c: c.answer(status=status, headers=headers)) as wires:
        hub = hub_at(wires.url)
        with pytest.raises(Unknown, match=words) as raised:
            hub.health()
        assert type(raised.value) is kind
        if kind is BadAnswer:
            assert words in hub.trouble()


def test_another_program_on_the_port_is_trouble() -> None:
    """JSON alone makes no hub: its server_id does."""
    with Wires(lambda c: c.answer({"status": "ok", "state": "ready"})) as wires:
        assert "server_id is missing" in hub_at(wires.url).trouble()


def test_a_dead_hub_is_trouble_and_is_told() -> None:
    """The proof is a sentence for hub-answers, and whoever listens for losses hears it."""
    losses: list[str] = []
    hub = hub_at(f"http://127.0.0.1:{free_port()}", HubKnowledge(on_down=lambda error: losses.append(str(error))))
    assert "refused" in hub.trouble()
    with pytest.raises(HubDown):
        hub.agent_session()
    assert len(losses) == 2


def test_one_silent_route_is_no_dead_hub() -> None:
    """Health answers, so the silent route could merely not be read."""
    answer = replay("4.3.0")
    with Wires(lambda c: c.stop.wait(2) if c.path == "/api/tools" else answer(c)) as wires:
        with pytest.raises(TimedOut) as raised:
            hub_at(wires.url).listed_tools()
        assert not isinstance(raised.value, HubDown)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"event: log\ndata: {}\n\n", "no hub_state event in"),
        (b"event: hub_state\ndata: [1]\n\n", "no JSON object"),
        (b"event: hub_state\ndata: {\n\n", "no JSON:"),
    ],
)
def test_a_stream_without_a_state_is_wrong(stream: bytes, words: str) -> None:
    """The event that never comes is proof against the stream, not against the hub."""
    answer = replay("4.3.0")

    def handler(connection: Connection) -> None:
        if connection.path != "/api/events":
            answer(connection)
            return
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + stream)
        connection.stop.wait(2)

    with Wires(handler) as wires:
        hub = hub_at(wires.url)
        assert words in hub.wrong(hub.hub_state)


def test_identity_is_the_streams_word_checked_against_this_host() -> None:
    """The pid of hub_state counts, is found listening here, and the workspaces' claim stands beside it."""
    with Wires(replay("4.3.0")) as wires:
        named = hub_at(wires.url).identity()
    assert (named.pid, named.claimed_pid, named.here) == (os.getpid(), 16199, True)
    assert named.started is not None
    with Wires(replay("4.3.0", pid=16199)) as wires:
        hub = hub_at(wires.url)
        claimed = hub.identity()
        assert (claimed.pid, claimed.here) == (16199, False)
        # the recorded clock stands days behind ours: its own two times alone tell how old the hub is
        assert (claimed.clock, claimed.age) == ("hub", pytest.approx(RECORDED_AGE, abs=5))
        assert claimed.started == pytest.approx(time.time() - RECORDED_AGE, abs=5)
        with pytest.raises(Unknown, match="not on this host"):
            hub.process()


@pytest.mark.parametrize(
    ("words", "others", "ends"),
    [
        ({"shutdownDelay": 1000}, 0, True),
        ({"state": "shutting_down"}, 0, True),
        ({"shutdownDelay": 1000}, 1, False),
        ({}, 0, False),
    ],
)
def test_a_stream_whose_end_ends_the_hub_is_not_opened(words: dict[str, Any], others: int, *, ends: bool) -> None:
    """Where health says that the hub ends with its last client, and there is none, ours would be the last."""
    answered = json.loads(recorded("4.3.0")["GET /api/health"][2])
    with Wires(lambda connection: connection.answer(answered)) as wires:
        answered["workspaces"]["allActive"][str(wires.port)] = {"pid": 1, **words}
        answered["connections"] = {"totalConnections": others}
        assert hub_at(wires.url).ends_when_left() is ends
        if ends:
            with pytest.raises(Unknown, match="/api/events was not opened: this hub ends itself"):
                hub_at(wires.url).hub_state()
            assert "GET /api/events" not in wires.requests


@pytest.mark.parametrize(
    ("options", "is_on"),
    [("", False), ("--auto-shutdown", True), ("--autoShutdown", True), ("--auto-shutdown=true --port 1", True), ("--port 1", False),
     ("--auto-shutdown=false", False), ("--auto-shutdown false", False), ("--auto-shutdown --no-auto-shutdown", False)],
)  # fmt: skip
def test_a_switch_is_read_as_the_hub_reads_it(options: str, *, is_on: bool) -> None:
    """The last one counts, and it can be switched off."""
    assert identity._has_option(options.split(), "auto-shutdown", "autoShutdown") is is_on


@pytest.mark.parametrize("route", ROUTES)
def test_wrong_shapes_break_the_contract(route: str) -> None:
    """Each route's answer, gutted, is reported with its path and without its values."""
    answer = replay("4.3.0")
    key = {"/api/health": "servers", "/api/filtering/stats": "enabled"}.get(route, route.rsplit("/", 1)[1])

    def handler(connection: Connection) -> None:
        if connection.path == route:
            connection.answer({"status": "ok", "state": "ready", "server_id": "mcp-hub", key: "secret-value"})
        else:
            answer(connection)

    with Wires(handler) as wires:
        broken, _ = Contract.problems(hub_at(wires.url))
    assert broken
    assert all(route in sentence for sentence in broken)
    assert "secret-value" not in str(broken)


def test_records_of_the_wrong_shape_are_bad_answers() -> None:
    """Types are checked where values are used: a list of names, a server without a name, a tool that is text."""
    for body in ({"servers": "none"}, {"servers": [1]}, {"servers": [{"name": 5, "status": "connected"}]}):
        with (
            Wires(functools.partial(Connection.answer, body=body)) as wires,
            pytest.raises(BadAnswer, match="GET /api/servers"),
        ):
            hub_at(wires.url).servers()
    with (
        Wires(lambda c: c.answer({"tools": [{"server": "a"}]})) as wires,
        pytest.raises(BadAnswer, match="name missing"),
    ):
        hub_at(wires.url).listed_tools()


def test_a_tool_is_called_over_the_api() -> None:
    """The recorded call's result comes back; an unknown tool is a bad answer with the hub's words."""
    with Wires(replay("4.3.0")) as wires:
        assert hub_at(wires.url).call_tool("everything", "echo", {"message": "hi"})["content"][0]["text"] == "Echo: hi"
    with (
        Wires(lambda c: c.answer({"error": "Tool not found", "code": "TOOL_ERROR"}, status=500)) as wires,
        pytest.raises(BadAnswer, match="Tool not found"),
    ):
        hub_at(wires.url).call_tool("everything", "nope", {})


@pytest.mark.parametrize("server", ["memory", "$(touch x)", "it's; rm -rf /", 'a "b" \\ c', "高德地图", "new\nline"])
def test_a_call_to_paste_is_what_it_looks_like(server: str) -> None:
    """A shell takes the name of a server for a name, whatever stands in it; the token stays a variable."""
    call = hub_at("http://127.0.0.1:3000/", token_env="HUB_TOKEN").call_that_restarts(server)
    fake = 'curl() { printf "%s\\0" "$@"; }; HUB_TOKEN=t; '
    done = subprocess.run(["bash", "-c", fake + call], capture_output=True, timeout=30, check=True)
    words = done.stdout.decode().split("\0")
    assert json.loads(words[words.index("-d") + 1]) == {"server_name": server}
    assert [word for word in words if word.startswith("http")] == [
        f"http://127.0.0.1:3000/api/servers/{verb}" for verb in ("stop", "start")
    ]
    assert "Authorization: Bearer t" in words
    assert "\n" not in call
