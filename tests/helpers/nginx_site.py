"""A real nginx on loopback, with the sample release's own template in front of a hub, and ways to spoil it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme

from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TEMPLATE: Final = ROOT / "readiness" / "demo" / "release" / "tree" / "nginx" / "mcp-hub.conf"
NAME: Final = "localhost"
TOKEN: Final = "readiness-nginx-token-of-the-tests"
SECONDS: Final = 10.0
_MAIN: Final = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
    include {folder}/conf.d/*.conf;
}}
"""


def program() -> str:
    """Where nginx is; skips with the reason where it is not installed, and fails in CI."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin")
    if found is None:
        reason = "nginx is not installed: apt-get install nginx-light"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """The files of one nginx, its ports and its certificate."""

    def __init__(self, folder: Path, hub_port: int, *, edits: Mapping[str, str] | None = None, **cert: Any) -> None:
        """`edits` replace texts of the template; `cert` goes to trustme (`not_after`, `identity`, `trusted=False`)."""
        self.folder, self.hub_port, self.nginx = folder, hub_port, program()
        self.port, self.plain_port = free_port(), free_port()
        self.main, self.ca_file = folder / "nginx.conf", folder / "ca.pem"
        for name in ("conf.d", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._certify(**cert)
        user = "user root;" if os.geteuid() == 0 else ""
        self.main.write_text(_MAIN.format(folder=folder, user=user), encoding="utf-8")
        (folder / "mcp-hub-clients.key").write_text(f'"Bearer {TOKEN}" "tests";\n', encoding="utf-8")
        self.site = folder / "conf.d" / "mcp-hub.conf"
        self.site.write_text(self._text(edits or {}), encoding="utf-8")

    def _certify(self, *, identity: str = NAME, trusted: bool = True, **cert: Any) -> None:
        authority = trustme.CA()
        made = authority.issue_cert(identity, "127.0.0.1" if identity == NAME else identity, **cert)
        for number, blob in enumerate(made.cert_chain_pems):
            blob.write_to_path(self.folder / "fullchain.pem", append=number > 0)
        made.private_key_pem.write_to_path(self.folder / "privkey.pem")
        (authority if trusted else trustme.CA()).cert_pem.write_to_path(self.ca_file)

    def _text(self, edits: Mapping[str, str]) -> str:
        text = TEMPLATE.read_text(encoding="utf-8")
        for old, new in edits.items():
            assert old in text, old
            text = text.replace(old, new)
        for old, new in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
            ("@TLS-PORT@", str(self.port)),
            ("@PORT@", str(self.hub_port)),
            ("hub.example.com", NAME),
            (f"/etc/letsencrypt/live/{NAME}/", f"{self.folder}/"),
            ("/etc/nginx/", f"{self.folder}/"),
        ):
            text = text.replace(old, new)
        return text

    @contextlib.contextmanager
    def running(self) -> Iterator[Site]:
        """Start it, and end it afterwards."""
        argv = [self.nginx, "-c", str(self.main), "-g", "daemon off;", "-e", str(self.folder / "start.log")]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                self._wait(process)
                yield self
            finally:
                process.terminate()
                process.wait(timeout=SECONDS)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError((self.folder / "error.log").read_text(encoding="utf-8"))

    @property
    def url(self) -> str:
        """What clients use."""
        return f"https://{NAME}:{self.port}"
