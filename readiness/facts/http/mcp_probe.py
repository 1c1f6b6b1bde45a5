"""A raw JSON-RPC probe of the agents' endpoint: initialize, ping, tools/list, and a clean end.

It speaks Streamable HTTP where the hub serves it and the legacy HTTP+SSE transport elsewhere, in a few requests and
without the SDK, whose import alone takes longer than the probe.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol
from urllib.parse import urljoin, urlsplit

from readiness.errors import CouldNotLook, Unknown
from readiness.facts.http.answer import (
    CHALLENGE,
    LIST_LIMIT,
    BadAnswer,
    BeyondLimit,
    HttpAnswer,
    HubRefusal,
    NotTheHub,
    ServerSentEvent,
    events,
    is_limit,
    strict_json,
    weight_of,
)
from readiness.facts.http.client import HttpTransport
from readiness.facts.http.urls import bare, same_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENDPOINT: Final = "/mcp"
PROTOCOL: Final = "2025-06-18"
_BOTH: Final = {"accept": "application/json, text/event-stream"}
_PAGES: Final = 100
"""Pages of a list that are followed at most."""
_NOT_HERE: Final = frozenset({400, 404, 405, 406, 415, 501})
"""What a hub without Streamable HTTP answers to `POST /mcp`."""
_DELETED: Final = frozenset({200, 202, 204})


class LostSession(BadAnswer):
    """A session that was opened is not known at the next request."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class McpProbe:
    """The endpoint's transport, the protocol version it agreed to, and its tools where they were asked for."""

    transport: Literal["streamable-http", "http+sse"]
    protocol: str
    server: str
    tools: tuple[str, ...] | None = None
    definitions: tuple[dict[str, Any], ...] = dataclasses.field(default=(), repr=False)
    """The tools as they are listed, where they were asked for."""
    opened: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    """The whole answer to initialize."""
    meta: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    """The `_meta` of the list of tools, all pages together."""
    session: str | None = dataclasses.field(default=None, repr=False)
    """The id of the session, where the endpoint gave one."""
    beside: tuple[Any, ...] = dataclasses.field(default=(), repr=False)
    """What was notified meanwhile; where tools were asked for also the lists of prompts and resources, or their refusal."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class McpVisit:
    """What one agent got: the names of the tools it was offered, and the result of its call; None where that was not offered."""

    tools: tuple[str, ...]
    result: dict[str, Any] | None = None


class _Session(Protocol):
    """One MCP session, over either transport; `place` is the endpoint's path, `id` that of the session where it has one."""

    place: str
    id: str | None
    heard: list[Any]

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]: ...

    def notify(self, method: str) -> None: ...


def probe_mcp(
    transport: HttpTransport, *, tools: bool = False, legacy: bool = False, timeout: float | None = None
) -> McpProbe:
    """Open a session, ping it, list its tools if asked, and close it, within `timeout` seconds in total.

    Over Streamable HTTP where that is served and not the `legacy` HTTP+SSE transport asked for.
    Raises BadAnswer for an endpoint that is absent, answers wrongly or announces another host;
    TimedOut, HubDown, CouldNotLook; Unknown for refused credentials.
    """
    with transport.within(timeout):
        if not legacy:
            opened = _post(transport, _initialize(1), {})
            if opened.status not in _NOT_HERE:
                with _streamable(transport, opened) as session:
                    return _walk(session, "streamable-http", session.opened, tools=tools)
        with _legacy(transport) as older:
            return _walk(older, "http+sse", older.call("initialize", _initialize(0)["params"]), tools=tools)


def open_session(transport: HttpTransport, timeout: float | None = None) -> HttpAnswer:
    """What POST of an initialize answers, whatever its status; a session that it opened is closed. Raises as the transport does."""
    with transport.within(timeout):
        answer = _post(transport, _initialize(1), {})
        if session := answer.headers.get("mcp-session-id"):
            with contextlib.suppress(Unknown):
                transport.delete(transport.settings.endpoint, headers={"mcp-session-id": session})
        return answer


def call_tool(
    transport: HttpTransport, tool: str, arguments: dict[str, Any], timeout: float | None = None
) -> dict[str, Any]:
    """Open a session, call one tool as agents name it, and close it, within `timeout` seconds in total.

    Raises as `probe_mcp` does; an error instead of a result is a BadAnswer.
    """
    with transport.within(timeout), _initialised(transport) as session:
        return _one_call(session, tool, arguments)


def visit_mcp(transport: HttpTransport, tool: str, arguments: dict[str, Any], timeout: float | None = None) -> McpVisit:
    """Open a session, list its tools, call `tool` where it is offered, and close it, within `timeout` seconds in total.

    Raises as `call_tool` does.
    """
    with transport.within(timeout), _initialised(transport) as session:
        return _visit(session, tool, arguments)


