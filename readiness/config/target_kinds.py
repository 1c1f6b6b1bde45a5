"""What kinds of service can be judged, each as a value: where its endpoint is, what it says of itself, and what it cannot show.

An MCP Hub is the default. Others come from the entry point group `readiness.kinds`: a name and a `TargetKind`.
"""

from __future__ import annotations

import dataclasses
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP: Final = "readiness.kinds"
"""The entry point group in which other packages name their kinds."""
STREAMABLE: Final = "/mcp"
"""The path of an endpoint by the custom of most servers."""

CAPABILITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hub_api": "serves no hub API",
        "server_status": "reports no server status",
        "server_history": "is not followed server by server through a run",
        "identity": "names no process of its own",
        "hub_release": "has no release tree in the form of a hub's",
        "hub_host": "is not run by a hub's unit, and its host is not looked at",
        "hub_state": "keeps no state file of a hub's",
        "sessions": "keeps no sessions",
        "filtering": "filters no tools",
        "llm": "publishes nothing of an LLM",
        "prompt_analysis": "analyses no prompts",
        "telemetry": "publishes no metrics that are known here",
        "traffic": "publishes no metrics that are known here",
        "config_api": "serves no hub API",
        "tools_api": "serves no hub API",
        "logs": "keeps no log in a hub's form",
        "server_processes": "shows no processes of its servers",
    }
)
"""What a kind may lack, as `check(needs=…)` names it, and the end of the sentence that says so."""
ABILITIES: Final = frozenset(
    {"hub_api", "server_status", "server_history", "identity", "hub_release", "hub_host", "hub_state", "sessions"}
)
"""Those that are of the kind alone: nobody has to claim them, so a first look does not leave them out."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetKind:
    """One kind of target. Paths are below `[target] url`; None: it has no such route."""

    name: str
    """As `[target] kind` says it."""
    title: str
    """With its article, for the first mention: "an MCP server"."""
    noun: str
    """Without one, for every other: "MCP server"."""
    endpoint: str = STREAMABLE
    """Where agents connect."""
    health: str | None = None
    """A GET that shows that the process lives, cheap and without credentials."""
    ready: str | None = None
    """A GET that answers 2xx when it is ready to serve."""
    liveness: tuple[str, ...] = ()
    """GETs that answer 2xx while nothing behind works: whoever asks these alone, and looks at the status alone, learns that the process lives."""
    servers: str | None = None
    """A GET that lists the MCP servers behind it."""
    version: str = "serverInfo.version"
    """Where the build shows: a field of the answer to initialize, or a route and a pointer ("/version app.version")."""
    separator: str = ""
    """Between a server's name and a tool's in what agents are offered; empty: names carry no server."""
    lacks: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    """By need of a check: why it cannot be asked of this kind."""
    request_budget: float | None = None
    """Requests a minute that it bears from one client; None: nothing is known to limit them."""
    facts: str = "readiness.facts.targets:McpServer"
    """The class that asks it: `module:name`, a subclass of `readiness.facts.hub.Hub`."""

    @property
    def is_hub(self) -> bool:
        """Whether it is an MCP Hub: then every text stands as it was written."""
        return self.name == MCP_HUB.name

    def speak(self, text: str) -> str:
        """`text`, written of an MCP Hub, in the words of this kind."""
        return text if self.is_hub or not text else _spoken(text, self)


_LITERAL: Final = (
    # whatever names a unit or a route of an MCP Hub is no advice for anything else
    (re.compile(r"`systemctl (?:status|restart) mcp-hub`"), "its own supervisor (systemctl, docker, kubectl)"),
    (re.compile(r"`journalctl -u mcp-hub`"), "its log"),
    (re.compile(r" with GET /api/tools:"), " with what its servers list themselves:"),
    (re.compile(r" \(POST /api/servers/tools\)"), ""),
)


def _spoken(text: str, kind: TargetKind) -> str:
    for pattern, words in _LITERAL:
        text = pattern.sub(words, text)
    text = re.sub(r"\b([Aa])n? MCP Hub\b", lambda match: _cased(kind.title, match[1]), text)
    text = re.sub(r"\bMCP Hub\b", kind.noun, text)
    text = re.sub(r"\b([Aa])n? hub(?=[\s.,;:)]|'s\b|$)", lambda match: _cased(kind.title, match[1]), text)
    return re.sub(
        r"\b([Tt]he|[Tt]his|[Ii]ts|[Tt]hat) (real )?hub(?=[\s.,;:)]|'s\b|$)",
        lambda match: f"{match[1]} {kind.noun}",
        text,
    )


def _cased(title: str, article: str) -> str:
    return title[0].upper() + title[1:] if article == "A" else title


def lacking(kind: str, *names: str, **reasons: str) -> Mapping[str, str]:
    """What the kind `kind` lacks: each of `names` with the usual reason, each of `reasons` with its own."""
    usual = {name: f"an endpoint of kind {kind} {CAPABILITIES[name]}" for name in names}
    return MappingProxyType(usual | reasons)


_OF_A_HUB: Final = tuple(name for name in CAPABILITIES if name not in {"server_status", "sessions"})
MCP_HUB: Final = TargetKind(
    name="mcp-hub",
    title="an MCP Hub",
    noun="hub",
    health="/api/health",
    ready="/api/health",
    liveness=("/api/health",),
    servers="/api/servers",
    version="/api/health version",
    separator="__",
    facts="readiness.facts.hub:Hub",
)
MCP: Final = TargetKind(
    name="mcp", title="an MCP server", noun="MCP server", lacks=lacking("mcp", *_OF_A_HUB, "server_status")
)
BRIDGE: Final = TargetKind(
    # /ping, /status and --healthEndpoint stay good while the child behind is dead: none of them is asked
    name="bridge",
    title="an MCP bridge",
    noun="bridge",
    liveness=("/ping", "/status", "/healthz"),
    lacks=lacking("bridge", *_OF_A_HUB, "server_status"),
)
LITELLM: Final = TargetKind(
    name="litellm",
    title="a LiteLLM proxy",
    noun="LiteLLM proxy",
    health="/health/liveliness",
    ready="/health/readiness",
    liveness=("/health/liveliness", "/health/liveness"),
    servers="/v1/mcp/server",
    separator="-",
    lacks=lacking(
        "litellm",
        *_OF_A_HUB,
        version="a LiteLLM proxy shows no build of its own: [identity] version may say where one shows",
    ),
    facts="readiness.facts.targets:LiteLlm",
)
CONTEXTFORGE: Final = TargetKind(
    name="contextforge",
    title="a ContextForge gateway",
    noun="gateway",
    endpoint="/mcp/",
    health="/health",
    ready="/ready",
    liveness=("/health",),
    servers="/gateways",
    version="/version app.version",
    separator="-",
    lacks=lacking("contextforge", *_OF_A_HUB, "sessions"),
    request_budget=100,
    facts="readiness.facts.targets:ContextForge",
)
KINDS: Final[Mapping[str, TargetKind]] = MappingProxyType(
    {kind.name: kind for kind in (MCP_HUB, MCP, BRIDGE, LITELLM, CONTEXTFORGE)}
)
"""The kinds that ship."""


def known_kinds() -> list[str]:
    """The names of every kind that can be configured here."""
    return [*KINDS, *(entry.name for entry in _entries() if entry.name not in KINDS)]


def kind_named(name: str) -> TargetKind | None:
    """The kind of that name, shipped or of another package; None where there is none. Raises ValueError for one that is no `TargetKind`."""
    if name in KINDS:
        return KINDS[name]
    entry = next((entry for entry in _entries() if entry.name == name), None)
    if entry is None:
        return None
    try:
        kind = entry.load()
    except Exception as error:  # noqa: BLE001 - another package's code
        raise ValueError(f"the kind {name} of {entry.value} cannot be loaded: {type(error).__name__}") from None
    if not isinstance(kind, TargetKind) or kind.name != name:
        raise ValueError(f"{entry.value} is no TargetKind of the name {name}")
    return kind


def _entries() -> Any:  # noqa: ANN401 - importlib.metadata's EntryPoints
    from importlib import metadata  # 10 ms, and only where a name is not one of ours

    return metadata.entry_points(group=GROUP)
