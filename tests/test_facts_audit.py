"""The audit, through npm itself and a registry on loopback with recorded answers."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, Target
from tests.preflight_tree import judge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")

ADVISORY = {
    "id": 1096727,
    "url": "https://github.com/advisories/GHSA-jf85-cpcp-j695",
    "title": "Prototype Pollution in lodash",
    "severity": "critical",
    "vulnerable_versions": "<4.17.12",
    "cwe": ["CWE-1321"],
    "cvss": {"score": 9.1, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:H"},
}
PACKUMENT = {
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


@contextlib.contextmanager
def registry(status: int, answer: object) -> Iterator[Any]:
    """A registry that gives this answer to every audit."""
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.told, server.asked = (status, answer), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def release(folder: Path, port: int) -> Config:
    """A release with one locked dependency that asks the registry at `port`."""
    wanted = {"lodash": "^4.17.0"}
    (folder / "package.json").write_text(json.dumps({"name": "x", "version": "1.0.0", "dependencies": wanted}))
    locked = {"": {"name": "x", "version": "1.0.0", "dependencies": wanted}}
    locked["node_modules/lodash"] = {
        "version": "4.17.11",
        "resolved": "http://127.0.0.1/x.tgz",
        "integrity": "sha512-eA==",
    }
    lock = {"name": "x", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": locked}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / ".npmrc").write_text(f"registry=http://127.0.0.1:{port}/\n")
    return Config(target=Target(release=folder))


@pytest.mark.parametrize(
    ("status", "answer", "outcome", "words"),
    [
        (200, {}, "passed", ""),
        (200, {"lodash": [ADVISORY]}, "failed", "lodash (critical: Prototype Pollution in lodash)"),
        (200, {"lodash": [ADVISORY | {"severity": "high"}]}, "failed", "lodash (high"),
        (200, {"lodash": [ADVISORY | {"severity": "moderate"}]}, "degraded", "lodash (moderate"),
        (200, {"lodash": [ADVISORY | {"severity": "low"}]}, "passed", ""),
        (405, {}, "unknown", "405"),
        (500, {"error": "down"}, "unknown", "did not answer the audit"),
        (200, b"<html>a captive portal</html>", "unknown", ""),
    ],
)
def test_an_audit_is_judged(status: int, answer: object, outcome: str, words: str, tmp_path: Path) -> None:
    """High and critical fail, moderate degrades, and a registry that does not answer proves nothing."""
    with registry(status, answer) as server:
        found = judge("no-known-vulnerabilities", release(tmp_path, server.server_port))
    assert found.outcome == outcome, found
    assert words in found.reason
    assert server.asked
    assert server.asked[0] == {"lodash": ["4.17.11"]}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".npmrc", "package-lock.json", "package.json"]


def test_a_registry_that_cannot_be_reached_is_unknown(tmp_path: Path) -> None:
    """Without a network nothing is proven."""
    with registry(200, {}) as server:
        port = server.server_port
    found = judge("no-known-vulnerabilities", release(tmp_path, port))
    assert found.outcome == "unknown", found
    assert "ECONNREFUSED" in found.reason
