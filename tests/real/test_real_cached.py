"""The real hub behind a cache that gives out what the hub said before: an old answer proves nothing, and rolls nothing back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.forwarder import Forwarder
from tests.real.test_real_clocks import Site

if TYPE_CHECKING:
    import socket

    from tests.helpers.wires import Connection
    from tests.real.conftest import Judge

pytestmark = pytest.mark.matrix

OLD = b"\r\nAge: 600\r\nX-Cache: HIT\r\nConnection: close\r\n\r\n"


class Cache(Forwarder):
    """Keeps each whole answer, and gives it out again, ten minutes old as it says, once the hub is gone."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.kept: dict[str, bytes] = {}

    def _forward(self, connection: Connection) -> None:
        try:
            super()._forward(connection)
        except ConnectionRefusedError:
            head, _, body = self.kept.get(connection.path, b"HTTP/1.1 504 Gateway Timeout\r\n\r\n").partition(
                b"\r\n\r\n"
            )
            connection.send(head + OLD + body)

    def _whole(self, connection: Connection, hub: socket.socket, answer: bytes) -> None:
        while part := hub.recv(65_536):
            answer += part
        self.kept[connection.path] = answer
        connection.send(answer)


def test_a_dead_hub_behind_a_cache_is_not_ready_and_not_rolled_back(hubs: Any, judge: Judge) -> None:
    """Before, the deploy is READY; the hub dies, the cache goes on answering: nothing is proven, and no action runs."""
    site = Site(judge, hubs)
    with Cache(site.hub.port) as proxy:
        site.configure(proxy.url)
        assert site.call("check", "-m", "health", "-q").returncode == 0
        assert site.call("release", "--record").returncode == 0
        site.deploy()
        assert site.call("release", "--record").returncode == 0
        assert site.call("check", "-m", "health", "-q").returncode == 0
        site.hub.stop()
        done = site.call("check", "-m", "health", "-q")
    report = json.loads((site.folder / "reports" / "readiness.json").read_text())
    reasons = {row["check"]: row["reason"] for row in report["findings"] if row["outcome"] == "unknown"}
    assert done.returncode == 12, done.stdout[-3000:] + done.stderr
    assert report["verdict"]["decision"] == "HOLD"
    assert any("cache" in reason for reason in reasons.values()), reasons
    assert not site.rolled.exists()
