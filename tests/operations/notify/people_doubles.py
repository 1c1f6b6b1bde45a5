"""Services that people are told by, played on loopback: a web hook in several moods, and a mail server."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_Server = TypeVar("_Server", bound=socketserver.TCPServer)


class _Hook(http.server.BaseHTTPRequestHandler):
    """Answers by the first part of the path: ok, e500, garbage, slow (never) or once (500, then 200)."""

    server: Hooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        mood = self.path.split("/")[1]
        self.server.asked.append(mood)
        if mood == "slow":
            self.server.over.wait(30)
            return
        if mood == "garbage":
            self.wfile.write(b"\x00\xff no HTTP at all \x1b[31m\r\n\r\n")
            return
        fine = mood == "ok" or (mood == "once" and self.server.asked.count("once") > 1)
        if fine:
            self.server.got.append(json.loads(body))
        self.send_response(200 if fine else 500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Hooks(http.server.ThreadingHTTPServer):
    """A web hook that keeps what it got."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.got: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.over = threading.Event()

    def url(self, path: str, user: str = "") -> str:
        """The address that Apprise sends JSON to."""
        return f"json://{user and user + '@'}127.0.0.1:{self.server_port}/{path}"


class _Post(socketserver.StreamRequestHandler):
    """As much of SMTP as a mail takes."""

    server: Post

    def handle(self) -> None:
        self._say(b"220 post")
        while words := self.rfile.readline(2000).strip():
            verb = words[:4].upper()
            if verb == b"QUIT":
                return self._say(b"221 bye")
            if verb == b"RCPT" and self.server.refuses:
                self._say(b"550 5.1.1 nobody here \x1b[31m@channel")
            elif verb == b"RCPT":
                self.server.rcpt.append(words.decode())
                self._say(b"250 fine")
            elif verb == b"DATA":
                self._say(b"354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines).decode())
                self._say(b"250 kept")
            else:
                self._say(b"250 fine")
        return None

    def _say(self, words: bytes) -> None:
        self.wfile.write(words + b"\r\n")


class Post(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it got."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.mails: list[str] = []
        self.rcpt: list[str] = []
        self.refuses = False

    @property
    def url(self) -> str:
        """The mail server as `READINESS_MAIL_URL` names it."""
        return f"mailto://127.0.0.1:{self.server_address[1]}/?from=readiness@example.com&mode=insecure"


@contextlib.contextmanager
def serving(server: _Server) -> Iterator[_Server]:
    """`server` at work until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        if isinstance(server, Hooks):
            server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
