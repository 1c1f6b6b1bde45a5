"""Faults of what is said: malformed, contradictory or false answers."""

from __future__ import annotations

from tests.faults.model import Answer, Fault, How
from tests.faults.words import EVENTS, HEALTH, SERVERS, STATS, TOOLS, drop, edit, paced, says, status

DEEP = b'{"status": "ok", "servers": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

FAULTS = (
    Fault(
        name="truncated-json",
        sentence="Health's JSON ends in the middle, with a matching length.",
        how=How(answers=(says(HEALTH, b'{"status": "ok", "state": "re'),)),
    ),
    Fault(
        name="html-instead-of-json",
        sentence="Health answers 200 with a web page: a proxy's welcome, or a wrong address.",
        how=How(answers=(says(HEALTH, b"<!DOCTYPE html><title>Welcome</title>", content_type="text/html"),)),
    ),
    Fault(
        name="json-called-text",
        sentence="Tools are JSON, but announced as text.",
        how=How(answers=(Answer(route=TOOLS, content_type="text/plain"),)),
    ),
    Fault(
        name="empty-body",
        sentence="Health answers 200 with nothing.",
        how=How(answers=(says(HEALTH, b""),)),
    ),
    Fault(
        name="array-instead-of-object",
        sentence="Health answers a JSON list.",
        how=How(answers=(says(HEALTH, b'["ok"]'),)),
    ),
    Fault(
        name="servers-of-a-wrong-type",
        sentence="Health's servers are a string.",
        how=How(edits=(edit(HEALTH, "servers", "everything, memory"),)),
    ),
    Fault(
        name="uptime-of-a-wrong-type",
        sentence="A server's uptime is a word.",
        how=How(edits=(edit(HEALTH, "servers.0.uptime", "long"), edit(SERVERS, "servers.0.uptime", "long"))),
    ),
    Fault(
        name="nan-in-stats",
        sentence="The filter rate is NaN, which is no JSON.",
        how=How(edits=(edit(STATS, "filterRate", float("nan")),)),
    ),
    Fault(
        name="huge-numbers",
        sentence="An uptime has four hundred digits.",
        how=How(edits=(edit(HEALTH, "servers.0.uptime", 10**400), edit(SERVERS, "servers.0.uptime", 10**400))),
    ),
    Fault(
        name="negative-counts",
        sentence="The filter counts less than no tools.",
        how=How(edits=(edit(STATS, "totalTools", -3), edit(STATS, "exposedTools", -3))),
    ),
    Fault(
        name="invalid-utf8",
        sentence="Tools are described in bytes that are no UTF-8.",
        how=How(answers=(says(TOOLS, b'{"tools": [{"server": "everything", "name": "\xff\xfe"}]}'),)),
    ),
    Fault(
        name="lone-surrogates",
        sentence="A tool's description holds half of a character.",
        how=How(edits=(edit(TOOLS, "tools.0.description", "half \ud800"),)),
    ),
    Fault(
        name="lone-surrogate-in-the-state",
        sentence="The state itself is half of a character.",
        how=How(edits=(edit(HEALTH, "state", "\ud800"),)),
    ),
    Fault(
        name="nested-beyond-reason",
        sentence="Health is nested a hundred thousand deep.",
        how=How(answers=(says(HEALTH, DEEP),)),
    ),
    Fault(
        name="200-with-an-error",
        sentence="Health answers 200 with an error in it.",
        how=How(answers=(says(HEALTH, b'{"error": "Internal error", "code": "SERVER_ERROR"}'),)),
    ),
    Fault(
        name="not-an-mcp-hub",
        sentence="Something else that also has /api/health took the port.",
        how=How(edits=(edit(HEALTH, "server_id", "grafana"),)),
    ),
    Fault(
        name="no-server-id",
        sentence="Health does not say what it is the health of.",
        how=How(edits=(drop(HEALTH, "server_id"),)),
    ),
    Fault(
        name="no-state",
        sentence="Health has no state at all.",
        how=How(edits=(drop(HEALTH, "state"),)),
    ),
    Fault(
        name="events-never-come",
        sentence="The event stream accepts and stays silent.",
        how=How(events="never"),
    ),
    Fault(
        name="events-without-hub-state",
        sentence="The event stream never says which process speaks.",
        how=How(events="without-state"),
    ),
    Fault(
        name="events-are-garbage",
        sentence="The hub_state event is no JSON.",
        how=How(events="garbage"),
    ),
    Fault(
        name="events-are-404",
        sentence="There is no event stream.",
        how=How(answers=(says(EVENTS, b"Cannot GET", status=404, content_type="text/html"),)),
    ),
    Fault(
        name="events-are-500",
        sentence="The event stream fails.",
        how=How(answers=(status(EVENTS, 500, "broken"),)),
    ),
    Fault(
        name="events-drip",
        sentence="The event stream's headers come a byte at a time.",
        how=How(answers=(paced(EVENTS, "drip-headers"),)),
    ),
    Fault(
        name="mcp-never-answers",
        sentence="The MCP endpoint opens a session and never answers in it.",
        how=How(mcp="mute"),
    ),
    Fault(
        name="mcp-never-announces-its-endpoint",
        sentence="The MCP stream opens and never says where to send.",
        how=How(mcp="no-endpoint"),
    ),
    Fault(
        name="mcp-is-404",
        sentence="Neither transport of MCP is served.",
        how=How(transport="none"),
    ),
    Fault(
        name="mcp-announces-another-host",
        sentence="The MCP stream sends its clients to another host.",
        how=How(mcp="other-host"),
    ),
    Fault(
        name="mcp-refuses-to-initialise",
        sentence="The answer to initialize is a JSON-RPC error.",
        how=How(mcp="error"),
    ),
    Fault(
        name="mcp-answers-another-request",
        sentence="The answer bears an id that nobody asked for.",
        how=How(mcp="wrong-id"),
    ),
    Fault(
        name="mcp-speaks-garbage",
        sentence="MCP messages are no JSON.",
        how=How(mcp="garbage"),
    ),
    Fault(
        name="mcp-does-not-ping",
        sentence="initialize works, ping is an error.",
        how=How(mcp="no-ping"),
    ),
    Fault(
        name="streamable-mcp-never-answers",
        sentence="The Streamable HTTP endpoint accepts and never answers.",
        how=How(transport="streamable", mcp="mute"),
    ),
)
