"""How agents and people use a hub: the mix of a load run, as ordinary Locust users.

`[load] locustfile` names it (or a copy of it, with the tools of your own hub); then every arrival runs one of these
tasks when it is due. Locust alone runs it as well: `locust -f load/locustfile.py --headless --host http://127.0.0.1:3000`.
"""

from __future__ import annotations

import json
import os

from locust import FastHttpUser, task

from readiness.loadgen import McpUser

TOOL = os.environ.get("LOAD_TOOL", "everything__echo")
"""A harmless tool: it is called thousands of times."""
ARGUMENTS = json.loads(os.environ.get("LOAD_ARGUMENTS", '{"message": "readiness"}'))
CONTAINS = os.environ.get("LOAD_CONTAINS", "readiness" if TOOL == "everything__echo" else "") or None


class Looker(FastHttpUser):
    """Whoever watches the hub over its API."""

    weight = 3

    @task(3)
    def health(self) -> None:
        """The hub's health; only its own JSON counts, a page of a proxy does not."""
        with self.client.get("/api/health", name="GET /api/health", catch_response=True) as answer:
            if answer.status_code == 200 and b'"mcp-hub"' not in (answer.content or b""):  # noqa: PLR2004 - HTTP's OK
                answer.failure("this is no answer of a hub")

    @task(2)
    def servers(self) -> None:
        """The servers behind it."""
        self.client.get("/api/servers", name="GET /api/servers")


class Agent(McpUser):
    """An agent that calls a tool over MCP."""

    weight = 1

    @task
    def call(self) -> None:
        """One tool call; an error inside a good HTTP answer fails it."""
        self.call_tool(TOOL, ARGUMENTS, contains=CONTAINS, name=f"MCP {TOOL}")
