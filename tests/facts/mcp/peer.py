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


def _answer(connection: Connection, message: dict[str, Any], answers: Answers) -> None:
    method = message["method"]
    if "id" not in message:
        connection.answer(b"", status=202)
        return
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    if method in answers:
        result = answers[method](message.get("params", {}))
        if result is None:
            connection.stop.wait(20)
            return
        connection.answer(reply | result if "error" in result else reply | {"result": result})
    elif method == "initialize":
        found = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "p", "version": "1"},
        }
        connection.answer(reply | {"result": found})
    else:
        connection.answer(reply | {"error": {"code": -32601, "message": f"no {method}"}})
