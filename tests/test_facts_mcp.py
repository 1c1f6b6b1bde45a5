"""The agent's session: both transports, both eras, bounded in everything, and nothing left behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from readiness import demo
from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.answer import BadAnswer, TimedOut
from readiness.facts.mcp_records import LIST_CHANGED, Refused
from readiness.facts.mcp_session import Endpoint, Session
from readiness.facts.mcp_wire import Where
from tests.mcp_peer import peer, tool
from tests.wires import Wires, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wires import Connection

META = "hub__analyze_prompt"
ECHO = "everything__echo"
ROOT = Path(__file__).parents[1]


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
    opened = Endpoint(Where(url=f"{hub.url}/mcp"))
    yield opened
    opened.close()


def at(url: str, timeout: float = 5.0) -> Endpoint:
    """An endpoint at a test's own server."""
    return Endpoint(Where(url=f"{url}/mcp", timeout=timeout))


def refusal(url: str, timeout: float = 5.0) -> Unknown:
    """Why no session can be opened there."""
    endpoint = at(url, timeout)
    try:
        with pytest.raises(Unknown) as caught:
            endpoint.open()
        return caught.value
    finally:
        endpoint.close()


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
    with pytest.raises(Refused, match="tools/call nowhere__nothing: answered error -32602: Unknown tool") as caught:
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
    endpoint = Endpoint(Where(url=f"{hub.url}/mcp", timeout=20))
    found = endpoint.open_many(50)
    sessions = [one for one in found if isinstance(one, Session)]
    assert len(sessions) == 50, [one for one in found if not isinstance(one, Session)][:3]
    answers = endpoint.together([(one, META, {"prompt": "echo"}) for one in sessions])
    assert all("categories" in getattr(answer, "text", "") for answer in answers)
    for session in sessions[:25]:
        session.close()
    assert len(endpoint.sessions) == 25
    endpoint.close()
    assert endpoint.sessions == ()
    assert (threading.active_count(), process.num_fds(), len(process.net_connections())) == before


class demo_session:  # noqa: N801 - used as a function is
    """One session, opened and closed with its endpoint."""

    def __init__(self, hub: demo.DemoHub) -> None:
        self.endpoint = Endpoint(Where(url=f"{hub.url}/mcp"))

    def __enter__(self) -> Session:
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


def test_nobody_there_and_nobody_answering() -> None:
    """A refused connection proves a hub down; a port that accepts and is silent is given up in time."""
    refused = refusal(f"http://127.0.0.1:{free_port()}")
    assert isinstance(refused, HubDown)
    assert "refused" in str(refused)
    with Wires(lambda connection: connection.stop.wait(20)) as server:
        started = time.monotonic()
        silent = refusal(server.url, 0.5)
        assert time.monotonic() - started < 3
    assert isinstance(silent, TimedOut)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "words"),
    [
        (401, "", Unknown, "set \\[target\\] token_env"),
        (429, "", CouldNotLook, "limited on the way"),
        (503, "server: nginx\r\n", CouldNotLook, "limited on the way"),
        (503, "", BadAnswer, "POST /mcp answered 503"),
        (500, "", BadAnswer, "POST /mcp answered 500"),
        (404, "", BadAnswer, "neither POST /mcp"),
        (302, "location: http://elsewhere.invalid/\r\n", BadAnswer, "not followed"),
    ],
)
def test_what_http_says_decides_the_kind(status: int, headers: str, kind: type[Unknown], words: str) -> None:
    """A refusal, a limit on the way and a fault of the hub's are told apart, although the SDK tells none of them."""
    with Wires(lambda connection: connection.answer(b"{}", status=status, headers=headers)) as server:
        error = refusal(server.url)
    assert type(error).__mro__.index(kind) <= 1, error
    assert re.search(words, str(error)), error


def _sse(head: str) -> Wires:
    """A legacy endpoint whose stream begins with `head`."""

    def handle(connection: Connection) -> None:
        if connection.method != "GET":
            connection.answer(b"", status=404)
            return
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + head.encode())
        connection.stop.wait(20)

    return Wires(handle)


def test_an_endpoint_on_another_host_is_not_spoken_to() -> None:
    """A stream that announces another host is refused at once, and the token is sent nowhere."""
    with _sse("event: endpoint\ndata: http://evil.invalid/messages\n\n") as server:
        started = time.monotonic()
        error = refusal(server.url)
        assert time.monotonic() - started < 3
    assert isinstance(error, BadAnswer)
    assert "another host, evil.invalid, which is not spoken to" in str(error)


def test_a_stream_without_an_endpoint() -> None:
    """A stream that begins with something else is no legacy transport."""
    with _sse("event: message\ndata: {}\n\n") as server:
        assert "announces no endpoint" in str(refusal(server.url))


def test_a_post_that_is_not_served_ends_the_wait() -> None:
    """A proxy that forwards the stream and not the messages is named at once, not after a time-out."""
    with _sse("event: endpoint\ndata: /messages?sessionId=1\n\n") as server:
        started = time.monotonic()
        error = refusal(server.url)
        assert time.monotonic() - started < 3
    assert "POST /messages answered 404 (is it proxied?)" in str(error)


def test_a_body_without_end_is_cut_off() -> None:
    """Eight megabytes are read of an answer, and no more."""

    def handle(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\r\n")
        while not connection.stop.is_set():
            connection.send(b"x" * 1_000_000)

    with Wires(handle) as server:
        error = refusal(server.url, 10)
    assert "the body is larger than 8192 KB" in str(error)


def test_the_token_is_sent_and_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request bears the token, and goes where it was sent."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    seen: list[bytes] = []

    def handle(connection: Connection) -> None:
        seen.append(connection.head.lower())
        connection.answer({"error": "no"}, status=500)

    with Wires(handle) as server:
        endpoint = Endpoint(Where(url=f"{server.url}/mcp", token="s3cret-for-agents"))
        with pytest.raises(BadAnswer) as caught:
            endpoint.open()
        endpoint.close()
    assert seen
    assert all(b"authorization: bearer s3cret-for-agents" in head for head in seen)
    assert "s3cret" not in str(caught.value) + repr(endpoint.where)


def test_the_era_without_a_handshake() -> None:
    """A server of 2026-07-28 is spoken to without initialize; its notifications come on a subscription."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "modern_peer.py")],
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


def test_a_certificate_is_verified(tmp_path: Path) -> None:
    """A certificate of nobody's is not trusted; `ca_file` makes it so."""
    import ssl

    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = peer({"tools/list": lambda _: {"tools": [tool("a__b")]}})
    server.tls = context
    with server:
        untrusted = refusal(server.url)
        assert isinstance(untrusted, CouldNotLook)
        assert "is not trusted" in str(untrusted)
        endpoint = Endpoint(Where(url=f"{server.url}/mcp", ca_file=tmp_path / "ca.pem"))
        assert [one.name for one in endpoint.open().tools()] == ["a__b"]
        endpoint.close()
    with pytest.raises(CouldNotLook, match="ca_file"):
        Endpoint(Where(url="https://127.0.0.1/mcp", ca_file=tmp_path / "none.pem"))


def test_requests_keep_to_their_rate() -> None:
    """Through a limiting proxy all sessions together ask no faster than they may."""
    with peer({"tools/list": lambda _: {"tools": []}}) as server:
        endpoint = Endpoint(Where(url=f"{server.url}/mcp", rate=50))
        session = endpoint.open()
        started = time.monotonic()
        for _ in range(10):
            session.tools()
        assert time.monotonic() - started > 9 / 50
        endpoint.close()
