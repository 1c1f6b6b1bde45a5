"""A proxy on loopback that hands each request to a hub and lets a test change what comes back: JSON answers, streams, time."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

from tests.helpers.wires import Connection, Wires

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[str, dict[str, Any]], object]


class Forwarder(Wires):
    """Forwards to `port`. `change` gets the path and the object of each JSON answer, and may alter it.

    `delay` is waited before each answer, `longest` ends each stream after so many seconds, as proxies do; a stream that says
    `cut_after` ends there.
    """

    def __init__(
        self,
        port: int,
        change: Change | None = None,
        *,
        delay: float = 0.0,
        longest: float = 0.0,
        cut_after: bytes = b"",
    ) -> None:
        super().__init__(self._forward)
        self.to, self.change, self.delay, self.longest, self.cut_after = port, change, delay, longest, cut_after

    def _forward(self, connection: Connection) -> None:
        head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", connection.head) + b"\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.to)) as hub:
            hub.sendall(head + connection.body)
            if self.stop.wait(self.delay):
                return
            answer = _until_head(hub)
            if b"text/event-stream" in answer.partition(b"\r\n\r\n")[0].lower():
                self._stream(connection, hub, answer)
            else:
                self._whole(connection, hub, answer)
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    def _stream(self, connection: Connection, hub: socket.socket, answer: bytes) -> None:
        timer = threading.Timer(self.longest or 3_600, hub.shutdown, [socket.SHUT_RDWR])
        timer.daemon = True
        watcher = threading.Thread(target=_end_with, args=(connection.sock, hub), daemon=True)
        timer.start()
        watcher.start()
        with contextlib.suppress(OSError):
            while answer:
                connection.send(answer)
                if self.cut_after and self.cut_after in answer:
                    break
                answer = hub.recv(65_536)
        timer.cancel()

    def _whole(self, connection: Connection, hub: socket.socket, answer: bytes) -> None:
        while part := hub.recv(65_536):
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        if self.change is not None and b"application/json" in head.lower():
            with contextlib.suppress(ValueError):
                value = json.loads(body)
                self.change(connection.path, value)
                body = json.dumps(value).encode()
                head = re.sub(rb"(?i)\r\n(content-length|transfer-encoding|etag):[^\r]*", b"", head)
                head += b"\r\nContent-Length: %d" % len(body)
        connection.send(head + b"\r\n\r\n" + body)


def _until_head(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (part := sock.recv(65_536)):
        data += part
    return data


def _end_with(client: socket.socket, hub: socket.socket) -> None:
    """End the hub's side once the client has left."""
    with contextlib.suppress(OSError):
        while client.recv(4_096):
            pass
        hub.shutdown(socket.SHUT_RDWR)
