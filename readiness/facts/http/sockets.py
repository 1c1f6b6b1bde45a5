"""Below HTTP: sockets with one total deadline, name look-up that is bounded, trusted authorities, proxies.

httpx bounds each read, never their sum: a peer that drips a byte a second keeps it for ever. So every socket here asks
a shared clock how long there is left.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpcore
import httpx

from readiness.errors import CouldNotLook
from readiness.facts.http.urls import is_address, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from readiness.facts.http.manners import Manners


class Clock:
    """The deadline that everything on one transport obeys; seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.deadline = float("inf")

    def left(self, wanted: float | None = None) -> float:
        """Seconds left, at most `wanted`; never negative."""
        left = max(0.0, self.deadline - time.monotonic())
        return left if wanted is None else min(left, wanted)


class _Stream(httpcore.NetworkStream):
    """A socket whose every operation ends at the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, clock: Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if (left := self._clock.left(timeout)) <= 0:
            raise httpcore.ReadTimeout("the deadline passed")
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if (left := self._clock.left(timeout)) <= 0:
            raise httpcore.WriteTimeout("the deadline passed")
        self._inner.write(buffer, left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, max(0.001, self._clock.left(timeout)))
        return _Stream(inner, self._clock)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the library's own signature
        return self._inner.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Opens sockets that obey a Clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._inner = clock, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve and connect before the deadline. Raises httpcore's errors and CouldNotLook."""
        resolve(host, self._clock.left(timeout))
        inner = self._inner.connect_tcp(
            host, port, max(0.001, self._clock.left(timeout)), local_address, socket_options
        )
        return _Stream(inner, self._clock)

    def sleep(self, seconds: float) -> None:
        """Wait; part of the library's interface."""
        time.sleep(seconds)


def resolve(host: str, timeout: float) -> None:
    """Look `host` up within `timeout` seconds, which the system's resolver does not promise. Raises CouldNotLook."""
    if is_loopback(f"//{host}") or is_address(host):
        return
    errors: list[OSError | None] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            errors.append(None)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.001, timeout))
    if not errors:
        raise CouldNotLook(f"the name {host} was not resolved in {timeout:.3g} s")
    if errors[0] is not None:
        raise CouldNotLook(f"the name {host} does not resolve: {errors[0]}")


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The system's and httpx's authorities, and those of `ca_file`. Raises CouldNotLook for a file it cannot read."""
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise CouldNotLook(f"[target] ca_file {ca_file} cannot be used: {error}") from None
    return context


def pool(
    base: str, clock: Clock, ca_file: Path | None, configured: str | None = None
) -> tuple[httpcore.ConnectionPool, bool]:
    """Connections for one base URL, and whether they run through a proxy (see `proxy_for`)."""
    # building the context costs 20 to 30 ms: not for plain http
    context = trust(ca_file) if base.startswith("https:") else None
    proxy = proxy_for(base, configured)
    backend = Backend(clock)
    if proxy is None:
        return httpcore.ConnectionPool(ssl_context=context, network_backend=backend, keepalive_expiry=4.0), False
    parts = urlsplit(proxy)
    auth = (parts.username, parts.password or "") if parts.username else None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return httpcore.HTTPProxy(bare, proxy_auth=auth, ssl_context=context, network_backend=backend), True


def proxy_for(base: str, configured: str | None) -> str | None:
    """The proxy for `base`: none on loopback, else `[target] proxy` where it is `configured`, else the environment's."""
    if is_loopback(base) or configured == "none":
        return None
    return configured or environment_proxy(base)


def environment_proxy(base: str) -> str | None:
    """The proxy that the environment names for `base`; only http and https proxies are spoken to."""
    parts = urlsplit(base)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    return proxy if proxy and proxy.startswith(("http://", "https://")) else None


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class BoundedTransport(httpx.BaseTransport):
    """httpx over a pool whose sockets obey a Clock; the pool is made at the first request."""

    def __init__(
        self, base: str, clock: Clock, ca_file: Path | None, proxy: str | None = None, manners: Manners | None = None
    ) -> None:
        self._base, self._clock, self._ca_file, self._proxy, self._manners = base, clock, ca_file, proxy, manners
        self._pool: httpcore.ConnectionPool | None = None
        self.proxied = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises RateLimited where there were too many; httpcore's errors pass through."""
        if self._pool is None:
            self._pool, self.proxied = pool(self._base, self._clock, self._ca_file, self._proxy)
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        if self._manners is not None:
            self._manners.sent()
        answer = self._pool.handle_request(sent)
        spoken = answer.extensions.get("http_version", b"HTTP/1.1")
        if not spoken.startswith(b"HTTP/1."):
            answer.close()
            raise httpcore.RemoteProtocolError(
                f"it calls itself {spoken.decode('ascii', 'replace')}, and was asked in HTTP/1.1"
            )
        response = httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )
        if self._manners is not None and (
            refusal := self._manners.refusal(f"{request.method} {request.url.path}", answer.status, response.headers)
        ):
            response.close()
            raise refusal
        return response

    def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
