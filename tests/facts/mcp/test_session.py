"""The agent's session: both transports, both eras, bounded in everything, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from readiness import demo
from readiness.facts.http.answer import BadAnswer, TimedOut
from readiness.facts.mcp.http_client import EndpointAddress
from readiness.facts.mcp.records import LIST_CHANGED, ProtocolError
from readiness.facts.mcp.session import AgentSession, Endpoint
from tests.facts.mcp.peer import peer, tool
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


META = "hub__analyze_prompt"
ECHO = "everything__echo"


@pytest.fixture(scope="module", params=[None, "legacy-only"], ids=["streamable", "sse"])
def hub(request: pytest.FixtureRequest) -> Iterator[demo.DemoHub]:
    """The embedded hub, over each of its transports."""
    with demo.start(request.param) as started:
        until = time.monotonic() + 10
        while httpx.get(f"{started.url}/api/health").json()["state"] != "ready" and time.monotonic() < until:
            time.sleep(0.02)
        yield started


@pytest.fixture
def endpoint(hub: demo.DemoHub) -> Iterator[Endpoint]:
    """Where agents connect, closed afterwards."""
    opened = Endpoint(EndpointAddress(url=f"{hub.url}/mcp"))
    yield opened
    opened.close()


def at(url: str, timeout: float = 5.0) -> Endpoint:
    """An endpoint at a test's own server."""
    return Endpoint(EndpointAddress(url=f"{url}/mcp", timeout=timeout))


def test_the_workflow(endpoint: Endpoint) -> None:
    """A session opens, lists, analyses, is notified, is offered more, and calls."""
    session = endpoint.open()
    assert session.wire in {"streamable-http", "http+sse"}
    assert session.protocol >= "2025-06-18"
    assert [one.name for one in session.tools()] == [META]
    asked = time.monotonic()
    assert "categories" in session.call(META, {"prompt": "echo a message"}).text
    notice = session.wait_notice(LIST_CHANGED, asked, 2)
    assert notice is not None
    assert asked <= notice.at <= time.monotonic()
    assert ECHO in {one.name for one in session.tools()}
    assert session.call(ECHO, {"message": "hello"}).text == "Echo: hello"


def test_a_protocol_error_keeps_its_code_and_names_the_call(endpoint: Endpoint) -> None:
    """What a JSON-RPC error says reaches the operator, with stage, server and tool; the session lives on."""
    session = endpoint.open()
    with pytest.raises(
        ProtocolError, match="tools/call nowhere__nothing: answered error -32602: Unknown tool"
    ) as caught:
        session.call("nowhere__nothing", {})
    assert caught.value.code == -32602
    assert session.tools()


def test_raw_requests_do_not_harm_the_session(endpoint: Endpoint) -> None:
    """Broken JSON, a strange session and a huge body are answered in HTTP, and the session goes on."""
    session = endpoint.open()
    listing = json.dumps({"jsonrpc": "2.0", "id": "x", "method": "tools/list"}).encode()
    assert session.raw(b'{"jsonrpc"').status == 400
    assert session.raw(listing, session="nobody").status == 404
    assert session.raw(b'"' + b"x" * 200_000 + b'"').status == 413
    assert session.raw(listing).status in {200, 202}
    assert session.tools()


def test_fifty_sessions_leave_nothing_behind(hub: demo.DemoHub) -> None:
    """Threads, sockets and descriptors are as before once fifty sessions were used at the same time and closed."""
    process = psutil.Process()
    with demo_session(hub):
        pass  # whatever is loaded and opened once
    before = (threading.active_count(), process.num_fds(), len(process.net_connections()))
    endpoint = Endpoint(EndpointAddress(url=f"{hub.url}/mcp", timeout=20))
    found = endpoint.open_many(50)
    sessions = [one for one in found if isinstance(one, AgentSession)]
    assert len(sessions) == 50, [one for one in found if not isinstance(one, AgentSession)][:3]
    answers = endpoint.together([(one, META, {"prompt": "echo"}) for one in sessions])
    assert all("categories" in getattr(answer, "text", "") for answer in answers)
    for session in sessions[:25]:
        session.close()
    assert len(endpoint.sessions) == 25
    endpoint.close()
    assert endpoint.sessions == ()
    after = (threading.active_count(), process.num_fds(), len(process.net_connections()))
    # something of an earlier test may have ended meanwhile: fewer is no leak
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)


