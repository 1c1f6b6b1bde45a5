"""The MCP server "everything": small harmless tools, after the reference server of the same name."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from readiness.demo.servers.toolbox import McpServer, ServerTool, schema, text

# a transparent image of one pixel
_PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_DOCUMENTS: Final = ("architecture.md", "extension.md")
_PRIORITY: Final = {"error": 1.0, "success": 0.7, "debug": 0.3}
_NUMBER: Final = {"type": "number", "description": "A number"}


def _echo(arguments: dict[str, Any]) -> dict[str, Any]:
    return text(f"Echo: {arguments['message']}")


def _add(arguments: dict[str, Any]) -> dict[str, Any]:
    total = arguments["a"] + arguments["b"]
    return text(f"The sum of {arguments['a']} and {arguments['b']} is {total}.")


def _annotated(arguments: dict[str, Any]) -> dict[str, Any]:
    kind = arguments["messageType"]
    texts = {"error": "Error: Operation failed", "success": "Operation completed successfully"}
    audience = ["user", "assistant"] if kind == "error" else ["user"]
    content: list[dict[str, Any]] = [
        {
            "type": "text",
            "text": texts.get(kind, "Debug: nothing to tell"),
            "annotations": {"priority": _PRIORITY[kind], "audience": audience},
        }
    ]
    if arguments.get("includeImage"):
        content.append({"type": "image", "data": _PIXEL, "mimeType": "image/png"})
    return {"content": content}


def _image(_arguments: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "image", "data": _PIXEL, "mimeType": "image/png"}]}


def _weather(arguments: dict[str, Any]) -> dict[str, Any]:
    degrees = {"New York": 33, "Chicago": 36, "Los Angeles": 73}[arguments["location"]]
    weather = {"temperature": degrees, "conditions": "Cloudy", "humidity": 82}
    return text(json.dumps(weather)) | {"structuredContent": weather}


def _read(uri: str) -> str | None:
    if (name := uri.removeprefix("demo://resource/static/document/")) in _DOCUMENTS:
        return f"# {name}\n\nA document of the embedded hub.\n"
    match = re.fullmatch(r"demo://resource/dynamic/text/(\d{1,9})", uri)
    return f"Resource {match[1]}: fabricated text" if match else None


def _annotated_schema() -> dict[str, Any]:
    kinds = {
        "type": "string",
        "enum": ["error", "success", "debug"],
        "description": "Type of message to demonstrate different annotation patterns",
    }
    image = {"default": False, "description": "Whether to include an example image", "type": "boolean"}
    return schema({"messageType": kinds, "includeImage": image}, ("messageType",))


def _tools() -> tuple[ServerTool, ...]:
    place = {"type": "string", "enum": ["New York", "Chicago", "Los Angeles"], "description": "Choose city"}
    readings = {
        "temperature": {"type": "number", "description": "Temperature in fahrenheit"},
        "conditions": {"type": "string", "description": "Weather conditions description"},
        "humidity": {"type": "number", "description": "Humidity percentage"},
    }
    return (
        ServerTool(
            name="echo",
            title="Echo Tool",
            description="Echoes back the input string",
            parameters=schema({"message": {"type": "string", "description": "Message to echo"}}, ("message",)),
            run=_echo,
        ),
        ServerTool(
            name="get-annotated-message",
            title="Get Annotated Message Tool",
            description="Demonstrates how annotations can be used to provide metadata about content.",
            parameters=_annotated_schema(),
            run=_annotated,
        ),
        ServerTool(
            name="add",
            title="Add Tool",
            description="Returns the sum of two numbers",
            parameters=schema({"a": _NUMBER, "b": _NUMBER}, ("a", "b")),
            run=_add,
        ),
        ServerTool(
            name="get-structured-content",
            title="Get Structured Content Tool",
            description="Returns structured content along with an output schema for client data validation",
            parameters=schema({"location": place}, ("location",)),
            output=schema(readings, tuple(readings), additionalProperties=False),
            run=_weather,
        ),
        ServerTool(
            name="get-tiny-image",
            title="Get Tiny Image Tool",
            description="Returns a tiny image.",
            parameters=schema({}),
            categories=("media",),
            run=_image,
        ),
    )


def make() -> McpServer:
    """A server of this kind."""
    return McpServer(
        name="everything",
        info={"name": "mcp-servers/everything", "title": "Everything Reference Server", "version": "2.0.0"},
        tools={tool.name: tool for tool in _tools()},
        resources=tuple(
            {
                "name": name,
                "uri": f"demo://resource/static/document/{name}",
                "description": f"Static document: {name}",
                "mimeType": "text/markdown",
            }
            for name in _DOCUMENTS
        ),
        templates=(
            {
                "name": "Dynamic Text Resource",
                "uriTemplate": "demo://resource/dynamic/text/{resourceId}",
                "description": "Plaintext fabricated from the {resourceId} variable, which must be an integer.",
                "mimeType": "text/plain",
            },
        ),
        prompts=(
            {"name": "simple-prompt", "title": "Simple Prompt", "description": "A prompt with no arguments"},
            {
                "name": "args-prompt",
                "title": "Arguments Prompt",
                "description": "A prompt with two arguments, one required and one optional",
                "arguments": [
                    {"name": "city", "description": "Name of the city", "required": True},
                    {"name": "state", "required": False},
                ],
            },
        ),
        read=_read,
    )
