"""Near misses: they look like a fault and are none, so nothing must change."""

from __future__ import annotations

from tests.faults.hub.model import Answer, Fault, How, Site, When
from tests.faults.hub.words import (
    EVERY,
    HEALTH,
    SERVERS,
    STATS,
    TOOLS,
    both,
    edit,
    paced,
    status,
)

OFF = {"name": "every-thing", "status": "disabled", "uptime": 0, "error": None, "capabilities": {"tools": []}}
NO_CERTIFICATE = b"<html><head><title>400 No required SSL certificate was sent</title></head></html>"

FAULTS = (
    Fault(name="healthy", sentence="Nothing is wrong."),
    Fault(
        name="slow-but-inside-the-limit",
        sentence="Answers take their time, and less than the limit.",
        how=How(answers=(paced(HEALTH, "slow", seconds=0.05),)),
        site=Site(config={"limits": {"api-answers-fast": {"samples": 5}}}),
    ),
    Fault(
        name="restarted-is-ready-too",
        sentence="After a restart over the API the state stays restarted for ever.",
        how=How(edits=(edit(HEALTH, "state", "restarted"),)),
    ),
    Fault(
        name="ready-on-the-third-look",
        sentence="The hub is still starting at first, and ready within its start-up budget.",
        how=How(edits=(edit(HEALTH, "state", "starting", When(until=3)),)),
        site=Site(config={"probe": {"settle": 2.0}}),
    ),
    Fault(
        name="its-clock-is-ahead",
        sentence="The time that the hub tells lies in our future: its process shows when it started.",
        how=How(edits=(edit(HEALTH, "timestamp", "2099-01-01T00:00:00.000Z"),)),
    ),
    Fault(
        name="marketplace-error-in-the-log",
        sentence="A healthy start without internet logs one error.",
        site=Site(log=("error", "Failed to initialize marketplace", "MARKETPLACE_INIT_ERROR")),
    ),
    Fault(
        name="http-is-404",
        sentence="The plain address refuses everything: no redirect, and nothing of the hub.",
        how=How(redirects="nowhere"),
    ),
    Fault(
        name="warnings-in-the-log",
        sentence="A server's banner is logged as a warning.",
        site=Site(log=("warn", "memory stderr: Knowledge Graph MCP Server running on stdio")),
    ),
    Fault(
        name="unknown-fields",
        sentence="A newer hub says more than is known.",
        how=How(
            edits=(
                edit(HEALTH, "moonPhase", {"illumination": 0.7}),
                edit(TOOLS, "nextCursor", None),
                edit(HEALTH, "error", None),
                edit(HEALTH, "healthy", value=True),
                edit(STATS, "llm.region", "eu"),
                *both("servers.0.colour", "green"),
            )
        ),
    ),
    Fault(
        name="chunked",
        sentence="Every answer is chunked.",
        how=How(answers=(Answer(route=HEALTH, pace="chunked"), Answer(route=TOOLS, pace="chunked"))),
    ),
    Fault(
        name="gzip",
        sentence="Answers are compressed.",
        how=How(answers=(Answer(route=HEALTH, pace="gzip"), Answer(route=SERVERS, pace="gzip"))),
    ),
    Fault(
        name="busy-llm",
        sentence="The LLM was used, with success.",
        how=How(
            edits=(
                edit(STATS, "llm.totalCalls", 120),
                edit(STATS, "llm.successRate", "98.7%"),
                edit(STATS, "llmCache.hits", 60),
                edit(STATS, "llmCache.misses", 40),
                edit(STATS, "llmCache.hitRate", 0.6),
            )
        ),
    ),
    Fault(
        name="streamable-mcp",
        sentence="A newer hub serves MCP over Streamable HTTP alone.",
        how=How(transport="streamable"),
    ),
    Fault(
        name="both-mcp-transports",
        sentence="A hub in between serves both transports of MCP.",
        how=How(transport="both"),
    ),
    Fault(
        name="one-connection-breaks-off",
        sentence="One single connection is reset, and the next one works.",
        how=How(answers=(paced(HEALTH, "reset", when=When(until=1)),)),
    ),
    Fault(
        name="one-503",
        sentence="One single answer is 503.",
        how=How(answers=(status(EVERY, 503, "busy", When(after=3, until=4)),)),
    ),
    Fault(
        name="tools-on-the-third-attempt",
        sentence="The tools are not listed at once, but within the attempts that a probe has.",
        how=How(edits=(edit(TOOLS, "tools", [], When(until=2)),)),
    ),
    Fault(
        name="one-503-while-naming-itself",
        sentence="Health is 503 once, just when the process is asked who it is.",
        how=How(answers=(status(HEALTH, 503, "busy", When(after=1, until=2)),)),
    ),
    Fault(
        name="login-page",
        sentence="Strangers are sent to a login page instead of being told 401.",
        how=How(
            answers=(
                Answer(
                    route=EVERY,
                    status=302,
                    body=b"",
                    headers=(("Location", "https://login.example.com/"),),
                    listener="public",
                ),
            )
        ),
    ),
    Fault(
        name="large-but-inside-the-limit",
        sentence="The list of tools is a megabyte long.",
        how=How(edits=(edit(TOOLS, "tools.0.description", "words " * 170_000),)),
    ),
    Fault(
        name="tool-name-of-64-characters",
        sentence="A tool's name is as long as it may be.",
        how=How(edits=(edit(TOOLS, "tools.1.name", "x" * (64 - len("everything__"))),)),
    ),
    Fault(
        name="disabled-server-of-the-same-safe-name",
        sentence="A server that is switched off would clash with another one, and offers nothing.",
        how=How(edits=both("servers.+", OFF)),
    ),
    Fault(
        name="client-certificates",
        sentence="The proxy refuses strangers for want of a client certificate, in nginx's way: 400.",
        how=How(
            answers=(Answer(route=EVERY, status=400, body=NO_CERTIFICATE, content_type="text/html", listener="public"),)
        ),
    ),
)