class demo_session:  # noqa: N801 - used as a function is
    """One session, opened and closed with its endpoint."""

    def __init__(self, hub: demo.DemoHub) -> None:
        self.endpoint = Endpoint(EndpointAddress(url=f"{hub.url}/mcp"))

    def __enter__(self) -> AgentSession:
        return self.endpoint.open()

    def __exit__(self, *_: object) -> None:
        self.endpoint.close()


def test_a_closed_session_says_so(endpoint: Endpoint) -> None:
    """A call on a session that was closed is an error with words, and closing twice does nothing."""
    session = endpoint.open()
    session.close()
    session.close()
    assert not session.alive
    with pytest.raises(BadAnswer, match="the session has ended before"):
        session.tools()


def test_pages_are_followed() -> None:
    """Every page of a list is read; one that leads back to itself is refused."""
    pages = {None: ("a__one", "2"), "2": ("a__two", "3"), "3": ("a__three", None)}

    def listed(params: dict[str, object]) -> dict[str, object]:
        name, following = pages[params.get("cursor")]  # type: ignore[index]
        return {"tools": [tool(name)]} | ({"nextCursor": following} if following else {})

    with peer({"tools/list": listed}) as server:
        endpoint = at(server.url)
        assert [one.name for one in endpoint.open().tools()] == ["a__one", "a__two", "a__three"]
        pages["3"] = ("a__three", "2")
        with pytest.raises(BadAnswer, match="its pages go round in a circle"):
            endpoint.sessions[0].tools()
        endpoint.close()


def test_a_call_that_hangs_ends_in_time() -> None:
    """A tool that never answers costs the time-out and no more; the sentence names it, and the session can go on."""
    with peer({"tools/call": lambda _: None, "tools/list": lambda _: {"tools": [tool("a__b")]}}) as server:
        endpoint = at(server.url, 0.5)
        session = endpoint.open()
        session.tools()
        started = time.monotonic()
        with pytest.raises(TimedOut, match=r"tools/call a__b: 127.0.0.1:\d+ gave no answer in 0.5 s"):
            session.call("a__b", {})
        assert time.monotonic() - started < 3
        assert session.tools()
        endpoint.close()


def test_wrong_shapes_are_told_in_one_sentence() -> None:
    """A list that breaks the protocol is a wrong answer with words, never a stack of exception groups."""
    with peer({"tools/list": lambda _: {"tools": [{"name": 7}]}}) as server:
        endpoint = at(server.url)
        with pytest.raises(BadAnswer, match="tools/list: the answer breaks the protocol") as caught:
            endpoint.open().tools()
        assert "\n" not in str(caught.value)
        endpoint.close()


def test_the_era_without_a_handshake() -> None:
    """A server of 2026-07-28 is spoken to without initialize; its notifications come on a subscription."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "facts" / "mcp" / "modern_peer.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        endpoint = at(f"http://127.0.0.1:{int(process.stdout.readline())}")
        session = endpoint.open()
        assert (session.protocol, session.modern, session.wire) == ("2026-07-28", True, "streamable-http")
        assert {one.name for one in session.tools()} == {"demo__echo", "demo__grow"}
        assert "Echo: hi" in session.call("demo__echo", {"message": "hi"}).text
        time.sleep(0.2)  # the subscription is asked for beside the first calls
        asked = time.monotonic()
        session.call("demo__grow", {})
        assert session.wait_notice(LIST_CHANGED, asked, 3) is not None
        endpoint.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "readiness-mcp"]
    finally:
        process.kill()
        process.wait(5)
