"""Under which names the hub offers its servers' tools to agents: a safe name of the server, `__`, and the tool's own name."""

from __future__ import annotations

import collections
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from readiness.facts.hub.records import HubServer, HubTool

SEPARATOR: Final = "__"
"""Between a server's name and a tool's in what the hub offers to agents."""
NO_PREFIXES: Final[Mapping[str, str]] = MappingProxyType({})
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9]")


def safe_server_name(server: str) -> str:
    """A server's name as the hub puts it in front of its tools: all but ASCII letters and digits become `_`.

    Counted in UTF-16 units, as the hub's JavaScript counts: an emoji becomes two. Source: `createSafeServerName` of mcp-hub 4.2.1.
    """
    return "".join("_" * (1 + (ord(char) > 0xFFFF)) if _UNSAFE.match(char) else char for char in server)  # noqa: PLR2004 - the last unit of one


def safe_prefixes(connected: Iterable[str]) -> dict[str, str]:
    """What stands in front of each connected server's tools, the servers in the hub's order.

    Of two with the same safe name the later one gets `_1` behind it, the next `_2`: which one that is changes when the first is away.
    Source: `syncServersMap` of mcp-hub 4.2.1.
    """
    prefixes: dict[str, str] = {}
    taken: set[str] = set()
    for server in dict.fromkeys(connected):
        safe = prefix = safe_server_name(server)
        number = 1
        while prefix in taken:
            prefix = f"{safe}_{number}"
            number += 1
        taken.add(prefix)
        prefixes[server] = prefix
    return prefixes


def prefixes_of(servers: Iterable[HubServer]) -> dict[str, str]:
    """The same, of a hub's own list of servers."""
    return safe_prefixes(server.name for server in servers if server.status == "connected")


def offered_name(server: str, tool: str, prefixes: Mapping[str, str] = NO_PREFIXES) -> str:
    """A tool's name as the hub offers it to agents: `brave_search__web` for `web` of `brave-search`.

    `prefixes` are those of the servers that are connected: without them no other server counts.
    """
    return f"{prefixes.get(server) or safe_server_name(server)}{SEPARATOR}{tool}"


def offered_names(servers: Iterable[HubServer], tools: Iterable[HubTool]) -> list[str]:
    """The tools of the connected servers, each as the hub offers it."""
    prefixes = prefixes_of(servers)
    return [offered_name(tool.server, tool.name, prefixes) for tool in tools if tool.server in prefixes]


def name_clashes(servers: Iterable[HubServer]) -> list[str]:
    """Names of servers that agents cannot keep apart, as sentences; those that are disabled offer nothing."""
    enabled = [server for server in servers if server.status != "disabled"]
    times = collections.Counter(server.name for server in enabled)
    problems = [f"{name[:80]} is listed {number} times" for name, number in times.items() if number > 1]
    by_safe: dict[str, list[str]] = {}
    for name in times:
        by_safe.setdefault(safe_server_name(name), []).append(name)
    problems += [
        f"{' and '.join(name[:80] for name in names)} are both {safe[:80]} to agents"
        for safe, names in by_safe.items()
        if len(names) > 1
    ]
    prefixes = prefixes_of(enabled)
    by_offered: dict[str, list[str]] = {}
    for name, tool in dict.fromkeys((server.name, tool) for server in enabled for tool in server.tools):
        by_offered.setdefault(offered_name(name, tool, prefixes), []).append(f"{name[:80]}/{tool[:80]}")
    problems += [
        f"{' and '.join(tools)} are both offered as {name[:160]}, so that one of them cannot be called"
        for name, tools in by_offered.items()
        if len(tools) > 1
    ]
    return problems
