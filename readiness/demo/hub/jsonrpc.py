"""JSON-RPC 2.0 as MCP uses it: reading one message, and writing its answers."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
SESSION_ERROR: Final = -32000
"""What the reference SDK answers about sessions (not found, missing, too many)."""


class RpcError(Exception):
    """A protocol error: its code and text become the answer's `error`."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a client: a request has an id, a notification none; a response has no method."""

    method: str | None
    id: str | int | None = None
    params: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_request(self) -> bool:
        """Whether the client waits for an answer."""
        return self.method is not None and self.id is not None


def parse(body: bytes) -> Message:
    """The one message in `body`; raises `RpcError` -32700 for text that is no JSON, -32600 for JSON that is no message."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RpcError(PARSE_ERROR, "Parse error: the body is not JSON") from error
    if not isinstance(data, dict) or data.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, "Invalid request: expected one object with jsonrpc 2.0")
    identifier, method, params = data.get("id"), data.get("method"), data.get("params", {})
    if "id" in data and (isinstance(identifier, bool) or not isinstance(identifier, (str, int))):
        raise RpcError(INVALID_REQUEST, "Invalid request: the id is neither text nor an integer")
    if method is None and not {"result", "error"} & data.keys():
        raise RpcError(INVALID_REQUEST, "Invalid request: there is no method")
    if not isinstance(method, (str, type(None))) or not isinstance(params, dict):
        raise RpcError(INVALID_REQUEST, "Invalid request: the method is no text or its params are no object")
    return Message(method=method, id=identifier, params=params)


def result(identifier: str | int | None, value: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request that went well."""
    return {"jsonrpc": "2.0", "id": identifier, "result": value}


def failure(identifier: str | int | None, error: RpcError) -> dict[str, Any]:
    """The answer to a request that broke the protocol; the id is None where it could not be read."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": identifier, "error": body}


def notification(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """A message that waits for no answer."""
    return {"jsonrpc": "2.0", "method": method} | ({"params": params} if params else {})
