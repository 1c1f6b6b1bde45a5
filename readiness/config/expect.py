"""Read `[expect]`: claims with their reasons, servers, tool calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from readiness.config.kinds import Key, Kind, Schema, boolean, day, integer, text
from readiness.config.mistakes import Bad, Place, nearest
from readiness.config.tables import free_table, list_of, read_table, table

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLAIM_WORDS: Final = 'true, or { expected = false, reason = "…" }'
_CLAIM_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_ALIASES: Final = {
    "auth": "authentication",
    "https": "tls",
    "ssl": "tls",
    "filter": "filtering",
    "metrics": "telemetry",
}
_NEAR_MISS: Final = 0.75
"""Likeness from which a free key is taken for a misspelt known one; `llm_cache` and `llm` are 0.5 alike."""

CLAIM: Final[Schema] = {
    "expected": Key(boolean(), "whether it is claimed", required=True),
    "reason": Key(text("why"), "why not; required where `expected` is false"),
    "owner": Key(text("who answers for it"), "who answers for the exception"),
    "expires": Key(day(), "the last day of the exception; afterwards it counts as claimed"),
}
TOOL_CALL: Final[Schema] = {
    "server": Key(text("a server's name"), "which MCP server", required=True),
    "tool": Key(text("a tool's name"), "which of its tools; one that changes nothing", required=True),
    "arguments": Key(free_table(), "what it is called with"),
    "contains": Key(text("a text", empty=True), "what its answer must contain"),
}


def _claim_kind() -> Kind:
    return Kind(_CLAIM_WORDS, lambda value, place: read_claim(value, place))  # noqa: PLW0108 - defined further down


EXPECT: Final[Schema] = {
    "filtering": Key(_claim_kind(), "tool filtering; default: what the deployed configuration claims"),
    "llm": Key(_claim_kind(), "an LLM provider; default: what the deployed configuration claims"),
    "prompt_analysis": Key(
        _claim_kind(), "agents get their tools by hub__analyze_prompt; default: what the deployed configuration claims"
    ),
    "telemetry": Key(_claim_kind(), "LLM metrics; default: claimed"),
    "authentication": Key(_claim_kind(), "clients must authenticate; default: claimed in production only"),
    "tls": Key(_claim_kind(), "clients must use TLS; default: claimed in production only"),
    "config_api": Key(_claim_kind(), "the hub serves /api/config"),
    "tools_api": Key(_claim_kind(), "the hub serves /api/tools"),
    "servers": Key(list_of(text("a server's name"), unique=True), "MCP servers that must be connected"),
    "min_servers": Key(integer(0, 10_000), "fewer than all but not fewer than this: degraded; default: all"),
    "tool_call": Key(list_of(table(TOOL_CALL)), "harmless calls, one a server: [[expect.tool_call]]"),
}
_PLAIN: Final = frozenset({"servers", "min_servers", "tool_call"})
CLAIMS: Final = tuple(name for name in EXPECT if name not in _PLAIN)
"""The claims that are known; others are free keys for a check's `needs`."""


def expect() -> Kind:
    """The whole of `[expect]`: the keys above, and free ones that are claims too."""
    return Kind("a table of claims", read_expect)


def read_expect(value: Any, place: Place) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    """The valid keys of `[expect]`, claims apart under `claims`."""
    if not isinstance(value, dict):
        raise Bad("a table of claims")
    known = {name: inner for name, inner in value.items() if name in _PLAIN}
    kept = read_table({name: EXPECT[name] for name in sorted(_PLAIN)}, known, place)
    kept["claims"] = {}
    for name, inner in value.items():
        if name in _PLAIN or not _good_name(name, place):
            continue
        try:
            kept["claims"][name] = read_claim(inner, place.at(name))
        except Bad as bad:
            place.at(name).wrong(inner, bad)
    _cross_check(kept, place)
    return kept


def _good_name(name: str, place: Place) -> bool:
    if name in EXPECT:
        return True
    near = _ALIASES.get(name.lower()) or nearest(name, EXPECT, _NEAR_MISS)
    if near or not _CLAIM_NAME.fullmatch(name):
        place.unknown_key(name, EXPECT, 'a claim of your own needs a name like "my_claim"; ', near)
        return False
    return True


def read_claim(value: Any, place: Place) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    """One claim as the fields of `Claim`."""
    if isinstance(value, bool):
        if not value:
            raise Bad(_CLAIM_WORDS, hint="what is declared away needs a reason")
        return {"expected": True}
    if not isinstance(value, dict):
        raise Bad(_CLAIM_WORDS)
    kept = read_table(CLAIM, value, place)
    if value.get("expected") is False and "reason" not in value:
        place.missing("reason", "why this is not expected")
    return kept


def _cross_check(kept: Mapping[str, Any], place: Place) -> None:
    servers, least = kept.get("servers"), kept.get("min_servers")
    if servers is None:
        return
    if least is not None and least > len(servers):
        place.at("min_servers").wrong(least, Bad(f"at most {len(servers)}, the number of servers"))
    for index, call in enumerate(kept.get("tool_call", ())):
        server = call.get("server")
        if server is not None and server not in servers:
            near = nearest(server, servers)
            bad = Bad("one of [expect] servers", hint=f'did you mean "{near}"?' if near else "")
            place.at("tool_call", index, "server").wrong(server, bad)
