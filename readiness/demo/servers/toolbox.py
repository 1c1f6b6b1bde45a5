"""What an MCP server of the embedded hub is made of: tools, resources, prompts, and how they are called.

Plain data and functions, because the hub calls them in its own process: with the MCP SDK in it a hub needs 0.6 s to start
instead of 0.2 s, and the tests start a thousand of them. `readiness.demo.stdio` makes servers of the SDK out of them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from readiness.demo.hub.jsonrpc import INVALID_PARAMS, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCHEMA = "http://json-schema.org/draft-07/schema#"
META_TOOL = "hub__analyze_prompt"
"""The tool of the hub's own: what a session of prompt-based filtering begins with."""


def text(value: str, *, error: bool = False) -> dict[str, Any]:
    """A tool's result of one text; `error` marks it as the tool's own failure."""
    return {"content": [{"type": "text", "text": value}]} | ({"isError": True} if error else {})


def schema(properties: Mapping[str, Any], required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A JSON Schema of an object, in the shape the reference servers publish."""
    base: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    return base | ({"required": list(required)} if required else {}) | {"$schema": SCHEMA} | more


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerTool:
    """One tool: what it publishes about itself and the function that does it."""

    name: str
    title: str
    description: str
    parameters: dict[str, Any]
    run: Callable[[dict[str, Any]], dict[str, Any]]
    output: dict[str, Any] | None = None
    read_only: bool = True
    categories: tuple[str, ...] = ("utility",)

    def to_json(self) -> dict[str, Any]:
        """As `tools/list` and the hub's API show it."""
        shown: dict[str, Any] = {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.parameters,
        }
        if self.output is not None:
            shown["outputSchema"] = self.output
        return shown | {
            "annotations": {
                "readOnlyHint": self.read_only,
                "destructiveHint": self.name.startswith("delete_"),
                "idempotentHint": self.read_only,
                "openWorldHint": False,
            },
            "execution": {"taskSupport": "forbidden"},
        }

    def call(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Its result; arguments that break its schema are an error *result*, as in the reference servers."""
        from jsonschema import Draft7Validator  # 85 ms to import: paid by the first call, not by the start

        problem = next(iter(Draft7Validator(self.parameters).iter_errors(arguments)), None)
        if problem is None:
            return self.run(arguments)
        where = "/".join(map(str, problem.path)) or "the arguments"
        problem_text = f"Invalid arguments for tool {self.name}: {problem.message[:200]} at {where}"
        return text(f"MCP error {INVALID_PARAMS}: Input validation error: {problem_text}", error=True)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """One MCP server: a name, what it calls itself, and what it offers."""

    name: str
    info: dict[str, Any]
    tools: dict[str, ServerTool]
    resources: tuple[dict[str, Any], ...] = ()
    templates: tuple[dict[str, Any], ...] = ()
    prompts: tuple[dict[str, Any], ...] = ()
    read: Callable[[str], str | None] = lambda _uri: None

    def capabilities(self) -> dict[str, Any]:
        """What the hub learns by asking for every list."""
        return {
            "tools": [tool.to_json() for tool in self.tools.values()],
            "resources": list(self.resources),
            "resourceTemplates": list(self.templates),
            "prompts": list(self.prompts),
        }

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result of one tool; raises `RpcError` -32602 for a tool it does not have."""
        if name not in self.tools:
            raise RpcError(INVALID_PARAMS, f"Unknown tool: {name}")
        return self.tools[name].call(arguments)

    def read_resource(self, uri: str) -> dict[str, Any]:
        """The text of one resource; raises `RpcError` -32602 for one it does not have."""
        content = self.read(uri)
        if content is None:
            raise RpcError(INVALID_PARAMS, f"Unknown resource: {uri[:200]}")
        return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": content}]}

    def get_prompt(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """One prompt filled in; raises `RpcError` -32602 for one it does not have or an argument that is missing."""
        wanted = next((prompt for prompt in self.prompts if prompt["name"] == name), None)
        if wanted is None:
            raise RpcError(INVALID_PARAMS, f"Unknown prompt: {name[:200]}")
        missing = [a["name"] for a in wanted.get("arguments", ()) if a.get("required") and a["name"] not in arguments]
        if missing:
            raise RpcError(INVALID_PARAMS, f"Missing argument: {missing[0]}")
        said = " ".join([wanted["description"], *map(str, arguments.values())])
        return {"messages": [{"role": "user", "content": {"type": "text", "text": said[:2000]}}]}
