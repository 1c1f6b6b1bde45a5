"""An MCP server over Streamable HTTP that answers each method as a test says, in a few lines and without the SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.helpers.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.helpers.wires import Connection

    Answers = dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]]


def tool(name: str, **more: Any) -> dict[str, Any]:
    """One entry of a list of tools."""
    return {"name": name, "inputSchema": {"type": "object"}} | more


def peer(answers: Answers) -> Wires:
    """A server whose `answers` give each method's result; one that gives None is never answered."""

    def handle(connection: Connection) -> None:
        if connection.method == "POST":
            _answer(connection, json.loads(connection.body), answers)
        else:
            connection.answer(b"", status=405)

    return Wires(handle)


def reply_to(message: dict[str, Any], answers: Answers) -> dict[str, Any] | None:
    """The whole answer to a request; None where `answers` give none."""
    method = message["method"]
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    if method in answers:
        result = answers[method](message.get("params", {}))
        if result is None:
            return None
        return reply | result if "error" in result else reply | {"result": result}
    if method == "initialize":
        found = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "p", "version": "1"},
        }
        return reply | {"result": found}
    return reply | {"error": {"code": -32601, "message": f"no {method}"}}


def _answer(connection: Connection, message: dict[str, Any], answers: Answers) -> None:
    if "id" not in message:
        connection.answer(b"", status=202)
        return
    reply = reply_to(message, answers)
    if reply is None:
        connection.stop.wait(20)
        return
    connection.answer(reply)


def event_peer(answers: Answers, *, legacy: bool, start: bytes = b"", end: bytes = b"\n") -> Wires:
    """The same with answers as events, over Streamable HTTP or `legacy` HTTP+SSE: `start` begins each stream, `end` ends its lines.

    Each event goes out in two pieces, the second one its last byte alone: a reader that waits for what follows waits for ever.
    """
    streams: list[Connection] = []

    def send(connection: Connection, name: str, data: str) -> None:
        event = b"event: " + name.encode() + end + b"data: " + data.encode() + end + end
        connection.send(event[:-1])
        connection.send(event[-1:])

    def opened(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + start)

    def handle(connection: Connection) -> None:
        if connection.method == "GET" and legacy:
            streams.append(connection)
            opened(connection)
            send(connection, "endpoint", "/messages?sessionId=1")
            connection.stop.wait(20)
        elif connection.method != "POST" or (legacy and connection.path == "/mcp"):
            connection.answer(b"", status=405)
        else:
            message = json.loads(connection.body)
            if legacy or "id" not in message:
                connection.answer(b"", status=202)
            stream = streams[-1] if legacy else connection
            if "id" in message and not legacy:
                opened(connection)
            if "id" in message:
                send(stream, "message", json.dumps(reply_to(message, answers)))

    return Wires(handle)
