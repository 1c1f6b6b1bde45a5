"""A real sshd on a loopback address, with keys made for the test, and the client's configuration to reach it."""

from __future__ import annotations

import dataclasses
import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

SECONDS: Final = 10.0
_SERVER: Final = """
Port {port}
ListenAddress {address}
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/user.pub
AuthenticationMethods publickey
PasswordAuthentication no
UsePAM no
StrictModes no
LogLevel VERBOSE
AcceptEnv LC_*
MaxSessions 10
"""
_CLIENT: Final = """
Host {address}
  Port {port}
  User {user}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  StrictHostKeyChecking no
"""


def program() -> str | None:
    """Where sshd is; None where it is not installed."""
    return shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")


@dataclasses.dataclass(slots=True, kw_only=True)
class Sshd:
    """One server; a context manager. `connections` counts what it accepted."""

    folder: Path
    address: str = "127.0.0.1"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            # what systemd's tmpfiles make where it runs: sshd's own processes without rights live there
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(command, check=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        with socket.socket() as probe:
            probe.bind((self.address, 0))
            self.port = probe.getsockname()[1]
        (self.folder / "server").write_text(
            _SERVER.format(port=self.port, address=self.address, folder=self.folder), encoding="utf-8"
        )
        where = program()
        assert where is not None
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [where, "-D", "-e", "-f", str(self.folder / "server")], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait()
        return self

    def _wait(self) -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex((self.address, self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError((self.folder / "log").read_text(encoding="utf-8"))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=SECONDS)

    @property
    def connections(self) -> int:
        """Logins so far."""
        return (self.folder / "log").read_text(encoding="utf-8").count("Accepted publickey")

    def client(self) -> str:
        """What a client's configuration says of this server."""
        return _CLIENT.format(address=self.address, port=self.port, user=getpass.getuser(), folder=self.folder)

    @property
    def spec(self) -> str:
        """The host as `[target] hosts` names it."""
        config = self.folder / "client"
        config.write_text(self.client(), encoding="utf-8")
        return f"ssh://{self.address}?ssh_config={config}"
