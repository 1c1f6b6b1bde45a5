"""The two MCP servers behind the official MCP SDK, as programs of their own. The SDK is optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from readiness.demo.hub.jsonrpc import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.demo.servers.toolbox import McpServer

    Params = types.PaginatedRequestParams | None
    Result = TypeVar("Result", bound=types.Result)


def sdk_server(server: McpServer) -> Server[Any]:
    """A server of the SDK that offers what `server` does."""
    offered = server.capabilities()

    async def list_tools(_context: object, _params: Params) -> types.ListToolsResult:
        return types.ListToolsResult.model_validate({"tools": offered["tools"]})

    async def list_resources(_context: object, _params: Params) -> types.ListResourcesResult:
        return types.ListResourcesResult.model_validate({"resources": offered["resources"]})

    async def list_templates(_context: object, _params: Params) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": offered["resourceTemplates"]})

    async def list_prompts(_context: object, _params: Params) -> types.ListPromptsResult:
        return types.ListPromptsResult.model_validate({"prompts": offered["prompts"]})

    async def call_tool(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
        return _answer(types.CallToolResult, lambda: server.call(params.name, params.arguments or {}))

    async def read_resource(_context: object, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        return _answer(types.ReadResourceResult, lambda: server.read_resource(str(params.uri)))

    async def get_prompt(_context: object, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return _answer(types.GetPromptResult, lambda: server.get_prompt(params.name, params.arguments or {}))

    return Server(
        server.info["name"],
        version=server.info["version"],
        title=server.info.get("title"),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


def _answer(kind: type[Result], make: Callable[[], dict[str, Any]]) -> Result:
    """The SDK's form of a result. Raises MCPError with the code of an error of the protocol."""
    try:
        return kind.model_validate(make())
    except RpcError as error:
        raise MCPError(error.code, error.message) from None


async def serve(server: McpServer) -> None:
    """Answer over stdio until the input ends."""
    speaker = sdk_server(server)
    async with stdio_server() as (incoming, outgoing):
        await speaker.run(incoming, outgoing, speaker.create_initialization_options())
