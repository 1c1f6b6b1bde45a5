"""The work itself: calls, bad input, the process behind it all, and its LLM."""

from __future__ import annotations

import dataclasses

from tests.faults.e2e.model import (
    ANALYSED,
    BROKEN,
    CALLED,
    CLOSING,
    CONCURRENT,
    CONNECTED,
    ISOLATED,
    MALFORMED,
    MIXED_UP,
    NOTIFIED,
    SURVIVES,
    UNKNOWN_TOOL,
    WATCHED,
    WAY_IN,
    Fault,
    degraded,
    failed,
    unknown,
)
from tests.faults.e2e.path import NO_ANALYSIS

NO_CALL = failed(CALLED) | unknown(ISOLATED, CONCURRENT)
"""No call works, and so neither do those of several agents."""
MUTE = NO_CALL | failed(UNKNOWN_TOOL, MALFORMED)
"""No call is answered, not even one that must be refused."""
KILLED = failed(SURVIVES) | unknown(MALFORMED, CONCURRENT, CONNECTED, ISOLATED, CLOSING)
"""The hub ended when it was asked something malformed."""


def _llm(name: str, sentence: str, faults: str, *words: str) -> Fault:
    return Fault(name=name, sentence=sentence, faults=faults, expected=NO_ANALYSIS, ends=BROKEN, words=words)


