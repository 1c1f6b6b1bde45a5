"""A server that does to each connection exactly what a test says, byte by byte, on loopback."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Handler = Callable[["Connection"], object]


class Connection:
    """One accepted connection: its request is read, and the rest is the handler's."""

    def __init__(self, sock: socket.socket, number: int, stop: threading.Event) -> None:
        self.sock, self.number, self.stop = sock, number, stop
        self.head = self.body = b""

    def read(self) -> bool:
        """Read one request; False at the end of the connection."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self.sock.recv(65536)
            if not chunk:
                return False
            data += chunk
        self.head, _, self.body = data.partition(b"\r\n\r\n")
        size = next(
            (int(line[15:]) for line in self.head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(self.body) < size:
            self.body += self.sock.recv(65536)
        return True

    @property
    def path(self) -> str:
        """The request's path."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def method(self) -> str:
        """The request's method."""
        return self.head.split(b" ", 1)[0].decode()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def answer(
        self, body: bytes | Any = b"", *, status: int = 200, headers: str = "", kind: str = "application/json"
    ) -> None:
        """Send a whole answer; what is not bytes goes as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send(
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n{headers}\r\n".encode()
            + data
        )

    def drip(self, data: bytes, pause: float = 0.05) -> None:
        """Send a byte at a time until the test ends."""
        for byte in data:
            if self.stop.wait(pause):
                return
            self.send(bytes([byte]))

    def reset(self) -> None:
        """End the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Wires:
    """A context manager; `handler` is called for each connection after its first request was read."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self.handler, self.tls = handler, tls
        self.requests: list[str] = []
        self.stop = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        # wakes accept() on every platform; closing alone does not
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def _accept(self) -> None:
        number = 0
        while not self.stop.is_set():
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            with sock:
                connection = Connection(sock, number, self.stop)
                while connection.read():
                    self.requests.append(f"{connection.method} {connection.path}")
                    self.handler(connection)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
