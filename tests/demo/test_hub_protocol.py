"""The embedded hub refuses what breaks the protocol: messages that the official client would never send."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from readiness import demo
from readiness.demo.hub.jsonrpc import RpcError
from readiness.demo.hub.sessions import ClientSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

META = "hub__analyze_prompt"
ACCEPT = {"accept": "application/json, text/event-stream"}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}


@pytest.fixture(scope="module")
def hub() -> Iterator[demo.DemoHub]:
    """A healthy hub in its own process."""
    with demo.start() as started:
        yield started


@pytest.fixture
def client(hub: demo.DemoHub) -> Iterator[httpx.Client]:
    """A plain HTTP client, for what the official client would never send."""
    with httpx.Client(base_url=hub.url, timeout=5) as opened:
        yield opened


def post(client: httpx.Client, body: Any, **headers: str) -> httpx.Response:
    """One message to Streamable HTTP."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/mcp", content=content, headers=ACCEPT | headers)


def opened(client: httpx.Client) -> dict[str, str]:
    """The headers of a new session."""
    answer = post(client, {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO})
    return {"mcp-session-id": answer.headers["mcp-session-id"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{bad", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 5_000, -32700),
        ({"foo": 1}, -32600),
        ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 7}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": 7}, -32600),
    ],
)
def test_broken_messages(hub: demo.DemoHub, client: httpx.Client, body: Any, code: int) -> None:
    """What is no message is refused with its code and 400, over both transports."""
    answer = post(client, body, **opened(client))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    with client.stream("GET", "/mcp") as stream:
        lines = stream.iter_lines()
        endpoint = next(line[6:] for line in lines if line.startswith("data: "))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        legacy = httpx.post(hub.url + endpoint, content=content)
        assert (legacy.status_code, legacy.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nope", {}, -32601),
        ("tools/call", {"name": "nope"}, -32602),
        ("tools/call", {"name": META, "arguments": {}}, -32602),
        ("tools/call", {"name": META, "arguments": [1]}, -32602),
        ("resources/read", {"uri": "demo://nope"}, -32602),
        ("prompts/get", {"name": "everything__args-prompt"}, -32602),
        ("initialize", {}, -32602),
    ],
)
def test_protocol_errors(client: httpx.Client, method: str, params: dict[str, Any], code: int) -> None:
    """A request that cannot be served is an error with its code and the request's id."""
    body = {"jsonrpc": "2.0", "id": "q", "method": method, "params": params}
    answer = post(client, body, **opened(client)).json()
    assert (answer["id"], answer["error"]["code"]) == ("q", code)


def test_session_errors(client: httpx.Client) -> None:
    """An unknown session is 404, none at all 400, a wrong protocol revision 400, a closed one 404."""
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert post(client, listing).status_code == 400
    assert post(client, listing, **{"mcp-session-id": "nope"}).status_code == 404
    assert client.post("/messages?sessionId=nope", json=listing).status_code == 404
    assert client.post("/messages", json=listing).status_code == 400
    session = opened(client)
    assert post(client, listing, **session).json()["result"]["tools"][0]["name"] == META
    assert post(client, listing, **session, **{"mcp-protocol-version": "1999-01-01"}).status_code == 400
    assert client.delete("/mcp", headers=session).status_code == 200
    assert post(client, listing, **session).status_code == 404
    assert client.get("/mcp", headers=session).status_code == 404


def test_answers_take_the_form_that_is_accepted(client: httpx.Client) -> None:
    """A ping needs no session; notifications get 202; who accepts events alone gets events."""
    assert post(client, {"jsonrpc": "2.0", "id": 1, "method": "ping"}).json()["result"] == {}
    session = opened(client)
    noted = post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
    assert noted.status_code == 202
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    answer = post(client, ping, **session, accept="text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert json.loads(answer.text.split("data: ")[1])["result"] == {}


def test_one_stream_a_session(client: httpx.Client) -> None:
    """A session has one stream; it carries the notification that an analysis causes."""
    session = opened(client)
    with client.stream("GET", "/mcp", headers=session) as stream:
        assert stream.status_code == 200
        with httpx.Client(base_url=client.base_url, timeout=5) as other:
            assert other.get("/mcp", headers=session).status_code == 409
            call = {"name": META, "arguments": {"prompt": "echo"}}
            answer = post(other, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}, **session)
        assert answer.headers["content-type"].startswith("application/json")
        line = next(line for line in stream.iter_lines() if line.startswith("data: "))
        assert json.loads(line[6:])["method"] == "notifications/tools/list_changed"


def test_sessions_are_bounded() -> None:
    """Not more than the limit, until one is idle for too long or closed."""
    sessions = ClientSessions(limit=2, idle=60)
    first, second = sessions.create(), sessions.create()
    with pytest.raises(RpcError, match="Too many sessions: 2 are open"):
        sessions.create()
    first.used -= 61
    third = sessions.create()
    assert sessions.get(first.id) is None
    sessions.close(second)
    assert set(sessions.by_id) == {third.id}


def test_session_limit_over_http(client: httpx.Client) -> None:
    """One session more than allowed is 503, and sessions that are closed make room."""
    sessions: list[dict[str, str]] = []
    while len(sessions) < 200:
        answer = post(client, {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO})
        if answer.status_code == 503:
            break
        sessions.append({"mcp-session-id": answer.headers["mcp-session-id"]})
    assert 1 <= len(sessions) <= 64
    assert answer.json()["error"]["message"].startswith("Too many sessions")
    for session in sessions:
        client.delete("/mcp", headers=session)
    assert opened(client)


@pytest.mark.parametrize("path", ["/mcp", "/messages?sessionId=x"])
def test_pages_of_other_sites_are_refused(client: httpx.Client, path: str) -> None:
    """A request with a foreign Origin is 403, whatever name its Host was rebound to; one of this machine is served."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for origin in ("http://evil.example.com", "null", "http://127.0.0.1.evil.example.com:80"):
        assert client.post(path, json=body, headers={"origin": origin}).status_code == 403
    for origin in ("http://localhost:6274", "http://127.0.0.1"):
        assert client.post(path, json=body, headers={"origin": origin}).status_code == (200 if path == "/mcp" else 404)
