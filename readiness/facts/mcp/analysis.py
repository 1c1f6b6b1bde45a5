"""The hub's analysis of a prompt: what it promised, and what this session was shown because of it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Final

from readiness.errors import NotServed, Unknown
from readiness.facts.hub import NO_PREFIXES, SEPARATOR, offered_name
from readiness.facts.mcp.configured_calls import offered_prefixes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.facts.hub import Hub
    from readiness.facts.mcp.records import ToolResult

META_TOOL: Final = "hub__analyze_prompt"
_SHORT: Final = 160


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PromptAnalysis:
    """One analysis in one session; `asked` is when, seconds of the monotonic clock."""

    asked: float
    trouble: str = ""
    """Why it is no analysis, in a sentence."""
    categories: tuple[str, ...] = ()
    exposed: frozenset[str] = frozenset()
    """Tools that the session was not shown before its first analysis, and is now."""
    promised: frozenset[str] | None = None
    """Tools of the promised categories; None where the hub does not publish the tools' categories."""
    strange: frozenset[str] = frozenset()
    """Exposed tools that belong to none of the promised categories."""


def prompt_for(tools: list[str], prefixes: Mapping[str, str] = NO_PREFIXES) -> str:
    """A prompt that needs these tools, `server__tool` each, and nothing else. `prefixes`: those of the connected servers."""
    named = ", ".join(f"{tool} of {server}" for server, tool in (_parts(name, prefixes) for name in tools))
    return f"I need these tools and no others: {named}."


def _parts(name: str, prefixes: Mapping[str, str]) -> tuple[str, str]:
    """A server and its tool: a server's name may hold the separator too."""
    for server, prefix in sorted(prefixes.items(), key=lambda one: -len(one[1])):
        if name.startswith(prefix + SEPARATOR):
            return server, name.removeprefix(prefix + SEPARATOR)
    server, _, tool = name.partition(SEPARATOR)
    return server, tool


def read_analysis(answer: ToolResult) -> tuple[str, tuple[str, ...]]:
    """Why an answer is no analysis, or an empty text; and its categories. 4.3.0 answers errors without `isError`."""
    try:
        document = json.loads(answer.text)
    except (ValueError, RecursionError):
        document = None
    categories = document.get("categories") if isinstance(document, dict) else None
    error = document.get("error") if isinstance(document, dict) else None
    trouble = ""
    if answer.is_error or error:
        trouble = f"answered an error: {str(error or answer.text)[:_SHORT]}"
    elif not isinstance(document, dict):
        trouble = f"answered no JSON object: {answer.text[:_SHORT]!r}"
    elif not isinstance(categories, list) or not all(isinstance(one, str) for one in categories):
        trouble = "answered no list of categories"
    elif not categories:
        trouble = "named no category for a prompt that names tools"
    return (f"{META_TOOL} {trouble}", ()) if trouble else ("", tuple(categories or ()))


def categories_of(hub: Hub) -> Mapping[str, frozenset[str]] | None:
    """The categories of each tool that publishes them, by `server__tool`; None where none does."""
    try:
        tools = hub.listed_tools()
    except NotServed:
        return None
    except Unknown:
        return None
    by_tool, prefixes = {}, offered_prefixes(hub)
    for tool in tools:
        own = tool.definition.get("categories") if isinstance(tool.definition, dict) else None
        if isinstance(own, list) and own and tool.definition.get("enabled", True) is not False:
            by_tool[offered_name(tool.server, tool.name, prefixes)] = frozenset(str(one) for one in own)
    return by_tool or None