FAULTS = (
    # calls
    Fault(
        name="calls-fail-over-mcp",
        sentence="List works and calls fail over MCP; over HTTP they work.",
        faults="mcp-calls-fail",
        expected=NO_CALL,
        ends=BROKEN,
        words=("tools/call memory__read_graph: answered error -32603: Not connected",),
    ),
    Fault(
        name="calls-answer-wrongly",
        sentence="Over MCP every call answers something else.",
        faults="mcp-calls-answer-wrongly",
        expected=NO_CALL,
        ends=BROKEN,
        words=("everything__echo answered '42', expected 'Echo: ready?' in it",),
    ),
    Fault(
        name="calls-answer-wrongly-everywhere",
        sentence="Over HTTP too.",
        faults="tools-answer-wrongly",
        expected=NO_CALL,
        ends=BROKEN,
        words=("everything__echo answered '42'",),
    ),
    Fault(
        name="calls-are-errors",
        sentence="Every call ends as the tool's own error.",
        faults="mcp-error-results",
        expected=NO_CALL,
        ends=BROKEN,
        words=("memory__read_graph answered an error: Operation failed",),
    ),
    Fault(
        name="tools-fail",
        sentence="The tools behind the hub fail.",
        faults="tools-fail",
        expected=NO_CALL,
        ends=BROKEN,
        words=("answered an error: Error: Operation failed",),
    ),
    Fault(
        name="calls-hang",
        sentence="No call is ever answered.",
        faults="mcp-calls-hang",
        expected=MUTE,
        ends=BROKEN,
        words=("tools/call everything__echo", "gave no answer in"),
        long=True,
    ),
    Fault(
        name="calls-too-late",
        sentence="Every call is answered, after the limit.",
        faults="mcp-calls-late",
        seconds=1.5,
        expected=MUTE,
        ends=BROKEN,
        words=("tools/call everything__echo", "gave no answer in"),
        long=True,
    ),
    Fault(
        name="calls-under-another-id",
        sentence="Answers to calls bear an id that nobody asked under.",
        faults="mcp-wrong-ids",
        expected=NO_CALL | failed(UNKNOWN_TOOL, ISOLATED),
        ends=dataclasses.replace(BROKEN, fired=("security", "validation-failure")),
        words=("tools/call everything__echo", "gave no answer in", "request 987654321, which it never made"),
        long=True,
    ),
    Fault(
        name="answers-to-all",
        sentence="Each agent's answers go to all agents, whose SDK drops them without a word.",
        faults="answers-to-all",
        expected=failed(ISOLATED),
        ends=MIXED_UP,
        words=("was sent the answer to a request of session",),
    ),
    Fault(
        name="answers-to-all-legacy",
        sentence="The same over HTTP+SSE.",
        faults="answers-to-all,legacy-only",
        expected=failed(ISOLATED),
        ends=MIXED_UP,
        words=("was sent the answer to a request of session",),
    ),
    Fault(
        name="answers-cross-sessions",
        sentence="As soon as there are two agents, the answer to one goes to the other.",
        faults="calls-cross-sessions",
        expected=failed(ISOLATED, CONCURRENT),
        ends=MIXED_UP,
        words=("202 Accepted", "was sent the answer to a request of session"),
    ),
    Fault(
        name="answers-cross-legacy-sessions",
        sentence="The same over the legacy transport, where the other agent takes the answer for its own.",
        faults="calls-cross-sessions,legacy-only",
        expected=failed(ISOLATED, CONCURRENT),
        ends=MIXED_UP,
        words=("was sent the answer to a request of session",),
        long=True,
    ),
    Fault(
        name="server-killed",
        sentence="A server is dead: connected and listed, and its calls fail.",
        faults="server-killed",
        expected=failed(CALLED),
        ends=BROKEN,
        words=("tools/call memory__read_graph: answered error -32000: Not connected",),
    ),
    Fault(
        name="server-killed-during-the-run",
        sentence="A server dies at the first call of any tool.",
        faults="server-killed-at-a-call",
        expected=failed(CALLED),
        # a hub that is less than a second old counts no uptime yet, which is what a dead server shows by
        racy=frozenset({SURVIVES}),
        ends=BROKEN,
        words=("memory__read_graph: answered error -32000",),
    ),
    Fault(
        name="server-down",
        sentence="A declared server is not connected.",
        faults="server-down",
        expected=failed(CALLED),
        ends=BROKEN,
        words=("memory__read_graph is not offered to the agent",),
    ),
    Fault(
        name="server-down-within-its-number",
        sentence="One of two servers is down, and one is enough by declaration.",
        faults="server-down",
        config={"expect": {"min_servers": 1}},
        expected=degraded(CALLED),
        ends=WATCHED,
        words=("memory__read_graph is not offered to the agent",),
    ),
    # bad input
    Fault(
        name="unknown-tool-succeeds",
        sentence="A tool that does not exist answers.",
        faults="unknown-tool-succeeds",
        expected=failed(UNKNOWN_TOOL),
        ends=WATCHED,
        words=("answered as if it existed: 'done'",),
    ),
    Fault(
        name="unknown-tool-hangs",
        sentence="The call of a tool that does not exist is never answered.",
        faults="unknown-tool-hangs",
        expected=failed(UNKNOWN_TOOL, MALFORMED),
        ends=WATCHED,
        words=("tools/call readiness__no_such_tool", "gave no answer in"),
    ),
    Fault(
        name="wrong-arguments-accepted",
        sentence="Arguments that break the schema are taken.",
        faults="wrong-arguments-accepted",
        expected=failed(MALFORMED),
        ends=WATCHED,
        words=("everything__echo with arguments of wrong types: answered 'done'",),
    ),
    Fault(
        name="malformed-accepted",
        sentence="What is no JSON is answered with 200.",
        faults="malformed-accepted",
        expected=failed(MALFORMED),
        ends=WATCHED,
        words=("a body that is no JSON: answered 200",),
    ),
    Fault(
        name="malformed-is-500",
        sentence="What is no JSON is answered with 500: refused, and not as the protocol asks.",
        faults="malformed-fails",
        expected=degraded(MALFORMED),
        words=("a body that is no JSON: answered 500",),
    ),
    Fault(
        name="deleted-sessions-live",
        sentence="A session that was deleted is served on.",
        faults="deleted-sessions-live",
        expected=failed(MALFORMED),
        ends=WATCHED,
        words=("a request for a session that was deleted: answered 200",),
    ),
    Fault(
        name="any-protocol-version",
        sentence="Whatever revision of MCP a client names is agreed to.",
        faults="any-protocol-version",
        expected=failed(MALFORMED),
        ends=WATCHED,
        words=("an initialize in MCP 1999-01-01: agreed to 1999-01-01",),
    ),
    Fault(
        name="wrong-arguments-kill",
        sentence="Arguments that break the schema end the hub.",
        faults="wrong-arguments-kill",
        expected=KILLED,
        ends=BROKEN,
        words=("refused",),
    ),
    Fault(
        name="malformed-kills",
        sentence="What is no JSON ends the hub.",
        faults="malformed-kills",
        expected=KILLED,
        ends=BROKEN,
        words=("refused", "did last, and got no answer to: raw request"),
    ),
    Fault(
        name="oversized-kills",
        sentence="An argument that is too large ends the hub.",
        faults="oversized-kills",
        expected=KILLED,
        ends=BROKEN,
        words=("refused",),
    ),
    # the process
    Fault(
        name="replaced-in-the-workflow",
        sentence="The hub's process ends after a call; another one is healthy a moment later.",
        faults="replaced-in-the-workflow",
        expected=failed(SURVIVES),
        racy=frozenset({ISOLATED, UNKNOWN_TOOL, MALFORMED, CONCURRENT, CONNECTED, CLOSING}),
        ends=BROKEN,
        words=("the hub was restarted",),
    ),
    Fault(
        name="close-stalls",
        sentence="The whole hub stands still for a second and a half when an agent leaves.",
        faults="close-stalls",
        config={"probe": {"timeout": 3.0}},
        expected=failed(CLOSING),
        ends=WATCHED,
        words=("health stood still for",),
    ),
    Fault(
        name="close-stalls-shortly",
        sentence="The whole hub stands still for 150 ms when an agent leaves.",
        faults="close-stalls",
        seconds=0.15,
        expected=degraded(CLOSING),
        words=("health stood still for", "past its warning limit of 50 ms"),
    ),
    Fault(
        name="slower-afterwards",
        sentence="Once an agent has left, every answer takes half a second.",
        faults="slower-after-close",
        seconds=0.5,
        expected=failed(SURVIVES),
        racy=frozenset({CLOSING, CONCURRENT}),
        ends=BROKEN,
        words=("before the workflow",),
        long=True,
    ),
    # the LLM
    _llm("llm-refuses", "The LLM is gone.", "llm-down", "The LLM refuses connections"),
    _llm("llm-429", "The LLM answers 429.", "llm-rate-limited", "The LLM answered 429"),
    _llm("llm-401", "The LLM answers 401.", "llm-unauthorized", "The LLM answered 401"),
    _llm("llm-500", "The LLM answers 500.", "llm-internal-errors", "The LLM answered 500"),
    _llm("llm-nonsense", "The LLM answers a poem.", "llm-nonsense", "The LLM's answer is no analysis"),
    _llm("llm-disconnects", "The LLM hangs up.", "llm-disconnects", "The LLM ended the connection"),
    Fault(
        name="llm-hangs",
        sentence="The LLM never answers.",
        faults="llm-hangs",
        expected=NO_ANALYSIS,
        # the hub gives up later than the agent, and its breaker opens in the middle of the run
        racy=frozenset({CONCURRENT}),
        ends=BROKEN,
        words=("hub__analyze_prompt", "answer"),
        long=True,
    ),
    _llm("breaker-open", "The circuit breaker is open.", "breaker-open", "Circuit breaker is open"),
    _llm("llm-off", "The LLM is switched off, and declared.", "llm-off", "LLM categorization is not enabled"),
    _llm("no-tools", "The servers offer no tools.", "zero-tools", "named no category for a prompt that names tools"),
    Fault(
        name="llm-failure-kills",
        sentence="One failing call of the LLM ends the hub.",
        faults="llm-failure-kills,llm-down",
        expected=failed(SURVIVES)
        | unknown(
            ANALYSED, NOTIFIED, CALLED, WAY_IN, ISOLATED, UNKNOWN_TOOL, MALFORMED, CONCURRENT, CONNECTED, CLOSING
        ),
        ends=BROKEN,
        words=("refused", "did last, and got no answer to: tools/call hub__analyze_prompt"),
    ),
)
