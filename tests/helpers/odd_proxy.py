"""A proxy on loopback that forwards to a hub, until it is told to answer in the hub's place."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.server
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PAGE = b"<!DOCTYPE html><title>Back soon</title><h1>We are improving things for you</h1>"
LOGIN = b'<!DOCTYPE html><title>Sign in</title><form method="post"><input name="user"><input type="password"></form>'
SECONDS = 10.0
_BETWEEN = frozenset({"connection", "transfer-encoding", "keep-alive"})


@dataclasses.dataclass(frozen=True)
class Said:
    """One answer of the proxy's own."""

    status: int
    body: bytes = b""
    kind: str = "text/html"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


MAINTENANCE = Said(503, PAGE, headers={"Retry-After": "3600"})
CHALLENGE = Said(403, b"<!DOCTYPE html><title>Just a moment...</title>", headers={"CF-Mitigated": "challenge"})
BAD_GATEWAY = Said(502, b"<html><h1>502 Bad Gateway</h1></html>")
MODES: dict[str, Callable[[int, str, str], Said | str]] = {
    # from the request's number, method and path: what the proxy says itself, or how it forwards
    "plain": lambda *_: "plain",
    "maintenance": lambda *_: MAINTENANCE,
    "maintenance in JSON": lambda *_: Said(200, b'{"status": "maintenance"}', "application/json"),
    "login": lambda *_: Said(200, LOGIN),
    "challenge": lambda *_: CHALLENGE,
    "encoding": lambda *_: "br",
    "502 by turns": lambda number, *_: BAD_GATEWAY if number % 2 else "plain",
    "404 on POST": lambda _number, method, _path: Said(404, b"no such page") if method == "POST" else "plain",
    "buffered": lambda *_: "buffered",
}


class OddProxy:
    """A context manager: a proxy in front of `upstream` in one of `MODES`, which may be changed while it runs."""

    def __init__(self, upstream: str, mode: str = "plain") -> None:
        self.upstream, self.mode = upstream, mode
        self.asked = 0
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.stop = threading.Event()
        handler = functools.partial(_Handler, self)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: OddProxy, *arguments: Any) -> None:
        self.proxy = proxy
        super().__init__(*arguments)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def serve(self) -> None:
        """Answer, or forward."""
        if self.path.startswith("http://"):  # asked as an egress proxy
            self.path = "/" + self.path.removeprefix("http://").partition("/")[2]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.proxy.asked += 1
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.proxy.requests.append((self.command, self.path, headers))
        said = MODES[self.proxy.mode](self.proxy.asked, self.command, self.path)
        with contextlib.suppress(OSError):
            if isinstance(said, Said):
                self._say(said)
            else:
                self._forward(body, headers, said)

    do_GET = do_POST = do_DELETE = serve  # noqa: N815 - the library's names

    def _say(self, said: Said) -> None:
        headers = {"Content-Type": said.kind, **said.headers, "Content-Length": str(len(said.body))}
        self._head(said.status, headers.items())
        self.wfile.write(said.body)

    def _head(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _BETWEEN:
                self.send_header(name, value)
        self.end_headers()

    def _forward(self, body: bytes, headers: dict[str, str], how: str) -> None:
        kept = {name: value for name, value in headers.items() if name not in {"host", "connection"}}
        request = urllib.request.Request(
            self.proxy.upstream + self.path, data=body or None, headers=kept, method=self.command
        )
        self.close_connection = True
        try:
            answer: Any = urllib.request.urlopen(request, timeout=SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError:
            self._say(BAD_GATEWAY)
            return
        with answer:
            if how == "buffered" and "event-stream" in answer.headers.get("content-type", ""):
                # a buffer that is never full: the client sees nothing until the stream ends
                self.proxy.stop.wait(SECONDS)
                return
            more = [("Content-Encoding", "br")] if how == "br" else []
            self._head(answer.status, [*_without_length(answer.headers.items()), *more])
            while chunk := answer.read1(65536):
                self.wfile.write(chunk)
                self.wfile.flush()


def _without_length(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers of an answer whose end is the connection's."""
    return [(name, value) for name, value in headers if name.lower() != "content-length"]
