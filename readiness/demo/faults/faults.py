"""The named ways in which the embedded hub can be broken, as one table."""

from __future__ import annotations

import difflib
from typing import Final

from readiness.demo.faults import agentfaults, hooks, wires
from readiness.demo.faults.named import DemoError, Fault, nothing
from readiness.demo.faults.named import row as _f

__all__ = ["FAULTS", "DemoError", "Fault", "find", "find_all"]

_TELEMETRY = hooks.telemetry
_TABLE: Final = (
    # its life
    _f("starting-for-ever", "Never becomes ready: its servers stay connecting.", hooks.trait(never_ready=True)),
    _f("starts-slowly", "Is `starting` for SECONDS, then ready.", hooks.slow_start, 3.0),
    _f("error-state", "Says ok with the state `error`.", hooks.final_state("error")),
    _f("stopping", "Says ok with the state `stopping`.", hooks.final_state("stopping")),
    _f("dies-after", "Is healthy for SECONDS, then its process ends.", nothing, 3.0, life="ends"),
    _f("restarts", "Is replaced by a new process every SECONDS.", nothing, 3.0, life="replaced"),
    _f("flapping", "Answers every second request with 503.", hooks.wire(wires.every_other(hooks.UNAVAILABLE))),
    _f("degrades-after", "Is healthy for SECONDS, then answers 503.", hooks.degrades, 3.0),
    # its MCP servers
    _f("server-down", "One of its servers is disconnected.", hooks.server_down),
    _f("server-killed", "One server is dead: connected, listed, uptime 0; calls fail.", hooks.server_killed),
    _f("server-unauthorized", "One server waits for somebody to authorise it.", hooks.server_unauthorized),
    _f("no-servers", "Is ready and has no servers.", hooks.no_servers),
    _f("zero-tools", "Its servers are connected and offer no tools.", hooks.zero_tools),
    _f("tool-missing", "One tool has disappeared.", hooks.tool_missing),
    _f("duplicate-tools", "Lists every tool twice.", hooks.duplicate_tools),
    _f("tools-fail", "Every tool answers with an error result.", hooks.trait(tools_fail=True)),
    _f("tools-answer-wrongly", "Every tool answers something else.", hooks.trait(tool_answer="42")),
    # who it is
    _f("wrong-version", "Reports the version of another release.", hooks.wrong_version),
    _f("stale-identity", "Its workspaces name another process than the one that answers.", hooks.stale_identity),
    _f("foreign-server", "Something else answers: its server_id is not mcp-hub.", hooks.foreign),
    # what it discloses
    _f("leaking-config", "Answers /api/config with the literal API key.", hooks.trait(literal_key=True)),
    _f("stack-traces", "Shows stack traces in its errors.", hooks.trait(stack_traces=True)),
    _f("wildcard-cors", "Lets scripts of every web site read its answers.", hooks.wire(wires.any_origin)),
    _f("open-admin", "Lets anyone post a configuration.", hooks.trait(open_admin=True)),
    _f("noisy-log", "Logs errors while it runs.", hooks.noisy_log),
    # its answers
    _f("silent", "Accepts connections and never answers.", hooks.wire(wires.silent)),
    _f("slow", "Answers everything SECONDS late.", hooks.slow, 1.2),
    _f("html-answers", "Answers everything with a web page and 200.", hooks.wire(wires.always(200, hooks.PAGE))),
    _f("error-in-200", "Answers everything with 200 and an error inside.", hooks.wire(hooks.ERROR_IN_200)),
    _f("truncated-json", "Its JSON stops in the middle.", hooks.wire(wires.rewritten(hooks.half))),
    _f("cut-bodies", "Announces more than it sends.", hooks.wire(wires.rewritten(hooks.half, short=True))),
    _f("endless-body", "Sends a body that does not end.", hooks.wire(wires.endless)),
    _f("wrong-types", "Servers and tools are text where lists belong.", hooks.wrong_types),
    _f("not-a-number", "Its JSON holds NaN where numbers belong.", hooks.wire(wires.rewritten(hooks.not_a_number))),
    _f("invalid-utf8", "Its answers are not UTF-8.", hooks.wire(wires.rewritten(hooks.invalid_utf8))),
    _f("lone-surrogates", "Its descriptions hold lone surrogates.", hooks.wire(wires.rewritten(hooks.surrogates))),
    _f("redirect-loop", "Redirects every path to itself.", hooks.wire(wires.redirected)),
    _f("unauthorized", "Answers everything with 401.", hooks.refuse(401, "Unauthorized")),
    _f("forbidden", "Answers everything with 403.", hooks.refuse(403, "Forbidden")),
    _f("not-found", "Answers everything with 404.", hooks.refuse(404, "Not found")),
    _f("rate-limited", "Answers everything with 429.", hooks.refuse(429, "Too many requests")),
    _f("internal-errors", "Answers everything with 500.", hooks.refuse(500, "Internal server error")),
    _f("bad-gateway", "A proxy in front of it answers 502.", hooks.wire(wires.always(502, hooks.GATEWAY))),
    _f("server-errors", "Answers everything with 503.", hooks.wire(hooks.UNAVAILABLE)),
    # filtering and its LLM
    _f("filtering-off", "Filters no tools although it should.", hooks.filtering_off),
    _f("llm-off", "Has no LLM behind its filtering.", hooks.llm_off),
    _f("no-telemetry", "Publishes nothing about its LLM, as the published 4.3.0.", hooks.no_telemetry),
    _f("telemetry-malformed", "Publishes values outside their range.", hooks.malformed_telemetry),
    _f("breaker-open", "Its circuit breaker is open.", hooks.breaker_open),
    _f("breaker-half-open", "Its circuit breaker is half-open.", hooks.breaker_half_open),
    _f("success-rate-low", "One LLM call in four fails.", _TELEMETRY(calls=200, successes=150)),
    _f("llm-slow", "Its LLM needs six seconds a call.", _TELEMETRY(milliseconds=6_000.0)),
    _f("cache-cold", "Its LLM cache answers one lookup in ten.", hooks.cache_cold),
    _f("queue-deep", "A hundred LLM calls wait.", hooks.queue_deep),
    _f("cost-spike", "Its LLM costs 250 $ a day.", hooks.cost_spike),
    # events and MCP
    _f("events-silent", "Opens /api/events and sends nothing.", hooks.trait(events_silent=True)),
    _f("mcp-silent", "Accepts MCP connections and never answers.", hooks.trait(mcp_silent=True)),
    _f("mcp-missing", "Has no MCP endpoint.", hooks.trait(mcp_missing=True)),
    _f("legacy-only", "Speaks MCP over HTTP+SSE only, as the published 4.3.0.", hooks.trait(legacy_only=True)),
    _f("messages-missing", "Forwards /mcp but not the POST to /messages.", hooks.messages_missing),
    _f("exposes-nothing", "Analyses prompts and exposes no tools.", hooks.trait(exposes_nothing=True)),
    _f("list-change-silent", "Exposes tools and notifies nobody.", hooks.trait(list_change_silent=True)),
    _f("sessions-leak", "Shows one agent's tools to all.", hooks.trait(shared_sessions=True)),
    _f("unknown-tool-succeeds", "Answers calls of tools that do not exist.", hooks.trait(unknown_tool_succeeds=True)),
    _f("close-stalls", "Stands still for SECONDS when an MCP session closes.", hooks.close_stalls, 1.5),
    *agentfaults.TABLE,
)

FAULTS: Final = {fault.name: fault for fault in _TABLE}
"""Every fault by its name."""


def find(name: str) -> Fault:
    """The fault of that name; raises `DemoError` with the nearest right name."""
    if name in FAULTS:
        return FAULTS[name]
    near = difflib.get_close_matches(name, FAULTS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(list(FAULTS)[:4])}, …"
    raise DemoError(f"no fault is named {name[:60]!r}: {hint} (all of them: readiness demo --list-faults)")


def find_all(names: str | None) -> tuple[Fault, ...]:
    """The faults of a list with commas; none for None. Raises `DemoError`."""
    return tuple(find(name.strip()) for name in names.split(",")) if names else ()
