"""What answers at an address, told by a few harmless requests: an MCP Hub, a gateway, a bridge or a plain MCP server, and where agents connect.

Never asked: what changes anything, and LiteLLM's `/health`, which calls models and costs money.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.errors import HubDown, Unknown
from readiness.facts.http.answer import BadAnswer, HttpAnswer
from readiness.facts.http.client import HttpTransport
from readiness.facts.http.manners import RateLimited
from readiness.facts.http.mcp_probe import LostSession, McpProbe, open_session, probe_mcp

if TYPE_CHECKING:
    from collections.abc import Iterable

_OK: Final = 200
_ABSENT: Final = frozenset({404, 405, 410, 501})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
ENDPOINTS: Final = ("/mcp", "/mcp/", "/sse")
"""Where agents connect by custom, in the order in which they are tried after the address itself."""
_PATIENCE_NAMED: Final = 10.0
"""Seconds for the place that somebody named."""
_PATIENCE: Final = 3.0
"""Seconds for each place at which agents may connect."""
_MOST: Final = 5
"""Servers of a bridge whose own paths are tried."""
_WORDS: Final = 300


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What answers. `kind` is empty where it is an endpoint that lets nobody in, or nothing that is known."""

    kind: str = ""
    endpoint: str = ""
    why: str = ""
    """What showed it, in a few words."""
    probe: McpProbe | None = None
    """What a session showed; None where none could be opened."""
    refusal: str = ""
    """Why no session could be opened, with what to do; empty where one was."""

    @property
    def words(self) -> str:
        """What it is, in a phrase: an MCP server "billing" 3.1.4 over Streamable HTTP at /mcp."""
        what = {"": "an endpoint", "mcp-hub": "an MCP Hub", "mcp": "an MCP server", "bridge": "an MCP bridge"}
        named = (
            what.get(self.kind) or {"litellm": "a LiteLLM proxy", "contextforge": "a ContextForge gateway"}[self.kind]
        )
        if self.probe is None:
            return f"{named} at {self.endpoint}" if self.endpoint else named
        info = self.probe.opened.get("serverInfo")
        version = info.get("version") if isinstance(info, dict) else None
        over = "Streamable HTTP" if self.probe.transport == "streamable-http" else "HTTP+SSE"
        number = f" {str(version)[:40]}" if version else ""
        return f'{named} "{self.probe.server}"{number} over {over} at {self.endpoint}'


def detect(transport: HttpTransport, first: Iterable[str] = ()) -> Detected | None:
    """What answers at the transport's address; None for nothing that is known. `first`: paths that are tried before the usual ones.

    Raises HubDown where nobody answers at all, RateLimited where it asks to come back later; otherwise what cannot be read is no sign.
    """
    first = tuple(first)
    if (_json(transport, "/api/health") or {}).get("server_id") == "mcp-hub":
        return Detected(kind="mcp-hub", endpoint=ENDPOINTS[0], why="/api/health says mcp-hub")
    kind, why, paths = _by_its_health(transport)
    refused: Detected | None = None
    for endpoint in dict.fromkeys((*first, *paths, *ENDPOINTS)):
        # a bridge may start a process for each request: where somebody says that it is, it is waited for
        at = _at(transport, endpoint, _PATIENCE_NAMED if endpoint in first else _PATIENCE)
        if at is not None and at.probe is not None:
            how = why or f"initialize was answered at {endpoint}"
            return dataclasses.replace(at, kind=kind or _bridge_or_server(transport), why=how)
        refused = refused or at
    if refused is not None:
        return dataclasses.replace(refused, kind=kind, why=why or "initialize was refused there")
    return Detected(kind=kind, why=why) if kind else None


def _by_its_health(transport: HttpTransport) -> tuple[str, str, tuple[str, ...]]:
    """The kind that its own routes show, what showed it, and where agents connect; empty for none."""
    # first: a LiteLLM proxy must not be asked for /health
    alive = _get(transport, "/health/liveliness")
    if alive is not None and alive.status == _OK and "alive" in alive.text(_WORDS).lower():
        return "litellm", "/health/liveliness answers", ("/mcp",)
    if "mcp_runtime" in (_json(transport, "/health") or {}):
        return "contextforge", "/health has mcp_runtime", ("/mcp/",)
    instances = (_json(transport, "/status") or {}).get("server_instances")
    if isinstance(instances, dict):
        names = [name for name in instances if isinstance(name, str)][:_MOST]
        return "bridge", "/status has server_instances", tuple(f"/servers/{name}/mcp" for name in names)
    return "", "", ()