def negotiated_version(transport: HttpTransport, wanted: str) -> str | None:
    """What initialize over Streamable HTTP agrees to for the protocol version `wanted`; None where it refuses. The session is closed.

    Raises as `probe_mcp` does, but for a refusal.
    """
    with transport.within(None):
        answer = _post(transport, _initialize(1, wanted), {})
        if answer.status == 400:  # noqa: PLR2004 - HTTP's own number
            return None
        try:
            with _streamable(transport, answer) as session:
                return str(session.opened.get("protocolVersion"))
        except HubRefusal:
            return None


def ended_session(transport: HttpTransport) -> HttpAnswer | None:
    """What a list answers in a session that was deleted a moment before; None where no id was given, or none can be deleted.

    Over Streamable HTTP alone: an older session ends with its stream. Raises as `probe_mcp` does.
    """
    within = transport.within(3 * transport.settings.timeout)
    with within, _streamable(transport, _post(transport, _initialize(1), {})) as session:
        if session.id is None:
            return None
        session.notify("notifications/initialized")
        if transport.delete(session.place, headers=session.headers).status not in _DELETED:
            return None
        return _post(transport, {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}, session.headers)


def strange_connections(transport: HttpTransport, number: int) -> list[str] | None:
    """What a session that is pinged over `number` new connections answered where it was not known; None where initialize gave no id.

    Two processes behind one address that share no sessions know it on some connections alone. Raises as `probe_mcp` does.
    """
    with transport.within(3 * transport.settings.timeout):
        opened = _post(transport, _initialize(1), {})
        if opened.status in _NOT_HERE:
            with _legacy(transport) as older:
                older.call("initialize", _initialize(0)["params"])
                older.notify("notifications/initialized")
                # the stream is this transport's own connection: it stays
                return _strange(HttpTransport(transport.settings), older.url, {}, number)
        with _streamable(transport, opened) as session:
            if session.id is None:
                return None
            session.notify("notifications/initialized")
            return _strange(transport, session.place, session.headers, number)


def _strange(transport: HttpTransport, place: str, headers: dict[str, str], number: int) -> list[str]:
    problems = []
    for n in range(number):
        transport.close()
        ping = {"jsonrpc": "2.0", "id": f"readiness-{n}", "method": "ping"}
        answer = transport.post(place, json=ping, headers=_BOTH | headers)
        if is_limit(answer):
            _demand(answer)
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
            problems.append(f"{answer.what.partition('?')[0]} answered {answer.status}")
    transport.close()
    return problems


@contextlib.contextmanager
def _initialised(transport: HttpTransport) -> Iterator[_Session]:
    """A session that has begun, over Streamable HTTP or, where that is not served, HTTP+SSE."""
    opened = _post(transport, _initialize(1), {})
    if opened.status not in _NOT_HERE:
        with _streamable(transport, opened) as session:
            yield session
        return
    with _legacy(transport) as legacy:
        legacy.call("initialize", _initialize(0)["params"])
        yield legacy


def _visit(session: _Session, tool: str, arguments: dict[str, Any]) -> McpVisit:
    session.notify("notifications/initialized")
    names = [str(definition.get("name")) for definition in _every_tool(session)[0]]
    called = session.call("tools/call", {"name": tool, "arguments": arguments}) if tool in names else None
    return McpVisit(tools=tuple(names), result=called)


