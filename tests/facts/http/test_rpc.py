"""The raw JSON-RPC probe: both transports, a clean end, and every way an endpoint can be wrong."""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, ProbeSettings, Target
from readiness.errors import HubDown, Unknown
from readiness.facts.http import mcp_probe
from readiness.facts.http.answer import BadAnswer, BeyondLimit
from readiness.facts.http.client import HttpTransport, TransportSettings
from readiness.facts.http.mcp_probe import probe_mcp
from readiness.facts.hub.hub import Hub
from tests.helpers import pace
from tests.helpers.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.helpers.wires import Connection

RESULTS: dict[str, Any] = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "serverInfo": {"name": "hub", "version": "1.0.0"},
    },
    "ping": {},
    "tools/list": {"tools": [{"name": "everything__echo"}, {"name": "memory__read"}]},
}


def response(message: dict[str, Any]) -> dict[str, Any]:
    """The right answer to a request."""
    return {"jsonrpc": "2.0", "id": message["id"], "result": RESULTS[message["method"]]}


class Streamable:
    """Streamable HTTP, answering in JSON or in events."""

    def __init__(self, *, sse: bool = False, answer: Callable[[dict[str, Any]], Any] = response) -> None:
        self.sse, self.answer, self.heads = sse, answer, list[bytes]()

    def __call__(self, connection: Connection) -> None:
        """Serve one request."""
        self.heads.append(connection.head)
        if connection.method == "DELETE":
            connection.answer(status=200)
            return
        message = json.loads(connection.body)
        if "id" not in message:
            connection.answer(status=202)
            return
        session = "mcp-session-id: s-1\r\n" if message["method"] == "initialize" else ""
        data = json.dumps(self.answer(message))
        if self.sse:
            connection.answer(f"event: message\ndata: {data}\n\n".encode(), kind="text/event-stream", headers=session)
        else:
            connection.answer(data.encode(), headers=session)


class Legacy:
    """The legacy HTTP+SSE transport."""

    def __init__(
        self,
        *,
        endpoint: str = "/messages?sessionId=1",
        answer: Callable[[dict[str, Any]], Any] = response,
        post_status: int = 202,
    ) -> None:
        self.endpoint, self.answer, self.post_status = endpoint, answer, post_status
        self.out: queue.Queue[Any] = queue.Queue()

    def __call__(self, connection: Connection) -> None:
        """Serve one request; the stream lasts as long as its client."""
        if connection.path == "/mcp" and connection.method == "POST":
            connection.answer(b"<pre>Cannot POST /mcp</pre>", status=404, kind="text/html")
        elif connection.path == "/mcp":
            self._stream(connection)
        elif connection.path.startswith("/messages"):
            message = json.loads(connection.body)
            connection.answer(b"Accepted", status=self.post_status, kind="text/plain")
            if "id" in message:
                self.out.put(self.answer(message))
        else:
            connection.answer({"status": "ok", "server_id": "mcp-hub"})

    def _stream(self, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        connection.send(f"event: endpoint\ndata: {self.endpoint}\n\n".encode())
        while not connection.stop.is_set():
            try:
                message = self.out.get(timeout=0.05)
            except queue.Empty:
                continue
            if message is not None:
                connection.send(f"event: message\ndata: {json.dumps(message)}\n\n".encode())


def probed(handler: Callable[[Connection], None], **asked: Any) -> tuple[Any, list[str]]:
    """Probe a server with this handler; what it found, and the requests it made."""
    with Wires(handler) as wires:
        return probe_mcp(
            HttpTransport(TransportSettings(base=wires.url, timeout=pace.seconds(0.5))), **asked
        ), wires.requests


@pytest.mark.parametrize("sse", [False, True])
def test_streamable_http_is_spoken_and_ended(sse: bool) -> None:  # noqa: FBT001 - a table's column
    """Initialize, initialized, ping, tools/list in one session, which is deleted at the end."""
    server = Streamable(sse=sse)
    found, requests = probed(server, tools=True)
    assert (found.transport, found.protocol, found.server) == ("streamable-http", "2025-06-18", "hub")
    assert found.tools == ("everything__echo", "memory__read")
    assert requests == ["POST /mcp"] * 4 + ["DELETE /mcp"]
    assert all(
        b"mcp-session-id: s-1" in head and b"mcp-protocol-version: 2025-06-18" in head for head in server.heads[1:]
    )


def test_the_legacy_transport_is_spoken_where_nothing_else_is() -> None:
    """The announced endpoint gets the requests, the stream brings the answers."""
    found, requests = probed(Legacy(), tools=True)
    assert (found.transport, found.tools) == ("http+sse", ("everything__echo", "memory__read"))
    assert requests[:2] == ["POST /mcp", "GET /mcp"]
    assert set(requests[2:]) == {"POST /messages?sessionId=1"}


def wrong_id(message: dict[str, Any]) -> dict[str, Any]:
    """An answer to a question nobody asked."""
    return response(message) | {"id": 999}


def error(message: dict[str, Any]) -> dict[str, Any]:
    """A JSON-RPC error."""
    return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32603, "message": "boom"}}