def _bridge_or_server(transport: HttpTransport) -> str:
    ping = _get(transport, "/ping")
    return "bridge" if ping is not None and ping.status == _OK and ping.text(_WORDS).strip() == "pong" else "mcp"


def _at(transport: HttpTransport, endpoint: str, patience: float) -> Detected | None:
    """What answers at `endpoint` within so many seconds: a session, or a refusal; None where no endpoint is."""
    own = HttpTransport(dataclasses.replace(transport.settings, endpoint=endpoint))
    try:
        with own.within(patience):
            answer = open_session(own)
            if refusal := why_refused(answer, endpoint, has_credentials=bool(own.settings.headers)):
                return Detected(endpoint=endpoint, refusal=refusal)
            if answer.status != _OK and answer.status not in _ABSENT and not _is_protocol(answer):
                return None
            return Detected(endpoint=endpoint, probe=probe_mcp(own, tools=True))
    except (HubDown, RateLimited):
        raise
    except LostSession as error:
        return Detected(endpoint=endpoint, refusal=str(error))
    except Unknown:
        return None
    finally:
        own.close()


def _is_protocol(answer: HttpAnswer) -> bool:
    with contextlib.suppress(BadAnswer):
        return "jsonrpc" in answer.json_object()
    return False


def why_refused(answer: HttpAnswer, endpoint: str, *, has_credentials: bool) -> str:
    """Why an endpoint that is there lets nobody in, and what to set; empty for an answer that is no such refusal."""
    what = f"POST {endpoint} answered {answer.status}"
    if answer.status in _MOVED:
        return _moved(answer, endpoint, what)
    if answer.status in {401, 407}:
        challenge = answer.headers.get("www-authenticate", "")[:160]
        return f"{what}{f' (WWW-Authenticate: {challenge})' if challenge else ''}: {_wanted(has_credentials=has_credentials)}"
    if answer.status in {403, 421}:
        return f"{what}: {_forbidden(answer)}"
    return ""


def _wanted(*, has_credentials: bool) -> str:
    if has_credentials:
        return "the credentials are not accepted: look at the variables that [target] token_env and headers name"
    return (
        "it asks for credentials: set [target] token_env to the name of the variable that holds the token, and token_header "
        "where it is not sent as Authorization: Bearer"
    )


def _forbidden(answer: HttpAnswer) -> str:
    """Which of the three things that a 403 may mean it says; a 421 means the first."""
    text = answer.text(_WORDS).lower()
    if answer.status == 421 or ("host" in text and "origin" not in text):  # noqa: PLR2004 - HTTP's own number
        host = urlsplit(answer.url).netloc
        return f"it refuses the host name {host}: add that to its allowed hosts, or set [target] url to the name that it knows"
    if "origin" in text:
        return "it checks the Origin, and lets in no client without one that it knows: look at its allowed origins"
    return "these credentials, or none, may not connect: ask for that right, and look at [target] token_env"


def _moved(answer: HttpAnswer, endpoint: str, what: str) -> str:
    """A POST is not led on: an agent that does not follow either gets nothing."""
    if answer.redirect is None:
        return ""
    here, there = urlsplit(answer.url), urlsplit(answer.redirect)
    if (here.scheme, there.scheme) == ("https", "http") and here.hostname == there.hostname:
        return (
            f"{what}: asked by https, it leads to {there.scheme}://{there.netloc}: let the proxy pass on X-Forwarded-Proto and Host, and the server "
            "believe them (uvicorn: --proxy-headers)"
        )
    if here.netloc != there.netloc or here.scheme != there.scheme:
        return f"{what}: it leads to {there.scheme}://{there.netloc}: set [target] url to that"
    if there.path.rstrip("/") == here.path.rstrip("/"):
        path = endpoint.rstrip("/") + ("/" if there.path.endswith("/") else "")
        return f'{what}: it leads to {there.path}, and a POST is not led on: set [target] endpoint = "{path}"'
    return f"{what}: it leads to {there.path}: a login stands in front, or [target] endpoint is another path"


def _get(transport: HttpTransport, route: str) -> HttpAnswer | None:
    try:
        return transport.get(route, timeout=min(transport.settings.timeout, _PATIENCE), tries=1)
    except (HubDown, RateLimited):
        raise
    except Unknown:
        return None


def _json(transport: HttpTransport, route: str) -> dict[str, Any] | None:
    answer = _get(transport, route)
    if answer is None or answer.status != _OK:
        return None
    with contextlib.suppress(BadAnswer):
        return answer.json_object()
    return None
