"""The hub's MCP end: the legacy HTTP+SSE transport and Streamable HTTP, healthy or broken as asked."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from tests.faults.hub import healthy
from tests.faults.hub.wire import Line, Request, Response

if TYPE_CHECKING:
    from tests.faults.hub.model import How

PROTOCOL = "2025-06-18"


class McpEnd:
    """Answers `/mcp` and `/messages`; keeps the legacy sessions' queues."""

    def __init__(self, how: How) -> None:
        self.how = how
        self.sessions: dict[str, asyncio.Queue[bytes]] = {}

    async def serve(self, request: Request, line: Line) -> bool | None:
        """Answer if the request is MCP's: whether the connection may go on; None: not ours."""
        if request.path == "/mcp" and request.method == "GET" and self.how.transport in {"legacy", "both"}:
            await self._stream(line)
            return False
        if request.path == "/mcp" and request.method == "POST" and self.how.transport in {"streamable", "both"}:
            return await self._streamable(request, line)
        if request.path == "/mcp" and request.method == "DELETE" and self.how.transport in {"streamable", "both"}:
            return await line.send(Response(status=200, body=b""))
        if request.path == "/messages" and self.how.transport in {"legacy", "both"}:
            return await self._message(request, line)
        return None

    async def _stream(self, line: Line) -> None:
        session = secrets.token_hex(8)
        queue = self.sessions[session] = asyncio.Queue()
        await line.start_stream()
        if self.how.mcp == "no-endpoint":
            await line.wait_for_end()
            return
        host = "http://hub.invalid:9" if self.how.mcp == "other-host" else ""
        await line.chunk(self.how.endpoint.replace("{path}", f"{host}/messages?sessionId={session}").encode())
        gone = asyncio.ensure_future(line.wait_for_end())
        try:
            while not gone.done():
                get = asyncio.ensure_future(queue.get())
                await asyncio.wait({gone, get}, return_when=asyncio.FIRST_COMPLETED)
                if not get.done():
                    get.cancel()
                    return
                await line.chunk(get.result())
        finally:
            gone.cancel()
            self.sessions.pop(session, None)

    async def _message(self, request: Request, line: Line) -> bool:
        queue = self.sessions.get(request.query.get("sessionId", ""))
        if queue is None:
            return await line.send(Response(status=404, body=b"Session not found", content_type="text/plain"))
        for answer in self._answers(json.loads(request.body)):
            queue.put_nowait(self._framed(answer))
        return await line.send(Response(status=202, body=b"Accepted", content_type="text/plain"))

    async def _streamable(self, request: Request, line: Line) -> bool:
        message = json.loads(request.body)
        answers = self._answers(message)
        if not answers and self.how.mcp == "mute":
            await line.wait_for_end()
            return False
        session = [("Mcp-Session-Id", "f" * 32)] if message.get("method") == "initialize" else []
        if not answers:
            return await line.send(Response(status=202, body=b"", headers=session))
        body, kind = answers[0].encode(), "application/json"
        if self.how.framing:
            body, kind = b"".join(self._framed(answer) for answer in answers), "text/event-stream"
        return await line.send(Response(body=body, content_type=kind, headers=session))

    def _framed(self, answer: str) -> bytes:
        framing = self.how.framing or "event: message\ndata: {data}\n\n"
        return framing.replace("{data}", answer).encode("utf-8", "surrogatepass")

    def _answers(self, message: dict[str, Any]) -> list[str]:
        """What is said to one message, in order."""
        instead = self.how.rpc.get(message.get("method", ""))
        if instead is None or "id" not in message:
            answer = self._answer(message)
            return [] if answer is None else [answer]
        values = {"{id}": json.dumps(message["id"]), "{result}": json.dumps(_result(message))}
        return [re.sub(r"\{(?:id|result)\}", lambda place: values[place.group()], one) for one in instead]

    def _answer(self, message: dict[str, Any]) -> str | None:
        if "id" not in message or self.how.mcp == "mute":
            return None
        if self.how.mcp == "garbage":
            return "{not json"
        number = message["id"]
        if self.how.mcp == "wrong-id":
            number = 999_999
        envelope: dict[str, Any] = {"jsonrpc": "2.0", "id": number}
        broken = self.how.mcp == "error" or (self.how.mcp == "no-ping" and message["method"] == "ping")
        result = None if broken else _result(message)
        if result is None:
            code, text = (-32603, "Internal error") if broken else (-32601, "Method not found")
            return json.dumps(envelope | {"error": {"code": code, "message": text}})
        return json.dumps(envelope | {"result": result})


def _result(message: dict[str, Any]) -> dict[str, Any] | None:
    if message["method"] == "initialize":
        return {
            "protocolVersion": message.get("params", {}).get("protocolVersion", PROTOCOL),
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "mcp-hub", "version": "1.0.0"},
        }
    if message["method"] == "ping":
        return {}
    if message["method"] == "tools/list":
        return {"tools": [{"name": healthy.META_TOOL, "description": "", "inputSchema": {"type": "object"}}]}
    return None