def page(connection: Connection) -> None:
    """HTML under every path, as some hubs answer unknown ones."""
    connection.answer(b"<html></html>", kind="text/html")


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (Streamable(answer=error), "answered an error: boom"),
        (Streamable(answer=wrong_id), "something else than its response"),
        (Streamable(answer=lambda m: response(m) | {"result": {}}), "neither a protocolVersion"),
        (Streamable(answer=lambda m: "nonsense"), "something else"),
        (Legacy(answer=error), "answered an error: boom"),
        (Legacy(endpoint="http://other.invalid/messages"), r"another host, other\.invalid, which"),
        (Legacy(endpoint="http://[::1/messages"), "no address"),
        (Legacy(post_status=404), "is it proxied"),
        (lambda c: c.answer(status=404), "neither POST /mcp"),
        (page, "text/html"),
        (lambda c: c.answer(status=500), "answered 500"),
    ],
    ids=range(11),
)
def test_a_wrong_endpoint_is_told(handler: Callable[[Connection], None], words: str) -> None:
    """Each way of being wrong is a bad answer in its own words."""
    with pytest.raises(BadAnswer, match=words):
        probed(handler)


def test_refused_credentials_are_no_fault() -> None:
    """401 asks for a token; it proves nothing about the endpoint."""
    with pytest.raises(Unknown, match="token_env") as raised:
        probed(lambda c: c.answer(status=401))
    assert not isinstance(raised.value, BadAnswer)


def hub(url: str) -> Hub:
    """Facts about a hub at `url`."""
    config = Config(target=Target(url=url), probe=ProbeSettings(timeout=pace.seconds(0.3)))
    return Hub(HttpTransport(TransportSettings(base=url, timeout=pace.seconds(0.3))), config)


def test_a_session_that_is_accepted_and_never_answered_is_wrong() -> None:
    """The hub lives, its endpoint does not: a bad answer, and not the hub's end."""
    with Wires(Legacy(answer=lambda _: None)) as wires, pytest.raises(BadAnswer, match="did not answer"):
        hub(wires.url).agent_session()


def test_a_hub_that_is_silent_everywhere_is_down() -> None:
    """Neither /mcp nor health answer: that is proof."""
    with Wires(lambda c: c.stop.wait(3)) as wires, pytest.raises(HubDown, match="/api/health"):
        hub(wires.url).agent_session()


@pytest.mark.parametrize(
    ("size", "cursor", "asked", "error", "words"),
    [
        (4 << 20, str, 4, BeyondLimit, "all pages of tools/list is larger than the 16384 KB"),
        (1, str, 100, BeyondLimit, "more than the 100 pages that are read of it"),
        (1, lambda number: {"page": number % 3}, 4, BadAnswer, "its pages go round in a circle"),
    ],
)
def test_a_list_beyond_what_is_read_proves_nothing(
    size: int, cursor: Callable[[int], object], asked: int, error: type[Exception], words: str
) -> None:
    """Large pages, pages without end and pages in a circle: unknown or broken, and no more of them are asked for."""
    calls: list[object] = []

    class Session:
        place, id = "POST /mcp", None

        def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
            calls.append((method, params))
            return {"tools": [{"name": "t", "inputSchema": {"x": "x" * size}}], "nextCursor": cursor(len(calls))}

    with pytest.raises(error, match=words):
        mcp_probe._every_tool(Session())  # type: ignore[arg-type]
    assert len(calls) == asked
