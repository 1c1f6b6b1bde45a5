"""The embedded hub speaks MCP: the official client gets along with it over both transports."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

from readiness import demo
from readiness.demo.servers import everything

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

LIMIT = 20  # seconds, for whatever happens
META = "hub__analyze_prompt"


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


def text_of(content: object) -> str:
    """The text of a content; one of another kind fails the test."""
    found = getattr(content, "text", None)
    assert isinstance(found, str)
    return found


class Agent:
    """The official client, and the notifications it got."""

    def __init__(self, hub: demo.DemoHub, kind: str) -> None:
        self.hub, self.kind = hub, kind
        self.notified: asyncio.Queue[str] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
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

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    async def names(self) -> set[str]:
        """The tools it is shown now."""
        return {tool.name for tool in (await self.client.list_tools()).tools}

    async def ask(self, prompt: str) -> dict[str, Any]:
        """The analysis of a prompt."""
        answer = await self.client.call_tool(META, {"prompt": prompt})
        return dict(json.loads(text_of(answer.content[0])))


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine to its end, or to the limit."""

    async def bounded() -> None:
        async with asyncio.timeout(LIMIT):
            await work

    asyncio.run(bounded())


@pytest.mark.parametrize("kind", ["sse", "streamable", "auto"])
def test_workflow_of_an_agent(hub: demo.DemoHub, kind: str) -> None:
    """Analyse, be notified, list, call: an agent's whole way, over each transport."""

    async def work() -> None:
        async with Agent(hub, kind) as agent:
            assert agent.client.server_info is not None
            assert agent.client.server_info.name == "mcp-hub-internal-endpoint"
            assert await agent.names() == {META}
            analysis = await agent.ask("please echo this message back")
            assert analysis.keys() == {"categories", "confidence", "reasoning"}
            assert analysis["categories"] == ["utility"]
            assert await asyncio.wait_for(agent.notified.get(), 3) == "notifications/tools/list_changed"
            assert "everything__echo" in await agent.names()
            assert "memory__read_graph" not in await agent.names()
            answer = await agent.client.call_tool("everything__echo", {"message": "hi"})
            assert (text_of(answer.content[0]), answer.is_error) == ("Echo: hi", False)
            wrong = await agent.client.call_tool("everything__echo", {})
            assert wrong.is_error
            resources = (await agent.client.list_resources()).resources
            read = await agent.client.read_resource(str(resources[0].uri))
            assert "architecture" in text_of(read.contents[0])
            prompts = {prompt.name for prompt in (await agent.client.list_prompts()).prompts}
            assert "everything__simple-prompt" in prompts
            filled = await agent.client.get_prompt("everything__args-prompt", {"city": "Bern"})
            assert "Bern" in text_of(filled.messages[0].content)

    run(work())


# later revisions have no ping; the hub speaks those that do
@pytest.mark.filterwarnings("ignore:ping is removed")
@pytest.mark.parametrize("kind", ["sse", "streamable"])
def test_ping_and_unknown_tools(hub: demo.DemoHub, kind: str) -> None:
    """A ping is answered; a tool that does not exist, or was not exposed, is error -32602."""
    from mcp import MCPError

    async def work() -> None:
        async with Agent(hub, kind) as agent:
            await agent.client.send_ping()
            for name in ("everything__nope", "nope", "memory__read_graph"):
                with pytest.raises(MCPError) as caught:
                    await agent.client.call_tool(name, {})
                assert caught.value.error.code == -32602

    run(work())


def test_sessions_are_isolated(hub: demo.DemoHub) -> None:
    """What one agent's prompt exposes stays invisible to the others, whatever their transport."""

    async def work() -> None:
        async with Agent(hub, "sse") as one, Agent(hub, "streamable") as two:
            await one.ask("remember an entity in the knowledge graph")
            assert "memory__create_entities" in await one.names()
            assert await two.names() == {META}
            assert two.notified.empty()

    run(work())


def test_structured_content_validates(hub: demo.DemoHub) -> None:
    """Results with a schema pass the official client's own validation."""

    async def work() -> None:
        async with Agent(hub, "streamable") as agent:
            await agent.ask("read the knowledge graph, and get structured content")
            await agent.names()
            graph = await agent.client.call_tool("memory__read_graph", {})
            assert graph.structured_content.keys() == {"entities", "relations"}
            weather = await agent.client.call_tool("everything__get-structured-content", {"location": "Chicago"})
            assert weather.structured_content["temperature"] == 36

    run(work())


def test_stdio_servers() -> None:
    """The commands of the demo's configuration are real MCP servers with the tools, resources and prompts of the hub's."""
    from mcp import Client, MCPError, StdioServerParameters

    async def work() -> None:
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "readiness.demo.stdio", "everything"])
        async with Client(parameters, mode="legacy", read_timeout_seconds=5) as client:
            assert client.server_info.name == "mcp-servers/everything"
            offered = everything.make().capabilities()
            tools = [tool.model_dump(by_alias=True, exclude_none=True) for tool in (await client.list_tools()).tools]
            assert [(t["name"], t["inputSchema"]) for t in tools] == [
                (t["name"], t["inputSchema"]) for t in offered["tools"]
            ]
            assert len((await client.list_resource_templates()).resource_templates) == 1
            answer = await client.call_tool("add", {"a": 2, "b": 3})
            assert "is 5" in text_of(answer.content[0])
            assert (await client.call_tool("add", {"a": "two", "b": 3})).is_error
            uri = (await client.list_resources()).resources[0].uri
            assert "embedded hub" in str((await client.read_resource(str(uri))).contents[0])
            prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
            assert "one required" in str(await client.get_prompt(prompts[1], {"city": "Ulm"}))
            with pytest.raises(MCPError, match="Unknown tool: nothing"):
                await client.call_tool("nothing", {})

    run(work())


def test_telemetry_counts_analyses(hub: demo.DemoHub, client: httpx.Client) -> None:
    """Each new prompt is one LLM call, the same prompt again a cache hit."""

    def counted() -> tuple[int, int]:
        stats = client.get("/api/filtering/stats").json()
        return stats["llm"]["totalCalls"], stats["llmCache"]["hits"]

    async def work() -> None:
        async with Agent(hub, "streamable") as agent:
            await agent.ask("a prompt that nobody asked before")
            await agent.ask("a prompt that nobody asked before")

    calls, hits = counted()
    run(work())
    assert counted() == (calls + 1, hits + 1)
    llm = client.get("/api/filtering/stats").json()["llm"]
    assert llm["successRate"] == 1
    assert llm["p95Latency"] >= 0
