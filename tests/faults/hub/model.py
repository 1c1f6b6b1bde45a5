"""The vocabulary of the fault matrix: what is broken, how, and exactly what must be found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.faults.table import AnyFault

if TYPE_CHECKING:
    from collections.abc import Mapping

REMOVED: Final = "\x00removed"
"""As an edit's value: take the key away."""

Listener = Literal["internal", "public", "both"]
Pace = Literal[
    "whole",
    "chunked",
    "gzip",
    "silent",
    "reset",
    "close",
    "cut",
    "drip-headers",
    "drip-body",
    "endless",
    "slow",
    "not-http",
    "bytes",
    "interim",
    "reset-body",
]
"""How an answer travels.

whole: at once · chunked, gzip: encoded · silent: accepted, never answered · reset: RST instead of an answer ·
cut: half of the announced body, then the end · drip-*: a byte at a time, for ever · endless: a body that never
stops · slow: whole after `seconds` · close: the connection ends without a byte ·
not-http: another protocol's greeting · bytes: whole, in as many segments as it has bytes · interim: 1xx answers for ever ·
reset-body: RST after half of the body.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which requests of a route are hit: those after the first `after`, up to `until`, each `every`-th."""

    after: int = 0
    until: int | None = None
    every: int = 1

    def hits(self, number: int) -> bool:
        """Whether the route's request `number` (from 1) is hit."""
        return number > self.after and (self.until is None or number <= self.until) and number % self.every == 0


ALWAYS: Final = When()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change to a healthy JSON answer: `path` is dotted, numbers index lists, `REMOVED` takes the key away."""

    route: str
    path: str
    value: Any
    when: When = ALWAYS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a route says instead; a `body` of None keeps the healthy one. `route` is `GET /api/health` or `*`."""

    route: str
    status: int | None = None
    body: bytes | None = None
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    pace: Pace = "whole"
    seconds: float = 0.0
    raw: bytes = b""
    """All that is sent, byte by byte; `wire.filled` says what may stand in it. The connection ends after it."""
    listener: Listener = "both"
    when: When = ALWAYS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """The server's knobs; every default is the healthy state."""

    edits: tuple[Edit, ...] = ()
    answers: tuple[Answer, ...] = ()
    dead: bool = False
    dead_proxy: bool = False
    dies_after: int | None = None
    """Requests to the inner port that are answered before nothing listens any more."""
    transport: Literal["legacy", "streamable", "both", "none"] = "legacy"
    mcp: Literal["healthy", "no-endpoint", "mute", "error", "wrong-id", "other-host", "garbage", "no-ping"] = "healthy"
    events: Literal["healthy", "never", "without-state", "other-pid", "garbage"] = "healthy"
    stream: bytes = b""
    """What the event stream sends instead; `{state}` is the data of its state."""
    rpc: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """What MCP answers to a method instead, message by message; `{id}` is the request's, `{result}` the healthy result."""
    framing: str = ""
    """How each MCP message travels as an event, `{data}` is the message; over Streamable HTTP it makes answers event streams."""
    endpoint: str = "event: endpoint\ndata: {path}\n\n"
    """What opens the legacy stream; `{path}` is where messages go."""
    workspace_pid: Literal["same", "other", "dead"] = "same"
    tls: Literal["good", "expired", "wrong-name", "self-signed"] = "good"
    authentication: bool = True
    admin_open: bool = False
    redirects: Literal["https", "nowhere", "plain", "dead"] = "https"
    traces: str = ""
    """What stands on the page of an unknown path."""
    replaced_after: int | None = None
    """Health requests after which another process answers: a restart in the middle of the run."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The deployment around the hub; every default is the healthy state.

    `config` is merged into `readiness.toml`; a None drops a key. `files` are written into (None: removed from) the
    release tree. `log` is one more line of the hub's log (level, text, code), or `("absent",)`: there is no log. `failed_before` are
    the checks that the previous release failed too; `recorded_version` and `previous` belong to the recorded deploy.
    """

    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    files: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    log: tuple[str, ...] = ()
    config_is_newer: bool = False
    missing_variable: bool = False
    healthy_run_first: bool = False
    deployed_minutes_ago: float | None = 5.0
    """None: no deploy was recorded."""
    failed_before: tuple[str, ...] = ()
    recorded_version: str = "4.3.0"
    previous: str | None = "releases/4.2.9"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """How the run must end; `fired` are the triggers of the planned rollback."""

    status: str
    decision: str
    fired: tuple[str, ...] = ()


KEPT: Final = Ends(status="READY", decision="KEEP")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault(AnyFault):
    """One way for a hub or its deployment to be broken."""

    how: How = dataclasses.field(default_factory=How)
    site: Site = dataclasses.field(default_factory=Site)
    ends: Ends = KEPT
