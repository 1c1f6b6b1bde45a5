"""A minimal HTTP/1.1 client: requests are bytes made once, answers go through geventhttpclient's parser (llhttp).

A connection belongs to one lane at a time and is used again and again. Nothing is followed (a redirect is an answer that
proves nothing), no proxy is taken from the environment, TLS is verified, answers are bounded in size and time.
"""

from __future__ import annotations

import ipaddress
import socket as names
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

import gevent.socket
import gevent.ssl
from gevent import select
from geventhttpclient._parser import HTTPParseError, HTTPResponseParser

from readiness.loadgen import samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.loadgen.plan import Plan

BLOCK: Final = 65536
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_IDLE: Final = 0.5
"""Seconds without a request after which a kept connection is looked at before it is used."""
_FINAL: Final = 200
"""Statuses below it are interim."""


class Failed(Exception):  # noqa: N818 - not an error of this program: it is what is measured
    """A request without an answer; `error` is one of `samples.ERRORS`."""

    def __init__(self, error: int) -> None:
        super().__init__(samples.ERRORS[error])
        self.error = error


class ParsedAnswer(HTTPResponseParser):
    """One answer being parsed; it keeps the body and two headers that MCP needs, and no others."""

    def __init__(self, limit: int, *, head: bool = False, headers: bool = False) -> None:
        super().__init__()
        self.done, self.body, self.limit = False, b"", limit
        self.head = head
        self.headers: dict[str, str] | None = {} if headers else None
        self._field = ""

    def _on_status(self, message: str) -> None:
        """The reason phrase: of no use."""

    def _on_message_begin(self) -> None:
        """An answer, or an interim one, begins."""

    def _on_header_field(self, text: str) -> None:
        self._field = text

    def _on_header_value(self, text: str) -> None:
        if self.headers is not None:
            self.headers[self._field.lower()] = text

    def _on_headers_complete(self) -> bool:
        return self.head

    def _on_message_complete(self) -> None:
        self.done = self.get_code() >= _FINAL

    def _on_body(self, data: bytearray) -> None:
        self.body = bytes(data) if not self.body else self.body + data
        if len(self.body) > self.limit:
            raise Failed(samples.TOO_LARGE)


class Peer:
    """Where requests go: address, TLS, the headers that every request carries."""

    def __init__(self, plan: Plan, headers: Mapping[str, str]) -> None:
        """`headers` carry the credentials."""
        parts = urllib.parse.urlsplit(plan.base)
        self.host, self.prefix = parts.hostname or "", parts.path
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.origin = (parts.scheme, self.host, self.port)
        self.timeout, self.limit = plan.timeout, plan.body_limit
        self.tls = gevent.ssl.create_default_context(cafile=plan.ca_file) if parts.scheme == "https" else None
        lines = [f"Host: {parts.netloc}", "User-Agent: readiness-load", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._common = "\r\n".join(lines) + "\r\n"
        self.patience: float | None = None
        self._addresses: list[tuple[Any, ...]] = []

    def resolve(self) -> None:
        """Look the name up, once: the resolver is not what is measured. Raises OSError."""
        self._addresses = gevent.socket.getaddrinfo(self.host, self.port, type=names.SOCK_STREAM)

    def request(self, method: str, path: str, body: bytes | None = None, extra: str = "") -> bytes:
        """The bytes of one request; `extra` holds whole header lines, each with its line break."""
        lines = f"{method} {self.prefix}{path} HTTP/1.1\r\n{self._common}{extra}"
        if body is not None:
            lines += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return lines.encode("latin-1") + b"\r\n" + (body or b"")

    def connect(self) -> Any:  # noqa: ANN401 - a gevent socket, plain or TLS
        """A new connection. Raises Failed."""
        for family, kind, protocol, _, address in self._addresses:
            sock = gevent.socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self.timeout)
                sock.connect(address)
                sock.setsockopt(names.IPPROTO_TCP, names.TCP_NODELAY, 1)
                if self.tls is not None:
                    sock = self.tls.wrap_socket(sock, server_hostname=self.host)
            except TimeoutError:
                sock.close()
                raise Failed(samples.TIMED_OUT) from None
            except OSError:
                sock.close()
            else:
                # `Connection.expire` is the clock of a run: a timer for each read would cost more than the read
                sock.settimeout(self.patience)
                return sock
        raise Failed(samples.NO_CONNECTION)


class Connection:
    """One connection, opened when it is needed and used again while the server keeps it."""

    __slots__ = ("_active", "_expired", "_last", "_peer", "_sock")

    def __init__(self, peer: Peer) -> None:
        self._peer, self._last = peer, 0.0
        self._sock: Any = None
        self._active = self._expired = False

    def exchange(self, data: bytes, answer: ParsedAnswer, *, safe: bool) -> None:
        """Send a request and read its answer. Raises Failed.

        A kept connection that the server had closed meanwhile is opened anew once, if nothing was answered and the
        request is `safe` to send twice; the latency holds both attempts.
        """
        self._expired, self._active = False, True
        try:
            self._ask(data, answer, again=self._is_kept() and safe)
        except (OSError, HTTPParseError):
            self.close()
            raise Failed(samples.TIMED_OUT if self._expired else samples.LOST) from None
        except Failed as failed:
            self.close()
            raise Failed(samples.TIMED_OUT if self._expired else failed.error) from None
        finally:
            self._active = False
        self._last = time.perf_counter()
        if not answer.should_keep_alive():
            self.close()

    def _ask(self, data: bytes, answer: ParsedAnswer, *, again: bool) -> None:
        if self._attempt(data, answer):
            return
        self.close()
        if self._expired or not again or not self._attempt(data, answer):
            raise Failed(samples.LOST)

    def _is_kept(self) -> bool:
        """Whether there is a connection to use again; one that idled is looked at first: servers hang up on those."""
        if self._sock is not None and time.perf_counter() - self._last > _IDLE:
            poll = select.poll()
            poll.register(self._sock.fileno(), select.POLLIN)
            if poll.poll(0):
                self.close()
        return self._sock is not None

    def _attempt(self, data: bytes, answer: ParsedAnswer) -> bool:
        """Whether an answer came; False: the connection was closed before its first byte."""
        if self._sock is None:
            self._sock = self._peer.connect()
        sock, first = self._sock, True
        try:
            sock.sendall(data)
            while not answer.done:
                block = sock.recv(BLOCK)
                if not block and first:
                    return False
                # the end of the stream is told to the parser: an answer without a length ends with it
                answer.feed(block)
                if not block and not answer.done:
                    raise Failed(samples.LOST)
                first = False
        except (ConnectionResetError, BrokenPipeError):
            if first:
                return False
            raise
        return True

    def expire(self) -> None:
        """End the request in progress: the lane that waits for it records a time-out."""
        if not self._active:
            return
        self._expired = True
        if self._sock is not None:
            try:
                self._sock.shutdown(names.SHUT_RDWR)
            except OSError:
                self._sock.close()

    def close(self) -> None:
        """Close it; the next request opens a new one."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()


def is_safe(method: str) -> bool:
    """Whether a request may be sent a second time."""
    return method in _SAFE


def loopback(host: str) -> bool:
    """Whether an address is one of this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