def _every_tool(session: _Session) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The tools of all pages, as they are listed, and what their `_meta` says."""
    tools: list[dict[str, Any]] = []
    meta: dict[str, Any] = {}
    cursor, seen, weight = None, set[str](), 0
    for _ in range(_PAGES):
        page = session.call("tools/list", {} if cursor is None else {"cursor": cursor})
        listed = _tools(page, session.place)
        weight += weight_of(listed)
        if weight > LIST_LIMIT:
            tools.clear()  # whoever keeps the error keeps this frame
            del page, listed
            raise BeyondLimit("all pages of tools/list", LIST_LIMIT)
        tools += listed
        meta |= said if isinstance(said := page.get("_meta"), dict) else {}
        cursor = page.get("nextCursor")
        if not cursor:
            return tools, meta
        if str(cursor) in seen:
            raise BadAnswer(f"{session.place}: tools/list: its pages go round in a circle")
        seen.add(str(cursor))
    raise BeyondLimit(f"{session.place}: tools/list: more than the {_PAGES} pages that are read of it")


def _tools(page: dict[str, Any], place: str) -> list[dict[str, Any]]:
    listed = page.get("tools")
    if not isinstance(listed, list):
        raise BadAnswer(f"{place}: tools/list answered no list")
    return [tool for tool in listed if isinstance(tool, dict)]


def _one_call(session: _Session, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    session.notify("notifications/initialized")
    return session.call("tools/call", {"name": tool, "arguments": arguments})


def _walk(session: _Session, kind: Any, opened: dict[str, Any], *, tools: bool) -> McpProbe:  # noqa: ANN401 - a Literal
    protocol = opened.get("protocolVersion")
    info = opened.get("serverInfo")
    if not isinstance(protocol, str) or not isinstance(info, dict):
        raise BadAnswer(f"{session.place}: initialize answered neither a protocolVersion nor serverInfo")
    session.notify("notifications/initialized")
    session.call("ping")
    listed, meta = _every_tool(session) if tools else ([], {})
    beside = _lists(session, opened.get("capabilities")) if tools else []
    return McpProbe(
        transport=kind,
        protocol=protocol,
        server=str(info.get("name"))[:80],
        tools=tuple(str(tool.get("name")) for tool in listed) if tools else None,
        definitions=tuple(listed),
        opened=opened,
        meta=meta,
        session=session.id,
        beside=(*session.heard, *beside),
    )


def _lists(session: _Session, capabilities: object) -> list[Any]:
    """The first pages of the prompts and resources that a server says it has, or the words it refuses them with."""
    listed: list[Any] = []
    for method in ("prompts/list", "resources/list", "resources/templates/list"):
        if isinstance(capabilities, dict) and method.split("/", 1)[0] in capabilities:
            try:
                listed.append(session.call(method))
            except HubRefusal as error:
                listed.append(str(error))
            except Unknown:
                break  # other checks ask for what is missing here
    return listed


def _initialize(number: int, version: str = PROTOCOL) -> dict[str, Any]:
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "mcp-hub-readiness", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": number, "method": "initialize", "params": params}


def _post(transport: HttpTransport, message: dict[str, Any], headers: dict[str, str]) -> HttpAnswer:
    return transport.post(transport.settings.endpoint, json=message, headers=_BOTH | headers)


def _demand(answer: HttpAnswer) -> HttpAnswer:
    """`answer` if it is a success. Raises BadAnswer, CouldNotLook or Unknown with the reason."""
    if answer.page == CHALLENGE or (answer.page and answer.status not in {200, 401, 403}):
        raise NotTheHub(f"{answer.what} answered {answer.status} with {answer.page}")
    if answer.status in {401, 403}:
        raise Unknown(
            f"{answer.what} answered {answer.status}: set [target] token_env to the name of a token's variable"
        )
    if is_limit(answer):
        raise CouldNotLook(f"{answer.what} answered {answer.status}: the requests are limited on the way")
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        raise BadAnswer(f"{answer.what} answered {answer.status}")
    return answer


def _result(message: object, method: str, number: int, place: str) -> dict[str, Any]:
    """The result in the response to request `number`. Raises BadAnswer for whatever is not exactly that, HubRefusal for an error."""
    if not isinstance(message, dict):
        raise BadAnswer(f"{place}: {method} was answered by something else than its response")
    own, is_refusal = message.get("id"), "error" in message and message.get("id", 0) is None
    if not is_refusal and (isinstance(own, bool) or own != number):
        earlier = type(own) is int and 0 < own < number
        why = f"its id {own} was answered twice" if earlier else f"its id {str(own)[:40]!r} was never sent"
        raise BadAnswer(f"{place}: {method} was answered by something else than its response: {why}")
    if message.get("jsonrpc") != "2.0":
        raise BadAnswer(f"{place}: {method} was answered by what is no JSON-RPC 2.0")
    if "error" in message and message.get("result") is not None:
        raise BadAnswer(f"{place}: {method} was answered by both a result and an error")
    if "error" in message:
        error = message["error"]
        text = error.get("message") if isinstance(error, dict) else error
        raise HubRefusal(f"{place}: {method} answered an error: {str(text)[:120]}")
    result = message.get("result")
    if not isinstance(result, dict):
        raise BadAnswer(f"{place}: {method} answered no result")
    return result


def _responses(stream: Iterable[ServerSentEvent], what: str, heard: list[Any]) -> Iterator[dict[str, Any]]:
    """The responses on a stream, whoever they are for; the first things that a server asks or notifies are put into `heard`."""
    for event in stream:
        message = strict_json(event.data.encode("utf-8", "replace"), what)
        if isinstance(message, dict) and "method" not in message:
            yield message
        elif len(heard) < _PAGES:
            heard.append(message)


class _Streamable:
    """A session over Streamable HTTP: each request is answered by JSON or by a short event stream."""

    def __init__(self, transport: HttpTransport, opened: HttpAnswer) -> None:
        self._transport, self._number, self.place = transport, 1, transport.settings.endpoint
        self.heard: list[Any] = []
        self.opened = self._read(_demand(opened), "initialize", 1)
        self.headers = {"mcp-protocol-version": str(self.opened.get("protocolVersion"))[:40]}
        self.id = opened.headers.get("mcp-session-id") or None
        if self.id:
            self.headers["mcp-session-id"] = self.id

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request and its result."""
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}}
        return self._read(self._asked(message), method, self._number)

    def notify(self, method: str) -> None:
        """One notification; any success will do."""
        self._asked({"jsonrpc": "2.0", "method": method})

    def _asked(self, message: dict[str, Any]) -> HttpAnswer:
        answer = _post(self._transport, message, self.headers)
        if self.id is not None and answer.status == 404:  # noqa: PLR2004 - HTTP's own number
            raise LostSession(
                f"{answer.what} answered 404 in the session that initialize opened a moment before: several processes that share "
                "no sessions stand behind this address, or it ends sessions at once"
            )
        return _demand(answer)

    def _read(self, answer: HttpAnswer, method: str, number: int) -> dict[str, Any]:
        if answer.content_type != "text/event-stream":
            return _result(answer.json(), method, number, self.place)
        # an event that no empty line ends is none; what comes after the response may be another's
        responses = list(_responses(events([answer.body]), answer.what, self.heard))
        if not responses:
            raise BadAnswer(f"{self.place}: {method} opened an event stream without its response")
        results = [_result(message, method, number, self.place) for message in responses]
        if len(results) > 1:
            raise BadAnswer(f"{self.place}: {method} has one response, and was answered twice")
        return results[0]


