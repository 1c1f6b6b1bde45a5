"""The LLM provider's double: lists its models and completes chats as OpenAI's API does, always the same way.

It can be broken while it runs: `llm_control` says how, in a file that is looked at many times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import socket
from typing import TYPE_CHECKING, Final

from readiness.demo.hub.analysis import KeywordAnalyser
from readiness.demo.llm_control import UP, LlmControl, LlmOrder, order

if TYPE_CHECKING:
    from pathlib import Path

MODELS: Final = ("gpt-4o", "gpt-4o-mini")
PATH: Final = "/v1"
HEAD_LIMIT: Final = 8 * 1024
"""Bytes of a request's head at most."""
BODY_LIMIT: Final = 1 << 20
"""Bytes of a request's body at most."""
SECONDS: Final = 5.0
"""How long a client may take to send it."""
LOOK: Final = 0.03
"""Seconds between two looks at what was ordered."""
REFUSALS: Final = {
    "429": ("429 Too Many Requests", "Rate limit reached for requests", "rate_limit_exceeded"),
    "401": ("401 Unauthorized", "Incorrect API key", "invalid_api_key"),
    "500": ("500 Internal Server Error", "The server had an error", "server_error"),
}
"""What an order that is a status answers: status line, text and code."""
POEM: Final = "Roses are red, violets are blue; I was asked for JSON, and rhyme for you."
"""What it says instead of an analysis when nonsense was ordered."""


class LlmDouble:
    """Answers on `listener` for as long as it runs; `key` is the only one that is valid."""

    def __init__(self, listener: socket.socket, key: str, folder: Path) -> None:
        self._listener, self._key = listener, key
        self._control = LlmControl(folder)
        self._server: asyncio.Server | None = None
        self.order: LlmOrder = UP

    def begin_with(self, state: str, seconds: float) -> None:
        """The order that holds until another is given; raises `OrderError`."""
        self._control.default = order(state, seconds)

    async def start(self) -> None:
        """Begins to answer, unless it was ordered to refuse; then follows orders until the loop ends."""
        await self._obey()
        self._follower = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Answers no longer; the listener stays its owner's."""
        self._follower.cancel()
        if self._server is not None:
            self._server.close()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if self._control.changed():
                await self._obey()

    async def _obey(self) -> None:
        self.order = self._control.ordered()
        if self.order.state == "refused":
            if self._server is not None:
                self._server.close()
                self._server = None
            # not closed: another process may hold the socket too, and the port must come back with it
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
        elif self._server is None:
            own = self._listener.dup()
            self._server = await asyncio.start_server(self._on_client, sock=own, limit=HEAD_LIMIT)
        self._control.obeyed(self.order)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a client that leaves, is too slow or sends no HTTP gets no answer, without effect on the others
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(SECONDS):
                request, fields = _parsed((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                body = await _body(reader, fields)
            if (answer := await self._answer(request, fields, body)) is not None:
                writer.write(answer)
                await writer.drain()
        writer.close()

    async def _answer(self, request: str, fields: dict[str, str], body: bytes) -> bytes | None:
        """The response; None: the connection ends without one."""
        now = self.order
        if now.state == "slow":
            await asyncio.sleep(now.seconds)
        if now.state == "disconnecting":
            return None
        if now.state in REFUSALS:
            return _refusal(*REFUSALS[now.state])
        if not hmac.compare_digest(fields.get("authorization", "").encode(), f"Bearer {self._key}".encode()):
            return _refusal(*REFUSALS["401"])
        match request.split(" ")[:2]:
            case ["GET", path] if path == f"{PATH}/models":
                models = [{"id": name, "object": "model", "created": 0, "owned_by": "nobody"} for name in MODELS]
                return _response("200 OK", {"object": "list", "data": models})
            case ["POST", path] if path == f"{PATH}/chat/completions":
                return await self._complete(body, nonsense=now.state == "nonsense")
        return _refusal("404 Not Found", "Unknown request URL", "unknown_url")

    @staticmethod
    async def _complete(body: bytes, *, nonsense: bool) -> bytes:
        """`POST /v1/chat/completions`: the keyword analyser's answer as the model's."""
        try:
            asked = json.loads(body)
            by_role = {message["role"]: message["content"] for message in asked["messages"]}
            known = json.loads(by_role["system"][by_role["system"].index("{") :])["categories"]
            vocabulary = {name: frozenset(map(str, words)) for name, words in known.items()}
            model, prompt = str(asked["model"]), str(by_role["user"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return _refusal("400 Bad Request", "We could not parse the JSON body of your request", "invalid_request")
        if model not in MODELS:
            return _refusal("404 Not Found", f"The model {model[:80]!r} does not exist", "model_not_found")
        analysis = (await KeywordAnalyser().analyse(prompt, vocabulary)).to_json()
        content = POEM if nonsense else json.dumps(analysis)
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        # a token is about four characters
        used = {"prompt_tokens": len(body) // 4, "completion_tokens": len(content) // 4}
        usage = used | {"total_tokens": sum(used.values())}
        whole = {"id": "chatcmpl-0", "object": "chat.completion", "created": 0, "model": model}
        return _response("200 OK", whole | {"choices": [choice], "usage": usage})


def _parsed(head: str) -> tuple[str, dict[str, str]]:
    request, *lines = head.split("\r\n")
    return request, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    """What the head announces; raises ValueError for more than `BODY_LIMIT`."""
    announced = int(fields.get("content-length", "0"))
    if not 0 <= announced <= BODY_LIMIT:
        raise ValueError(announced)
    return await reader.readexactly(announced)


def _refusal(status: str, message: str, code: str) -> bytes:
    return _response(status, {"error": {"message": message, "code": code}})


def _response(status: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
