"""The embedded hub speaks MCP: the official client gets along with it over both transports."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack

import httpx
import pytest

from readiness import demo
from readiness.demo.sessions import Sessions

LIMIT = 10  # seconds, for whatever happens
META = "hub__analyze_prompt"


@pytest.fixture(scope="module")
def hub():
    """A healthy hub in its own process."""
    with demo.start() as started:
        yield started


@pytest.fixture
def client(hub):
    """A plain HTTP client, for what the official client would never send."""
    with httpx.Client(base_url=hub.url, timeout=5) as opened:
        yield opened


class Agent:
    """The official client, and the notifications it got."""

    def __init__(self, hub, kind: str) -> None:
        self.hub, self.kind = hub, kind
        self.notified: asyncio.Queue[str] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self):
        from mcp import Client
        from mcp.client.sse import sse_client

        async def heard(message: object) -> None:
            if method := getattr(message, "method", None):
                self.notified.put_nowait(method)

        target = sse_client(f"{self.hub.url}/mcp") if self.kind == "sse" else f"{self.hub.url}/mcp"
        mode = "legacy" if self.kind != "auto" else "auto"
        client = Client(target, read_timeout_seconds=5, message_handler=heard, mode=mode)
        self.client = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *details):
        await self._stack.aclose()

    async def names(self) -> set[str]:
        """The tools it is shown now."""
        return {tool.name for tool in (await self.client.list_tools()).tools}

    async def ask(self, prompt: str) -> dict:
        """The analysis of a prompt."""
        answer = await self.client.call_tool(META, {"prompt": prompt})
        return json.loads(answer.content[0].text)


def run(work):
    """Runs a coroutine to its end, or to the limit."""

    async def bounded():
        async with asyncio.timeout(LIMIT):
            return await work

    return asyncio.run(bounded())


@pytest.mark.parametrize("kind", ["sse", "streamable", "auto"])
def test_workflow_of_an_agent(hub, kind):
    """Analyse, be notified, list, call: an agent's whole way, over each transport."""

    async def work():
        async with Agent(hub, kind) as agent:
            assert agent.client.server_info.name == "mcp-hub-internal-endpoint"
            assert await agent.names() == {META}
            analysis = await agent.ask("please echo this message back")
            assert analysis.keys() == {"categories", "confidence", "reasoning"}
            assert analysis["categories"] == ["utility"]
            assert await asyncio.wait_for(agent.notified.get(), 3) == "notifications/tools/list_changed"
            assert "everything__echo" in await agent.names()
            assert "memory__read_graph" not in await agent.names()
            answer = await agent.client.call_tool("everything__echo", {"message": "hi"})
            assert (answer.content[0].text, answer.is_error) == ("Echo: hi", False)
            wrong = await agent.client.call_tool("everything__echo", {})
            assert wrong.is_error
            resources = (await agent.client.list_resources()).resources
            read = await agent.client.read_resource(str(resources[0].uri))
            assert "architecture" in read.contents[0].text
            prompts = {prompt.name for prompt in (await agent.client.list_prompts()).prompts}
            assert "everything__simple-prompt" in prompts
            filled = await agent.client.get_prompt("everything__args-prompt", {"city": "Bern"})
            assert "Bern" in filled.messages[0].content.text

    run(work())


@pytest.mark.parametrize("kind", ["sse", "streamable"])
def test_ping_and_unknown_tools(hub, kind):
    """A ping is answered; a tool that does not exist, or was not exposed, is error -32602."""
    from mcp import MCPError

    async def work():
        async with Agent(hub, kind) as agent:
            await agent.client.send_ping()
            for name in ("everything__nope", "nope", "memory__read_graph"):
                with pytest.raises(MCPError) as caught:
                    await agent.client.call_tool(name, {})
                assert caught.value.error.code == -32602

    run(work())


def test_sessions_are_isolated(hub):
    """What one agent's prompt exposes stays invisible to the others, whatever their transport."""

    async def work():
        async with Agent(hub, "sse") as one, Agent(hub, "streamable") as two:
            await one.ask("remember an entity in the knowledge graph")
            assert "memory__create_entities" in await one.names()
            assert await two.names() == {META}
            assert two.notified.empty()

    run(work())


def test_structured_content_validates(hub):
    """Results with a schema pass the official client's own validation."""

    async def work():
        async with Agent(hub, "streamable") as agent:
            await agent.ask("read the knowledge graph, and get structured content")
            await agent.names()
            graph = await agent.client.call_tool("memory__read_graph", {})
            assert graph.structured_content.keys() == {"entities", "relations"}
            weather = await agent.client.call_tool("everything__get-structured-content", {"location": "Chicago"})
            assert weather.structured_content["temperature"] == 36

    run(work())


def test_stdio_servers():
    """The commands of the demo's configuration are real MCP servers."""
    from mcp import Client, StdioServerParameters

    async def work():
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "readiness.demo.stdio", "everything"])
        async with Client(parameters, mode="legacy", read_timeout_seconds=5) as client:
            answer = await client.call_tool("add", {"a": 2, "b": 3})
            assert "is 5" in answer.content[0].text

    run(work())


def test_telemetry_counts_analyses(hub, client):
    """Each new prompt is one LLM call, the same prompt again a cache hit."""

    def counted() -> tuple[int, int]:
        stats = client.get("/api/filtering/stats").json()
        return stats["llm"]["totalCalls"], stats["llmCache"]["hits"]

    async def work():
        async with Agent(hub, "streamable") as agent:
            await agent.ask("a prompt that nobody asked before")
            await agent.ask("a prompt that nobody asked before")

    calls, hits = counted()
    run(work())
    assert counted() == (calls + 1, hits + 1)
    llm = client.get("/api/filtering/stats").json()["llm"]
    assert llm["successRate"] == 1
    assert llm["p95Latency"] >= 0


# --- what the official client would never send ---

ACCEPT = {"accept": "application/json, text/event-stream"}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}


def post(client, body, **headers):
    """One message to Streamable HTTP."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/mcp", content=content, headers=ACCEPT | headers)


def opened(client) -> dict[str, str]:
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
def test_broken_messages(hub, client, body, code):
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
def test_protocol_errors(client, method, params, code):
    """A request that cannot be served is an error with its code and the request's id."""
    body = {"jsonrpc": "2.0", "id": "q", "method": method, "params": params}
    answer = post(client, body, **opened(client)).json()
    assert (answer["id"], answer["error"]["code"]) == ("q", code)


def test_session_errors(client):
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


def test_answers_take_the_form_that_is_accepted(client):
    """A ping needs no session; notifications get 202; who accepts events alone gets events."""
    assert post(client, {"jsonrpc": "2.0", "id": 1, "method": "ping"}).json()["result"] == {}
    session = opened(client)
    noted = post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
    assert noted.status_code == 202
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    answer = post(client, ping, **session, accept="text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert json.loads(answer.text.split("data: ")[1])["result"] == {}


def test_one_stream_a_session(client):
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


def test_sessions_are_bounded():
    """Not more than the limit, until one is idle for too long or closed."""
    from readiness.demo.jsonrpc import RpcError

    sessions = Sessions(limit=2, idle=60)
    first, second = sessions.create(), sessions.create()
    with pytest.raises(RpcError, match="Too many sessions: 2 are open"):
        sessions.create()
    first.used -= 61
    third = sessions.create()
    assert sessions.get(first.id) is None
    sessions.close(second)
    assert set(sessions.by_id) == {third.id}


def test_session_limit_over_http(client):
    """One session more than allowed is 503, and sessions that are closed make room."""
    sessions = []
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
