"""A package registry on loopback that gives recorded answers to npm's audit, and a package that asks it."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ADVISORY: Final = {
    "id": 1096727,
    "url": "https://github.com/advisories/GHSA-jf85-cpcp-j695",
    "title": "Prototype Pollution in lodash",
    "severity": "critical",
    "vulnerable_versions": "<4.17.12",
    "cwe": ["CWE-1321"],
    "cvss": {"score": 9.1, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:H"},
}
PACKUMENT: Final = {
    "name": "lodash",
    "dist-tags": {"latest": "4.17.21"},
    "versions": {
        version: {
            "name": "lodash",
            "version": version,
            "dist": {"tarball": "http://127.0.0.1/x.tgz", "shasum": "0" * 40},
        }
        for version in ("4.17.11", "4.17.21")
    },
}
WANTED: Final = {"lodash": "^4.17.0"}
"""The dependency that the advisory is about."""


def lock(name: str, version: str) -> str:
    """The lock file of a package with that one dependency."""
    locked: dict[str, Any] = {"": {"name": name, "version": version, "dependencies": WANTED}}
    locked["node_modules/lodash"] = {
        "version": "4.17.11",
        "resolved": "http://127.0.0.1/x.tgz",
        "integrity": "sha512-eA==",
    }
    return json.dumps({"name": name, "version": version, "lockfileVersion": 3, "requires": True, "packages": locked})


class Registry(http.server.BaseHTTPRequestHandler):
    """Answers the bulk advisory route as the server was told, and what npm asks besides."""

    def do_POST(self) -> None:
        """An audit."""
        body = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
        server: Any = self.server
        server.asked.append(asked)
        status, answer = server.told
        self._say(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def do_GET(self) -> None:
        """What is known about a package."""
        self._say(200, json.dumps(PACKUMENT).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


def _started(status: int, answer: object) -> tuple[Any, threading.Thread]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.told, server.asked = (status, answer), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    return server, thread


@contextlib.contextmanager
def registry(status: int, answer: object) -> Iterator[Any]:
    """A registry that gives this answer to every audit, until the block ends."""
    server, thread = _started(status, answer)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@functools.cache
def lasting(severity: str) -> int:
    """The port of a registry that knows an advisory of this severity, and ends with the process of the tests."""
    server, _ = _started(200, {"lodash": [ADVISORY | {"severity": severity}]})
    port: int = server.server_port
    return port
