"""Two network namespaces with a cable between them: a host with a real firewall, and a stranger who knocks."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS: Final = 10
OUTSIDE: Final = "out0"
_LISTEN: Final = """
import socket, sys, time
kept = []
for port in map(int, sys.argv[1:]):
    for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((any_address, port)); s.listen(8); kept.append(s)
print("listening", flush=True)
time.sleep(120)
"""
# one connection at a time to every port, all started before any is waited for
_KNOCK: Final = """
import asyncio, json, sys
async def one(address, port):
    try:
        async with asyncio.timeout(0.6):
            _, writer = await asyncio.open_connection(address, port)
        writer.close()
        return True
    except (OSError, TimeoutError):
        return False
async def main():
    ports = list(map(int, sys.argv[1:]))
    found = {}
    for name, address in (("4", "203.0.113.1"), ("6", "2001:db8::1")):
        answers = await asyncio.gather(*(one(address, port) for port in ports))
        found[name] = [port for port, open_ in zip(ports, answers) if open_]
    print(json.dumps(found))
asyncio.run(main())
"""


def _run(*argv: str, text: str | None = None) -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class Cable:
    """The pair; `host` and `stranger` are namespaces' names."""

    def __init__(self, name: str) -> None:
        self.host, self.stranger = f"rh-{name}", f"rs-{name}"

    def on_host(self, *argv: str, text: str | None = None) -> str:
        """Run a command on the host's side."""
        return _run("ip", "netns", "exec", self.host, *argv, text=text)

    def lay(self) -> None:
        """Make both ends; raises RuntimeError where that is not allowed."""
        for name in (self.host, self.stranger):
            _run("ip", "netns", "add", name)
        _run(
            "ip",
            "-n",
            self.host,
            "link",
            "add",
            OUTSIDE,
            "type",
            "veth",
            "peer",
            "name",
            OUTSIDE,
            "netns",
            self.stranger,
        )
        for name, last in ((self.host, "1"), (self.stranger, "9")):
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "-n", name, "addr", "add", f"203.0.113.{last}/24", "dev", OUTSIDE)
            _run("ip", "-n", name, "-6", "addr", "add", f"2001:db8::{last}/64", "dev", OUTSIDE, "nodad")
            _run("ip", "-n", name, "link", "set", OUTSIDE, "up")
        _run("ip", "-n", self.host, "route", "add", "default", "via", "203.0.113.9")

    def remove(self) -> None:
        """Take both ends away again."""
        for name in (self.host, self.stranger):
            with contextlib.suppress(RuntimeError):
                _run("ip", "netns", "del", name)

    @contextlib.contextmanager
    def listening(self, ports: Sequence[int]) -> Iterator[None]:
        """Something that accepts connections on every one of the host's ports."""
        argv = ["ip", "netns", "exec", self.host, sys.executable, "-c", _LISTEN, *map(str, ports)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"listening\n"
                yield
            finally:
                process.kill()

    def knock(self, ports: Sequence[int]) -> dict[str, list[int]]:
        """The ports at which a stranger gets in, by family."""
        import json

        argv = ["ip", "netns", "exec", self.stranger, sys.executable, "-c", _KNOCK, *map(str, ports)]
        found: dict[str, list[int]] = json.loads(_run(*argv))
        return found


@contextlib.contextmanager
def cable(name: str) -> Iterator[Cable]:
    """A pair for one test; skipped with the reason where namespaces may not be made."""
    for program in ("ip", "nft", "iptables"):
        if shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
            reason = f"{program} is not installed: apt-get install iproute2 nftables iptables"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
    pair = Cable(f"{name}-{os.getpid()}")
    try:
        try:
            pair.lay()
        except RuntimeError as error:
            pytest.skip(f"network namespaces may not be made here: {error}")
        yield pair
    finally:
        pair.remove()
