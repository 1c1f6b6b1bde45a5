"""What the embedded hub declares about itself: the settings of a run with --readiness-demo."""

from __future__ import annotations

from typing import Any


def demo_settings() -> dict[str, Any]:
    """The embedded hub's settings, in the shape of a parsed readiness.toml; a new dict at each call."""
    claimed = dict.fromkeys(("filtering", "llm", "telemetry", "config_api", "tools_api"), True)
    echo = {"server": "everything", "tool": "echo", "arguments": {"message": "ready?"}, "contains": "Echo: ready?"}
    graph = {"server": "memory", "tool": "read_graph", "arguments": {}, "contains": "entities"}
    return {
        "environment": "local",
        "target": {"version": "4.3.0"},
        "expect": claimed | {"servers": ["everything", "memory"], "min_servers": 2, "tool_call": [echo, graph]},
        # the embedded hub was started for this very run: how long it has been up says nothing
        "limits": {"hub-stays-up": {"critical": 0}},
    }
