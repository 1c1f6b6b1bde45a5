"""The calls that are configured: one harmless call a server, and how an answer shows whom it belongs to."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING, Any

from readiness.errors import Unknown
from readiness.facts.deployment import expected_servers
from readiness.facts.hub import offered_name, prefixes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.config import Config, ExpectedCall, ToolCall
    from readiness.facts.hub import Hub


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerCall:
    """One server and what is asked of it: a call of a tool, or something else; neither where nothing is configured."""

    server: str
    call: ToolCall | None = None
    other: ExpectedCall | None = None
    """A resource that is read, or why nothing is called."""
    instance: str = ""


def offered_prefixes(hub: Hub) -> Mapping[str, str]:
    """What stands in front of each connected server's tools now; empty where health does not tell."""
    if not hub.kind.is_hub:
        return {}
    try:
        return prefixes_of(hub.health().servers)
    except Unknown:
        return {}


def tool_name(call: ToolCall, hub: Hub) -> str:
    """The tool of a call as the hub offers it to agents now."""
    if not hub.kind.is_hub:
        return f"{call.server}{hub.kind.separator}{call.tool}" if call.server and hub.kind.separator else call.tool
    return offered_name(call.server, call.tool, offered_prefixes(hub))


def server_calls(config: Config) -> list[ServerCall]:
    """Every configured call, and every configured server without one: known at collection, from the configuration alone."""
    calls = config.expect.tool_calls
    try:
        servers = expected_servers(config) or ()
    except Unknown:
        servers = ()
    instances = []
    others = config.expect.other_calls
    for server in dict.fromkeys((*servers, *(call.server for call in (*calls, *others)))):
        own = [call for call in calls if call.server == server]
        asked = [ServerCall(server=server, call=call, instance=_instance(call, own)) for call in own]
        rest = [other for other in others if other.server == server]
        for number, other in enumerate(rest, 1):
            what = other.resource or "nothing"
            name = server if server and len(asked) + len(rest) == 1 else f"{server}/{what}" if server else what
            twice = sum(one.resource == other.resource for one in rest) > 1
            asked.append(ServerCall(server=server, other=other, instance=f"{name}-{number}" if twice else name))
        instances += asked or [ServerCall(server=server, instance=server)]
    return instances


def _instance(call: ToolCall, own: list[ToolCall]) -> str:
    if len(own) == 1 and call.server:
        return call.server
    same = [one for one in own if one.tool == call.tool]
    number = f"-{same.index(call) + 1}" if len(same) > 1 else ""
    return f"{call.server}/{call.tool}{number}" if call.server else f"{call.tool}{number}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A configured call whose answer shows whom it belongs to: an echo, with a token of its own in place of the text."""

    call: ToolCall
    token: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The call's arguments, the expected text replaced by the token."""
        return {
            key: value.replace(self.echoed_text, self.token) if isinstance(value, str) and self.echoed_text else value
            for key, value in self.call.arguments.items()
        }

    @property
    def echoed_text(self) -> str:
        """The argument that the expected text repeats; empty where it repeats none."""
        return echoed(self.call)


def echoed(call: ToolCall) -> str:
    """The text argument that stands in the expected answer too; empty where there is none."""
    texts = [value for value in call.arguments.values() if isinstance(value, str) and value]
    return next((text for text in texts if text in call.contains), "")


def marked(config: Config) -> Marked | None:
    """The first configured call that echoes what it is told, with a new token; None where there is none."""
    call = next((call for call in config.expect.tool_calls if echoed(call)), None)
    return None if call is None else Marked(call=call, token=f"ready-{uuid.uuid4().hex[:12]}")
