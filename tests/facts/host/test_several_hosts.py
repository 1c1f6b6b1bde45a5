"""Several real hosts over ssh: judged as they would be on the spot, each for itself, and asked as little as can be."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.helpers.infra_run import infra
from tests.helpers.netns import cable
from tests.helpers.sshd import Sshd, program
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESOURCES: Final = str(ROOT / "infra" / "test_resources.py")
MOVING: Final = frozenset({"cpu-use-is-safe", "memory-use-is-safe"})
"""What may differ between two looks at one machine."""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Sshd]]:
    """Three hosts: real servers on addresses of their own; skipped with the reason where there is no sshd."""
    if program() is None or shutil.which("ssh") is None:
        reason = "sshd is not installed: apt-get install openssh-server"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(Sshd(folder=tmp_path / f"host-{last}", address=f"127.0.0.{last}")) for last in (2, 3, 4)
        ]


def settings(*hosts: str) -> dict[str, Any]:
    """A readiness.toml for these hosts, on which no hub runs."""
    return {
        "environment": "staging",
        "target": {"internal_url": "http://127.0.0.1:7", "hosts": list(hosts)},
        "llm": {"base_url": {"openai": "http://127.0.0.1:9/v1"}},
    }


PORTS = re.compile(r"ports? \d+(?:, \d+)*")


def test_over_ssh_a_host_is_judged_as_on_the_spot(servers: list[Sshd], tmp_path: Path) -> None:
    """The same machine, looked at directly and through ssh: the same outcomes for the same reasons, by two workers, with one login."""
    server = servers[0]
    ran = infra(tmp_path / "run", settings("local://", server.spec), "-n", "2")
    there, here = ran.outcomes("ssh://127.0.0.2"), ran.outcomes("local://")
    assert set(there) == set(here)
    assert len(here) > 20, ran.out
    differing = {check: (here[check], there[check]) for check in here if here[check] != there[check]}
    assert set(differing) <= MOVING, (differing, ran.reasons())
    reasons = {check: reason for check, reason in ran.reasons("local://").items() if check not in MOVING}
    told = ran.reasons("ssh://127.0.0.2")
    # other tests beside this one open and close ports
    same = {check: PORTS.sub("ports", reason) for check, reason in reasons.items() if "%" not in reason}
    assert {check: PORTS.sub("ports", told[check]) for check in same} == same
    assert server.connections == 1


def test_a_dead_host_takes_nobody_with_it(servers: list[Sshd], tmp_path: Path) -> None:
    """Of several hosts one is down: its checks are unknown with one sentence and one cause, the others are judged."""
    dead = servers[2]
    assert dead.process is not None
    specs = [server.spec for server in servers]
    dead.process.terminate()
    dead.process.wait(timeout=10)
    ran = infra(tmp_path / "run", settings(*specs), RESOURCES)
    rows = [row for row in ran.rows if row["instance"]]
    assert {row["instance"].rpartition("/")[2] for row in rows} == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}
    lost = [row for row in rows if "127.0.0.4" in row["instance"]]
    assert {row["outcome"] for row in lost} == {"unknown"}
    (why,) = {row["reason"] for row in lost}
    assert "ssh://127.0.0.4 cannot be looked at" in why
    assert "Connection refused" in why
    assert "unknown" not in {row["outcome"] for row in rows if row not in lost}
    assert " ".join(ran.out.split()).count(" ".join(why.split())) == 1, ran.out
    assert [server.connections for server in servers] == [1, 1, 0]


@pytest.mark.matrix
def test_a_host_that_never_greets_is_given_up(tmp_path: Path) -> None:
    """Something accepts the connection and says nothing: after the time to connect the host is unknown, and all ends."""
    if shutil.which("ssh") is None:
        pytest.skip("ssh is not installed: apt-get install openssh-client")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        spec = f"ssh://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        ran = infra(tmp_path, settings(spec), RESOURCES)
    rows = [row for row in ran.rows if row["instance"]]
    assert {row["outcome"] for row in rows} == {"unknown"}
    assert {"cannot be looked at" in row["reason"] for row in rows} == {True}
    assert time.monotonic() - started < 20


@pytest.mark.matrix
def test_hosts_of_the_command_line_go_before_those_of_the_settings(servers: list[Sshd], tmp_path: Path) -> None:
    """Testinfra's own --hosts chooses the hosts of a run, under pytest and under `readiness check`, and -k what is asked."""
    spec = servers[0].spec
    ran = infra(tmp_path / "a", settings("ssh://127.0.0.1:1"), RESOURCES, f"--hosts=local://,{spec}", "-k", "cores")
    cores = {row["instance"]: row["outcome"] for row in ran.rows if row["check"] == "host-has-enough-cores"}
    assert set(cores) == {"local://", "ssh://127.0.0.2"}
    assert "unknown" not in cores.values()
    file = tmp_path / "a" / "readiness.toml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "readiness", "check", "-m", "infra", RESOURCES, "--hosts=local://"),
            *("--readiness-config", str(file), "--readiness-report", str(tmp_path / "b"), "-p", "no:cacheprovider"),
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "127.0.0.1:1" not in done.stdout + done.stderr
    assert "unrecognized" not in done.stderr, done.stderr
    assert (tmp_path / "b" / "readiness.json").is_file(), done.stdout + done.stderr


