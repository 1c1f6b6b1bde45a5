"""What an agent's session does with servers that refuse, lie, hang or never end, and whom it trusts."""

from __future__ import annotations

import codecs
import re
import time
from typing import TYPE_CHECKING

import pytest

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http.answer import BadAnswer, BeyondLimit, TimedOut
from readiness.facts.mcp.http_client import EndpointAddress
from readiness.facts.mcp.session import Endpoint
from tests.facts.mcp.peer import event_peer, peer, tool
from tests.helpers.wires import Wires, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.facts.mcp.peer import Answers
    from tests.helpers.wires import Connection


def at(url: str, timeout: float = 5.0) -> Endpoint:
    """An endpoint at a test's own server."""
    return Endpoint(EndpointAddress(url=f"{url}/mcp", timeout=timeout))


def refusal(url: str, timeout: float = 5.0) -> Unknown:
    """Why no session can be opened there."""
    endpoint = at(url, timeout)
    try:
        with pytest.raises(Unknown) as caught:
            endpoint.open()
        return caught.value
    finally:
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
    """Eight megabytes are kept of an answer; one that goes on far beyond has no end."""

    def handle(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\r\n")
        while not connection.stop.is_set():
            connection.send(b"x" * 1_000_000)

    with Wires(handle) as server:
        error = refusal(server.url, 10)
    assert isinstance(error, BadAnswer)
    assert "the body is larger than 65536 KB, and goes on" in str(error)


WIRES = pytest.mark.parametrize("legacy", [False, True], ids=["streamable", "legacy"])


@WIRES
@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8], ids=["plain", "mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_every_legal_event_stream_is_read(start: bytes, end: bytes, *, legacy: bool) -> None:
    """A byte order mark, and whatever ends lines, is as good as a newline (WHATWG)."""
    with event_peer({"tools/list": lambda _: {"tools": [tool("a__b")]}}, legacy=legacy, start=start, end=end) as server:
        endpoint = at(server.url, 10)
        try:
            session = endpoint.open()
            assert session.wire == ("http+sse" if legacy else "streamable-http")
            assert [one.name for one in session.tools()] == ["a__b"]
        finally:
            endpoint.close()


def _large(megabytes: float) -> Answers:
    text = "x" * int(megabytes * 1024 * 1024)
    return {
        "tools/list": lambda _: {"tools": [tool(f"a__{n}", description=text[: len(text) // 320]) for n in range(320)]},
        "tools/call": lambda _: {"content": [{"type": "text", "text": text}]},
    }


@WIRES
def test_an_answer_of_some_megabytes_is_read(*, legacy: bool) -> None:
    """A list of 320 tools and a result may be larger than the SDK's own limit of 1 MB for an event."""
    with event_peer(_large(3), legacy=legacy) as server:
        endpoint = at(server.url, 20)
        try:
            session = endpoint.open()
            assert len(session.tools()) == 320
            assert len(session.call("a__1", {}).text) == 3 * 1024 * 1024
        finally:
            endpoint.close()


@pytest.mark.parametrize("kind", ["streamable", "legacy", "json"])
def test_a_limit_of_ours_proves_nothing(kind: str) -> None:
    """What is larger than is read is unknown, in words that say whose limit it is: for events, and for a body of JSON."""
    answers = _large(9)
    with peer(answers) if kind == "json" else event_peer(answers, legacy=kind == "legacy") as server:
        endpoint = at(server.url, 20)
        try:
            for ask in (lambda session: session.tools(), lambda session: session.call("a__1", {})):
                with pytest.raises(Unknown, match="larger than the 8192 KB that are read of it") as caught:
                    ask(endpoint.open())
                assert type(caught.value) is BeyondLimit
        finally:
            endpoint.close()


def test_pages_beyond_those_that_are_read_prove_nothing() -> None:
    """A list that goes on with new tools may be long; one whose pages bring nothing new has no end."""
    numbers = iter(range(1000))

    def endless(_: object) -> dict[str, object]:
        number = next(numbers)
        return {"tools": [tool(f"a__{number}")], "nextCursor": str(number)}

    with peer({"tools/list": endless}) as server:
        endpoint = at(server.url, 20)
        try:
            with pytest.raises(BeyondLimit, match="more than the 100 pages that are read of it"):
                endpoint.open().tools()
        finally:
            endpoint.close()


@pytest.mark.parametrize("kind", ["streamable", "legacy", "json"])
def test_an_answer_of_endless_values_is_not_read(kind: str) -> None:
    """Millions of empty objects are small on the line and large in memory: refused while they come, for bodies and events."""
    answers: Answers = {"tools/list": lambda _: {"tools": [{**tool("a__1"), "x": [{}] * 450_000}]}}
    with peer(answers) if kind == "json" else event_peer(answers, legacy=kind == "legacy") as server:
        endpoint = at(server.url, 20)
        try:
            with pytest.raises(BeyondLimit, match="more than the 400000 values that are read of it"):
                endpoint.open().tools()
        finally:
            endpoint.close()


def test_schemas_beyond_those_that_are_kept_prove_nothing() -> None:
    """Pages whose schemas are large each and together too much: unknown, and no more pages are asked for."""
    asked: list[object] = []

    def large(params: object) -> dict[str, object]:
        asked.append(params)
        schema = {"type": "object", "x": "x" * (4 << 20)}
        return {"tools": [{"name": f"a__{len(asked)}", "inputSchema": schema}], "nextCursor": str(len(asked))}

    with peer({"tools/list": large}) as server:
        endpoint = at(server.url, 20)
        try:
            with pytest.raises(BeyondLimit, match="all schemas of tools/list is larger than the 16384 KB"):
                endpoint.open().tools()
        finally:
            endpoint.close()
    assert len(asked) == 4


def test_the_token_is_sent_and_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request bears the token, and goes where it was sent."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    seen: list[bytes] = []

    def handle(connection: Connection) -> None:
        seen.append(connection.head.lower())
        connection.answer({"error": "no"}, status=500)

    with Wires(handle) as server:
        endpoint = Endpoint(EndpointAddress(url=f"{server.url}/mcp", token="s3cret-for-agents"))
        with pytest.raises(BadAnswer) as caught:
            endpoint.open()
        endpoint.close()
    assert seen
    assert all(b"authorization: bearer s3cret-for-agents" in head for head in seen)
    assert "s3cret" not in str(caught.value) + repr(endpoint.where)


def test_a_session_goes_through_the_proxy_that_is_named() -> None:
    """Where a proxy is named everything goes there; one that is dead is this machine's fault, and no dead hub."""
    seen: list[bytes] = []

    def handle(connection: Connection) -> None:
        seen.append(connection.head.partition(b"\r\n")[0])
        connection.answer({"error": "no"}, status=500)

    with Wires(handle) as server:
        for proxy, kind in ((server.url, BadAnswer), (f"http://127.0.0.1:{free_port()}", CouldNotLook)):
            endpoint = Endpoint(EndpointAddress(url="http://hub.invalid/mcp", proxy=proxy))
            with pytest.raises(CouldNotLook) as caught:
                endpoint.open()
            endpoint.close()
            assert isinstance(caught.value, kind)
            assert not isinstance(caught.value, HubDown)
    assert seen
    assert all(line.startswith(b"POST http://hub.invalid/mcp ") for line in seen)


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
        endpoint = Endpoint(EndpointAddress(url=f"{server.url}/mcp", ca_file=tmp_path / "ca.pem"))
        assert [one.name for one in endpoint.open().tools()] == ["a__b"]
        endpoint.close()
    with pytest.raises(CouldNotLook, match="ca_file"):
        Endpoint(EndpointAddress(url="https://127.0.0.1/mcp", ca_file=tmp_path / "none.pem"))


def test_requests_keep_to_their_rate() -> None:
    """Through a limiting proxy all sessions together ask no faster than they may."""
    with peer({"tools/list": lambda _: {"tools": []}}) as server:
        endpoint = Endpoint(EndpointAddress(url=f"{server.url}/mcp", rate=50))
        session = endpoint.open()
        started = time.monotonic()
        for _ in range(10):
            session.tools()
        assert time.monotonic() - started > 9 / 50
        endpoint.close()
