"""What an agent's session showed, as plain values: tools, results, notices."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.facts.http import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

SEPARATOR: Final = "__"
"""Between a server's name and a tool's in what the hub offers to agents."""
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9]")
LIST_CHANGED: Final = "notifications/tools/list_changed"
Wire = Literal["streamable-http", "http+sse"]


def safe_server_name(server: str) -> str:
    """A server's name as the hub puts it in front of its tools: all but ASCII letters and digits become `_`.

    Counted in UTF-16 units, as the hub's JavaScript counts: an emoji becomes two. Source: `createSafeServerName` of mcp-hub 4.2.1.
    """
    return "".join("_" * (1 + (ord(char) > 0xFFFF)) if _UNSAFE.match(char) else char for char in server)  # noqa: PLR2004 - the last unit of one


def offered_name(server: str, tool: str) -> str:
    """A tool's name as the hub offers it to agents: `brave_search__web` for `web` of `brave-search`."""
    return f"{safe_server_name(server)}{SEPARATOR}{tool}"


class ProtocolError(BadAnswer):
    """A request ended as a protocol error: a JSON-RPC `error`, with its code."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AgentTool:
    """One tool as an agent sees it; `name` is `server__tool`, the server by its safe name."""

    name: str
    schema: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def server(self) -> str:
        """The safe name of the server that it belongs to; empty where the name has no separator."""
        return self.name.partition(SEPARATOR)[0] if SEPARATOR in self.name else ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """A tool's result: its texts, whether it calls itself an error, seconds from call to answer."""

    text: str = dataclasses.field(repr=False)
    is_error: bool
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notification and when it came, seconds of the monotonic clock."""

    method: str
    at: float