@contextlib.contextmanager
def _streamable(transport: HttpTransport, opened: HttpAnswer) -> Iterator[_Streamable]:
    session = _Streamable(transport, opened)
    try:
        yield session
    finally:
        if "mcp-session-id" in session.headers:
            # a hub may refuse to end sessions (405): ours ends with it then
            with contextlib.suppress(Unknown):
                transport.delete(session.place, headers=session.headers)


class _Legacy:
    """A session over HTTP+SSE: requests are posted to the announced endpoint, answers come on the stream."""

    def __init__(self, transport: HttpTransport, stream: Iterator[ServerSentEvent]) -> None:
        self._transport, self._stream, self._number = transport, stream, 0
        self.heard: list[Any] = []
        self.place = transport.settings.endpoint
        self.id: str | None = None
        first = next(self._stream, None)
        if first is None or first.name != "endpoint":
            raise BadAnswer(f"GET {self.place} opened a stream that announces no endpoint")
        base = transport.settings.base.rstrip("/") + self.place
        self.url = _announced(base, first.data.strip(), self.place)

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request, posted, and its result from the stream."""
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}})
        for message in _responses(self._stream, f"{self.place} ({method})", self.heard):
            return _result(message, method, self._number, self.place)
        raise BadAnswer(f"{self.place}: the stream ended before {method} was answered")

    def notify(self, method: str) -> None:
        """One notification; any success will do."""
        self._send({"jsonrpc": "2.0", "method": method})

    def _send(self, message: dict[str, Any]) -> None:
        answer = self._transport.post(self.url, json=message)
        if answer.status == 404:  # noqa: PLR2004 - HTTP's own number
            raise BadAnswer(
                f"{answer.what.partition('?')[0]} answered 404: the announced endpoint is not served (is it proxied?)"
            )
        _demand(answer)


def _announced(base: str, target: str, place: str) -> str:
    """Where the messages go. Raises BadAnswer for what is no address, and for another host's."""
    try:
        url = urljoin(base, target)
        host = urlsplit(bare(url)).netloc[:80]
    except ValueError:
        raise BadAnswer(f"GET {place} announces an endpoint that is no address") from None
    if not same_host(base, url):
        raise BadAnswer(f"GET {place} announces an endpoint on another host, {host}, which is not spoken to")
    return url


@contextlib.contextmanager
def _legacy(transport: HttpTransport) -> Iterator[_Legacy]:
    place = transport.settings.endpoint
    with transport.stream("GET", place, headers={"accept": "text/event-stream"}) as stream:
        opened = HttpAnswer(method="GET", url=place, status=stream.status, headers=stream.headers)
        if stream.status in {404, 405}:
            raise BadAnswer(f"neither POST {place} (Streamable HTTP) nor GET {place} (HTTP+SSE) is served")
        if _demand(opened).content_type != "text/event-stream":
            raise BadAnswer(f"GET {place} answered {opened.content_type or 'no content type'}, expected events")
        yield _Legacy(transport, events(stream.chunks()))
