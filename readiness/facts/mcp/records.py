"""What an agent's session showed, as plain values: tools, results, notices."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.facts.http import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST_CHANGED: Final = "notifications/tools/list_changed"
Wire = Literal["streamable-http", "http+sse"]


class ProtocolError(BadAnswer):
    """A request ended as a protocol error: a JSON-RPC `error`, with its code."""

    def __init__(self, text: str, code: int | None = None, *, is_hubs_word: bool = True) -> None:
        """`is_hubs_word`: the error came in JSON-RPC, and not as an HTTP status that anything in between may answer."""
        super().__init__(text)
        self.code, self.is_hubs_word = code, is_hubs_word


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AgentTool:
    """One tool as an agent sees it; `name` is `server__tool`, the server by its safe name."""

    name: str
    schema: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


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
