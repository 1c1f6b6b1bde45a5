"""What looks like a fault of the agent's path and is none: nothing must change."""

from __future__ import annotations

from tests.faults.e2e.model import Fault

ECHO = {"server": "everything", "tool": "echo", "arguments": {"message": "ready?"}, "contains": "Echo: ready?"}


def more(*names: str) -> dict[str, object]:
    """A configuration that expects these servers beside `everything` and calls each."""
    graphs = [GRAPH | {"server": name} for name in names if "memory" in name]
    echoes = [ECHO | {"server": name} for name in names if "memory" not in name]
    return {"expect": {"servers": ["everything", *names], "tool_call": [ECHO, *echoes, *graphs]}}


GRAPH = {"server": "memory", "tool": "read_graph", "arguments": {}, "contains": "entities"}
FILTERING_OFF = {"expected": False, "reason": "every agent is shown all"}

FAULTS = (
    Fault(name="healthy", sentence="Nothing is wrong."),
    Fault(name="in-front-and-well", sentence="A proxy stands in front, and forwards everything.", front="plain"),
    Fault(
        name="in-front-and-legacy", sentence="The same over HTTP+SSE.", front="plain", faults="legacy-only", long=True
    ),
    Fault(name="legacy-only", sentence="Only the legacy transport is served, as in 4.3.0.", faults="legacy-only"),
    Fault(name="streamable-only", sentence="Only Streamable HTTP is served.", faults="streamable-only"),
    Fault(name="slow-in-time", sentence="Every message is answered 100 ms late.", faults="mcp-slow"),
    Fault(
        name="calls-slow-in-time",
        sentence="Calls take 400 ms, of a second that they may.",
        faults="mcp-calls-late",
        seconds=0.4,
    ),
    Fault(
        name="hello-slow-in-time",
        sentence="A session takes half a second to open.",
        faults="mcp-initialize-slow",
        seconds=0.5,
    ),
    Fault(name="list-in-pages", sentence="The list comes in pages.", faults="list-in-pages"),
    Fault(name="list-in-pages-legacy", sentence="The same over HTTP+SSE.", faults="list-in-pages,legacy-only"),
    Fault(
        name="unsure-analysis", sentence="The analysis is right, with a confidence of 0.05.", faults="analysis-unsure"
    ),
    Fault(name="llm-dawdles", sentence="The LLM takes 300 ms.", faults="llm-dawdles"),
    Fault(
        name="odd-server-names",
        sentence="Names of servers hold what agents see as _: their tools are found under the names that agents see.",
        faults="odd-server-names",
        config=more("brave-search", "github.com/acme/maps", "My Server (prod)", "高德地图", "memory-graph"),
    ),
    Fault(
        name="server-names-clash",
        sentence="Two servers' names are one to agents: the second one's tools are found under the name with a number.",
        faults="server-names-clash",
        config=more("maps-eu", "maps.eu"),
    ),
    Fault(
        name="extra-tools",
        sentence="A server offers tools that nobody declared or calls.",
        config={"expect": {"servers": ["everything"], "tool_call": [ECHO]}},
    ),
    Fault(
        name="no-filtering-as-declared",
        sentence="The hub filters nothing, as declared: all tools are offered from the beginning.",
        faults="filtering-off",
        config={"expect": {"filtering": FILTERING_OFF, "llm": FILTERING_OFF}},
    ),
    Fault(
        name="memory-grows",
        sentence="Memory grows: a soak finds it, one run does not.",
        faults="memory-grows",
    ),
    Fault(
        name="tool-gone",
        sentence="A tool that nobody calls is gone everywhere: the inventory tells.",
        faults="tool-missing",
    ),
    Fault(
        name="breaker-half-open",
        sentence="The circuit breaker lets one call try, and it works.",
        faults="breaker-half-open",
    ),
    Fault(
        name="supervised",
        sentence="The hub runs under a supervisor that has nothing to do.",
        supervised=True,
    ),
    Fault(name="noisy-log", sentence="The hub logs errors of its own.", faults="noisy-log"),
    Fault(name="no-telemetry", sentence="The hub publishes nothing about its LLM.", faults="no-telemetry"),
)
