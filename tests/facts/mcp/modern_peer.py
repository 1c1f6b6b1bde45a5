"""A server of the SDK's own in the protocol era without a handshake; run as a process, it prints its port."""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("modern")


@server.tool(name="demo__echo")
def echo(message: str) -> str:
    """Say it again."""
    return f"Echo: {message}"


@server.tool(name="demo__grow")
async def grow(context: Context[Any, Any]) -> str:
    """Tell that the list of tools has changed."""
    await context.notify_tools_changed()
    return "grown"


if __name__ == "__main__":
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        app = server.streamable_http_app()
        uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])
