"""The only way this project speaks HTTP to a hub: bounded, paced, verified, never redirected to another host.

httpx and its errors stay behind this module and `sockets`. A transport returns answers as they are; what they mean is for the
facts.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import os
import ssl
import time
import zlib
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpcore
import httpx

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http.answer import (
    BODY_LIMIT,
    ENDLESS,
    HEALTH,
    NO_CACHE,
    BadAnswer,
    BeyondLimit,
    BrokenConnection,
    HttpAnswer,
    NotTheHub,
    TimedOut,
    TlsRefused,
)
from readiness.facts.http.sockets import BoundedTransport, Clock
from readiness.facts.http.urls import bare, is_loopback, same_host, same_place, target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from readiness.config import Target
    from readiness.facts.http.manners import Manners

TRIES: Final = 3
"""Times a GET is sent at most when the connection breaks."""
MAX_REDIRECTS: Final = 3
_PAUSE: Final = 0.05
"""Seconds between two tries."""
CERTIFICATE: Final = {
    10: "expired",
    9: "not valid yet",
    62: "made for another name",
    64: "made for another address",
    18: "self-signed",
    19: "self-signed",
}
"""OpenSSL's verify codes in words."""
_WANTS_CERTIFICATE: Final = ("certificate_required", "certificate required", "handshake_failure", "handshake failure")
"""TLS alerts of a server that asked for a client certificate, as OpenSSL words them."""
_NO_TLS: Final = (
    "WRONG_VERSION_NUMBER",
    "WRONG VERSION NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "RECORD LAYER FAILURE",
)
"""OpenSSL's words for a peer that answers in plain text."""
LIBRARY: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.HTTPError,
    OSError,
)
"""What httpx and httpcore may raise while a request is under way."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at one request: what was asked, how it ended, seconds it took."""

    what: str
    ended: str
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How one base URL is spoken to. `rate` in requests a second, None: unpaced; `timeout` in seconds, in total."""

    base: str
    timeout: float = 5.0
    rate: float | None = None
    ca_file: Path | None = None
    follow: bool = True
    """Whether redirects on the same host are followed."""
    token: str | None = dataclasses.field(default=None, repr=False)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    """Credentials in other headers, see `credentials`; sent to `base` alone, as the token is."""
    endpoint: str = "/mcp"
    """The path at which agents connect."""
    proxy: str | None = None
    """`[target] proxy`."""
    manners: Manners | None = None
    """How often it may be asked; None: as often as `rate` gives, whatever it says."""


class AnswerStream:
    """An answer whose body is still coming: status, headers and the chunks as they arrive."""

    def __init__(self, response: httpx.Response, guard: Callable[[BaseException], Exception]) -> None:
        self.status = response.status_code
        self.reason = response.extensions.get("reason_phrase", b"").decode("ascii", "replace")
        self.headers = {key.lower(): value for key, value in response.headers.items()}
        self._response, self._guard = response, guard

    def body(self) -> bytes:
        """The whole body. Raises BadAnswer for one that is broken or has no end, BeyondLimit for one that is too large, TimedOut, CouldNotLook."""
        kept, size = list[bytes](), 0
        for chunk in self.chunks(ENDLESS):
            size += len(chunk)
            if size <= BODY_LIMIT:
                kept.append(chunk)
        if size > BODY_LIMIT:
            raise BeyondLimit("the body", BODY_LIMIT)
        return b"".join(kept)

    def chunks(self, limit: int = BODY_LIMIT) -> Iterator[bytes]:
        """The body's bytes until its end. Raises BadAnswer for a broken body or one without an end, BeyondLimit past `limit` bytes, TimedOut, CouldNotLook."""
        size = 0
        source = self._response.iter_raw()
        while True:
            try:
                chunk = next(source, None)
            except httpcore.RemoteProtocolError:
                raise BadAnswer(f"the body ended after {size} bytes, before it was complete") from None
            except LIBRARY as error:
                raise self._guard(error) from None
            if chunk is None:
                return
            size += len(chunk)
            if size > ENDLESS:
                raise BadAnswer(f"the body is larger than {ENDLESS // 1024} KB, and goes on")
            if size > limit:
                raise BeyondLimit("the body", limit)
            yield chunk