HUB: Final = """
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"server_id": "mcp-hub", "status": "ok"}'
        self.send_response(200); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("0.0.0.0", 7000), H)
print("up", flush=True)
s.serve_forever()
"""
LOOK: Final = """
import sys
from readiness.facts.host.network import remote_probe as vantage
print(vantage.is_elsewhere("ssh://203.0.113.1"), vantage.answered(["203.0.113.1", "127.0.0.1", "203.0.113.9"], 7000))
"""


def test_an_open_port_is_seen_from_the_other_end_of_the_cable() -> None:
    """A hub that listens everywhere answers a run on another machine, which is proof; a firewall in between ends that."""
    with cable("vantage") as pair:
        hub = subprocess.Popen(
            ["ip", "netns", "exec", pair.host, sys.executable, "-c", HUB], stdout=subprocess.PIPE, cwd=ROOT
        )
        try:
            assert hub.stdout is not None
            assert hub.stdout.readline() == b"up\n"
            look = ["ip", "netns", "exec", pair.stranger, sys.executable, "-c", LOOK]
            seen = subprocess.run(look, capture_output=True, text=True, timeout=30, check=True, cwd=ROOT)
            assert seen.stdout.strip() == "True ['203.0.113.1']"
            pair.on_host(
                "nft",
                "-f",
                "-",
                text="table inet f { chain i { type filter hook input priority 0; tcp dport 7000 drop\n}\n}",
            )
            seen = subprocess.run(look, capture_output=True, text=True, timeout=30, check=True, cwd=ROOT)
            assert seen.stdout.strip() == "True []"
        finally:
            hub.kill()
            hub.wait()


SERVE: Final = """
import sys
from pathlib import Path
from tests.helpers.sshd import Sshd
with Sshd(folder=Path(sys.argv[1]), address="203.0.113.1") as server:
    print(server.spec, flush=True)
    sys.stdin.read()
"""


@pytest.mark.matrix
def test_a_run_on_another_machine_fails_an_open_port(tmp_path: Path) -> None:
    """Over ssh from the other end of a cable: the check fails with the address; behind a firewall it passes with a remark."""
    if program() is None or shutil.which("ssh") is None:
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    told: dict[str, Any] = {"environment": "staging", "target": {"internal_url": "http://203.0.113.1:7000"}}
    with contextlib.ExitStack() as stack:
        pair = stack.enter_context(cable("far"))
        host, stranger = (["ip", "netns", "exec", name] for name in (pair.host, pair.stranger))
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": ROOT, "text": True}
        sshd = subprocess.Popen([*host, sys.executable, "-c", SERVE, str(tmp_path / "sshd")], **pipes)
        hub = subprocess.Popen([*host, sys.executable, "-c", HUB], **pipes)
        for process in (sshd, hub):
            stack.callback(process.communicate, timeout=10)
        stack.callback(hub.kill)
        assert sshd.stdout is not None
        assert hub.stdout is not None
        told["target"] |= {"hosts": [sshd.stdout.readline().strip()]}
        assert hub.stdout.readline() == "up\n"
        network = str(ROOT / "infra" / "test_network.py")
        ran = infra(tmp_path / "open", told, network, above=stranger)
        reason = ran.reasons()["hub-port-is-private"]
        assert ran.outcomes()["hub-port-is-private"] == "failed", reason
        assert "the hub answers on 203.0.113.1 port 7000 from outside its host" in reason
        rules = "table inet f { chain i { type filter hook input priority 0; policy drop; iif lo accept; ct state established accept; tcp dport != 7000 accept\n}\n}"
        pair.on_host("nft", "-f", "-", text=rules)
        ran = infra(tmp_path / "closed", told, network, above=stranger)
        assert ran.outcomes()["hub-port-is-private"] == "passed", ran.reasons()
