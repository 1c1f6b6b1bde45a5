"""The owner of the port says which process answers, where the hub itself says nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from readiness.errors import HubDown, NotServed
from readiness.facts.hub.hub import Hub
from tests.facts.hub.test_hub import hub_at, recorded, replay
from tests.helpers.wires import Connection, Wires, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVED = """
import http.server, json, sys
class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"state": "ready", "server_id": "mcp-hub"}).encode()
        self.send_response(200 if self.path == "/api/health" else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Hub)
print(server.server_port, flush=True)
server.serve_forever()
"""


def without_events(claimed: int | None, headers: str = "", events: bytes = b"") -> Callable[[Connection], None]:
    """A hub whose workspaces name `claimed` at its port, and whose event stream ends after `events`."""
    health = json.loads(recorded("4.3.0")["GET /api/health"][2])

    def handler(connection: Connection) -> None:
        port = connection.sock.getsockname()[1]
        if connection.path == "/api/health":
            health["workspaces"] = {"allActive": {str(port): {"pid": claimed}}}
            connection.answer(health, headers=headers)
        elif events:
            connection.answer(events, kind="text/event-stream")
        else:
            connection.answer(status=404)

    return handler


@pytest.mark.parametrize("events", [b"", b"event: hub_state\ndata: {}\n\n", b"event: log\ndata: {}\n\n"])
def test_the_owner_of_the_port_is_the_hub_that_it_claims_to_be(events: bytes) -> None:
    """Events that are not served, name no pid or end: the workspaces' claim counts once the socket confirms it."""
    with Wires(without_events(os.getpid(), events=events)) as wires:
        identity = hub_at(wires.url).identity()
        assert hub_at(wires.url).process().pid == os.getpid()
    assert (identity.pid, identity.claimed_pid, identity.here, identity.by) == (
        os.getpid(),
        os.getpid(),
        True,
        "socket",
    )
    assert identity.started == pytest.approx(psutil.Process().create_time(), abs=2)  # the boot is known to a second
    assert identity.port == wires.port


def test_the_events_word_goes_first() -> None:
    """Where the hub names itself no socket is asked, not even one that says otherwise."""
    with Wires(replay("4.3.0", pid=16199)) as wires:
        identity = hub_at(wires.url, pid=os.getpid()).identity()
    assert (identity.pid, identity.by) == (16199, "events")


def test_a_claim_without_the_socket_is_none() -> None:
    """A live process that does not listen there is not the hub, and a mere owner of a port is not proven to be one."""
    with Wires(without_events(os.getppid())) as wires:
        with pytest.raises(
            NotServed, match=f"process {os.getpid()} listens on port .*nothing shows that it is the hub"
        ):
            hub_at(wires.url).identity()
        assert hub_at(wires.url, pid=os.getpid()).identity().pid == os.getpid()
        with pytest.raises(NotServed, match="nothing shows"):
            hub_at(wires.url, pid=os.getppid()).identity()


def test_the_package_that_a_process_runs_shows_a_hub(tmp_path: Path) -> None:
    """An older hub that holds the port is named although the shared file says nothing about it."""
    script = tmp_path / "dist" / "cli.py"
    script.parent.mkdir()
    script.write_text(SERVED)
    for name, known in (("mcp-hub", True), ("another-program", False)):
        (tmp_path / "package.json").write_text(json.dumps({"name": name, "version": "4.2.1"}))
        with subprocess.Popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            try:
                assert child.stdout is not None
                hub = hub_at(f"http://127.0.0.1:{int(child.stdout.readline())}")
                if known:
                    assert (hub.identity().pid, hub.identity().by) == (child.pid, "socket")
                    assert hub.version() == "4.2.1"
                else:
                    with pytest.raises(NotServed, match="something in front"):
                        hub.identity()
            finally:
                child.kill()


def test_behind_a_proxy_the_socket_is_the_proxys() -> None:
    """Whoever ends the connection in front of the hub is never taken for it."""
    with (
        Wires(without_events(os.getpid(), "Server: nginx\r\n")) as wires,
        pytest.raises(NotServed, match="internal_url"),
    ):
        hub_at(wires.url).identity()


def seen(monkeypatch: pytest.MonkeyPatch, port: int, sockets: list[tuple[str, int | None]] | None) -> None:
    """Let this host show these listeners (address, pid) of `port`; None: it shows nothing to this user."""

    def connections(_: str) -> list[Any]:
        if sockets is None:
            raise psutil.AccessDenied
        place = [(SimpleNamespace(ip=ip, port=port), pid) for ip, pid in sockets]
        return [SimpleNamespace(status=psutil.CONN_LISTEN, laddr=laddr, pid=pid) for laddr, pid in place]

    monkeypatch.setattr(psutil, "net_connections", connections)


@pytest.mark.parametrize(
    ("sockets", "words"),
    [
        ([("127.0.0.1", None)], "another user's"),
        ([("127.0.0.1", 11), ("127.0.0.1", 12)], "several processes"),
        ([("192.0.2.7", 11)], "no process of this host is seen"),
        (None, "may not look"),
    ],
)
def test_a_socket_that_names_nobody_is_unknown(
    monkeypatch: pytest.MonkeyPatch, sockets: list[tuple[str, int | None]] | None, words: str
) -> None:
    """Another user's, several, none at this address, or none that may be seen: the reason says which."""
    with Wires(without_events(None)) as wires:
        seen(monkeypatch, wires.port, sockets)
        with pytest.raises(NotServed, match=words):
            hub_at(wires.url).identity()


def test_the_nearer_address_gets_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one process listens on every address and another on this one, this one answers."""
    with Wires(without_events(os.getpid())) as wires:
        seen(monkeypatch, wires.port, [("0.0.0.0", 11), ("127.0.0.1", os.getpid())])
        assert hub_at(wires.url).identity().pid == os.getpid()


def test_a_hub_elsewhere_has_no_socket_here() -> None:
    """What is not asked on loopback is never held against this host's sockets, and a dead hub stays dead."""
    with Wires(without_events(os.getpid())) as wires:
        hub = hub_at(wires.url)
        settings = dataclasses.replace(hub.transport.settings, base=wires.url.replace("127.0.0.1", "0.0.0.0"))
        elsewhere = Hub(type(hub.transport)(settings), hub.config)
        with pytest.raises(NotServed, match="not asked on its own host"):
            elsewhere.identity()
    with pytest.raises(HubDown):
        hub_at(f"http://127.0.0.1:{free_port()}").identity()