class HttpTransport:
    """Requests to one base URL over kept connections; not for use by several threads at once."""

    def __init__(
        self,
        settings: TransportSettings,
        *,
        on_retry: Callable[[str], None] | None = None,
        on_answer: Callable[[HttpAnswer], None] | None = None,
    ) -> None:
        """`on_retry` is called for every transport retry, `on_answer` for every complete answer."""
        self.settings = settings
        self.attempts: collections.deque[Attempt] = collections.deque(maxlen=500)
        self.on_retry, self.on_answer = on_retry, on_answer
        self._clock = Clock()
        self._wire = BoundedTransport(settings.base, self._clock, settings.ca_file, settings.proxy, settings.manners)
        self.last_answer: HttpAnswer | None = None
        """The last one that was read to its end, whatever it was."""
        self._client: httpx.Client | None = None
        self._next = self._slowest = 0.0
        self.waited = 0.0
        """Seconds that were spent waiting as the target asks: not of its slowness."""

    def __repr__(self) -> str:
        return f"HttpTransport({bare(self.settings.base)})"

    @property
    def short(self) -> float:
        """Seconds for what gave no answer before; more where the hub is configured, or seen, to be slow."""
        return short_look(self.settings.timeout, self._slowest)

    @property
    def loopback(self) -> bool:
        """Whether the base URL is this machine's."""
        return is_loopback(self.settings.base)

    @contextlib.contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """A context in which everything ends after `seconds` in total; of nested ones the nearer deadline holds."""
        before = self._clock.deadline
        own = time.monotonic() + (self.settings.timeout if seconds is None else seconds)
        self._clock.deadline = min(before, own)
        try:
            yield
        finally:
            self._clock.deadline = before

    def get(
        self, path: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None, tries: int = TRIES
    ) -> HttpAnswer:
        """GET `path`, within `timeout` seconds for all tries and redirects together.

        Redirects on the same host are followed, three at most; others are reported in `redirect`. Raises HubDown when
        the connection is refused, TimedOut, BadAnswer for a body that is cut or too large, and CouldNotLook.
        """
        self._pace()
        with self.within(timeout):
            url = self._url(path)
            for _ in range(MAX_REDIRECTS + 1):
                answer = self._get_once(url, dict(headers or {}), tries)
                if answer.redirect is None or not self.settings.follow or not same_place(url, answer.redirect):
                    return answer
                url = answer.redirect
            raise BadAnswer(f"GET {path} redirects in a loop, or more than {MAX_REDIRECTS} times")

    def head_of(
        self, path: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpAnswer:
        """GET `path`, once, and read its status and headers alone: what answers may be a stream without an end. Raises as `get` does."""
        started, url = time.monotonic(), self._url(path)
        what = f"GET {urlsplit(url).path}"
        try:
            with self.within(timeout), self.stream("GET", path, headers=headers) as stream:
                answer = HttpAnswer(
                    method="GET",
                    url=bare(url),
                    status=stream.status,
                    headers=stream.headers,
                    seconds=time.monotonic() - started,
                    redirect=target_of(url, stream.status, stream.headers),
                )
        except Unknown as error:
            self._note(what, str(error), started)
            raise
        self._note(what, str(answer.status), started)
        if self.on_answer:
            self.on_answer(answer)
        return answer

    def post(
        self,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpAnswer:
        """POST `json`, or `content` as it is, once: never retried, no redirect followed. Raises as `get` does."""
        import json as codec

        body = content if content is not None else codec.dumps(json).encode()
        self._pace()
        with self.within(timeout):
            sent = {"content-type": "application/json", **(headers or {})}
            return self._exchange("POST", self._url(path), sent, body)

    def delete(
        self, path: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpAnswer:
        """DELETE `path`, once. Raises as `get` does."""
        self._pace()
        with self.within(timeout):
            return self._exchange("DELETE", self._url(path), dict(headers or {}), None)

    @contextlib.contextmanager
    def stream(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Iterator[AnswerStream]:
        """Open an answer without reading its body; call it inside `within`. Raises as `get` does."""
        url = self._url(path)
        self._pace()
        started = time.monotonic()
        try:
            response = self._send(method, url, dict(headers or {}), content)
        except LIBRARY as error:
            raise self._translate(error, method, url, started) from None
        try:
            yield AnswerStream(response, lambda error: self._translate(error, method, url, started))
        finally:
            response.close()

    def close(self) -> None:
        """Close every connection; the transport may be used again afterwards."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _url(self, path: str) -> str:
        return path if path.startswith(("http://", "https://")) else self.settings.base.rstrip("/") + path

    def _pace(self) -> None:
        if self.settings.manners is not None:
            began = time.monotonic()
            self.settings.manners.wait()
            waited = time.monotonic() - began
            self.waited += waited
            self._clock.deadline += waited  # waiting as asked is no slowness
        if self.settings.rate:
            now = time.monotonic()
            if now < self._next:
                time.sleep(self._next - now)
            self._next = max(now, self._next) + 1 / self.settings.rate

    def _get_once(self, url: str, headers: dict[str, str], tries: int) -> HttpAnswer:
        for left in range(tries - 1, -1, -1):
            try:
                return self._exchange("GET", url, headers, None)
            except BrokenConnection as error:
                if not left or self._clock.left() <= _PAUSE:
                    if self.loopback:
                        raise TimedOut(f"{error}, {tries - left} times") from None
                    raise
                if self.on_retry:
                    self.on_retry(str(error))
                time.sleep(_PAUSE)
        raise AssertionError("unreachable")  # pragma: no cover - the loop returns or raises

    def _exchange(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> HttpAnswer:
        started = time.monotonic()
        what = f"{method} {urlsplit(url).path}"
        try:
            with self._response(method, url, headers, content, started) as response:
                stream = AnswerStream(response, lambda error: self._translate(error, method, url, started))
                body = _decoded(stream.body(), stream.headers.get("content-encoding", ""), what)
        except Unknown as error:
            text = str(error) if str(error).startswith(method) else f"{what}: {error}"
            self._note(what, text, started)
            raise type(error)(text) from None
        answer = HttpAnswer(
            method=method,
            url=bare(url),
            status=stream.status,
            headers=stream.headers,
            body=body,
            seconds=time.monotonic() - started,
            redirect=target_of(url, stream.status, stream.headers),
            reason=stream.reason,
        )
        self.last_answer = answer
        self._note(what, str(answer.status), started)
        if method == "GET" and answer.what.endswith(HEALTH):
            self._slowest = max(self._slowest, answer.seconds)
        if self.on_answer:
            self.on_answer(answer)
        return answer

    def _note(self, what: str, ended: str, started: float) -> None:
        self.attempts.append(Attempt(what=what, ended=ended, seconds=time.monotonic() - started))

    @contextlib.contextmanager
    def _response(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, started: float
    ) -> Iterator[httpx.Response]:
        try:
            response = self._send(method, url, headers, content)
        except LIBRARY as error:
            raise self._translate(error, method, url, started) from None
        try:
            yield response
        finally:
            response.close()

    def _send(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> httpx.Response:
        if self._client is None:
            self._client = httpx.Client(
                transport=self._wire,
                trust_env=False,
                headers={"accept-encoding": "identity", "user-agent": "mcp-hub-readiness", **NO_CACHE},
                timeout=self.settings.timeout,
            )
        if same_host(url, self.settings.base):
            bearer = {"authorization": f"Bearer {self.settings.token}"} if self.settings.token else {}
            headers = {**bearer, **self.settings.headers, **headers}
        request = self._client.build_request(method, url, headers=headers, content=content)
        return self._client.send(request, stream=True)

    def _translate(self, error: BaseException, method: str, url: str, started: float) -> Exception:
        return translated(
            error,
            what=f"{method} {urlsplit(url).path or '/'}",
            place=urlsplit(bare(url)).netloc,
            seconds=time.monotonic() - started,
            proxied=self._wire.proxied,
            loopback=self.loopback,
        )


def _decoded(body: bytes, encoding: str, what: str) -> bytes:
    """Undo gzip or deflate that nobody asked for, never beyond the body limit. Raises BadAnswer, BeyondLimit."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise NotTheHub(f"{what} answered in the encoding {name[:40]!r}, which was not asked for")
    # many servers deflate without zlib's frame, and clients take it
    bare_deflate = name == "deflate" and body[:1] not in {b"\x78", b"\x58", b"\x38"}
    plain, rest = b"", body
    # a packed body may have several members
    while rest and (not plain or rest.startswith(b"\x1f\x8b")):
        unpacker = zlib.decompressobj(-15 if bare_deflate else 15 if name == "deflate" else 31)
        try:
            plain += unpacker.decompress(rest, BODY_LIMIT + 1 - len(plain))
        except zlib.error:
            raise NotTheHub(f"{what} answered a broken {name} body") from None
        if len(plain) > BODY_LIMIT:
            raise BeyondLimit(f"{what}: the unpacked body", BODY_LIMIT)
        if not unpacker.eof:
            raise NotTheHub(f"{what} answered a {name} body that is cut off")
        rest = unpacker.unused_data
    if rest:
        raise NotTheHub(f"{what} answered a {name} body with {len(rest)} bytes more behind its end")
    return plain


def token_of(name: str | None) -> str | None:
    """The bearer token in the variable `name`; None where no name is configured. Raises Unknown when it is unset."""
    if not name:
        return None
    value = os.environ.get(name)
    if not value:
        raise Unknown(f"[target] token_env names {name}, which is not set")
    return value


BASIC: Final = "basic"


def credentials(target: Target) -> dict[str, str]:
    """The headers that carry what `[target]` names: the token in its own header, and `headers`. Raises Unknown for a variable that is not set.

    A token without a scheme of its own goes as `Authorization: Bearer`; for Basic a value like user:password is encoded.
    """
    headers: dict[str, str] = {}
    token = token_of(target.token_env)
    if token is not None:
        name, _, scheme = (target.token_header or "Authorization: Bearer").partition(":")
        scheme = scheme.strip() or ("Bearer" if name.lower() == "authorization" else "")
        if scheme.lower() == BASIC and ":" in token:
            token = base64.b64encode(token.encode()).decode()
        headers[name.strip().lower()] = f"{scheme} {token}" if scheme else token
    for name, variable in target.headers.items():
        value = os.environ.get(variable)
        if not value:
            raise Unknown(f"[target] headers names {variable}, which is not set")
        headers[name.lower()] = value
    return headers


def translated(  # noqa: PLR0913 - one keyword a circumstance
    error: BaseException, *, what: str, place: str, seconds: float, proxied: bool, loopback: bool
) -> Exception:
    """Turn `error` into HubDown, TimedOut, BadAnswer or CouldNotLook; `seconds` is how long the request took so far."""
    chain = list(_chain(error))
    certificate = next((e for e in chain if isinstance(e, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        kind = CERTIFICATE.get(certificate.verify_code, certificate.verify_message)
        return CouldNotLook(f"{what}: the certificate of {place} is not trusted: {kind}")
    if any(isinstance(e, ssl.SSLError) and any(w in str(e).lower() for w in _WANTS_CERTIFICATE) for e in chain):
        return TlsRefused(f"{what}: {place} wants a client certificate")
    if any(isinstance(e, ssl.SSLError) for e in chain) and isinstance(error, httpcore.ConnectError):
        plain = any(reason in str(one).upper() for one in chain for reason in _NO_TLS)
        why = "it speaks plain HTTP: the address must begin with http://" if plain else error
        return CouldNotLook(f"{what}: no TLS connection to {place}: {why}")
    if proxied and isinstance(error, (httpcore.ConnectError, httpcore.ProxyError, httpcore.ConnectTimeout)):
        return CouldNotLook(f"{what}: the proxy of this machine did not connect to {place}: {error}")
    if any(isinstance(e, ConnectionRefusedError) for e in chain):
        return HubDown(f"{what}: connection to {place} refused")
    return _other(error, f"{what}: ", place, seconds, loopback=loopback)


def _other(error: BaseException, what: str, place: str, seconds: float, *, loopback: bool) -> Exception:
    if isinstance(error, httpcore.ConnectTimeout) and not loopback:
        return CouldNotLook(f"{what}no connection to {place} within {seconds:.3g} s")
    if isinstance(error, httpcore.TimeoutException):
        return TimedOut(f"{what}{place} accepted the connection and gave no complete answer in {seconds:.3g} s")
    if isinstance(error, httpcore.ConnectError):
        return CouldNotLook(f"{what}no connection to {place}: {error}")
    if isinstance(error, httpcore.RemoteProtocolError) and "disconnected" not in str(error):
        why = "it speaks TLS: the address must begin with https://" if "\\x15\\x03" in str(error) else str(error)[:120]
        return BadAnswer(f"{what}{place} does not answer in HTTP: {why}")
    return BrokenConnection(f"{what}the connection to {place} broke: {str(error)[:120] or type(error).__name__}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


SHORT: Final = 1.0
"""Timeout in seconds of a short look, with `[probe] timeout` of 5 and a hub that answers at once."""
_SHARE: Final = 5.0
_TIMES: Final = 3.0
"""A short look gets so many times what health has taken, and the share of a probe's time-out: a slow hub is not a silent one."""


def short_look(timeout: float, slowest: float = 0.0) -> float:
    """Seconds for what gave no answer before, where a probe has `timeout` and health took `slowest` at most."""
    return min(timeout, max(SHORT, timeout / _SHARE, _TIMES * slowest))


BEFORE: Final = "; it was silent before"


class SilentBefore(TimedOut):
    """A route that had given no answer before got one short request, and gave none again; no further attempt would help."""

    retry = False


class NoState(BadAnswer):
    """The event stream was open and sent no state in time; `retry` is False where it did so before."""

    retry = True


class SilentRoutes:
    """How often each route gave no answer since its last one. Affects timeouts, never outcomes."""

    def __init__(self) -> None:
        self._looks: collections.Counter[str] = collections.Counter()

    def heard(self, route: str) -> None:
        """Note that `route` answered: earlier silence no longer counts."""
        del self._looks[route]

    def unheard(self, route: str) -> None:
        """Note that `route` gave no answer."""
        self._looks[route] += 1

    def suspected(self, route: str) -> bool:
        """Whether `route` gave no answer the last time."""
        return self._looks[route] > 0

    def proven(self, route: str, attempts: int) -> bool:
        """Whether `route` gave no answer as often in a row as a probe has attempts."""
        return self._looks[route] >= attempts


def looked(
    silence: SilentRoutes,
    transport: HttpTransport,
    attempts: int,
    ask: Callable[[HttpTransport, float | None], HttpAnswer],
) -> HttpAnswer:
    """The answer of `ask`, with the full timeout until the address gave none `attempts` times, then with a short one.

    Raises SilentBefore, and whatever `ask` raises.
    """
    base = transport.settings.base
    proven = silence.proven(base, attempts)
    try:
        answer = ask(transport, transport.short if proven else None)
    except (BadAnswer, TlsRefused):
        silence.heard(base)
        raise
    except CouldNotLook as error:
        silence.unheard(base)
        if proven:
            raise SilentBefore(f"{error}; as before") from None
        raise
    silence.heard(base)
    return answer
