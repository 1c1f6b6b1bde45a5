"""The named ways in which the embedded hub can be broken, as one table."""

from __future__ import annotations

import difflib
from typing import Final

from readiness.demo.faults import agent_faults, effects, http_wrappers
from readiness.demo.faults.fault import DemoError, Fault, nothing
from readiness.demo.faults.fault import row as _f

__all__ = ["FAULTS", "DemoError", "Fault", "find", "find_all"]

_TELEMETRY = effects.telemetry
_TABLE: Final = (
    # its life
    _f("starting-for-ever", "Never becomes ready: its servers stay connecting.", effects.trait(never_ready=True)),
    _f("starts-slowly", "Is `starting` for SECONDS, then ready.", effects.slow_start, 3.0),
    _f("error-state", "Says ok with the state `error`.", effects.final_state("error")),
    _f("stopping", "Says ok with the state `stopping`.", effects.final_state("stopping")),
    _f("dies-after", "Is healthy for SECONDS, then its process ends.", nothing, 3.0, life="ends"),
    _f("restarts", "Is replaced by a new process every SECONDS.", nothing, 3.0, life="replaced"),
    _f(
        "flapping",
        "Answers every second request with 503.",
        effects.wrapped(http_wrappers.every_other(effects.UNAVAILABLE)),
    ),
    _f("degrades-after", "Is healthy for SECONDS, then answers 503.", effects.degrades, 3.0),
    # its MCP servers
    _f("server-down", "One of its servers is disconnected.", effects.server_down),
    _f("server-killed", "One server is dead: connected, listed, uptime 0; calls fail.", effects.server_killed),
    _f("server-unauthorized", "One server waits for somebody to authorise it.", effects.server_unauthorized),
    _f(
        "odd-server-names",
        "Has more servers, with names that agents see otherwise.",
        effects.more_servers(*effects.ODD_NAMES),
    ),
    _f(
        "server-names-clash",
        "Two more servers have names that agents see as one.",
        effects.more_servers(*effects.TWIN_NAMES),
    ),
    _f("no-servers", "Is ready and has no servers.", effects.no_servers),
    _f("zero-tools", "Its servers are connected and offer no tools.", effects.zero_tools),
    _f("tool-missing", "One tool has disappeared.", effects.tool_missing),
    _f("duplicate-tools", "Lists every tool twice.", effects.duplicate_tools),
    _f("tools-fail", "Every tool answers with an error result.", effects.trait(tools_fail=True)),
    _f("tools-answer-wrongly", "Every tool answers something else.", effects.trait(tool_answer="42")),
    # who it is
    _f("wrong-version", "Reports the version of another release.", effects.wrong_version),
    _f("stale-identity", "Its workspaces name another process than the one that answers.", effects.stale_identity),
    _f("foreign-server", "Something else answers: its server_id is not mcp-hub.", effects.foreign),
    # what it discloses
    _f("leaking-config", "Answers /api/config with the literal API key.", effects.trait(literal_key=True)),
    _f("stack-traces", "Shows stack traces in its errors.", effects.trait(stack_traces=True)),
    _f("wildcard-cors", "Lets scripts of every web site read its answers.", effects.wrapped(http_wrappers.any_origin)),
    _f("open-admin", "Lets anyone post a configuration.", effects.trait(open_admin=True)),
    _f("noisy-log", "Logs errors while it runs.", effects.noisy_log),
    # its answers
    _f("silent", "Accepts connections and never answers.", effects.wrapped(http_wrappers.silent)),
    _f("slow", "Answers everything SECONDS late.", effects.slow, 1.2),
    _f(
        "html-answers",
        "Answers everything with a web page and 200.",
        effects.wrapped(http_wrappers.always(200, effects.PAGE)),
    ),
    _f("error-in-200", "Answers everything with 200 and an error inside.", effects.wrapped(effects.ERROR_IN_200)),
    _f("truncated-json", "Its JSON stops in the middle.", effects.wrapped(http_wrappers.rewritten(effects.half))),
    _f(
        "cut-bodies",
        "Announces more than it sends.",
        effects.wrapped(http_wrappers.rewritten(effects.half, short=True)),
    ),
    _f("endless-body", "Sends a body that does not end.", effects.wrapped(http_wrappers.endless)),
    _f("wrong-types", "Servers and tools are text where lists belong.", effects.wrong_types),
    _f(
        "not-a-number",
        "Its JSON holds NaN where numbers belong.",
        effects.wrapped(http_wrappers.rewritten(effects.not_a_number)),
    ),
    _f("invalid-utf8", "Its answers are not UTF-8.", effects.wrapped(http_wrappers.rewritten(effects.invalid_utf8))),
    _f(
        "lone-surrogates",
        "Its descriptions hold lone surrogates.",
        effects.wrapped(http_wrappers.rewritten(effects.surrogates)),
    ),
    _f("redirect-loop", "Redirects every path to itself.", effects.wrapped(http_wrappers.redirected)),
    _f("unauthorized", "Answers everything with 401.", effects.refuse(401, "Unauthorized")),
    _f("forbidden", "Answers everything with 403.", effects.refuse(403, "Forbidden")),
    _f("not-found", "Answers everything with 404.", effects.refuse(404, "Not found")),
    _f("rate-limited", "Answers everything with 429.", effects.refuse(429, "Too many requests")),
    _f("internal-errors", "Answers everything with 500.", effects.refuse(500, "Internal server error")),
    _f(
        "bad-gateway",
        "A proxy in front of it answers 502.",
        effects.wrapped(http_wrappers.always(502, effects.GATEWAY)),
    ),
    _f("server-errors", "Answers everything with 503.", effects.wrapped(effects.UNAVAILABLE)),
    # filtering and its LLM
    _f("filtering-off", "Filters no tools although it should.", effects.filtering_off),
    _f("llm-off", "Has no LLM behind its filtering.", effects.llm_off),
    _f("no-telemetry", "Publishes nothing about its LLM, as the published 4.3.0.", effects.no_telemetry),
    _f("telemetry-malformed", "Publishes values outside their range.", effects.malformed_telemetry),
    _f("breaker-open", "Its circuit breaker is open.", effects.breaker_open),
    _f("breaker-half-open", "Its circuit breaker is half-open.", effects.breaker_half_open),
    _f("success-rate-low", "One LLM call in four fails.", _TELEMETRY(calls=200, successes=150)),
    _f("llm-slow", "Its LLM needs six seconds a call.", _TELEMETRY(milliseconds=6_000.0)),
    _f("cache-cold", "Its LLM cache answers one lookup in ten.", effects.cache_cold),
    _f("queue-deep", "A hundred LLM calls wait.", effects.queue_deep),
    _f("cost-spike", "Its LLM costs 250 $ a day.", effects.cost_spike),
    # events and MCP
    _f("events-silent", "Opens /api/events and sends nothing.", effects.trait(events_silent=True)),
    _f("mcp-silent", "Accepts MCP connections and never answers.", effects.trait(mcp_silent=True)),
    _f("mcp-missing", "Has no MCP endpoint.", effects.trait(mcp_missing=True)),
    _f("legacy-only", "Speaks MCP over HTTP+SSE only, as the published 4.3.0.", effects.trait(legacy_only=True)),
    _f("messages-missing", "Forwards /mcp but not the POST to /messages.", effects.messages_missing),
    _f("exposes-nothing", "Analyses prompts and exposes no tools.", effects.trait(exposes_nothing=True)),
    _f("list-change-silent", "Exposes tools and notifies nobody.", effects.trait(list_change_silent=True)),
    _f("sessions-leak", "Shows one agent's tools to all.", effects.trait(shared_sessions=True)),
    _f("unknown-tool-succeeds", "Answers calls of tools that do not exist.", effects.trait(unknown_tool_succeeds=True)),
    _f("close-stalls", "Stands still for SECONDS when an MCP session closes.", effects.close_stalls, 1.5),
    *agent_faults.TABLE,
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
